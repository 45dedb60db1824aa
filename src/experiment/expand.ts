/** @file One experiment to its runs: every combination of method, rank and seed, with nothing left to default. */
import type { ProjectionDistribution } from "../random/distributions.ts";
import { metricProblem } from "../tasks/answers.ts";
import type { TaskDefinition } from "../tasks/definition.ts";
import { declaredLabels } from "../tasks/render.ts";
import { resolveTask } from "../tasks/resolve.ts";
import { canonicalJson } from "./describe.ts";
import type { Path } from "./jsonSchema.ts";
import type { Experiment } from "./parse.ts";
import type { ExperimentSettings, Initialization, Projection, PromptPosition } from "./schema.ts";

export interface ProjectionSettings {
  distribution: ProjectionDistribution;
  groups: number;
  seed: number;
}

export interface UlptSettings {
  name: "ulpt";
  rank: number;
  scale: boolean;
  shift: boolean;
  projection: ProjectionSettings;
}

export interface VanillaSettings {
  name: "vanilla";
  initialization: Initialization;
}

export type MethodSettings = UlptSettings | VanillaSettings;

export interface OptimizerSettings {
  name: "adamw" | "hf-adamw";
  betas: [number, number];
  epsilon: number;
  weightDecay: number;
}

export interface TrainingSettings {
  steps: number;
  batchSize: number;
  lastBatch: "smaller" | "filled";
  learningRate: number;
  optimizer: OptimizerSettings;
  schedule: "linear" | "constant";
  warmupSteps: number;
  clipNorm: number | null;
  dropout: number;
  evaluateEvery: number;
  earlyStopping: { patience: number; minimumImprovement: number } | null;
  microBatchTokens: number;
  keepCheckpoints: "all" | "best-and-last";
}

/** Everything that decides what a run does; plain JSON. */
export interface RunSettings {
  /** Of the run, unique in its experiment and the same whenever its settings are: `ulpt-r2-seed1`. */
  name: string;
  experiment: string;
  model: string;
  /** With nothing left to look up in the registry. */
  task: TaskDefinition;
  /** The published result that it repeats. */
  paper?: string | undefined;
  method: MethodSettings;
  promptLength: number;
  promptPosition: PromptPosition;
  seed: number;
  training: TrainingSettings;
  generation: { maxNewTokens: number | null };
  device: ExperimentSettings["device"];
}

export interface ExpansionProblem {
  /** What the setting at `path` does wrong, to be read after its name. */
  message: string;
  path: Path;
}

type One<T> = Exclude<T, readonly unknown[]>;
type WrittenMethod = Exclude<One<ExperimentSettings["method"]>, string>;
type WrittenUlpt = Extract<WrittenMethod, { name: "ulpt" }>;

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
  const ranks = [...allVariants(settings)].flatMap(({ method }) => (method.name === "ulpt" ? [method.rank] : []));
  return new Set(ranks);
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
    if (method.name === "ulpt") problems.push(...groupProblems(settings, method, path));
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
  const seeds = listOf(settings.seed).length;
  const methods = methodsOf(settings);
  const ranksOf = (method: WrittenMethod) => (method.name === "ulpt" ? listOf(method.rank ?? settings.rank).length : 1);
  const variants = methods.reduce((sum, method) => sum + ranksOf(method), 0);
  const count = variants * seeds;
  if (count <= mostRuns) return undefined;
  const longest = Math.max(seeds, ...methods.map(ranksOf), methods.length);
  const key = longest === seeds ? "seed" : longest === methods.length ? "method" : "rank";
  return {
    message: `makes the experiment ${count.toLocaleString("en")} runs (${variants.toLocaleString("en")} of methods and ranks, for each of ${seeds.toLocaleString("en")} seeds); at most ${mostRuns.toLocaleString("en")} are possible: shorten the list, or write several experiments`,
    path: settings[key] === undefined ? [] : [key],
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
        generation: { maxNewTokens: settings.generation.maxNewTokens ?? null },
        device: settings.device,
      };
    }
  }
}

/** What a method trains apart from its seed; a rank list belongs to ULPT alone. */
interface Variant {
  name: string;
  /** A projection without a seed of its own has that of the run. */
  method: VanillaSettings | (Omit<UlptSettings, "projection"> & { projection: Projection });
  learningRate: number | undefined;
}

function runName({ name }: Variant, seed: number): string {
  return `${name}-seed${seed}`;
}

function withSeed(method: Variant["method"], runSeed: number): MethodSettings {
  if (method.name === "vanilla") return method;
  const { distribution, groups, seed } = method.projection;
  return { ...method, projection: { distribution, groups, seed: seed ?? runSeed } };
}

function* allVariants(settings: ExperimentSettings): Generator<Variant, undefined> {
  for (const method of methodsOf(settings)) yield* variantsOf(settings, method);
}

function* variantsOf(settings: ExperimentSettings, method: WrittenMethod): Generator<Variant, undefined> {
  const { learningRate } = method;
  if (method.name === "vanilla") {
    const initialization = method.initialization ?? settings.initialization;
    yield { name: method.label ?? "vanilla", method: { name: "vanilla", initialization }, learningRate };
    return;
  }
  const scale = method.scale ?? settings.scale;
  const shift = method.shift ?? settings.shift;
  const projection = method.projection ?? settings.projection;
  for (const rank of listOf(method.rank ?? settings.rank)) {
    const name = nameUlpt(method, rank, scale, shift);
    yield { name, method: { name: "ulpt", rank, scale, shift, projection }, learningRate };
  }
}

/** The rank is in the name unless a labelled method fixes it, so that a longer rank list renames no run. */
function nameUlpt({ label, rank: own }: WrittenUlpt, rank: number, scale: boolean, shift: boolean): string {
  if (label !== undefined) return typeof own === "number" ? label : `${label}-r${rank}`;
  return `ulpt-r${rank}${scale ? "" : "-no-scale"}${shift ? "" : "-no-shift"}`;
}

function groupProblems(settings: ExperimentSettings, method: WrittenUlpt, path: Path): ExpansionProblem[] {
  const { groups } = method.projection ?? settings.projection;
  if (settings.promptLength % groups === 0) return [];
  return [
    {
      message: `is ${groups}, which does not divide promptLength, ${settings.promptLength}`,
      path: [...(method.projection ? path : []), "projection", "groups"],
    },
  ];
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
