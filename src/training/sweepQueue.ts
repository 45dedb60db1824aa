/** @file What a sweep does next: its runs in order, and with halving the best of each rung. */
import { readResult } from "../listing/reader.ts";
import { summarizeRun } from "../listing/summary.ts";
import type { RunResult } from "../results/fold.ts";
import { compareAtRung, type HalvingMetric, promotions, type RungScore } from "../results/halving.ts";
import type { Run } from "../runs/store.ts";
import { inOrder, type PlannedRun, type SweepSpec } from "../runs/sweeps.ts";

/** A place on a rung, as the journal has it. */
export interface Standing {
  rung: number;
  place: number;
  of: number;
}

export interface QueueEntry {
  readonly planned: PlannedRun;
  run: Run | undefined;
  /** Whether it is being trained for this sweep. */
  active: boolean;
  /** Whether another host makes or trains it. */
  elsewhere: boolean;
  /** `waiting`: it can be begun or resumed; `atRung`: a halving has to let it on. */
  state: "waiting" | "atRung" | "done" | "failed" | "dropped";
  /** Steps done. */
  step: number;
  /** What it came to at each rung that it reached. */
  scores: RungScore[];
  /** The rung from which it was let on, until that is told. */
  promoting: Standing | undefined;
}

export class SweepQueue {
  private readonly spec: Pick<SweepSpec, "halving" | "runs">;
  private readonly entries: QueueEntry[];
  /** In the order in which they begin. */
  private order: readonly QueueEntry[];
  private readonly brackets = new Map<string, QueueEntry[]>();

  constructor(spec: Pick<SweepSpec, "halving" | "runs">) {
    this.spec = spec;
    this.entries = spec.runs.map((planned) => ({
      planned,
      run: undefined,
      active: false,
      elsewhere: false,
      state: "waiting",
      step: 0,
      scores: [],
      promoting: undefined,
    }));
    this.order = this.entries;
    for (const entry of this.entries) {
      const bracket = this.brackets.get(entry.planned.bracket);
      if (bracket) bracket.push(entry);
      else this.brackets.set(entry.planned.bracket, [entry]);
    }
  }

  /** Takes up what is there. */
  restore(existing: ReadonlyMap<string, Run>, dropped: ReadonlySet<string>): void {
    for (const entry of this.entries) {
      const run = existing.get(entry.planned.name);
      if (run) this.take(entry, run);
      if (dropped.has(entry.planned.name)) this.drop(entry.planned.name);
    }
  }

  /** Has these begin before the others. */
  prefer(first: readonly string[]): void {
    const byName = new Map(this.entries.map((entry) => [entry.planned.name, entry]));
    const names = inOrder(this.spec.runs, first).map(({ name }) => name);
    this.order = names.flatMap((name) => byName.get(name) ?? []);
  }

  /** Those that other hosts were at when that was last looked at. */
  elsewhere(): QueueEntry[] {
    return this.entries.filter(({ elsewhere }) => elsewhere);
  }

  /** Those that have no folder, as far as is known. */
  unmade(): QueueEntry[] {
    return this.entries.filter(({ run, state }) => !run && state === "waiting");
  }

  take(entry: QueueEntry, run: Run): void {
    entry.run = run;
    this.update(entry);
  }

  /** Reads from its folder how far a run is. */
  update(entry: QueueEntry): void {
    const { directory } = entry.run!;
    const { state, step, exit } = summarizeRun(directory);
    entry.step = step;
    const { halving } = this.spec;
    if (halving) entry.scores = scoresAt(entry.planned.rungs, readResult(directory, "last"), halving.by);
    if (entry.state === "dropped") return;
    if (state === "finished" || state === "early-stopped") entry.state = "done";
    else if (state === "failed" && exit?.error?.code === "NOT_FINITE")
      entry.state = "failed"; // it would again
    else if (step > 0 && step === entry.planned.rungs[entry.scores.length - 1]) entry.state = "atRung";
    else entry.state = "waiting";
  }

  /** Leaves a run out; false where it is out already, or done. */
  drop(name: string): boolean {
    const entry = this.entries.find(({ planned }) => planned.name === name);
    if (!entry || entry.state === "dropped" || entry.state === "done") return false;
    entry.state = "dropped";
    return true;
  }

  /**
   * What a free place is to train. Lower rungs are filled first, so that the choice among complete rungs is exact; where they are
   * under way already, a run that is among the best so far goes on rather than that the place waits.
   */
  next(): QueueEntry | undefined {
    const waiting = this.order.find(({ state, active, elsewhere }) => state === "waiting" && !active && !elsewhere);
    if (waiting || !this.spec.halving) return waiting;
    for (const bracket of this.brackets.values()) {
      const promoted = this.promotable(bracket);
      if (promoted) return promoted;
    }
    return undefined;
  }

  private promotable(bracket: readonly QueueEntry[]): QueueEntry | undefined {
    const rungs = Math.max(...bracket.map(({ planned }) => planned.rungs.length));
    for (let rung = 0; rung < rungs; rung++) {
      const ranked = this.ranked(bracket, rung);
      const isComplete = bracket.every((entry) => !this.mayReach(entry, rung));
      const best = ranked.slice(0, promotions(ranked.length, this.spec.halving!.reduction, isComplete));
      const entry = best.find(({ state, scores }) => state === "atRung" && scores.length === rung + 1);
      if (!entry) continue;
      entry.state = "waiting";
      entry.promoting = this.standing(entry);
      return entry;
    }
    return undefined;
  }

  /** The runs that reached a rung, counted from 0, or failed on the way to it: best first. */
  private ranked(bracket: readonly QueueEntry[], rung: number): QueueEntry[] {
    const none: RungScore = { metric: null, score: null, loss: null };
    const by = this.spec.halving!.by;
    return bracket
      .filter((entry) => entry.state !== "dropped")
      .filter(({ state, scores }) => scores.length > rung || (state === "failed" && scores.length === rung))
      .sort((a, b) => compareAtRung(a.scores[rung] ?? none, b.scores[rung] ?? none, by)); // stable: else in the plan's order
  }

  /** Whether a run is under way to a rung, counted from 0, or can still be. */
  private mayReach(entry: QueueEntry, rung: number): boolean {
    if (entry.scores.length > rung) return false;
    return entry.active || entry.state === "waiting";
  }

  /** The step after which a run is to be paused: the next of its rungs that it has not reached. */
  target({ planned, scores }: QueueEntry): number | undefined {
    return this.spec.halving ? planned.rungs[scores.length] : undefined;
  }

  /** Its place at the last rung that it reached. */
  standing(entry: QueueEntry): Standing | undefined {
    const rung = entry.scores.length;
    if (!this.spec.halving || rung === 0) return undefined;
    const ranked = this.ranked(this.brackets.get(entry.planned.bracket)!, rung - 1);
    const place = ranked.indexOf(entry) + 1;
    return place === 0 ? undefined : { rung, place, of: ranked.length };
  }

  /** Those that halvings go on without. */
  left(): QueueEntry[] {
    return this.entries.filter(({ state }) => state === "atRung");
  }

  /** The runs there are, in the order of the plan. */
  runs(): Run[] {
    return this.entries.flatMap(({ run }) => run ?? []);
  }
}

/** The best evaluation up to each rung that a run reached; what an attempt did beyond the state that was saved is done again. */
function scoresAt(rungs: readonly number[], { step: now, validations }: RunResult, by: HalvingMetric): RungScore[] {
  const reached = rungs.filter((rung) => rung <= now && validations.some(({ step }) => step === rung));
  return reached.map((rung) => {
    const until = validations
      .filter(({ step }) => step <= rung)
      .map(({ metric, score, loss }): RungScore => ({ metric, score: finiteOrNull(score), loss: finiteOrNull(loss) }));
    return until.reduce((leader, one) => (compareAtRung(one, leader, by) < 0 ? one : leader));
  });
}

function finiteOrNull(value: number | null): number | null {
  return value !== null && Number.isFinite(value) ? value : null;
}
