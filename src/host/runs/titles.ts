/** @file What comparisons are called: `sst2 r=2 · step 300 ↔ 400`. */
import type { Translate } from "../window/translate.ts";

/** What tells a run apart, out of its run.json. */
export interface RunFacts {
  experiment: string;
  run: string;
  method: string;
  rank: number | null;
  seed: number;
}

export interface CheckpointFacts extends RunFacts {
  step: number;
}

/** `r=2`, or the method's name where it has no rank; the label of a method that has one. */
export function shortName(facts: RunFacts): string {
  const { method, rank } = facts;
  return labelOf(facts) ?? (rank === null ? method : `r=${rank}`);
}

/** `ulpt r=2`, `vanilla`, or the method's label. */
export function methodTitle(facts: Pick<RunFacts, "run" | "method" | "rank">): string {
  const { method, rank } = facts;
  return labelOf(facts) ?? (rank === null ? method : `${method} r=${rank}`);
}

/** Runs are named after their method's label, or else after method and rank; then seed, and a number for a repetition. */
function labelOf({ run, method, rank }: Pick<RunFacts, "run" | "method" | "rank">): string | undefined {
  const [, name] = /^(.+)-seed\d+(?:-\d+)?$/.exec(run) ?? [];
  return name === (rank === null ? method : `${method}-r${rank}`) ? undefined : name;
}

/** The names of two runs of one experiment: only as long as they need to be to differ. */
export function distinctNames(left: RunFacts, right: RunFacts, t: Translate): [string, string] {
  for (const name of [shortName, (run: RunFacts) => withSeed(run, t)]) {
    if (name(left) !== name(right)) return [name(left), name(right)];
  }
  return [left.run, right.run];
}

function withSeed(run: RunFacts, t: Translate): string {
  return t("{0} seed {1}", shortName(run), run.seed);
}

/** The title of a diff editor with two checkpoints. */
export function checkpointTitle(left: CheckpointFacts, right: CheckpointFacts, t: Translate): string {
  if (left.experiment !== right.experiment) {
    const [a, b] = [left, right].map((side) => t("{0} {1} step {2}", side.experiment, shortName(side), side.step));
    return `${a} ↔ ${b}`;
  }
  if (left.run === right.run) {
    return t("{0} {1} · step {2} ↔ {3}", left.experiment, shortName(left), left.step, right.step);
  }
  const [a, b] = distinctNames(left, right, t);
  if (left.step === right.step) return t("{0} · {1} ↔ {2} · step {3}", left.experiment, a, b, left.step);
  return t("{0} · {1} step {2} ↔ {3} step {4}", left.experiment, a, left.step, b, right.step);
}

/** The title of a multi-diff of two runs. */
export function runsTitle(left: RunFacts, right: RunFacts, t: Translate): string {
  if (left.experiment !== right.experiment) {
    return `${left.experiment} ${shortName(left)} ↔ ${right.experiment} ${shortName(right)}`;
  }
  return `${left.experiment} · ${distinctNames(left, right, t).join(" ↔ ")}`;
}
