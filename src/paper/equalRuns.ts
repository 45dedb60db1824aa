/** @file Which runs may be averaged: those that differ in nothing but their seed. */
import { canonicalJson } from "../experiment/describe.ts";
import type { RunSettings } from "../experiment/expand.ts";
import type { RunJson } from "../runs/schema.ts";

/** A run with all that decides its numbers. */
export interface KnownRun {
  settings: RunSettings;
  /** What the names in the settings stood for, where it ran, and when it was made. */
  spec: Pick<RunJson, "created" | "device" | "model" | "data">;
}

export interface EqualRuns<R> {
  /** One run for each seed, in the order of the seeds. */
  runs: R[];
  /** How many older runs have the same settings and one of the seeds. */
  earlier: number;
  /** How many runs have other settings, another model or other rows. */
  others: number;
  /** In what those are others: `training.steps`, `task.variant`, `weights of the model`. */
  differing: string[];
}

type Identity = Record<string, unknown>;

/**
 * Of runs of any settings those of the group with the most seeds, and of equally many the one with the newest run; of each of
 * its seeds the newest run. Runs are equal as `ulpt train --continue` knows them again, but for the seed.
 * @throws RangeError without runs
 */
export function chooseEqualRuns<R extends KnownRun>(runs: readonly R[]): EqualRuns<R> {
  const groups = new Map<string, { identity: Identity; members: R[] }>();
  for (const run of runs) {
    for (const identity of identitiesOf(run)) {
      const key = canonicalJson(identity);
      const group = groups.get(key) ?? { identity, members: [] };
      group.members.push(run);
      groups.set(key, group);
    }
  }
  const ranked = [...groups.values()].map(({ identity, members }) => ({
    identity,
    members,
    newest: newestBySeed(members),
  }));
  if (ranked.length === 0) throw new RangeError("There are no runs to choose from.");
  const chosen = ranked.reduce((best, group) => (isPreferred(group.newest, best.newest) ? group : best));
  const others = runs.filter((run) => !chosen.members.includes(run));
  return {
    runs: chosen.newest,
    earlier: chosen.members.length - chosen.newest.length,
    others: others.length,
    differing: [...new Set(others.flatMap((run) => differenceOf(run, chosen.identity)))],
  };
}

function newestBySeed<R extends KnownRun>(runs: readonly R[]): R[] {
  const newest = new Map<number, R>();
  for (const run of runs) {
    const { seed } = run.settings;
    const known = newest.get(seed);
    if (!known || known.spec.created <= run.spec.created) newest.set(seed, run);
  }
  return [...newest.values()].sort((a, b) => a.settings.seed - b.settings.seed);
}

function isPreferred(runs: readonly KnownRun[], to: readonly KnownRun[]): boolean {
  if (runs.length !== to.length) return runs.length > to.length;
  return lastCreated(runs) > lastCreated(to);
}

function lastCreated(runs: readonly KnownRun[]): string {
  return runs
    .map(({ spec }) => spec.created)
    .toSorted()
    .at(-1)!;
}

/** Settings that name a run or say what becomes of it, and none of its numbers. Its device is the one that it got. */
const nominal: ReadonlySet<string> = new Set(["name", "experiment", "directory", "paper", "seed", "device"]);

/**
 * Everything but the seed that decides the numbers of a run. A run whose projection has its own seed has two: it is one of runs
 * that each draw their own projection, and one of runs that share this one.
 */
function identitiesOf({ settings, spec }: KnownRun): Identity[] {
  const { method, training, seed } = settings;
  const { keepCheckpoints: _, ...trained } = training;
  const identity: Identity = {
    ...Object.fromEntries(Object.entries(settings).filter(([key]) => !nominal.has(key))),
    training: trained,
    device: spec.device,
    "weights of the model": spec.model.weightsSha256,
    "files of the model": canonicalJson(spec.model.files ?? {}),
    ...Object.fromEntries(
      Object.entries(spec.data.sha256).map(([split, sha256]) => [`rows of the ${split} split`, sha256]),
    ),
  };
  if (method.name !== "ulpt" || method.projection.seed !== seed) return [identity];
  const drawn = { ...method, projection: { ...method.projection, seed: "that of the run" } };
  return [{ ...identity, method: drawn }, identity];
}

/** The names of what is not as in `identity`: as few as any identity of the run leaves. */
function differenceOf(run: KnownRun, identity: Identity): string[] {
  const wanted = flatten(identity);
  return identitiesOf(run)
    .map((own) => {
      const found = flatten(own);
      const names = new Set([...wanted.keys(), ...found.keys()]);
      return [...names].filter((name) => wanted.get(name) !== found.get(name)).sort();
    })
    .reduce((fewest, names) => (names.length < fewest.length ? names : fewest));
}

/** The leaves of nested objects by their paths, `training.steps`; a list is a leaf. */
function flatten(value: unknown, path = ""): Map<string, string> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return new Map([[path, canonicalJson(value)]]);
  return new Map(
    Object.entries(value)
      .filter(([, entry]) => entry !== undefined)
      .flatMap(([key, entry]) => [...flatten(entry, path === "" ? key : `${path}.${key}`)]),
  );
}
