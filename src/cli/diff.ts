/** @file `ulpt diff`: two checkpoints, runs, exported prompts, or the model alone, row by row over the answers that are kept. */
import { basename, dirname, relative } from "node:path";
import { hasCode, UlptError } from "../errors.ts";
import type { Device } from "../graph/devices.ts";
import { type Answering, commonRows, findAnswers, type KeptRows, rowsOf } from "../listing/keptAnswers.ts";
import { readResult } from "../listing/reader.ts";
import { diffRows } from "../results/rowDiff.ts";
import { notSameRowsSentence } from "../results/rowDiffWords.ts";
import type { Answers } from "../results/rows.ts";
import { fingerprint } from "../runs/inspection.ts";
import { checkpointPath, checkpointStep, type EvaluatedSplit, evaluationsFolder } from "../runs/layout.ts";
import { promptExtension } from "../runs/prompts.ts";
import type { Run } from "../runs/store.ts";
import { fileReference, type WantedRows } from "../training/evaluationPlace.ts";
import { findRun, findWorkspace, workspaceOf } from "../training/references.ts";
import { shellWord } from "../words/shell.ts";
import { openSubject } from "./data.ts";
import { diffLines, diffText, type Named } from "./diffText.ts";
import { evaluateCheckpoint, evaluatePrompt, type ScoredTask, taskOfRun, withProgressBar } from "./evaluate.ts";
import { isExportedPrompt, openCheckpoint, openPrompt, type PromptTarget } from "./target.ts";
import { say, sayJson } from "./terminal.ts";

/** What people call the model without a prompt. */
const unprompted = "unprompted";

export interface DiffOptions {
  split?: EvaluatedSplit | undefined;
  file?: string | undefined;
  /** Of runs that are named without a step. */
  at: "best" | "last";
  task?: string | undefined;
  /** Make what is missing, and keep it. */
  evaluate: boolean;
  /** Also rows that did not change. */
  all: boolean;
  device?: Device | "auto" | undefined;
  runGeneratedCode: boolean;
  json: boolean;
}

/** A side of the comparison. */
type Side =
  | { kind: "checkpoint"; run: Run; step: number; answering: Answering; title: string }
  | { kind: "prompt"; target: PromptTarget; answering: Answering; title: string }
  | { kind: "unprompted"; beside: Exclude<Side, { kind: "unprompted" }>; answering: Answering; title: string };

/**
 * Prints what the second does otherwise than the first.
 * @throws RUN_MISSING for what is no run, and where answers are not kept; OPTION_INVALID where they are not to the same rows
 */
export async function diff(from: string, to: string, options: DiffOptions, signal: AbortSignal): Promise<void> {
  const sides = openSides(from, to, options.at);
  const on = chooseRows(sides, options);
  const answers: Answers[] = [];
  for (const side of sides) {
    const data = answers[0]?.data;
    const kept = findAnswers(side.answering, { ...on, data });
    if (!kept && options.evaluate) trainedOf(side).precision = await make(side, sides, on, options, signal);
    const found = kept ?? findAnswers(side.answering, { ...on, data });
    if (!found) throw missing(side, on, options);
    answers.push(found);
  }
  const [a, b] = answers as [Answers, Answers];
  const found = diffRows(a, b);
  const [first, second] = sides.map(titleOf) as [string, string];
  if (typeof found === "string") {
    throw new UlptError("OPTION_INVALID", `${notSameRowsSentence(found, first, second)}.`, {
      where: `${first}, ${second}`,
      expected: "two evaluations of the same rows",
      hint: "Evaluate both on the same rows, by `ulpt evaluate` with the same --split or --file, or by `ulpt diff --evaluate`.",
    });
  }
  const named: Named = { first, second, rows: on.file ?? on.rows, kept: { first: a, second: b } };
  if (options.json) for (const line of diffLines(found, named, options)) sayJson(line);
  else say(diffText(found, named, options));
}

function openSides(first: string, second: string, at: DiffOptions["at"]): [Side, Side] {
  if (first === unprompted && second === unprompted) {
    throw new UlptError("OPTION_INVALID", "The model alone is compared with something.", {
      where: `${first} ${second}`,
      expected: "a run, a checkpoint or an exported prompt beside it",
    });
  }
  if (first === unprompted) {
    const other = openSide(second, at);
    return [alone(other), other];
  }
  const side = openSide(first, at);
  return [side, second === unprompted ? alone(side) : openSide(second, at)];
}

function alone(beside: Exclude<Side, { kind: "unprompted" }>): Side {
  const answering = beside.answering as Exclude<Answering, { kind: "unprompted" }>;
  return { kind: "unprompted", beside, answering: { kind: "unprompted", beside: answering }, title: "no prompt" };
}

function openSide(name: string, at: DiffOptions["at"]): Exclude<Side, { kind: "unprompted" }> {
  if (isExportedPrompt(name)) {
    const target = openPrompt(name);
    const folder = evaluationsFolder(findWorkspace(dirname(target.path)));
    const { sha256 } = fingerprint(target.path);
    const title = basename(target.path, promptExtension);
    return { kind: "prompt", target, answering: { kind: "prompt", folder, sha256 }, title };
  }
  const { run, step } = checkpointNamed(name, at);
  const { directory, spec } = run;
  const title = `${spec.experiment}/${spec.run} step ${step}`;
  return { kind: "checkpoint", run, step, answering: { kind: "checkpoint", directory, step }, title };
}

/** A checkpoint by its file, or of a run by what stands behind an @, else as `at` says. */
function checkpointNamed(name: string, at: DiffOptions["at"]): { run: Run; step: number } {
  if (name.endsWith(".safetensors")) {
    const { run, path } = openCheckpoint(name);
    return { run, step: checkpointStep(basename(path))! };
  }
  const { run, step = at } = runNamed(name);
  if (typeof step === "number") return { run, step };
  const result = readResult(run.directory, "last");
  const found =
    step === "best" ? result.best?.step : result.evaluations.findLast(({ split }) => split === "validation")?.step;
  if (found !== undefined) return { run, step: found };
  throw new UlptError("RUN_MISSING", `The run ${JSON.stringify(run.spec.run)} has not been evaluated yet.`, {
    where: run.directory,
    hint: "Wait for its first evaluation, or go on with it: `ulpt resume`.",
  });
}

/** A run's name may have an @ in it itself. */
function runNamed(name: string): { run: Run; step?: number | "best" | "last" } {
  const [, bare, step] = /^(.+)@(\d{1,15}|best|last)$/.exec(name) ?? [];
  if (bare === undefined || step === undefined) return { run: findRun(name) };
  try {
    return { run: findRun(name) };
  } catch (error) {
    if (!hasCode(error, "RUN_MISSING")) throw error;
    return { run: findRun(bare), step: step === "best" || step === "last" ? step : Number(step) };
  }
}

/** The rows asked for; else of those that both sides answered the test rows, the validation rows, or a file's. */
function chooseRows(sides: readonly [Side, Side], { split, file }: DiffOptions): KeptRows {
  if (file !== undefined) return { rows: "file", file: fileReference({ file }, workspaceOfSide(sides[0])) };
  if (split !== undefined) return { rows: split, file: null };
  const [first, second] = sides.map(({ answering }) => answering) as [Answering, Answering];
  // Of what only one has, the other lacks: that is what there is to make.
  return commonRows(first, second) ?? [...rowsOf(first), ...rowsOf(second)][0] ?? { rows: "test", file: null };
}

function workspaceOfSide(side: Side): string {
  if (side.kind === "unprompted") return workspaceOfSide(side.beside);
  return side.kind === "checkpoint" ? workspaceOf(side.run) : findWorkspace(dirname(side.target.path));
}

/** Of the model alone, what it was evaluated beside. */
function trainedOf({ answering }: Side): Exclude<Answering, { kind: "unprompted" }> {
  return answering.kind === "unprompted" ? answering.beside : answering;
}

/** Behind its name in what its model ran, where that is not as in training. */
function titleOf(side: Side): string {
  const { precision } = trainedOf(side);
  return precision === undefined ? side.title : `${side.title} (${precision})`;
}

/**
 * Evaluates what is missing; that of the model alone is made beside any other.
 * @returns in what the model ran, where that is not as in training
 */
async function make(
  side: Side,
  sides: readonly Side[],
  rows: KeptRows,
  options: DiffOptions,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (side.kind === "unprompted") return make(side.beside, sides, rows, options, signal);
  const on = wanted(rows, side, options);
  if (side.kind === "checkpoint") {
    const target = openCheckpoint(checkpointPath(side.run.directory, side.step));
    const { report } = await withProgressBar(options, signal, target, (place, tracking) =>
      evaluateCheckpoint(target, on, place, tracking),
    );
    return report.precision;
  }
  const task = taskFor(sides, options);
  const { report } = await withProgressBar(options, signal, side.target, (place, tracking) =>
    evaluatePrompt(side.target, task, on, place, tracking),
  );
  return report.precision;
}

function wanted({ rows, file }: KeptRows, side: Side, options: DiffOptions): WantedRows {
  if (rows !== "file") return { split: rows };
  // A record names a file from its workspace on.
  return { file: options.file ?? relative(process.cwd(), `${workspaceOfSide(side)}/${file}`) };
}

function taskFor(sides: readonly Side[], { task }: DiffOptions): ScoredTask {
  if (task !== undefined) return { ...openSubject(task), name: task };
  const run = sides.flatMap((side) => (side.kind === "checkpoint" ? side.run : []))[0];
  if (run) return taskOfRun(run);
  throw new UlptError(
    "OPTION_INVALID",
    "An exported prompt has no data with it: on which task to score it is not said.",
    {
      where: "--task",
      expected: "an experiment file, or a task of the registry",
      hint: "Say it with --task, or compare the prompt with a run.",
    },
  );
}

function missing(side: Side, { rows, file }: KeptRows, options: DiffOptions): UlptError {
  const to = rows === "file" ? file! : `the ${rows} rows`;
  return new UlptError("RUN_MISSING", `No answers of ${side.title} to ${to} are kept.`, {
    where: whereOf(side),
    expected: "an evaluation on the same rows as the other side's",
    hint: `${options.evaluate ? "They were made, but none was kept (training.keepPredictions)" : `\`${commandFor(side, { rows, file }, options)}\` makes and keeps them, and so does \`ulpt diff\` with --evaluate`}.`,
  });
}

function whereOf(side: Side): string {
  if (side.kind === "unprompted") return whereOf(side.beside);
  return side.kind === "prompt" ? side.target.path : side.run.directory;
}

/** The command that makes an evaluation. */
function commandFor(side: Side, { rows, file }: KeptRows, { task }: Pick<DiffOptions, "task">): string {
  if (side.kind === "unprompted") return commandFor(side.beside, { rows, file }, { task });
  const path = side.kind === "prompt" ? side.target.path : checkpointPath(side.run.directory, side.step);
  const on = rows === "file" ? `--file ${shellWord(file!)}` : `--split ${rows}`;
  const of = side.kind === "prompt" ? ` --task ${task === undefined ? "EXPERIMENT" : shellWord(task)}` : "";
  return `ulpt evaluate ${shellWord(relative(process.cwd(), path))} ${on}${of}`;
}
