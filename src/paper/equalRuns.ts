/** @file Of runs of any settings those that are averaged beside a published number: one group of equal runs, one for each seed. */
import { differencesOf, type EqualRuns, groupEqualRuns, type KnownRun } from "../results/equality.ts";
import { newestOfSeeds } from "../results/groups.ts";

export interface ChosenRuns<R> {
  /** One run for each seed, in the order of the seeds. */
  runs: R[];
  /** How many older runs have the same settings and one of the seeds. */
  earlier: number;
  /** How many runs have other settings, another model or other rows. */
  others: number;
  /** In what those are others: `training.steps`, `task.variant`, `weights of the model`. */
  differing: string[];
}

/**
 * The group with the most seeds, and of equally many the one with the newest run; of each of its seeds the newest run.
 * @throws RangeError without runs
 */
export function chooseEqualRuns<R extends KnownRun & { settings: { seed: number } }>(
  runs: readonly R[],
): ChosenRuns<R> {
  const ranked = groupEqualRuns(runs).map((group) => ({ group, newest: newestOf(group) }));
  if (ranked.length === 0) throw new RangeError("There are no runs to choose from.");
  const chosen = ranked.reduce((best, one) => (isPreferred(one.newest, best.newest) ? one : best));
  const { members, identity } = chosen.group;
  const others = runs.filter((run) => !members.includes(run));
  return {
    runs: chosen.newest,
    earlier: members.length - chosen.newest.length,
    others: others.length,
    differing: [...new Set(others.flatMap((run) => differencesOf(run, identity)))],
  };
}

function newestOf<R extends KnownRun & { settings: { seed: number } }>({ members }: EqualRuns<R>): R[] {
  return newestOfSeeds(members, ({ settings, spec }) => ({ seed: settings.seed, created: spec.created }));
}

function isPreferred(runs: readonly KnownRun[], to: readonly KnownRun[]): boolean {
  if (runs.length !== to.length) return runs.length > to.length;
  return lastCreated(runs) > lastCreated(to);
}

function lastCreated(runs: readonly KnownRun[]): number {
  return Math.max(...runs.map(({ spec }) => Date.parse(spec.created)));
}
