/** @file A task with its data: rows rendered to source and target text, split, labelled and hashed. */
import { resolve } from "node:path";
import { UlptError } from "../errors.ts";
import type { MetricName } from "../metrics/names.ts";
import { majorityAnswer, majorityBaseline } from "../metrics/score.ts";
import { Stream } from "../random/philox.ts";
import { permutation } from "../random/shuffle.ts";
import {
  checkpointMetricOf,
  defaultValidationSplit,
  metricsOf,
  type SplitName,
  splitNames,
  type TaskDefinition,
} from "./definition.ts";
import { type DroppedRows, usedRows } from "./nulls.ts";
import { declaredLabels, type Example, exampleRenderer, type Renderer } from "./render.ts";
import { openSource, type Source } from "./source.ts";
import { indicesOf, parseSplit } from "./split.ts";

export interface Task {
  definition: TaskDefinition;
  train: Example[];
  /** Never empty. */
  validation: Example[];
  /** Empty where the task has no test rows. */
  test: Example[];
  /** The valid answers: as defined, else the distinct targets in code-point order if they are few, else undefined. */
  labels: string[] | undefined;
  /** The files read, by split: their path, and the sha256 of their bytes in hexadecimal. `validation` only where it is given. */
  files: { train: SourceFile; validation?: SourceFile; test?: SourceFile };
  /** Rows left out for a field that is null, by source; only with `dropNulls`. */
  dropped: DroppedRows[];
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
  const rendered: Partial<Record<SplitName, Example[]>> = {};
  const files: Partial<Record<SplitName, SourceFile>> = {};
  const dropped: DroppedRows[] = [];
  for (const name of sourcesOf(definition)) {
    const source = await openSource(options.filesOf(name));
    try {
      if (source.columns) renderer.requireColumns(source.columns, source.path);
      const used = await usedRows(name, source, definition, renderer, options.signal);
      if (used.dropped) dropped.push(used.dropped);
      Object.assign(rendered, await renderSource(definition, name, source, used.rows, renderer, options));
      const file = { path: source.path, sha256: await source.sha256() };
      for (const split of splitsFrom(name, definition)) files[split] = file;
    } finally {
      await source.close();
    }
  }
  const all = rendered.train!;
  const [train, validation] = rendered.validation
    ? [all, rendered.validation]
    : splitValidation(all, definition.validationSplit ?? defaultValidationSplit, files.train!.path);
  const test = rendered.test ?? [];
  requireRows(definition, { train, validation, ...(rendered.test ? { test } : {}) });

  const labels = declaredLabels(definition) ?? derivedLabels(definition, [train, validation, test]);
  requireChoice(train, labels, files.train!.path);
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
  used: Uint32Array,
  renderer: Renderer,
  { signal, onProgress }: LoadOptions,
): Promise<Partial<Record<SplitName, Example[]>>> {
  const splits = splitsFrom(name, definition).map((split) => {
    const indices = indicesOf(parseSplit(definition[split]!), used.length, definition);
    // Where each row of the source goes, or −1; an identity for a split that is the whole source.
    const places = new Int32Array(source.count).fill(-1);
    for (const [place, index] of indices.entries()) places[used[index]!] = place;
    return { split, places, examples: new Array<Example>(indices.length) };
  });
  for await (const { path, start, rows } of source.batches(renderer.columns)) {
    signal?.throwIfAborted();
    for (const [i, row] of rows.entries()) {
      for (const { places, examples } of splits) {
        const place = places[start + i]!;
        if (place >= 0) examples[place] = renderer.example(row, path);
      }
    }
    onProgress?.(name, start + rows.length, source.count);
  }
  return Object.fromEntries(splits.map(({ split, examples }) => [split, examples]));
}

/** @throws UlptError DATA_EMPTY for a split that is there and has no rows */
function requireRows(definition: TaskDefinition, splits: Partial<Record<SplitName, Example[]>>): void {
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
function requireChoice(train: readonly Example[], labels: readonly string[] | undefined, path: string): void {
  const [first] = train;
  if (!labels || train.length < 2 || train.some(({ target }) => target.trim() !== first!.target.trim())) return;
  throw new UlptError("DATA_LABEL", `All ${train.length} training targets are ${JSON.stringify(first!.target)}.`, {
    where: path,
    expected: "rows of at least two answers",
    hint: "Check the target's template and which rows are taken: a file sorted by its labels may have been cut.",
  });
}

async function majorityOf(
  definition: TaskDefinition,
  train: readonly Example[],
  validation: readonly Example[],
  test: readonly Example[],
  labels: readonly string[] | undefined,
): Promise<Task["majority"]> {
  const targetsOf = (examples: readonly Example[]) => examples.map(({ target }) => target);
  const on = (metric: MetricName, examples: readonly Example[]) =>
    examples.length === 0
      ? undefined
      : majorityBaseline(metric, targetsOf(train), {
          targets: targetsOf(examples),
          references: definition.references === undefined ? undefined : examples.map((one) => one.references ?? []),
          labels,
        });
  const ofValidation = await on(checkpointMetricOf(definition), validation);
  const ofTest = await on(metricsOf(definition)[0], test);
  return { answer: majorityAnswer(targetsOf(train)), validation: ofValidation?.score, test: ofTest?.score };
}

/**
 * Sets rows aside for validation: the first `count` (or the rounded `fraction`, at least one) of the seed's permutation.
 * Both parts keep the order of the file, of which `path` is the name for errors.
 * @throws UlptError DATA_SPLIT if no row would be left for training
 */
export function splitValidation<T>(
  rows: readonly T[],
  split: { count?: number | undefined; fraction?: number | undefined; seed: number },
  path: string,
): [train: T[], validation: T[]] {
  const count =
    split.count ?? Math.max(1, Math.round((split.fraction ?? defaultValidationSplit.fraction) * rows.length));
  if (count >= rows.length) {
    throw new UlptError("DATA_SPLIT", `${count} of ${rows.length} rows for validation leave none for training.`, {
      where: `${path}, validationSplit`,
      expected: `a count from 1 to ${rows.length - 1}`,
      hint: "Set fewer rows aside, or name validation rows.",
    });
  }
  const drawn = new Set(permutation(rows.length, new Stream(split.seed, "validation-split")).subarray(0, count));
  return [rows.filter((_, i) => !drawn.has(i)), rows.filter((_, i) => drawn.has(i))];
}

function derivedLabels(definition: TaskDefinition, splits: readonly (readonly Example[])[]): string[] | undefined {
  if (!metricsOf(definition).some((metric) => classifying.has(metric))) return undefined;
  const distinct = new Set<string>();
  for (const examples of splits) {
    for (const { target } of examples) {
      distinct.add(target.trim());
      if (distinct.size > maxDerivedLabels) return undefined;
    }
  }
  return [...distinct].sort();
}
