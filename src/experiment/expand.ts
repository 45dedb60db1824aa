/** @file One experiment to its runs: every combination of method, rank and seed, with nothing left to default. */
import type { ProjectionDistribution } from "../random/distributions.ts";
import type { TaskDefinition } from "../tasks/definition.ts";
import { resolveTask } from "../tasks/resolve.ts";
import { canonicalJson } from "./describe.ts";
import type { Path } from "./jsonSchema.ts";
import type { Experiment } from "./parse.ts";
import type { ExperimentSettings, Initialization } from "./schema.ts";

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
  learningRate: number;
  optimizer: OptimizerSettings;
  schedule: "linear" | "constant";
  warmupSteps: number;
  clipNorm: number | null;
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

/** The runs of an experiment, in the order of its lists: method, then rank, then seed. Equal runs appear once. */
export function expandRuns(experiment: Experiment): RunSettings[] {
  return expandSettings(experiment.settings, experiment.name).runs;
}

/** As `expandRuns`, with what no single setting shows: settings that do not go together, different runs of one name. */
export function expandSettings(
  settings: ExperimentSettings,
  experiment: string,
): { runs: RunSettings[]; problems: ExpansionProblem[] } {
  const runs = new Map<string, RunSettings>();
  const problems: ExpansionProblem[] = [];
  const task = resolveTask(settings.task);
  for (const [index, written] of listOf(settings.method).entries()) {
    const path: Path = Array.isArray(settings.method) ? ["method", index] : ["method"];
    const method: WrittenMethod = typeof written === "string" ? { name: written } : written;
    if (method.name === "ulpt") problems.push(...groupProblems(settings, method, path));
    let clash: string | undefined;
    for (const run of runsOf(settings, task, method, experiment)) {
      // File systems that ignore case would put "A" and "a" into one folder.
      const key = run.name.toLowerCase();
      const other = runs.get(key);
      if (!other) runs.set(key, run);
      else if (canonicalJson(other) !== canonicalJson(run)) clash ??= run.name;
    }
    if (clash !== undefined) {
      problems.push({ message: `makes a second, different run named "${clash}"; give this method a "label"`, path });
    }
  }
  return { runs: [...runs.values()], problems };
}

function runsOf(
  settings: ExperimentSettings,
  task: TaskDefinition,
  method: WrittenMethod,
  experiment: string,
): RunSettings[] {
  return variantsOf(settings, method).flatMap((variant) =>
    listOf(settings.seed).map((seed) => ({
      name: `${variant.name}-seed${seed}`,
      experiment,
      model: settings.model,
      task,
      ...(settings.paper === undefined ? {} : { paper: settings.paper }),
      method: variant.withSeed(seed),
      promptLength: settings.promptLength,
      seed,
      training: resolveTraining(settings.training, method.learningRate),
      generation: { maxNewTokens: settings.generation.maxNewTokens ?? null },
      device: settings.device,
    })),
  );
}

/** What a method trains apart from its seed; a rank list belongs to ULPT alone. */
interface Variant {
  name: string;
  withSeed: (seed: number) => MethodSettings;
}

function variantsOf(settings: ExperimentSettings, method: WrittenMethod): Variant[] {
  if (method.name === "vanilla") {
    const initialization = method.initialization ?? settings.initialization;
    return [{ name: method.label ?? "vanilla", withSeed: () => ({ name: "vanilla", initialization }) }];
  }
  const scale = method.scale ?? settings.scale;
  const shift = method.shift ?? settings.shift;
  const { distribution, groups, seed } = method.projection ?? settings.projection;
  return listOf(method.rank ?? settings.rank).map((rank) => ({
    name: nameUlpt(method, rank, scale, shift),
    withSeed: (runSeed) => ({
      name: "ulpt",
      rank,
      scale,
      shift,
      projection: { distribution, groups, seed: seed ?? runSeed },
    }),
  }));
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
