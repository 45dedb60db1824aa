/** @file A task with its data: rows rendered to source and target text, split, labelled and hashed. */
import { resolve } from "node:path";
import { UlptError } from "../errors.ts";
import { Stream } from "../random/philox.ts";
import { permutation } from "../random/shuffle.ts";
import { defaultValidationSplit, type TaskDefinition } from "./definition.ts";
import { majorityBaseline } from "./metrics.ts";
import { type DataFile, type Row, readDataFile } from "./rows.ts";
import { quoteList, suggest } from "../words/suggest.ts";
import { parseTemplate, renderTemplate } from "./template.ts";

export interface Example {
  source: string;
  target: string;
  /** Line of the data file it comes from, counted from 1. */
  line: number;
}

export interface Task {
  definition: TaskDefinition;
  train: Example[];
  /** Never empty. */
  validation: Example[];
  /** Empty where the task has no test file. */
  test: Example[];
  /** The valid answers: as defined, else the distinct targets in code-point order if they are few, else undefined. */
  labels: string[] | undefined;
  /** The files read: absolute path, and the sha256 of its bytes in hexadecimal. `validation` only where it is a file. */
  files: { train: SourceFile; validation?: SourceFile; test?: SourceFile };
  majority: {
    answer: string;
    /** Accuracy of always giving `answer`, from 0 to 1. */
    validation: number;
    test: number | undefined;
  };
}

export interface SourceFile {
  path: string;
  sha256: string;
}

/** More distinct targets than this are taken for free text, not for labels. */
const maxDerivedLabels = 50;

/**
 * Reads and renders everything a task needs. Paths are relative to `baseDirectory`, the folder of the experiment file.
 * @throws UlptError DATA_UNREADABLE, DATA_ENCODING, DATA_SYNTAX, DATA_RAGGED, DATA_EMPTY, DATA_FIELD_MISSING, DATA_LABEL or
 *   DATA_SPLIT
 */
export function loadTask(definition: TaskDefinition, baseDirectory: string): Task {
  const read = onceEach((path) => readDataFile(path));
  const open = (path: string | undefined) => (path === undefined ? undefined : read(resolve(baseDirectory, path)));
  const files = { train: read(resolve(baseDirectory, definition.train)), test: open(definition.test) };
  const validationFile = open(definition.validation);

  const render = exampleRenderer(definition);
  const all = render(files.train);
  const [train, validation] = validationFile
    ? [all, render(validationFile)]
    : splitValidation(all, definition.validationSplit ?? defaultValidationSplit, files.train.path);
  const test = files.test ? render(files.test) : [];

  const targetsOf = (examples: Example[]) => examples.map(({ target }) => target);
  const { answer, score } = majorityBaseline(targetsOf(train), targetsOf(validation));
  return {
    definition,
    train,
    validation,
    test,
    labels: declaredLabels(definition) ?? derivedLabels(targetsOf([...train, ...validation, ...test])),
    files: {
      train: sourceFile(files.train),
      ...(validationFile && { validation: sourceFile(validationFile) }),
      ...(files.test && { test: sourceFile(files.test) }),
    },
    majority: {
      answer,
      validation: score,
      test: test.length === 0 ? undefined : majorityBaseline(targetsOf(train), targetsOf(test)).score,
    },
  };
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
      hint: "Set fewer rows aside, or name a validation file.",
    });
  }
  const drawn = new Set(permutation(rows.length, new Stream(split.seed, "validation-split")).subarray(0, count));
  return [rows.filter((_, i) => !drawn.has(i)), rows.filter((_, i) => drawn.has(i))];
}

/** @returns what turns the rows of a file into examples, and checks each target */
function exampleRenderer(definition: TaskDefinition): (file: DataFile) => Example[] {
  const source = parseTemplate(definition.template);
  const target = parseTemplate(definition.target);
  const verbalizer = definition.verbalizer && new Map(Object.entries(definition.verbalizer));
  const labels = declaredLabels(definition);

  const targetOf = (row: Row, path: string): string => {
    const written = renderTemplate(target, row, path);
    const where = `${path}:${row.line}`;
    const text = verbalizer ? verbalizer.get(written.trim()) : written;
    if (text === undefined) throw unknownLabel(written, [...verbalizer!.keys()], "the verbalizer", where);
    if (text.trim() === "") {
      throw new UlptError("DATA_LABEL", "The target is empty.", {
        where,
        expected: `text for ${definition.target}`,
        hint: "Fill the label in, or drop the row.",
      });
    }
    if (labels && !labels.some((label) => label.trim() === text.trim())) {
      throw unknownLabel(text, labels, "the labels", where);
    }
    return text;
  };
  return ({ rows, path }) =>
    rows.map((row) => ({
      source: renderTemplate(source, row, path),
      target: targetOf(row, path),
      line: row.line,
    }));
}

function unknownLabel(found: string, known: readonly string[], list: string, where: string): UlptError {
  const near = suggest(found, known);
  return new UlptError("DATA_LABEL", `The target ${JSON.stringify(found)} is not in ${list}.`, {
    where,
    expected: `one of ${quoteList(known, "or")}`,
    hint: near ? `Did you mean ${JSON.stringify(near)}?` : `Correct the row, or add the target to ${list}.`,
  });
}

function declaredLabels({ labels, verbalizer }: TaskDefinition): string[] | undefined {
  return labels ?? (verbalizer && [...new Set(Object.values(verbalizer))]);
}

function derivedLabels(targets: readonly string[]): string[] | undefined {
  const distinct = new Set(targets.map((target) => target.trim()));
  return distinct.size <= maxDerivedLabels ? [...distinct].sort() : undefined;
}

function sourceFile({ path, sha256 }: DataFile): SourceFile {
  return { path, sha256 };
}

function onceEach<T>(make: (key: string) => T): (key: string) => T {
  const made = new Map<string, T>();
  return (key) => {
    if (!made.has(key)) made.set(key, make(key));
    return made.get(key)!;
  };
}
