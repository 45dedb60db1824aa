/** @file Which rows an evaluation is on, where it is kept, and under which name: the same evaluation made again finds the same place. */
import { createHash } from "node:crypto";
import { basename, dirname, isAbsolute, relative, resolve } from "node:path";
import { UlptError } from "../errors.ts";
import { canonicalJson } from "../experiment/describe.ts";
import { type EvaluatedRows, type EvaluationSubject, evaluationName } from "../runs/evaluations.ts";
import { fingerprint } from "../runs/inspection.ts";
import { checkpointStep, evaluationsFolder, runPaths } from "../runs/layout.ts";
import { promptExtension } from "../runs/prompts.ts";
import type { Run } from "../runs/store.ts";
import type { TaskDefinition } from "../tasks/definition.ts";
import { parseSplit } from "../tasks/split.ts";
import { findWorkspace, workspaceOf } from "./references.ts";

/** Rows to score: of a split, or of a data file, read as the task reads its own; its path may have a part in brackets behind it. */
export type WantedRows = { split: "validation" | "test" } | { file: string };

/** @throws OPTION_INVALID where the file is not said */
export function wantedRows(rows: EvaluatedRows, file: string | undefined): WantedRows {
  if (rows !== "file") return { split: rows };
  if (file !== undefined) return { file };
  throw new UlptError("OPTION_INVALID", "Which file to score is not said.", { expected: "the path of a data file" });
}

/** Where an evaluation is kept, and under which name. */
export interface EvaluationPlace {
  folder: string;
  name: string;
  /** Of the model alone on the same rows. */
  unpromptedName: string;
  /** The file as its record names it; null of a split. */
  file: string | null;
  rows: EvaluatedRows;
}

/**
 * The place of a checkpoint's evaluation: its run's folder.
 * @param precision where it is not that of the training: what is kept says so, and is kept beside the other
 */
export function placeOfCheckpoint(
  { run, path }: { run: Run; path: string },
  on: WantedRows,
  precision: string | undefined,
): EvaluationPlace {
  const step = checkpointStep(basename(path))!;
  const file = fileReference(on, workspaceOf(run));
  const digest = file === null && precision === undefined ? null : digestOf({ file, precision });
  return placeOf(runPaths(run.directory).evaluations, { kind: "checkpoint", step }, on, file, digest);
}

/** The place of an exported prompt's evaluation on a task: its workspace's folder. */
export function placeOfPrompt(
  { path, modelSha256 }: { path: string; modelSha256: string },
  task: TaskDefinition,
  on: WantedRows,
  precision: string | undefined,
): EvaluationPlace {
  const workspace = findWorkspace(dirname(path));
  const file = fileReference(on, workspace);
  const digest = digestOf({ file, task, modelSha256, precision });
  return placeOf(evaluationsFolder(workspace), promptSubject(path), on, file, digest);
}

function placeOf(
  folder: string,
  subject: EvaluationSubject,
  on: WantedRows,
  file: string | null,
  digest: string | null,
): EvaluationPlace {
  const rows = "file" in on ? "file" : on.split;
  const unpromptedName = evaluationName({ kind: "unprompted" }, rows, digest);
  return { folder, name: evaluationName(subject, rows, digest), unpromptedName, file, rows };
}

/** The prompt in the file at `path`. @throws UlptError CHECKPOINT_INVALID where there is none */
export function promptSubject(path: string): EvaluationSubject {
  return { kind: "prompt", name: basename(path, promptExtension), sha256: fingerprint(path).sha256 };
}

/** As a record names a file: from the workspace on, with `/`; the whole path where it lies elsewhere. */
export function fileReference(on: WantedRows, workspace: string): string | null {
  if (!("file" in on)) return null;
  const { source } = parseSplit(on.file);
  const path = resolve(source);
  const inside = relative(workspace, path);
  const named = isAbsolute(inside) || inside.startsWith("..") ? path : inside;
  return `${named.replaceAll("\\", "/")}${on.file.slice(source.length)}`;
}

function digestOf(what: unknown): string {
  return createHash("sha256").update(canonicalJson(what)).digest("hex").slice(0, 16);
}
