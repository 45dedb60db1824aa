/**
 * @file Where things lie in a workspace and in a run's folder. Whatever becomes a path becomes one here: a name comes from a
 * listing of its folder, from a number, or from `safeName`, and its form is checked; what stands in a file never is a path.
 */
import { basename, dirname, join, sep } from "node:path";
import { UlptError } from "../errors.ts";

/** One folder or file below another, and no way out of it on any system; hidden ones are not ours. */
const segment = /^[^./\\:\p{Cc}][^/\\:\p{Cc}]*$/u;
const maxNameBytes = 255;

const forms = {
  experiment: segment,
  run: segment,
  sweep: segment,
  /** A file called like a run of a sweep. */
  droppedRun: segment,
  claimedRun: segment,
  /** When it was made, and a few digits. */
  launch: /^\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}-\d{3}Z-[0-9a-f]{4,16}$/,
  attempt: /^(?:\d{4}|[1-9]\d{4,8})\.json$/,
  checkpoint: /^step-(?:\d{6}|[1-9]\d{6,14})\.safetensors$/,
  /** The answers of an evaluation, and the rows that they are to. */
  predictions: /^step-(?:\d{6}|[1-9]\d{6,14})\.(?:validation|test)\.jsonl\.gz$/,
  rowTexts: /^(?:validation|test)\.jsonl\.gz$/,
  /** What a person had evaluated, on which rows; and the answers. */
  evaluation:
    /^(?:step-(?:\d{6}|[1-9]\d{6,14})|unprompted|prompt-[0-9a-f]{16})\.(?:validation|test|file)(?:-[0-9a-f]{16})?\.json$/,
  evaluationAnswers:
    /^(?:step-(?:\d{6}|[1-9]\d{6,14})|unprompted|prompt-[0-9a-f]{16})\.(?:validation|test|file)(?:-[0-9a-f]{16})?\.jsonl\.gz$/,
  inspection: /^step-(?:\d{6}|[1-9]\d{6,14})\.json$/,
  /** A prompt for other tools: a file, or a folder of files. */
  sharedPrompt: /^[^./\\:\p{Cc}][^/\\:\p{Cc}]*\.(?:peft|prompt_embeds\.safetensors|prompt_embeds\.npy)$/u,
  prompt: /^[^./\\:\p{Cc}][^/\\:\p{Cc}]*\.prompt\.safetensors$/u,
} as const;

/** What a name is the name of. */
export type NameKind = keyof typeof forms;

/** Whether `name` can be the name of such a thing. */
export function isName(kind: NameKind, name: string): boolean {
  return forms[kind].test(name) && Buffer.byteLength(name) <= maxNameBytes;
}

/** The path of what is called `name` in `folder`. @throws UlptError RUN_INVALID for a name of another form */
export function pathOf(folder: string, kind: NameKind, name: string): string {
  if (isName(kind, name)) return join(folder, name);
  throw new UlptError("RUN_INVALID", `${JSON.stringify(name.slice(0, 80))} is the name of no ${kind}.`, {
    where: folder,
    expected: "a name of one part, without slashes, colons and leading dots",
    hint: "Something other than ULPT Lab wrote it: name the file or folder as it lies on the disk.",
  });
}

/** `<workspace>/.ulpt`: all that ULPT Lab keeps of a workspace but for exported prompts. */
export const stateFolderName = ".ulpt";

export function stateFolder(workspace: string): string {
  return join(workspace, stateFolderName);
}

/** `<workspace>/.ulpt/runs` */
export function runsFolder(workspace: string): string {
  return join(stateFolder(workspace), "runs");
}

/** `<workspace>/.ulpt/launches` */
export function launchesFolder(workspace: string): string {
  return join(stateFolder(workspace), "launches");
}

/** `<workspace>/.ulpt/sweeps` */
export function sweepsFolder(workspace: string): string {
  return join(stateFolder(workspace), "sweeps");
}

/** `<workspace>/.ulpt/sweeps/<sweep>`; the name is that of the folder. */
export function sweepFolder(workspace: string, sweep: string): string {
  return pathOf(sweepsFolder(workspace), "sweep", sweep);
}

/** The files and folders of the sweep in `directory`; owner, attempts and exit are as those of a run. */
export function sweepPaths(directory: string) {
  const { owner, attempts, events, exit, control, stop } = runPaths(directory);
  return {
    sweep: join(directory, "sweep.json"),
    owner,
    attempts,
    events,
    exit,
    control,
    stop,
    pause: join(control, "pause"),
    /** The runs that are to begin before the others. */
    order: join(control, "order.json"),
    /** A file for each run that is to be left out, called like the run. */
    dropped: join(control, "dropped"),
    /** A file for each run that some host makes or has made, called like the run. */
    claims: join(directory, "claims"),
  };
}

/** `<workspace>/.ulpt/evaluations`: of what belongs to no run, as exported prompts. */
export function evaluationsFolder(workspace: string): string {
  return join(stateFolder(workspace), "evaluations");
}

/** Record and answers of a kept evaluation by its name, `step-000400.test`, in the folder of a run's or a workspace's evaluations. */
export function evaluationPaths(folder: string, name: string): { record: string; answers: string } {
  return {
    record: pathOf(folder, "evaluation", `${name}.json`),
    answers: pathOf(folder, "evaluationAnswers", `${name}.jsonl.gz`),
  };
}

/** `<workspace>/prompts` */
export function promptsFolder(workspace: string): string {
  return join(workspace, "prompts");
}

/** `<workspace>/.ulpt/runs/<experiment>`; the name is that of the folder. */
export function experimentFolder(workspace: string, experiment: string): string {
  return pathOf(runsFolder(workspace), "experiment", experiment);
}

/** `<workspace>/.ulpt/runs/<experiment>/<run>`; the names are those of the folders. */
export function runFolder(workspace: string, experiment: string, run: string): string {
  return pathOf(experimentFolder(workspace, experiment), "run", run);
}

const stateEnding = ".state.json";
const folderEnding = ".jobs";

/** Record and output of a launch, how far its process says it is, and the folder of one whose runs are jobs. */
export function launchPaths(workspace: string, id: string) {
  const path = pathOf(launchesFolder(workspace), "launch", id);
  return {
    record: `${path}.json`,
    log: `${path}.log`,
    state: `${path}${stateEnding}`,
    folder: `${path}${folderEnding}`,
  };
}

/** In the folder of a launch's jobs: what each is told and says. `run`: its index among the launch's runs, from 0. */
export function jobPaths(folder: string) {
  return {
    /** Of the array that begins with a run. */
    script: (run: number) => join(folder, `${run}.sh`),
    /** The names of the runs' folders. */
    runs: join(folder, "runs.json"),
    /** What squeue said last. */
    queue: join(folder, "queue.json"),
    /** What is not to be trained any more. */
    cancelled: join(folder, "cancelled.json"),
    logs: join(folder, "logs"),
    /** Of an array its first run, and a job's index in it. */
    log: (first: number, element: number | string) => join(folder, "logs", `${first}-${element}.log`),
    states: join(folder, "states"),
    state: (run: number) => join(folder, "states", `${run}${stateEnding}`),
  };
}

/** Variable of the environment that names to a launched process the file for its state. */
export const launchStateVariable = "ULPT_LAUNCH_STATE";
/** Variable of the environment with how often a scheduler has begun the process's job again. */
export const restartVariable = "ULPT_LAUNCH_RESTART";

/** The launch that this process is of, and how often its job was begun again; undefined where it was started by hand. */
export function thisLaunch(): { id: string; restart: number } | undefined {
  const state = process.env[launchStateVariable] ?? "";
  const own = basename(state, stateEnding);
  const id = isName("launch", own) ? own : basename(dirname(dirname(state)), folderEnding);
  const restart = Number(process.env[restartVariable] ?? 0);
  return isName("launch", id) ? { id, restart: Number.isSafeInteger(restart) && restart > 0 ? restart : 0 } : undefined;
}

/** The files and folders of the run in `directory`. */
export function runPaths(directory: string) {
  const folder = join(directory, sep); // once: lists of thousands of runs ask
  return {
    run: `${folder}run.json`,
    owner: `${folder}owner.json`,
    attempts: `${folder}attempts`,
    events: `${folder}events.jsonl`,
    checkpoints: `${folder}checkpoints`,
    predictions: `${folder}predictions`,
    /** Those that a person asked for: a record and the answers of each. */
    evaluations: `${folder}evaluations`,
    /** A star, tags and a note. */
    marks: `${folder}marks.json`,
    /** What `ulpt serve` found out about the checkpoints; may be deleted. */
    inspections: `${folder}inspections`,
    state: `${folder}state.safetensors`,
    exit: `${folder}exit.json`,
    log: `${folder}run.log`,
    control: `${folder}control`,
    stop: `${folder}control${sep}stop`,
  };
}

/** `attempts/0001.json` of a run. */
export function attemptPath(directory: string, attempt: number): string {
  return pathOf(runPaths(directory).attempts, "attempt", `${String(attempt).padStart(4, "0")}.json`);
}

/** `step-000400` */
export function stepName(step: number): string {
  return `step-${String(step).padStart(6, "0")}`;
}

/** The file of a checkpoint relative to its run, with `/`: `checkpoints/step-000400.safetensors` */
export function checkpointFile(step: number): string {
  return `checkpoints/${stepName(step)}.safetensors`;
}

/** The file of the run's checkpoint at a step. */
export function checkpointPath(directory: string, step: number): string {
  return pathOf(runPaths(directory).checkpoints, "checkpoint", `${stepName(step)}.safetensors`);
}

/** The step of a checkpoint by the name of its file; undefined for another file. */
export function checkpointStep(name: string): number | undefined {
  return isName("checkpoint", name) ? Number(/\d+/.exec(name)![0]) : undefined;
}

/** Splits that runs are evaluated on. */
export const evaluatedSplits = ["validation", "test"] as const;
export type EvaluatedSplit = (typeof evaluatedSplits)[number];

/** The answers of the run's evaluation at a step: `predictions/step-000400.test.jsonl.gz` */
export function predictionsPath(directory: string, step: number, split: EvaluatedSplit): string {
  return pathOf(runPaths(directory).predictions, "predictions", `${stepName(step)}.${split}.jsonl.gz`);
}

/** The rows of a split, to which all those answers are: `predictions/test.jsonl.gz` */
export function rowTextsPath(directory: string, split: EvaluatedSplit): string {
  return pathOf(runPaths(directory).predictions, "rowTexts", `${split}.jsonl.gz`);
}

/** Step and split of a file of answers by its name; undefined for another file. */
export function evaluationOfPredictions(name: string): { step: number; split: EvaluatedSplit } | undefined {
  if (!isName("predictions", name)) return undefined;
  const [step, split] = name.slice("step-".length).split(".") as [string, EvaluatedSplit];
  return { step: Number(step), split };
}

/** What is kept of the inspection of the run's checkpoint at a step. */
export function inspectionPath(directory: string, step: number): string {
  return pathOf(runPaths(directory).inspections, "inspection", `${stepName(step)}.json`);
}

/** The run in whose folder a checkpoint lies. */
export function runOfCheckpoint(path: string): string {
  return dirname(dirname(path));
}
