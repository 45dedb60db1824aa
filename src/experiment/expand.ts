/** @file One experiment to its runs: every combination of method, rank and seed, with nothing left to default. */
import { z } from "zod";
import { metricProblem } from "../tasks/answers.ts";
import { declaredLabels } from "../tasks/render.ts";
import { resolveTask } from "../tasks/resolve.ts";
import { canonicalJson } from "./describe.ts";
import { combinations, type Point, type PointMethod } from "./grid.ts";
import type { Path } from "./jsonSchema.ts";
import { type MethodName, type MethodSettings, methodRecord, type WrittenMethod } from "./methods/registry.ts";
import { experimentSettings, type SharedName } from "./methods/shared.ts";
import type { Experiment } from "./parse.ts";
import { suffixOf } from "./pointNames.ts";
import type { RunSettings, TrainingSettings } from "./recorded.ts";
import type { ExperimentSettings } from "./schema.ts";
import type { ValidPoint } from "./validate.ts";

export interface ExpansionProblem {
  /** What the setting at `path` does wrong, to be read after its name. */
  message: string;
  path: Path;
}

/** Most runs of one experiment. A file of a few KB can ask for more than there is memory or time for. */
export const mostRuns = 10_000;

/** A run, and among which it is compared where a halving chooses. */
export interface PlannedSettings {
  settings: RunSettings;
  /** The method with its lists, and the seed: what is not searched. */
  bracket: string;
}

/** The runs of an experiment, in the order of its samples, its lists, methods, ranks and seeds. Equal runs appear once. */
export function expandRuns(experiment: Experiment): RunSettings[] {
  return planRuns(experiment).map(({ settings }) => settings);
}

/** As `expandRuns`, with what a sweep has to know besides. */
export function planRuns(experiment: Experiment): PlannedSettings[] {
  const runs = new Map<string, PlannedSettings>();
  for (const run of runsOf(experiment)) {
    const key = caseless(run.settings.name);
    if (!runs.has(key)) runs.set(key, run);
  }
  return [...runs.values()];
}

/** The first run; the others are not made. */
export function firstRun(experiment: Experiment): RunSettings {
  const { value } = runsOf(experiment).next();
  return value!.settings; // every list has an item
}

/** The run of that name, else the first; no list of them is made. */
export function runNamed(experiment: Experiment, name: unknown): RunSettings {
  for (const { settings } of runsOf(experiment)) if (settings.name === name) return settings;
  return firstRun(experiment);
}

/** How many runs `expandRuns` gives, and what they are called without their seeds; counted, not made. */
export function countRuns({ points }: Experiment): { count: number; variants: string[] } {
  const variants = new Map<string, string>();
  const runs = new Set<string>();
  const suffix = suffixes(points);
  for (const at of points) {
    for (const { name, index } of allVariants(at.settings)) {
      const whole = name + suffix(at, index);
      if (!variants.has(caseless(whole))) variants.set(caseless(whole), whole);
      for (const seed of listOf(at.settings.seed)) runs.add(caseless(runName({ name: whole }, seed)));
    }
  }
  return { count: runs.size, variants: [...variants.values()] };
}

/** The ranks that runs of the experiment have, each once. */
export function usedRanks({ points }: Experiment): Set<number> {
  const ranks = points.flatMap(({ settings }) => [...allVariants(settings)].map(({ method: { rank } }) => rank));
  return new Set(ranks.filter((rank) => typeof rank === "number"));
}

/** What is wrong with all points of an experiment together. */
export function planProblems(points: readonly ValidPoint[]): ExpansionProblem[] {
  const [first] = points;
  const perPoint = points.map(({ settings }) => countOf(settings).count);
  const count = perPoint.reduce((sum, runs) => sum + runs, 0);
  if (count > mostRuns) return [{ message: tooMany(count), path: [] }];
  const { settings, point } = first!;
  const { halving, samples } = settings.search;
  if (samples !== undefined && point.drawn.length === 0) {
    return [{ message: `draws nothing: give a setting ${aRange}`, path: ["search", "samples"] }];
  }
  const isSearched =
    point.choices.length > 0 || point.drawn.length > 0 || point.methods.some(({ choices }) => choices.length > 0);
  if (halving && !isSearched) {
    return [
      { message: `has nothing to choose from: give a setting a list, or ${aRange}`, path: ["search", "halving"] },
    ];
  }
  return [];
}

const aRange = 'a range, like {"log": [0.001, 1]}';

/**
 * What no single setting shows: too many runs, settings that do not go together, different runs of one name. Runs are counted
 * before one is made.
 */
export function expansionProblems(settings: ExperimentSettings, point?: Point): ExpansionProblem[] {
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
    const suffix = point === undefined ? "" : ownSuffix(settings, point, index);
    for (const variant of variantsOf(settings, method)) {
      const name = variant.name + suffix;
      const key = caseless(name);
      // With one seed it makes no difference whether the projection has it of its own.
      const trained = otherSeeds.length === 0 ? withSeed(variant.method, seed!) : variant.method;
      const facts = canonicalJson({ trained, rate: variant.learningRate ?? settings.training.learningRate });
      const known = variants.get(key);
      if (known === undefined) variants.set(key, facts);
      else if (known !== facts) clash ??= runName({ name }, seed!);
    }
    if (clash !== undefined) {
      problems.push({ message: `makes a second, different run named "${clash}"; give this method a "label"`, path });
    }
  }
  return problems;
}

/** The product of the lists' lengths, of which each is bounded by the length of the file. */
function countProblem(settings: ExperimentSettings): ExpansionProblem | undefined {
  const { count, variants, seeds, longest } = countOf(settings);
  if (count <= mostRuns) return undefined;
  const product = `${variants.toLocaleString("en")} of methods and ranks, for each of ${seeds.toLocaleString("en")} seeds`;
  return { message: tooMany(count, product), path: longest };
}

function tooMany(count: number, product?: string): string {
  const parts = product === undefined ? "" : ` (${product})`;
  return `makes the experiment ${count.toLocaleString("en")} runs${parts}; at most ${mostRuns.toLocaleString("en")} are possible: shorten the list, or write several experiments`;
}

function countOf(settings: ExperimentSettings): { count: number; variants: number; seeds: number; longest: Path } {
  const methods = methodsOf(settings);
  const seeds = listOf(settings.seed).length;
  const lists = methods.map((method) => listsOf(settings, method));
  const variants = lists.reduce((sum, ofMethod) => sum + ofMethod.reduce((all, { items }) => all * items.length, 1), 0);
  const candidates: { length: number; path: Path }[] = [
    { length: seeds, path: ["seed"] },
    { length: methods.length, path: ["method"] },
    ...lists.flat().map(({ items, path }) => ({ length: items.length, path })),
  ];
  const longest = candidates.reduce((most, one) => (one.length > most.length ? one : most));
  return { count: variants * seeds, variants, seeds, longest: longest.path };
}

/** File systems that ignore case would put "A" and "a" into one folder. */
function caseless(name: string): string {
  return name.toLowerCase();
}

function methodsOf(settings: ExperimentSettings): WrittenMethod[] {
  return listOf(settings.method).map((written) => (typeof written === "string" ? { name: written } : written));
}

function* runsOf({ points, name: experiment }: Experiment): Generator<PlannedSettings, undefined> {
  const suffix = suffixes(points);
  const [{ settings: first }] = points;
  const task = resolveTask(first.task);
  for (const at of points) {
    const { settings } = at;
    for (const variant of allVariants(settings)) {
      for (const seed of listOf(settings.seed)) {
        yield {
          settings: {
            name: runName({ name: variant.name + suffix(at, variant.index) }, seed),
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
            precision: settings.precision,
          },
          bracket: runName(variant, seed),
        };
      }
    }
  }
}

/**
 * What stands behind the name of a method's runs at a point: the values that were chosen of lists and ranges, those left out that
 * make no difference to this method, and those that its name says anyway.
 */
function suffixes(points: readonly ValidPoint[]): (at: ValidPoint, method: number) => string {
  const known = new Map<string, boolean>();
  const [first] = points;
  const isTold = (path: Path, method: number): boolean => {
    const key = JSON.stringify([path, points[0]!.point.methods[method]?.index ?? null]);
    const answer = known.get(key) ?? makesDifference(points, path, method);
    known.set(key, answer);
    return answer;
  };
  const isOfOther = ([root, index]: Path, method: PointMethod | undefined) =>
    root === "method" && typeof index === "number" && method?.index !== index;
  return ({ point, settings }, method) => {
    if (points.length === 1 && first!.point.methods.every(({ choices }) => choices.length === 0)) return "";
    const own = point.methods[method];
    const chosen = point.choices.filter(({ path }) => isTold(path, method));
    const drawn = point.drawn.filter(({ path }) => !isOfOther(path, own));
    const isDrawn = drawn.length > 0 && isTold(drawnPath, method);
    return suffixOf([...(isDrawn ? drawn : []), ...chosen]) + ownSuffix(settings, point, method);
  };
}

/** What was chosen of the lists in a method's own object, unless the names of its runs tell that by themselves. */
function ownSuffix(settings: ExperimentSettings, { methods }: Point, method: number): string {
  const { choices, index } = methods[method] ?? { choices: [], index: undefined };
  if (choices.length === 0) return "";
  const siblings = [...methods.keys()].filter((other) => methods[other]!.index === index);
  const names = siblings.map((sibling) => factsOf(settings, sibling).names);
  return new Set(names).size === names.length ? "" : suffixOf(choices);
}

/** Stands for all that is drawn of ranges: they are drawn together. */
const drawnPath: Path = [];

/** Whether runs of a method differ in what a list says, and would have one name. */
function makesDifference(points: readonly ValidPoint[], path: Path, method: number): boolean {
  const [first] = points as [ValidPoint];
  const others = (at: ValidPoint) =>
    canonicalJson([
      at.point.choices.filter((choice) => choice.path !== path).map(({ value }) => value),
      path === drawnPath ? [] : at.point.drawn.map(({ value }) => value),
    ]);
  const same = others(first);
  const beside = points.filter((at) => others(at) === same);
  const facts = beside.map((at) => factsOf(at.settings, method));
  const isDifferent = facts.some(({ trained }) => trained !== facts[0]!.trained);
  return (
    isDifferent && new Set(facts.map(({ names }) => names)).size < new Set(facts.map(({ trained }) => trained)).size
  );
}

/** What the runs of a method do but for their seeds, and what they are called. */
function factsOf(settings: ExperimentSettings, method: number): { trained: string; names: string } {
  const written = methodsOf(settings)[method];
  const variants = written ? [...variantsOf(settings, written)] : [];
  const { promptLength, promptPosition, generation } = settings;
  const trained = variants.map((variant) => [variant.method, resolveTraining(settings.training, variant.learningRate)]);
  return {
    trained: canonicalJson({ trained, promptLength, promptPosition, generation, seed: settings.seed }),
    names: variants.map(({ name }) => name).join(),
  };
}

/** What a method trains apart from its seed: an item of each of its lists. */
interface Variant {
  name: string;
  /** As it is recorded, but that seeds which follow the run's are still left out. */
  method: { name: WrittenMethod["name"]; readonly [setting: string]: unknown };
  learningRate: number | undefined;
}

function runName({ name }: Pick<Variant, "name">, seed: number): string {
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

/** `index`: of the method. */
function* allVariants(settings: ExperimentSettings): Generator<Variant & { index: number }, undefined> {
  for (const [index, method] of methodsOf(settings).entries())
    for (const variant of variantsOf(settings, method)) yield { ...variant, index };
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
    evaluateEvery: written.evaluateEvery ?? usualEvaluateEvery(steps),
  };
}

/** Steps between two evaluations where an experiment says none. */
export function usualEvaluateEvery(steps: number): number {
  return Math.min(1000, Math.max(1, Math.floor(steps / 10)));
}

function listOf<T>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? value : [value as T];
}

/** The settings of a method where an experiment says nothing of it: one for each rank where it has one. Seeds are 1. */
export function usualSettings(name: MethodName, ranks: readonly number[]): MethodSettings[] {
  const level = z.object(experimentSettings).parse({ rank: [...ranks] });
  return Array.from(variantsOf(level, { name }), ({ method }) => withSeed(method, 1));
}
