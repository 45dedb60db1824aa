/**
 * @file What a virtual document shows, as a URI carries it: `ulpt-checkpoint:/sst2/ulpt-r2-seed0/step-000400.ckpt.txt`, and in
 * the query the workspace folder and, for the sides of a comparison, both checkpoints: what it is from, and to.
 */
import { isAbsolute, relative, sep } from "node:path";
import { parseJson } from "../../json.ts";
import { checkpointStep, isName, runFolder, runsFolder, stepName } from "../../runs/layout.ts";

/** The scheme of all documents made of runs. */
export const checkpointScheme = "ulpt-checkpoint";

/** A run of a workspace folder, by the names of its folders. */
export interface RunId {
  /** URI of the workspace folder. */
  folder: string;
  experiment: string;
  run: string;
}

export interface CheckpointId extends RunId {
  step: number;
}

/** Two checkpoints side by side: the original, and the other, which is measured against it. */
export interface Comparison {
  from: CheckpointId;
  to: CheckpointId;
}

export type DocumentId =
  | ({ kind: "checkpoint"; comparison?: Comparison | undefined } & CheckpointId)
  /** `recorded`: the settings alone, without what came of them. */
  | ({ kind: "settings" | "recorded" | "metrics" } & RunId)
  /** The settings that an experiment file gives now to the run of that name; `file` is its URI. */
  | ({ kind: "planned"; file: string } & RunId);

/** The parts of a URI in which a document's identity lies. */
export interface DocumentPlace {
  path: string;
  query: string;
}

const checkpointName = /^step-(\d{6,15})\.ckpt\.txt$/;
const runDocumentNames = {
  settings: "settings.json",
  recorded: "settings.recorded.json",
  metrics: "metrics.ckpt.txt",
  planned: "settings.planned.json",
} as const;

/** Path and query of the document's URI. `decodeDocument` reads them back. */
export function encodeDocument(id: DocumentId): DocumentPlace {
  const name = id.kind === "checkpoint" ? `${stepName(id.step)}.ckpt.txt` : runDocumentNames[id.kind];
  const extra =
    id.kind === "checkpoint"
      ? id.comparison && { from: compactId(id.comparison.from), to: compactId(id.comparison.to) }
      : id.kind === "planned"
        ? { file: id.file }
        : {};
  return { path: `/${id.experiment}/${id.run}/${name}`, query: JSON.stringify({ folder: id.folder, ...extra }) };
}

function compactId({ folder, experiment, run, step }: CheckpointId): CheckpointId {
  return { folder, experiment, run, step };
}

/** The identity in a URI; undefined where it is no document of ours. Anyone can make up a URI: nothing in it is trusted. */
export function decodeDocument({ path, query }: DocumentPlace): DocumentId | undefined {
  const [root, experiment, run, name, ...rest] = path.split("/");
  const extra = parseQuery(query);
  if (root !== "" || !name || rest.length > 0 || !extra) return undefined;
  if (!isFolderName("experiment", experiment) || !isFolderName("run", run)) return undefined;
  const { folder, from, to, file } = extra;
  if (typeof folder !== "string") return undefined;
  const id = { folder, experiment, run };
  const digits = checkpointName.exec(name)?.[1];
  if (digits) {
    return {
      kind: "checkpoint",
      ...id,
      step: Number(digits),
      ...(isCheckpointId(from) && isCheckpointId(to) && { comparison: { from: compactId(from), to: compactId(to) } }),
    };
  }
  if (name === runDocumentNames.settings) return { kind: "settings", ...id };
  if (name === runDocumentNames.recorded) return { kind: "recorded", ...id };
  if (name === runDocumentNames.metrics) return { kind: "metrics", ...id };
  return name === runDocumentNames.planned && typeof file === "string" ? { kind: "planned", ...id, file } : undefined;
}

function parseQuery(query: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = parseJson(query);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function isFolderName(kind: "experiment" | "run", name: unknown): name is string {
  return typeof name === "string" && isName(kind, name);
}

function isCheckpointId(value: unknown): value is CheckpointId {
  const { folder, experiment, run, step } = (value ?? {}) as Partial<CheckpointId>;
  const isNamed = isFolderName("experiment", experiment) && isFolderName("run", run);
  return typeof folder === "string" && isNamed && Number.isSafeInteger(step) && step! >= 0;
}

/** Whether both name the same checkpoint, whatever they are compared with. */
export function isSameCheckpoint(a: CheckpointId, b: CheckpointId): boolean {
  return a.step === b.step && isSameRun(a, b);
}

export function isSameRun(a: RunId, b: RunId): boolean {
  return a.folder === b.folder && a.experiment === b.experiment && a.run === b.run;
}

/** The folder of a run in the workspace folder at `workspace`. */
export function runDirectory(workspace: string, { experiment, run }: RunId): string {
  return runFolder(workspace, experiment, run);
}

/** The names of the run whose folder is `directory`; undefined where that lies elsewhere than a workspace folder's runs. */
export function runNames(workspace: string, directory: string): Pick<RunId, "experiment" | "run"> | undefined {
  const path = relative(runsFolder(workspace), directory);
  if (isAbsolute(path)) return undefined;
  const [experiment, run, ...rest] = path.split(sep);
  if (!isFolderName("experiment", experiment) || !isFolderName("run", run)) return undefined;
  return rest.length === 0 ? { experiment, run } : undefined;
}

/** The step of a checkpoint's file, `…/step-000400.safetensors`. */
export function stepOfFile(path: string): number | undefined {
  return checkpointStep(path.split(/[\\/]/).at(-1)!);
}
