/** @file A task with its data: rows rendered to source and target text, split, labelled and hashed. */
import { resolve } from "node:path";
import { UlptError } from "../errors.ts";
import type { CheckpointMetric, MetricName } from "../metrics/names.ts";
import { majorityAnswer, majorityBaseline } from "../metrics/score.ts";
import { Stream } from "../random/philox.ts";
import { permutation } from "../random/shuffle.ts";
import { describeLikeness, lookalikes, nfc, quoteVisibly } from "../words/lookalike.ts";
import { type Remark, remarksOn, requireScorable } from "./answers.ts";
import {
  checkpointMetricOf,
  defaultValidationSplit,
  metricsOf,
  type TaskDefinition,
  tableReadingOf,
} from "./definition.ts";
import { ExampleList } from "./exampleList.ts";
import { type SplitName, splitNames } from "./names.ts";
import { declaredLabels, exampleRenderer, type Renderer } from "./render.ts";
import { openSource, type Source } from "./source.ts";
import { indicesOf, parseSplit } from "./split.ts";
import { type DroppedRows, usedRows } from "./usedRows.ts";

export interface Task {
  definition: TaskDefinition;
  train: ExampleList;
  /** Never empty. */
  validation: ExampleList;
  /** Empty where the task has no test rows. */
  test: ExampleList;
  /** The valid answers: as defined, else the distinct targets in code-point order if they are few, else undefined. */
  labels: string[] | undefined;
  /** The files read, by split: their path, and the sha256 of their bytes in hexadecimal. `validation` only where it is given. */
  files: { train: SourceFile; validation?: SourceFile; test?: SourceFile };
  /** Rows left out, by source; only with `where` or `dropNulls`. */
  dropped: DroppedRows[];
  /** Labels that look alike, in a sentence each. */
  doubtfulLabels: string[];
  /** What else to know of its answers before their scores are read. */
  remarks: Remark[];
  /** What always giving the most frequent answer of the training rows scores, by the task's first metric. */
  majority: {
    answer: string;
    validation: number | undefined;
    test: number | undefined;
  };
}

export interface SourceFile {
  path: string;
  sha256: string;
}

export interface LoadOptions {
  /** The local files of a source, which is a path or a split of a data set as the definition names it; in order. */
  filesOf: (source: string) => readonly string[];
  signal?: AbortSignal | undefined;
  /** Called for each source now and then: rows read so far, and rows in all. */
  onProgress?: ((source: string, done: number, total: number) => void) | undefined;
}

/** The files of a task whose sources are paths relative to `directory`, the folder of the experiment file. */
export function filesBeside(directory: string): LoadOptions["filesOf"] {
  return (source) => [resolve(directory, source)];
}

/** The distinct sources that the splits of a task are taken from. */
export function sourcesOf(definition: TaskDefinition): string[] {
  const written = splitNames.flatMap((name) => definition[name] ?? []);
  return [...new Set(written.map((text) => parseSplit(text).source))];
}

/** More distinct targets than this are taken for free text, not for labels. */
const maxDerivedLabels = 50;
/** Metrics of tasks whose answers are one of a few. */
const classifying: ReadonlySet<MetricName> = new Set<MetricName>(["accuracy", "f1", "macro-f1", "matthews"]);

/**
 * Reads and renders everything a task needs; of a large data set only the rows and columns that it uses are kept.
 * @throws UlptError DATA_UNREADABLE, DATA_ENCODING, DATA_SYNTAX, DATA_RAGGED, DATA_EMPTY, DATA_FIELD_MISSING, DATA_LABEL or
 *   DATA_SPLIT; the signal's reason when aborted
 */
export async function loadTask(definition: TaskDefinition, options: LoadOptions): Promise<Task> {
  const renderer = exampleRenderer(definition);
  const rendered: Partial<Record<SplitName, ExampleList>> = {};
  const files: Partial<Record<SplitName, SourceFile>> = {};
  const dropped: DroppedRows[] = [];
  for (const name of sourcesOf(definition)) {
    const source = await openSource(options.filesOf(name), tableReadingOf(definition));
    try {
      renderer.requireColumns(source);
      const used = await usedRows(name, source, definition, renderer, options.signal);
      dropped.push(...used.dropped);
      Object.assign(rendered, await renderSource(definition, name, source, used.rows, renderer, options));
      const file = { path: source.path, sha256: await source.sha256() };
      for (const split of splitsFrom(name, definition)) files[split] = file;
    } finally {
      await source.close();
    }
  }
  const [train, validation] = rendered.validation
    ? [rendered.train!, rendered.validation]
    : setAside(rendered.train!, definition, files.train!.path);
  const test = rendered.test ?? ExampleList.empty();
  requireRows(definition, { train, validation, ...(rendered.test ? { test } : {}) });

  const labels = declaredLabels(definition) ?? derivedLabels(definition, [train, validation, test]);
  requireChoice(train, labels, files.train!.path);
  const splits = { train, validation, test };
  requireScorable(definition, splits, labels);
  return {
    definition,
    train,
    validation,
    test,
    labels,
    files: {
      train: files.train!,
      ...(files.validation && { validation: files.validation }),
      ...(files.test && { test: files.test }),
    },
    dropped,
    doubtfulLabels: doubtful(labels ?? []),
    remarks: remarksOn(definition, splits, labels),
    majority: await majorityOf(definition, train, validation, test, labels),
  };
}

function splitsFrom(source: string, definition: TaskDefinition): SplitName[] {
  return splitNames.filter((name) => {
    const written = definition[name];
    return written !== undefined && parseSplit(written).source === source;
  });
}

/** The splits that are taken from one source, in one pass over it; `used` are the indices of the rows that they are parts of. */
async function renderSource(
  definition: TaskDefinition,
  name: string,
  source: Source,
  used: Uint32Array | undefined,
  renderer: Renderer,
  { signal, onProgress }: LoadOptions,
): Promise<Partial<Record<SplitName, ExampleList>>> {
  const references = splitsFrom(name, definition).map((split) => ({ split, ...parseSplit(definition[split]!) }));
  const isWhole = used === undefined && references.every(({ part }) => part === undefined);
  // Where all rows are taken as they come, nobody need know how many there will be.
  const total = isWhole ? source.knownCount : await source.count(signal);
  const splits = references.map((reference) => {
    const examples = ExampleList.empty();
    if (isWhole) return { ...reference, examples, places: undefined };
    const indices = indicesOf(reference, used?.length ?? total!, definition);
    return { ...reference, examples, places: { indices, rows: rowsOf(indices, used, total!) } };
  });
  for await (const { path, start, rows } of source.batches(renderer.columns, signal)) {
    for (const [i, row] of rows.entries()) {
      for (const { examples, places } of splits) {
        if (!places || places.rows[start + i]! > 0) examples.push(renderer.example(row, path));
      }
    }
    onProgress?.(name, start + rows.length, Math.max(total ?? 0, start + rows.length));
  }
  return Object.fromEntries(
    splits.map(({ split, examples, places }) => [split, places ? inOrder(examples, places, used) : examples]),
  );
}

/** Of each row of a source, 1 where it is among the rows at `indices` of those that are used. */
function rowsOf(indices: Uint32Array, used: Uint32Array | undefined, count: number): Uint8Array {
  const taken = new Uint8Array(count);
  for (const index of indices) taken[used ? used[index]! : index] = 1;
  return taken;
}

/** Examples that came in the order of their source, in the order of their split. */
function inOrder(
  examples: ExampleList,
  { indices, rows }: { indices: Uint32Array; rows: Uint8Array },
  used: Uint32Array | undefined,
): ExampleList {
  const places = new Uint32Array(rows.length);
  let place = 0;
  for (const [row, isTaken] of rows.entries()) if (isTaken) places[row] = place++;
  return examples.select(indices.map((index) => places[used ? used[index]! : index]!));
}

/** @throws UlptError DATA_EMPTY for a split that is there and has no rows */
function requireRows(definition: TaskDefinition, splits: Partial<Record<SplitName, ExampleList>>): void {
  for (const [split, examples] of Object.entries(splits)) {
    if (examples.length > 0) continue;
    throw new UlptError("DATA_EMPTY", `The split ${JSON.stringify(definition[split as SplitName])} has no rows.`, {
      where: `task.${split}`,
      expected: "at least one row",
      hint: "The part in brackets begins behind the last row: take another one.",
    });
  }
}

/** @throws UlptError DATA_LABEL where all training rows have one answer, so that nothing can be learned from them */
function requireChoice(train: ExampleList, labels: readonly string[] | undefined, path: string): void {
  if (!labels || train.length < 2) return;
  const [first] = train.targets();
  for (const target of train.targets()) if (target.trim() !== first!.trim()) return;
  throw new UlptError("DATA_LABEL", `All ${train.length} training targets are ${JSON.stringify(first)}.`, {
    where: path,
    expected: "rows of at least two answers",
    hint: "Check the target's template and which rows are taken: a file sorted by its labels may have been cut.",
  });
}

async function majorityOf(
  definition: TaskDefinition,
  train: ExampleList,
  validation: ExampleList,
  test: ExampleList,
  labels: readonly string[] | undefined,
): Promise<Task["majority"]> {
  const answer = majorityAnswer(train.targets());
  const on = (metric: CheckpointMetric, examples: ExampleList) =>
    examples.length === 0
      ? undefined
      : majorityBaseline(metric, [answer], {
          targets: [...examples.targets()],
          references:
            definition.references === undefined ? undefined : Array.from(examples, (one) => one.references ?? []),
          labels,
        });
  const ofValidation = await on(checkpointMetricOf(definition), validation);
  const ofTest = await on(metricsOf(definition)[0], test);
  return { answer, validation: ofValidation?.score, test: ofTest?.score };
}

function setAside(rows: ExampleList, definition: TaskDefinition, path: string): [ExampleList, ExampleList] {
  const split = definition.validationSplit ?? defaultValidationSplit;
  const [train, validation] = splitValidation(rows.length, split, path);
  // A copy, so that the training rows can be let go one after the other.
  return [rows.select(train), rows.select(validation).copy()];
}

/**
 * Sets rows aside for validation: the first `count` (or the rounded `fraction`, at least one) of the seed's permutation.
 * @param path their file, for errors
 * @returns the indices of the rows of both parts, each in the order of the file
 * @throws UlptError DATA_SPLIT if no row would be left for training
 */
export function splitValidation(
  rows: number,
  split: { count?: number | undefined; fraction?: number | undefined; seed: number },
  path: string,
): [train: Uint32Array, validation: Uint32Array] {
  const count = split.count ?? Math.max(1, Math.round((split.fraction ?? defaultValidationSplit.fraction) * rows));
  if (count >= rows) {
    throw new UlptError("DATA_SPLIT", `${count} of ${rows} rows for validation leave none for training.`, {
      where: `${path}, validationSplit`,
      expected: `a count from 1 to ${rows - 1}`,
      hint: "Set fewer rows aside, or name validation rows.",
    });
  }
  const order = permutation(rows, new Stream(split.seed, "validation-split"));
  return [order.slice(count).sort(), order.slice(0, count).sort()];
}

/** The targets in the data, where they are few; targets that differ in how their letters are put together become one. */
function derivedLabels(definition: TaskDefinition, splits: readonly ExampleList[]): string[] | undefined {
  if (!metricsOf(definition).some((metric) => classifying.has(metric))) return undefined;
  const distinct = new Set<string>();
  for (const examples of splits) {
    for (const target of examples.targets()) {
      distinct.add(target.trim());
      if (distinct.size > maxDerivedLabels) return undefined;
    }
  }
  const labels = new Set([...distinct].map(nfc));
  if (labels.size < distinct.size) for (const examples of splits) examples.rewriteTargets(nfc);
  return (labels.size < distinct.size ? [...labels] : [...distinct]).sort();
}

function doubtful(labels: readonly string[]): string[] {
  return lookalikes(labels).map(
    ([a, b]) =>
      `The labels ${quoteVisibly(a)} and ${quoteVisibly(b)} differ ${describeLikeness(a, b)}, but count as two answers.`,
  );
}
