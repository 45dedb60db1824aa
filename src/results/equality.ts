/** @file Which runs are one experiment repeated with other seeds: those that are equal in all that decides their numbers but the seed. */
import { canonicalJson } from "../experiment/describe.ts";
import { methodNames, methodRecord } from "../experiment/methods/registry.ts";
import type { RunJson } from "../runs/schema.ts";
import type { GroupFacts } from "./groups.ts";

/** A run with all that decides its numbers. */
export interface KnownRun {
  /** With nothing left to default, as far as this version knows them. */
  settings: { readonly name?: unknown; readonly seed?: unknown };
  /** What the names in the settings stood for, where it ran, and when it was made; and its settings as they were recorded. */
  spec: Pick<RunJson, "created" | "device" | "model" | "data"> & Partial<Pick<RunJson, "settings">>;
}

/** Names of what decides a run's numbers → values as text: `training.steps`, `task.variant`, `weights of the model`. */
export type Identity = ReadonlyMap<string, string>;

export interface EqualRuns<R> extends GroupFacts {
  /** In the order in which they were given. */
  members: R[];
  identity: Identity;
}

/** Settings that name a run or say what becomes of it, and none of its numbers. Its device is the one that it got. */
const nominal: ReadonlySet<string> = new Set([
  "name",
  "experiment",
  "directory",
  "paper",
  "seed",
  "device",
  "training.keepCheckpoints",
  "training.keepPredictions.rows",
  "training.keepPredictions.bytes",
]);

/** What follows from the seed of a run unless an experiment says otherwise: the seeds of its method. */
const derived = methodNames.flatMap((name) => methodRecord(name).seeds.map((path) => ["method", ...path].join(".")));
const rank = "method.rank";

/**
 * Parts runs into groups that are equal but for the seed, and for what follows from it, in the order of their first runs. Runs
 * are equal as `ulpt train --continue` knows them again: in every setting, in the weights and files of the model, in the rows,
 * and in the device. A run whose projection has its own seed may be one of runs that each draw their own projection, or one of
 * runs that share this one: it is put where more seeds are.
 */
export function groupEqualRuns<R extends KnownRun>(runs: readonly R[]): EqualRuns<R>[] {
  const grouping = new Grouping<R>();
  for (const run of runs) grouping.add(run);
  return grouping.groups();
}

/** As `groupEqualRuns`, for who takes in thousands of runs a few at a time. */
export class Grouping<R extends KnownRun> {
  private readonly keys = new IdentityKeys();
  private readonly runs: R[] = [];
  /** Of each run, the keys of its identities. */
  private readonly candidates: (readonly string[])[] = [];
  private readonly seeds = new Map<string, Set<unknown>>();

  add(run: R): void {
    const candidates = identitiesOf(run).map((identity) => this.keys.of(identity));
    this.runs.push(run);
    this.candidates.push(candidates);
    for (const key of candidates) this.seeds.set(key, (this.seeds.get(key) ?? new Set()).add(run.settings.seed));
  }

  groups(): EqualRuns<R>[] {
    const seedsOf = (key: string) => this.seeds.get(key)!.size;
    const groups = new Map<string, UnnamedGroup<R>>();
    this.runs.forEach((run, index) => {
      const candidates = this.candidates[index]!;
      const chosen = candidates.reduce((most, one) => (seedsOf(one) > seedsOf(most) ? one : most));
      const group = groups.get(chosen);
      if (group) group.members.push(run);
      else groups.set(chosen, { members: [run], identity: identitiesOf(run)[candidates.indexOf(chosen)]! });
    });
    return named([...groups.values()]);
  }
}

/** Everything but the seed that decides the numbers of a run; where its method has the seed of the run, first as one that follows. */
function identitiesOf({ settings, spec }: KnownRun): Identity[] {
  const values = new Map<string, string>();
  // What this version does not know of the settings keeps runs apart as well.
  flattenInto(values, spec.settings ?? {});
  flattenInto(values, settings);
  const following = derived.filter((name) => values.get(name) === canonicalJson(settings.seed));
  for (const name of nominal) values.delete(name);
  values.set("device", spec.device);
  values.set("weights of the model", spec.model.weightsSha256);
  values.set("files of the model", canonicalJson(spec.model.files ?? {}));
  for (const [split, sha256] of Object.entries(spec.data.sha256)) values.set(`rows of the ${split} split`, sha256);
  if (following.length === 0) return [values];
  const followed = new Map(values);
  for (const name of following) followed.set(name, "that of the run");
  return [followed, values];
}

/** Short keys that are equal where identities are: thousands of runs have thousands of characters of settings each. */
class IdentityKeys {
  private readonly numbers = new Map<string, Map<string, number>>();
  private count = 0;

  of(identity: Identity): string {
    const entries = new Uint32Array(identity.size);
    let index = 0;
    for (const [name, value] of identity) entries[index++] = this.numberOf(name, value);
    return entries.sort().join();
  }

  private numberOf(name: string, value: string): number {
    const values = this.numbers.get(name) ?? new Map<string, number>();
    this.numbers.set(name, values);
    const known = values.get(value);
    if (known !== undefined) return known;
    values.set(value, this.count);
    return this.count++;
  }
}

/** Adds the leaves of nested objects by their paths, `training.steps`; a list is a leaf. */
function flattenInto(leaves: Map<string, string>, value: unknown, path = ""): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    leaves.set(path, typeof value === "string" ? JSON.stringify(value) : canonicalJson(value));
    return;
  }
  for (const [key, entry] of Object.entries(value)) {
    if (entry !== undefined) flattenInto(leaves, entry, path === "" ? key : `${path}.${key}`);
  }
}

/** A run, and the seeds that its method was given or took from the run, as text: those of a projection. */
export interface DrawnRun<R> {
  run: R;
  drawn: string;
}

/** Runs that are equal but for the seed and the seeds of their method, whether those follow from it or not. */
export function groupBesideSeeds<R extends KnownRun>(runs: readonly R[]): DrawnRun<R>[][] {
  const keys = new IdentityKeys();
  const groups = new Map<string, DrawnRun<R>[]>();
  for (const run of runs) {
    const identity = new Map(identitiesOf(run).at(-1));
    const drawn = derived.flatMap((name) => identity.get(name) ?? []).join(", ");
    for (const name of derived) identity.delete(name);
    const key = keys.of(identity);
    groups.set(key, [...(groups.get(key) ?? []), { run, drawn }]);
  }
  return [...groups.values()];
}

/** In what runs differ that are not equal, by name: as little as any way to see a run leaves. */
export function differencesOf(run: KnownRun, from: Identity): string[] {
  return identitiesOf(run)
    .map((identity) => differingNames([identity, from]))
    .reduce((fewest, names) => (names.length < fewest.length ? names : fewest));
}

function differingNames(identities: readonly Identity[]): string[] {
  const names = new Set(identities.flatMap((identity) => [...identity.keys()]));
  return [...names].filter((name) => new Set(identities.map((identity) => identity.get(name))).size > 1).sort();
}

interface UnnamedGroup<R> {
  members: R[];
  identity: Identity;
}

function named<R extends KnownRun>(groups: readonly UnnamedGroup<R>[]): EqualRuns<R>[] {
  const keys = new IdentityKeys();
  const families = new Map<string, string>();
  const namesakes = new Map<string, UnnamedGroup<R>[]>();
  for (const group of groups) {
    const name = namesOf(group);
    const others = namesakes.get(name);
    if (others) others.push(group);
    else namesakes.set(name, [group]);
  }
  const tellers = new Map([...namesakes].map(([name, alike]) => [name, differenceTeller(alike)]));
  return groups.map((group, index) => {
    const { members, identity } = group;
    const name = namesOf(group);
    const family = keys.of(new Map([...identity].filter(([setting]) => setting !== rank)));
    families.set(family, families.get(family) ?? String(families.size));
    const facts = { key: String(index), name, difference: tellers.get(name)!(identity), family: families.get(family)! };
    return { ...facts, members, identity };
  });
}

/** `ulpt-r2`, or `a, b` where equal runs were given several names. */
function namesOf({ members }: UnnamedGroup<KnownRun>): string {
  return [...new Set(members.map(nameOf))].slice(0, mostNamed).join(", ");
}

/** A run's name without its seed. */
function nameOf({ settings: { name, seed } }: KnownRun): string {
  const whole = String(name ?? "");
  const suffix = `-seed${seed}`;
  return whole.endsWith(suffix) ? whole.slice(0, -suffix.length) : whole;
}

const mostNamed = 3;

/** Tells what an identity has otherwise than that of the largest of its namesakes: `learningRate 0.1, promptLength 20`. */
function differenceTeller(groups: readonly UnnamedGroup<unknown>[]): (identity: Identity) => string {
  const usual = groups.reduce((most, group) => (group.members.length > most.members.length ? group : most)).identity;
  const settings = differingSettings(groups.map(({ identity }) => identity));
  return (identity) => {
    const texts = settings
      .filter(({ name }) => identity.get(name) !== usual.get(name))
      .map((setting) => `${setting.title} ${setting.textOf(identity)}`);
    const rest = texts.length - mostNamed;
    return (rest > 1 ? [...texts.slice(0, mostNamed), `${rest} more`] : texts).join(", ");
  };
}

/** In what identities differ. */
export interface DifferingSetting {
  /** `training.learningRate` */
  name: string;
  /** `learningRate`, where no other that differs ends so. */
  title: string;
  /** Whether it is set at all. */
  isSetIn(identity: Identity): boolean;
  /** Its value as people read it. */
  textOf(identity: Identity): string;
}

/** By name. */
export function differingSettings(identities: readonly Identity[]): DifferingSetting[] {
  const differing = differingNames(identities);
  const short = differing.map((name) => name.split(".").at(-1)!);
  return differing.map((name, index) => {
    const values = [...new Set(identities.map((identity) => identity.get(name)))];
    return {
      name,
      title: short.filter((other) => other === short[index]).length === 1 ? short[index]! : name,
      isSetIn: (identity) => identity.has(name),
      textOf: (identity) => valueText(identity.get(name), values),
    };
  });
}

const longestValue = 24;

/** A value as people read it: of a hash the beginning, of a long one its number among the values that there are. */
function valueText(value: string | undefined, values: readonly (string | undefined)[]): string {
  if (value === undefined) return "not set";
  const text = /^"[^"\\]*"$/.test(value) ? value.slice(1, -1) : value;
  if (/^[0-9a-f]{16,}$/.test(text)) return text.slice(0, 8);
  return text.length <= longestValue ? text : `#${values.indexOf(value) + 1}`;
}
