/** @file The text of a new experiment file: short, commented, ready to train. */

export interface NewExperiment {
  /** As written in the file: a path relative to it, with `/`. */
  model: string;
  train: string;
  validation?: string | undefined;
  test?: string | undefined;
  template: string;
  target: string;
  methods: readonly ("ulpt" | "vanilla")[];
  ranks: readonly number[];
  promptLength: number;
  steps: number;
}

/** The experiment as JSON with comments. `parseExperiment` reads it. */
export function writeExperiment(given: NewExperiment): string {
  const { model, train, validation, test, template, target, methods, ranks, promptLength, steps } = given;
  const task = [
    `"train": ${json(train)},`,
    validation
      ? `"validation": ${json(validation)},`
      : "// No validation file: a tenth of the training rows is set aside.",
    test ? `"test": ${json(test)}, // used once a run, for its final score` : "",
    `"template": ${json(template)}, // what the model reads; {field} is a column of the data`,
    `"target": ${json(target)} // what it should answer`,
  ].filter(Boolean);
  const usesUlpt = methods.includes("ulpt");
  return `// A prompt-tuning experiment: the model stays frozen, only a short prompt is trained.
// Lists in "method", "rank" and "seed" make one run for each combination. Hover over a setting to read about it.
{
  "model": ${json(model)},
  "task": {
    ${task.join("\n    ")}
  },

  // ulpt trains a few numbers for each prompt token; vanilla trains every number of the prompt, to compare with.
  "method": ${methods.length === 1 ? json(methods[0]) : list(methods)},
${usesUlpt ? `  "rank": ${ranks.length === 1 ? ranks[0] : list(ranks)}, // trained numbers per prompt token (ulpt)\n` : ""}  "promptLength": ${promptLength},
  "seed": 1, // [1, 2, 3] repeats every run with three seeds

  "training": {
    "steps": ${steps},
    "batchSize": 16,
    "learningRate": 0.3, // prompts take far larger ones than weights do
    "evaluateEvery": ${Math.max(1, Math.floor(steps / 10))} // steps between two evaluations; each writes a checkpoint
  }
}
`;
}

function json(value: unknown): string {
  return JSON.stringify(value);
}

function list(values: readonly (string | number)[]): string {
  return `[${values.map(json).join(", ")}]`;
}

/** A field likely to be the answer, out of the columns of a data file. */
export function guessTarget(fields: readonly string[]): string | undefined {
  const names = ["label", "target", "answer", "output", "class", "category", "sentiment", "y"];
  return names.map((name) => fields.find((field) => field.toLowerCase() === name)).find(Boolean) ?? fields.at(-1);
}

/** A template of the other fields: one alone as it is, several each after its name. */
export function guessTemplate(fields: readonly string[], target: string): string {
  const sources = fields.filter((field) => field !== target && !/^(id|idx|index|split)$/i.test(field));
  if (sources.length === 1) return `{${sources[0]}}`;
  return sources.map((field) => `${field}: {${field}}`).join(" ");
}

/** The files of the other splits beside a training file: `complaint.train.jsonl` has `complaint.test.jsonl`. */
export function siblingSplit(
  train: string,
  split: "validation" | "test",
  names: readonly string[],
): string | undefined {
  const words = split === "validation" ? ["validation", "valid", "val", "dev"] : ["test"];
  return words
    .map((word) => train.replace(/train(?=[^/\\a-z]|$)/i, word))
    .find((name) => name !== train && names.includes(name));
}
