/** @file The text of a new experiment file: short, commented, ready to train. */
import { type MethodName, methodRecord } from "../../experiment/methods/registry.ts";
import type { TaskName } from "../../tasks/definition.ts";
import type { VariantName } from "../../tasks/names.ts";
import { registry } from "../../tasks/registry.ts";
import { resolveTask } from "../../tasks/resolve.ts";
import { programsMetric, sizesText } from "../data/registryTexts.ts";
import { untranslated } from "../window/translate.ts";

/** Files beside the experiment, as it writes their paths: relative to it, with `/`. */
export interface NewFileTask {
  kind: "files";
  train: string;
  validation?: string | undefined;
  test?: string | undefined;
  /** What separates the columns, where that is not what the files' ending says. */
  delimiter?: string | undefined;
  /** Whether texts are written with the tokenizer's chat template. */
  chat?: boolean | undefined;
  template: string;
  target: string;
}

export interface NewHubTask {
  kind: "hub";
  /** An id of the Hub, with a revision behind an @. */
  dataset: string;
  config?: string | undefined;
  /** Whether texts are written with the tokenizer's chat template. */
  chat?: boolean | undefined;
  template: string;
  target: string;
}

export interface NewRegistryTask {
  kind: "registry";
  name: TaskName;
  /** Of a task that has two. */
  variant?: VariantName | undefined;
}

export interface NewExperiment {
  /** A path relative to the file, with `/`, or an id of the Hub. */
  model: string;
  /** Whether the model is one of the Hub: far larger than those that come along with a workspace. */
  isHubModel: boolean;
  task: NewFileTask | NewHubTask | NewRegistryTask;
  /** At least one. */
  methods: readonly MethodName[];
  ranks: readonly number[];
}

/** How long and how fast to train: what suits a model of that size. */
interface Effort {
  promptLength: number;
  steps: number;
  stepsComment: string;
  evaluateEvery: number;
  learningRateOf(method: MethodName): number;
}

/** Tokens of the prompt of a new experiment, by where its model is from. */
export const usualPromptLengths = { folder: 20, hub: 100 };

/** Of tiny models. */
const smallLearningRate = 0.3;

function effortOf({ isHubModel, task }: NewExperiment): Effort {
  if (!isHubModel) {
    return {
      promptLength: usualPromptLengths.folder,
      steps: 400,
      stepsComment: "enough for a tiny model; larger ones take thousands, the paper's runs 30,000",
      evaluateEvery: 40,
      learningRateOf: () => smallLearningRate,
    };
  }
  const learningRateOf = (method: MethodName) => methodRecord(method).usualLearningRate;
  const large = { promptLength: usualPromptLengths.hub, learningRateOf };
  if (task.kind === "registry") {
    const stepsComment = "as the paper's code trains T5: hours on a GPU. 300 show whether it learns";
    return { ...large, steps: 30_000, stepsComment, evaluateEvery: 1000 };
  }
  return { ...large, steps: 3000, stepsComment: "a start; the paper's runs take 30,000", evaluateEvery: 300 };
}

/** The experiment as JSON with comments. `parseExperiment` reads it. */
export function writeExperiment(given: NewExperiment): string {
  const { model, isHubModel, methods } = given;
  const effort = effortOf(given);
  const rate = effort.learningRateOf(methods[0]!);
  return `// A prompt-tuning experiment: the model stays frozen, only a short prompt is trained.
// Lists in "method", "rank" and "seed" make one run for each combination. Hover over a setting to read about it.
{
  "model": ${json(model)},${isHubModel ? " // of the Hugging Face Hub: downloaded once, when it is first needed" : ""}
${taskText(given.task)}

${methods.map((name) => `  // ${name}: ${methodRecord(name).summary}`).join("\n")}
${methodText(given, effort)}
  "promptLength": ${effort.promptLength},
  "seed": 1, // [1, 2, 3] repeats every run with three seeds

  "training": {
    "steps": ${effort.steps}, // ${effort.stepsComment}
    "batchSize": 16,
    "learningRate": ${rate}, // prompts take far larger ones than weights do
    "evaluateEvery": ${effort.evaluateEvery} // steps between two evaluations; each writes a checkpoint
  }
}
`;
}

function taskText(task: NewExperiment["task"]): string {
  if (task.kind === "registry") return registryText(task);
  return `  "task": {\n    ${(task.kind === "files" ? fileLines(task) : hubLines(task)).join("\n    ")}\n  },`;
}

function fileLines({ train, validation, test, delimiter, chat, template, target }: NewFileTask): string[] {
  return [
    `"train": ${json(train)},`,
    validation
      ? `"validation": ${json(validation)},`
      : "// No validation file: a tenth of the training rows is set aside.",
    ...(test ? [`"test": ${json(test)}, // used once a run, for its final score`] : []),
    ...(delimiter ? [`"delimiter": ${json(delimiter)}, // what separates the columns`] : []),
    ...wordingLines(template, target, chat),
  ];
}

function hubLines({ dataset, config, chat, template, target }: NewHubTask): string[] {
  return [
    `"dataset": ${json(dataset)}, // of the Hugging Face Hub: downloaded once, when it is first needed`,
    ...(config ? [`"config": ${json(config)},`] : []),
    `"train": "train", // the name of a split, or a part of it: "train[1000:]"`,
    `// No "validation": a tenth of the training rows is set aside. Where the data set has splits of its own:`,
    `// "validation": "validation", "test": "test",`,
    ...wordingLines(template, target, chat),
  ];
}

function wordingLines(template: string, target: string, chat = false): string[] {
  return [
    ...(chat ? [`"chat": true, // the text is a user's message, in the chat template of the model's tokenizer`] : []),
    `"template": ${json(template)}, // what the model reads; {field} is a column of the data`,
    `"target": ${json(target)} // what it should answer`,
  ];
}

function registryText({ name, variant }: NewRegistryTask): string {
  const { title, group, description, variants } = registry[name];
  const lines = [
    `// ${title} (${group}): ${description}`,
    `// ${sizesText(name, untranslated)}. Data, template, answers and metric come with the name.`,
  ];
  if (programsMetric(resolveTask(name))) {
    lines.push("// Scored by running the programs that the model writes: the setting ulpt.runGeneratedCode allows it.");
  }
  if (!variants) return [...lines, `"task": ${json(name)},`].map(indented).join("\n");
  lines.push(
    `// The official code has a defect: ${variants.defect}`,
    `// "fixed" does what was meant; "faithful" repeats the defect, to compare with the paper's numbers.`,
    `"task": { "name": ${json(name)}, "variant": ${json(variant ?? "fixed")} },`,
  );
  return lines.map(indented).join("\n");
}

function indented(line: string): string {
  return `  ${line}`;
}

function methodText({ methods, ranks }: NewExperiment, { learningRateOf }: Effort): string {
  const rate = learningRateOf(methods[0]!);
  // One learning rate of the experiment does not suit all.
  const written = methods.map((name) => {
    const own = learningRateOf(name);
    return own === rate ? json(name) : `{ "name": ${json(name)}, "learningRate": ${own} }`;
  });
  const lines = [`  "method": ${written.length === 1 ? written[0] : `[${written.join(", ")}]`},`];
  const ranked = methods.filter(hasRank);
  if (ranked.length > 0) {
    const rank = ranks.length === 1 ? ranks[0] : `[${ranks.join(", ")}]`;
    lines.push(`  "rank": ${rank}, // trained numbers per prompt token (${ranked.join(", ")})`);
  }
  return lines.join("\n");
}

/** Whether a method takes the experiment's ranks. */
export function hasRank(method: MethodName): boolean {
  return methodRecord(method).inherits.includes("rank");
}

function json(value: unknown): string {
  return JSON.stringify(value);
}

/** A field likely to be the answer, out of the columns of a data file. */
export function guessTarget(fields: readonly string[]): string | undefined {
  const names = ["label", "target", "answer", "output", "class", "category", "sentiment", "y"];
  const found = names.map((name) => fields.find((field) => field.toLowerCase() === name)).find(Boolean);
  return found ?? fields.findLast((field) => !isIndex(field)) ?? fields.at(-1);
}

/** Columns that number the rows, or name where they are from; pandas writes its index without a name. */
function isIndex(field: string): boolean {
  return /^(id|idx|index|split|unnamed: \d+)$/i.test(field);
}

/** A template of the other fields: one alone as it is, several each after its name. */
export function guessTemplate(fields: readonly string[], target: string): string {
  const sources = fields.filter((field) => field !== target && !isIndex(field));
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
