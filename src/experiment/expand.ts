/** @file One experiment to its runs: every combination of method, rank and seed, with nothing left to default. */
import { z } from "zod";
import { metricProblem } from "../tasks/answers.ts";
import { declaredLabels } from "../tasks/render.ts";
import { resolveTask } from "../tasks/resolve.ts";
import { canonicalJson } from "./describe.ts";
import type { Path } from "./jsonSchema.ts";
import { type MethodName, type MethodSettings, methodRecord, type WrittenMethod } from "./methods/registry.ts";
import { experimentSettings, type SharedName } from "./methods/shared.ts";
import type { Experiment } from "./parse.ts";
import type { RunSettings, TrainingSettings } from "./recorded.ts";
import type { ExperimentSettings } from "./schema.ts";

export interface ExpansionProblem {
  /** What the setting at `path` does wrong, to be read after its name. */
  message: string;
  path: Path;
}

/** Most runs of one experiment. A file of a few KB can ask for more than there is memory or time for. */
export const mostRuns = 10_000;

/** The runs of an experiment, in the order of its lists: method, then rank, then seed. Equal runs appear once. */
export function expandRuns(experiment: Experiment): RunSettings[] {
  const runs = new Map<string, RunSettings>();
  for (const run of runsOf(experiment)) {
    const key = caseless(run.name);
    if (!runs.has(key)) runs.set(key, run);
  }
  return [...runs.values()];
}

/** The first run; the others are not made. */
export function firstRun(experiment: Experiment): RunSettings {
  const { value } = runsOf(experiment).next();
  return value!; // every list has an item
}

/** The run of that name, else the first; no list of them is made. */
export function runNamed(experiment: Experiment, name: unknown): RunSettings {
  for (const run of runsOf(experiment)) if (run.name === name) return run;
  return firstRun(experiment);
}

/** How many runs `expandRuns` gives, and what they are called without their seeds; counted, not made. */
export function countRuns({ settings }: Experiment): { count: number; variants: string[] } {
  const names = new Map([...allVariants(settings)].map(({ name }) => [caseless(name), name]));
  return { count: names.size * new Set(listOf(settings.seed)).size, variants: [...names.values()] };
}

/** The ranks that runs of the experiment have, each once. */
export function usedRanks({ settings }: Experiment): Set<number> {
  const ranks = [...allVariants(settings)].map(({ method: { rank } }) => rank);
  return new Set(ranks.filter((rank) => typeof rank === "number"));
}

/**
 * What no single setting shows: too many runs, settings that do not go together, different runs of one name. Runs are counted
 * before one is made.
 */
export function expansionProblems(settings: ExperimentSettings): ExpansionProblem[] {
  const tooMany = countProblem(settings);
  if (tooMany) return [tooMany];
  const problems: ExpansionProblem[] = [];
  const task = resolveTask(settings.task);
  const metric = metricProblem(task, declaredLabels(task));
  if (metric !== undefined) problems.push({ message: metric, path: ["task"] });
  const variants = new Map<string, string>();
  const [seed, ...otherSeeds] = new Set(listOf(settings.seed));
  for (const [index, method] of methodsOf(settings).entries()) {
    const path: Path = Array.isArray(settings.method) ? ["method", index] : ["method"];
    problems.push(...methodProblems(settings, method, path));
    let clash: string | undefined;
    for (const variant of variantsOf(settings, method)) {
      const key = caseless(variant.name);
      // With one seed it makes no difference whether the projection has it of its own.
      const trained = otherSeeds.length === 0 ? withSeed(variant.method, seed!) : variant.method;
      const facts = canonicalJson({ trained, rate: variant.learningRate ?? settings.training.learningRate });
      const known = variants.get(key);
      if (known === undefined) variants.set(key, facts);
      else if (known !== facts) clash ??= runName(variant, seed!);
    }
    if (clash !== undefined) {
      problems.push({ message: `makes a second, different run named "${clash}"; give this method a "label"`, path });
    }
  }
  return problems;
}

/** The product of the lists' lengths, of which each is bounded by the length of the file. */
function countProblem(settings: ExperimentSettings): ExpansionProblem | undefined {
  const methods = methodsOf(settings);
  const seeds = listOf(settings.seed).length;
  const lists = methods.map((method) => listsOf(settings, method));
  const variants = lists.reduce((sum, ofMethod) => sum + ofMethod.reduce((all, { items }) => all * items.length, 1), 0);
  const count = variants * seeds;
  if (count <= mostRuns) return undefined;
  const candidates: { length: number; path: Path }[] = [
    { length: seeds, path: ["seed"] },
    { length: methods.length, path: ["method"] },
    ...lists.flat().map(({ items, path }) => ({ length: items.length, path })),
  ];
  const longest = candidates.reduce((most, one) => (one.length > most.length ? one : most));
  return {
    message: `makes the experiment ${count.toLocaleString("en")} runs (${variants.toLocaleString("en")} of methods and ranks, for each of ${seeds.toLocaleString("en")} seeds); at most ${mostRuns.toLocaleString("en")} are possible: shorten the list, or write several experiments`,
    path: longest.path,
  };
}

/** File systems that ignore case would put "A" and "a" into one folder. */
function caseless(name: string): string {
  return name.toLowerCase();
}

function methodsOf(settings: ExperimentSettings): WrittenMethod[] {
  return listOf(settings.method).map((written) => (typeof written === "string" ? { name: written } : written));
}

function* runsOf({ settings, name: experiment }: Experiment): Generator<RunSettings, undefined> {
  const task = resolveTask(settings.task);
  for (const variant of allVariants(settings)) {
    for (const seed of listOf(settings.seed)) {
      yield {
        name: runName(variant, seed),
        experiment,
        model: settings.model,
        task,
        ...(settings.paper === undefined ? {} : { paper: settings.paper }),
        method: withSeed(variant.method, seed),
        promptLength: settings.promptLength,
        promptPosition: settings.promptPosition,
        seed,
        training: resolveTraining(settings.training, variant.learningRate),
        generation: settings.generation,
        device: settings.device,
      };
    }
  }
}

/** What a method trains apart from its seed: an item of each of its lists. */
interface Variant {
  name: string;
  /** As it is recorded, but that seeds which follow the run's are still left out. */
  method: { name: WrittenMethod["name"]; readonly [setting: string]: unknown };
  learningRate: number | undefined;
}

function runName({ name }: Variant, seed: number): string {
  return `${name}-seed${seed}`;
}

/** With the seed of the run wherever the method has one that is left out. */
function withSeed(method: Variant["method"], runSeed: number): MethodSettings {
  const { seeds } = methodRecord(method.name);
  return seeds.reduce<unknown>((settings, path) => withDefaultAt(settings, path, runSeed), method) as MethodSettings;
}

/** `value` with `given` at `path`, if there is nothing. */
function withDefaultAt(value: unknown, [key, ...rest]: Path, given: unknown): unknown {
  if (key === undefined) return value ?? given;
  const object = value as Readonly<Record<string, unknown>>;
  return { ...object, [key]: withDefaultAt(object[key], rest, given) };
}

function* allVariants(settings: ExperimentSettings): Generator<Variant, undefined> {
  for (const method of methodsOf(settings)) yield* variantsOf(settings, method);
}

/** What an experiment says for all its methods. */
type MethodLevel = Pick<ExperimentSettings, SharedName>;

function* variantsOf(settings: MethodLevel, written: WrittenMethod): Generator<Variant, undefined> {
  const { name, label, learningRate } = written;
  const record = methodRecord(name);
  const lists = listsOf(settings, written);
  const single = singleSettings(settings, written);
  for (const items of combinations(lists.map((list) => list.items))) {
    const chosen = Object.fromEntries(lists.map(({ key }, i) => [key, items[i]]));
    const method = { name, ...inOrder({ ...single, ...chosen }, record.settings.keys()) };
    // An item is in the name unless a labelled method fixes it, so that a longer list renames no run.
    const shown = lists.flatMap(({ prefix, isFixed }, i) =>
      label !== undefined && isFixed ? [] : [`${prefix}${items[i]}`],
    );
    const others = label === undefined ? record.nameParts(method as MethodSettings) : [];
    yield { name: [label ?? name, ...shown, ...others].join("-"), method, learningRate };
  }
}

/** A setting of a method that may be a list. */
interface ListedSetting {
  key: string;
  prefix: string;
  items: readonly unknown[];
  /** Whether the method itself has it, and no list of it. */
  isFixed: boolean;
  /** Where the list stands in the experiment. */
  path: Path;
}

function listsOf(settings: MethodLevel, written: WrittenMethod): ListedSetting[] {
  const own = methodRecord(written.name).ownSettings(written);
  return [...methodRecord(written.name).settings].flatMap(([key, { listPrefix }]) => {
    if (listPrefix === undefined) return [];
    const value = written[key] ?? own[key];
    const isInherited = value === undefined;
    const items = listOf(isInherited ? settings[key as SharedName] : value);
    return [
      {
        key,
        prefix: listPrefix,
        items,
        isFixed: !isInherited && !Array.isArray(value),
        path: isInherited ? [key] : ["method"],
      },
    ];
  });
}

/** The settings of a method that take no list: its own value, else the experiment's, else the default. */
function singleSettings(settings: MethodLevel, written: WrittenMethod): Record<string, unknown> {
  const record = methodRecord(written.name);
  const own = record.ownSettings(written);
  return Object.fromEntries(
    [...record.settings]
      .filter(([, { listPrefix }]) => listPrefix === undefined)
      .map(([key]) => [key, Object.hasOwn(own, key) ? own[key] : (written[key] ?? settings[key as SharedName])]),
  );
}

function inOrder(values: Readonly<Record<string, unknown>>, keys: Iterable<string>): Record<string, unknown> {
  return Object.fromEntries(Array.from(keys, (key) => [key, values[key]]));
}

/** Every choice of one item of each list, the last list's items changing first. */
function* combinations(lists: readonly (readonly unknown[])[]): Generator<unknown[], undefined> {
  const [first, ...rest] = lists;
  if (!first) {
    yield [];
    return;
  }
  for (const item of first) for (const others of combinations(rest)) yield [item, ...others];
}

/** What of a method's settings does not go together. */
function methodProblems(settings: ExperimentSettings, written: WrittenMethod, path: Path): ExpansionProblem[] {
  const record = methodRecord(written.name);
  const problems = new Map<string, ExpansionProblem>();
  for (const { method } of variantsOf(settings, written)) {
    for (const { message, setting } of record.problems(method as MethodSettings, settings)) {
      const isInherited = written[setting[0]!] === undefined && record.inherits.some((key) => key === setting[0]);
      const problem = { message, path: isInherited ? setting : [...path, ...setting] };
      problems.set(canonicalJson(problem), problem);
    }
  }
  return [...problems.values()];
}

function resolveTraining(written: ExperimentSettings["training"], learningRate: number | undefined): TrainingSettings {
  const { steps, optimizer } = written;
  const isHuggingFace = optimizer.name === "hf-adamw";
  return {
    ...written,
    learningRate: learningRate ?? written.learningRate,
    optimizer: {
      ...optimizer,
      epsilon: optimizer.epsilon ?? (isHuggingFace ? 1e-6 : 1e-8),
      weightDecay: optimizer.weightDecay ?? (isHuggingFace ? 0 : 1e-5),
    },
    warmupSteps: written.warmupSteps ?? Math.min(500, Math.floor(steps / 10)),
    evaluateEvery: written.evaluateEvery ?? Math.min(1000, Math.max(1, Math.floor(steps / 10))),
  };
}

function listOf<T>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? value : [value as T];
}

/** The settings of a method where an experiment says nothing of it: one for each rank where it has one. Seeds are 1. */
export function usualSettings(name: MethodName, ranks: readonly number[]): MethodSettings[] {
  const level = z.object(experimentSettings).parse({ rank: [...ranks] });
  return Array.from(variantsOf(level, { name }), ({ method }) => withSeed(method, 1));
}
