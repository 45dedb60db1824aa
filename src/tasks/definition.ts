/**
 * @file What a task is, as an experiment file writes it: where the rows are, how a row becomes source and target text, and
 * how answers are scored. The descriptions are what an editor shows on hover.
 */
import { z } from "zod";
import { UlptError } from "../errors.ts";
import {
  type CheckpointMetric,
  checkpointMetricNames,
  functionAliases,
  type MetricName,
  metricNames,
  rougeTokenizers,
} from "../metrics/names.ts";
import { bounded, mostItems } from "./bounds.ts";
import type { TableReading } from "./csv.ts";
import { dataFileEndingPattern, dataFileEndings } from "./dataFormat.ts";
import { variantNames } from "./names.ts";
import { splitRules } from "./split.ts";
import { parseTemplate } from "./template.ts";
import { whereSchema } from "./where.ts";

/** Used when neither validation rows nor a split is given. */
export const defaultValidationSplit = { fraction: 0.1, seed: 42 } as const;

const slice = "(\\[(\\d+%?)?:(\\d+%?)?\\])?";
const sliceText = "a part of it in brackets, like [:1000] or [50%:]";

const dataFile = bounded.path.regex(
  new RegExp(`\\S${dataFileEndingPattern}${slice}$`),
  `must be the path of a data file ending in ${dataFileEndings}, or of ${sliceText}`,
);

const splitName = bounded.path.regex(
  new RegExp(`^\\w+([.-]\\w+)*${slice}$`),
  `must be the name of a split, like "train", or of ${sliceText}`,
);

/** A repository of the Hub, with the revision to take behind an @. */
export const datasetPattern = /^[\w-][\w.-]*(\/[\w-][\w.-]*)?(@[\w./-]+)?$/;

const datasetId = bounded.path.regex(
  datasetPattern,
  'must be a data set of the Hugging Face Hub, like "nyu-mll/glue", with a revision behind an @ if it should not be the newest',
);

function templateText(needsField: boolean) {
  return bounded.template.superRefine((text, context) => {
    try {
      const { fields } = parseTemplate(text);
      if (needsField && fields.length === 0) {
        context.addIssue({ code: "custom", message: "must use at least one field of the data, like {text}" });
      }
    } catch (error) {
      if (!(error instanceof UlptError)) throw error;
      context.addIssue({ code: "custom", message: `${error.message}; expected ${error.expected}` });
    }
  });
}

const validationSplit = z
  .strictObject({
    count: bounded.rows.optional().describe("Number of training rows set aside."),
    fraction: z.number().gt(0).lt(1).optional().describe("Share of the training rows set aside, above 0 and below 1."),
    seed: z.int().min(0).default(42).describe("Seed of the order in which rows are drawn for validation."),
  })
  .refine((split) => (split.count === undefined) !== (split.fraction === undefined), {
    message: 'must have either "count" or "fraction"',
  })
  .meta({ oneOf: [{ required: ["count"] }, { required: ["fraction"] }] });

const metricName = z.enum(metricNames);

const metricText =
  "How answers are scored; of a list, the first is reported and the others stand beside it. accuracy: share of answers equal to the target, space at the ends aside; f1: of the second of two labels; macro-f1: mean over the labels that occur; matthews: correlation coefficient of classes; pearson, spearman: correlation of numbers; exact-match, token-f1: as SQuAD; rouge-1, rouge-2, rouge-l, rouge-lsum: of summaries; final-answer: of GSM8K; tests-passed, tests-fraction: of programs, which are only run if you allow it; likelihood: exp(−loss) on the targets.";

/** How rows become text and answers a score. */
const wording = {
  template: templateText(true).describe(
    'The text the model reads. {field} is the value of that column or key, {answers[0]} what is inside, {text | padPunctuation} is changed by a filter, {{ and }} are braces. Example: "premise: {premise} hypothesis: {hypothesis}".',
  ),
  target: templateText(true).describe('The answer the model should write, in the same notation. Example: "{label}".'),
  verbalizer: z
    .record(bounded.label, bounded.label.min(1))
    .refine((texts) => Object.keys(texts).length <= mostItems, { message: `must have at most ${mostItems} entries` })
    .optional()
    .describe(
      'Text that stands for each target, when the data holds codes: {"0": "negative", "1": "positive"}. A target that is not listed is an error.',
    ),
  labels: z
    .array(bounded.label.min(1))
    .min(1)
    .max(mostItems)
    .refine((labels) => new Set(labels).size === labels.length, { message: "must not list a label twice" })
    .optional()
    .meta({
      description:
        "All answers that are valid, as the model should write them. A target that is not among them is an error; a prediction that is not counts as invalid. Without it: the targets in the data, if there are at most 50.",
      uniqueItems: true,
    }),
  references: templateText(true)
    .optional()
    .describe(
      "What else an answer is judged by, one text for each element of a list: further right answers ({answers[]}) for exact-match and token-f1, assertions ({test_list[]}) for programs.",
    ),
  cluster: templateText(true)
    .optional()
    .describe(
      "What rows have in common that are not independent, like the {paragraph} that several questions are about: rows with the same text here count together in the intervals of scores and in tests between runs.",
    ),
};

const scoring = {
  metric: z
    .union([metricName, z.array(metricName).min(1).max(metricNames.length)])
    .default("accuracy")
    .describe(metricText),
  checkpointMetric: z
    .enum(checkpointMetricNames)
    .optional()
    .describe(
      "By which checkpoints are compared on the validation rows, for the best one and for early stopping: a metric, or loss, the mean loss of the targets, of which the lowest is the best and for which no answer is generated. Default: the first metric.",
    ),
};

const chatText =
  "Whether every source is a user's message in the chat template of the model's tokenizer, and the target the answer to it; an object adds a system message, or a template of its own. Only for decoder-only models that were trained on conversations.";

/** How the rows reach the model, and what answers go through before they are scored. */
const reading = {
  chat: z
    .union([
      z.boolean(),
      z
        .strictObject({
          system: bounded.template.optional().describe("The system message in front of every source."),
          template: bounded.template
            .min(1)
            .optional()
            .describe(
              "A chat template (Jinja, as Transformers' chat_template) in place of the tokenizer's own, for models that have none or were trained with another.",
            ),
        })
        .refine(({ system, template }) => system !== undefined || template !== undefined, {
          message: 'must have "system", "template" or both; true is a chat without either',
        })
        .meta({ minProperties: 1 }),
    ])
    .default(false)
    .describe(chatText),
  rougeTokenizer: z
    .enum(rougeTokenizers)
    .default("ascii")
    .describe(
      "What ROUGE takes for words. ascii: runs of a to z and 0 to 9, as rouge_score, which leaves out all other letters; unicode: runs of letters and digits of any script, and of Chinese, Japanese, Thai, Lao, Khmer and Burmese each character.",
    ),
  cleanUpSpaces: z
    .boolean()
    .default(false)
    .describe(
      "Whether answers and targets lose the space before . ? ! , and before n't, 'm, 's, 've and 're, and both around a single ', before they are compared, as clean_up_tokenization_spaces of Transformers does: \"John ' s\" becomes \"John's\".",
    ),
  functionAlias: z
    .enum(functionAliases)
    .default("called")
    .describe(
      "Which name of an assertion the first function of a program gets where the program lacks it. called: the first that the assertion calls; asserted: only a call right after the word assert, as the paper's code.",
    ),
};

const limits = {
  maxSourceLength: bounded.length
    .default(256)
    .describe("Longest source in tokens, the prompt not counted; what is longer loses its end."),
  maxTargetLength: bounded.length
    .optional()
    .describe(
      "Longest target in tokens, the end token counted; a longer one in the data is an error. Default: the longest target.",
    ),
  truncateTargets: z
    .boolean()
    .default(false)
    .describe("Whether targets longer than maxTargetLength lose their end instead of being an error."),
  maxNewTokens: bounded.length
    .optional()
    .describe(
      "Most tokens of a generated answer, where generation.maxNewTokens does not say. Default: the longest target.",
    ),
};

const splitting = {
  validationSplit: validationSplit
    .optional()
    .describe(
      "How many training rows to set aside for validation, when no validation rows are given: a count or a fraction, drawn with a seed. Default: a tenth, seed 42.",
    ),
  splitSeed: z
    .int()
    .min(0)
    .max(2 ** 32 - 1)
    .nullable()
    .default(42)
    .describe(
      "Rows are put in the order that splitRule draws with this seed before a part like [:1000] is taken, as the paper's code does; null: they are taken in their own order.",
    ),
  splitRule: z
    .enum(splitRules)
    .default("torch")
    .describe(
      "How rows are cut into parts. torch: in the order of torch.randperm, shares rounded down, as the paper's code does for T5; datasets: as train_test_split of Hugging Face datasets does, in the order of numpy's default_rng, shares rounded up: with test_size 0.1 its test is [:10%] and its train [10%:].",
    ),
};

const dropNullsText =
  "Whether rows are left out in which a field that the templates need is null (of a .csv or .tsv file: empty, or one of nullValues), before the others are split; a warning says how many. Without it a null is an error.";
const choosing = { where: whereSchema.optional(), dropNulls: z.boolean().default(false).describe(dropNullsText) };

/** How tables in text are written. */
const tables = {
  delimiter: z
    .string()
    .regex(/^[^\r\n"]$/u, "must be one character: what separates the columns")
    .optional()
    .describe('What separates the columns of tables, like ";". Default: a comma, in .tsv files a tab.'),
  quote: z
    .enum(['"', "'"])
    .nullable()
    .optional()
    .describe(
      "What encloses a field of a table that holds delimiters or line ends; null: nothing does, and every quote is a part of the text, as in GLUE's .tsv files. Default: the double quote; a .tsv in which two of them may enclose one field or several rows is refused until this is set.",
    ),
  nullValues: z
    .array(bounded.label)
    .max(mostItems)
    .optional()
    .describe(
      'Texts of tables that are read as null. Default: those of pandas: the empty text, NA, N/A, NaN, None, NULL, null and their like. Where one of these is a real label, [""] keeps only the empty text.',
    ),
};

const oneValidation = {
  path: ["validationSplit"],
  message: 'cannot be combined with "validation": remove one of the two',
};

/** A task whose rows are files beside the experiment. */
const fileTask = z
  .strictObject({
    train: dataFile.describe(
      `Training rows: a file ending in ${dataFileEndings}, text in UTF-8; or ${sliceText}. Paths are relative to the experiment file.`,
    ),
    validation: dataFile
      .optional()
      .describe("Rows on which checkpoints are compared. Without it, some training rows are set aside for that."),
    test: dataFile
      .optional()
      .describe("Rows for the final score, used once per run. Without it there is no test score."),
    ...wording,
    ...scoring,
    ...reading,
    ...limits,
    ...tables,
    ...choosing,
    ...splitting,
  })
  .refine((task) => task.validation === undefined || task.validationSplit === undefined, oneValidation)
  .describe("Rows in files beside the experiment.");

const dataset = datasetId.describe(
  'A data set of the Hugging Face Hub, downloaded once: "nyu-mll/glue"; a revision can stand behind an @.',
);
const config = bounded.path
  .regex(/^[\w.-]+$/, "must be the name of a configuration")
  .describe("The configuration of the data set, like sst2 of nyu-mll/glue. Default: its only one.");

/** A task whose rows are a data set of the Hub. */
const hubTask = z
  .strictObject({
    dataset,
    config: config.optional(),
    train: splitName.default("train").describe(`Training rows: the name of a split, or ${sliceText}.`),
    validation: splitName
      .optional()
      .describe("Rows on which checkpoints are compared. Without it, some training rows are set aside for that."),
    test: splitName
      .optional()
      .describe("Rows for the final score, used once per run. Without it there is no test score."),
    ...wording,
    ...scoring,
    ...reading,
    ...limits,
    ...choosing,
    ...splitting,
  })
  .refine((task) => task.validation === undefined || task.validationSplit === undefined, oneValidation)
  .describe("Rows of a data set of the Hugging Face Hub.");

/** The tasks of the registry (registry.ts has what they are). */
export const taskNames = [
  "mnli",
  "qqp",
  "qnli",
  "sst2",
  "stsb",
  "mrpc",
  "rte",
  "cola",
  "superglue-multirc",
  "superglue-boolq",
  "superglue-wic",
  "superglue-wsc.fixed",
  "superglue-cb",
  "nq",
  "hotpotqa",
  "searchqa",
  "newsqa",
  "winogrande",
  "yelp_polarity",
  "scitail",
  "paws",
  "gsm8k",
  "mbpp",
  "xsum",
  "samsum",
] as const;
export type TaskName = (typeof taskNames)[number];

const taskName = z.enum(taskNames);

/** A task of the registry with some of it changed. */
const namedTask = z
  .strictObject({
    name: taskName.describe("A task of the registry; `ulpt tasks` lists them."),
    variant: z
      .enum(variantNames)
      .optional()
      .describe(
        "Where the official code has a defect: fixed (the default) does what was meant, faithful what it does, so that numbers compare with the paper's.",
      ),
    dataset: datasetId
      .optional()
      .describe("Another copy of its data set with the same columns, or a revision of it behind an @."),
    train: splitName.optional().describe("Other training rows of its data set."),
    validation: splitName.optional().describe("Other validation rows of its data set."),
    test: splitName.optional().describe("Other test rows of its data set."),
    template: wording.template.optional(),
    chat: reading.chat.unwrap().optional().describe(chatText),
    metric: scoring.metric.unwrap().optional().describe(metricText),
    checkpointMetric: scoring.checkpointMetric,
    maxSourceLength: limits.maxSourceLength
      .unwrap()
      .optional()
      .describe("Longest source in tokens. Default: the task's."),
    maxTargetLength: limits.maxTargetLength,
    maxNewTokens: limits.maxNewTokens,
    where: choosing.where,
    dropNulls: z.boolean().optional().describe(dropNullsText),
  })
  .describe("A task of the registry, with some of it changed.");

/** A task as an experiment writes it: a name of the registry, or an object. */
export const writtenTaskSchema = z
  .union([taskName.describe("A task of the registry; `ulpt tasks` lists them."), fileTask, hubTask, namedTask])
  .describe("What is learned: the data, how a row becomes text, and how answers are scored.");
export type WrittenTask = z.infer<typeof writtenTaskSchema>;

/** Which member of the union above an object was meant to be, for words about what is wrong with it. */
export function taskFormOf(task: object): number {
  return "name" in task ? 3 : "dataset" in task ? 2 : 1;
}

/** What a task of the registry came from, which its resolved form keeps. */
const origin = { name: taskName.optional(), variant: z.enum(variantNames).optional() };

/** A task with nothing left to look up, as run.json records it. */
export const taskDefinitionSchema = z.union([
  z.object({ ...origin, ...fileTask.shape }),
  z.object({ ...origin, ...hubTask.shape }),
]);
export type TaskDefinition = z.infer<typeof taskDefinitionSchema>;
export type HubTask = Extract<TaskDefinition, { dataset: string }>;
/** A task of the Hub as it is written. */
export type HubTaskInput = z.input<typeof hubTask>;
export const hubTaskSchema = hubTask;

/** All metrics of a task; the first is the one that is reported. */
export function metricsOf({ metric }: Pick<TaskDefinition, "metric">): [MetricName, ...MetricName[]] {
  return Array.isArray(metric) ? (metric as [MetricName, ...MetricName[]]) : [metric];
}

/** The metric by which checkpoints are compared. */
export function checkpointMetricOf(task: Pick<TaskDefinition, "metric" | "checkpointMetric">): CheckpointMetric {
  return task.checkpointMetric ?? metricsOf(task)[0];
}

export function isHubTask(task: TaskDefinition): task is HubTask {
  return "dataset" in task;
}

/** How the tables of a task are written. */
export function tableReadingOf(task: TaskDefinition): TableReading {
  if (isHubTask(task)) return {};
  const { delimiter, quote, nullValues } = task;
  return { delimiter, quote, nullValues };
}
