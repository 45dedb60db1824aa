/**
 * @file What a task is, as an experiment file writes it: where the rows are, how a row becomes source and target text, and
 * how answers are scored. The descriptions are what an editor shows on hover.
 */
import { z } from "zod";
import { UlptError } from "../errors.ts";
import { dataFileExtensions } from "./rows.ts";
import { parseTemplate } from "./template.ts";

/** How predictions are scored. `accuracy`: the share of answers that equal the target, space at the ends aside. */
export const metricNames = ["accuracy"] as const;
export type MetricName = (typeof metricNames)[number];

/** Used when neither a validation file nor a split is given. */
export const defaultValidationSplit = { fraction: 0.1, seed: 42 } as const;

const dataFile = z
  .string()
  .regex(
    new RegExp(`\\S(${dataFileExtensions.map((extension) => `\\${extension}`).join("|")})$`),
    `must be the path of a data file ending in ${dataFileExtensions.join(", ")}`,
  );

function templateText(needsField: boolean) {
  return z.string().superRefine((text, context) => {
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
    count: z.int().min(1).optional().describe("Number of training rows set aside."),
    fraction: z.number().gt(0).lt(1).optional().describe("Share of the training rows set aside, above 0 and below 1."),
    seed: z.int().min(0).default(42).describe("Seed of the order in which rows are drawn for validation."),
  })
  .refine((split) => (split.count === undefined) !== (split.fraction === undefined), {
    message: 'must have either "count" or "fraction"',
  })
  .meta({ oneOf: [{ required: ["count"] }, { required: ["fraction"] }] });

/** A task whose rows are files beside the experiment. */
export const fileTaskSchema = z
  .strictObject(
    {
      train: dataFile.describe(
        "Training rows: a .jsonl, .csv or .tsv file in UTF-8. Paths are relative to the experiment file.",
      ),
      validation: dataFile
        .optional()
        .describe("Rows on which checkpoints are compared. Without it, some training rows are set aside for that."),
      test: dataFile
        .optional()
        .describe("Rows for the final score, used once per run. Without it there is no test score."),
      template: templateText(true).describe(
        'The text the model reads. {field} is the value of that column or key, {{ and }} are braces. Example: "premise: {premise} hypothesis: {hypothesis}".',
      ),
      target: templateText(true).describe(
        'The answer the model should write, in the same notation. Example: "{label}".',
      ),
      verbalizer: z
        .record(z.string(), z.string().min(1))
        .optional()
        .describe(
          'Text that stands for each target, when the data holds codes: {"0": "negative", "1": "positive"}. A target that is not listed is an error.',
        ),
      labels: z
        .array(z.string().min(1))
        .min(1)
        .refine((labels) => new Set(labels).size === labels.length, { message: "must not list a label twice" })
        .optional()
        .meta({
          description:
            "All answers that are valid, as the model should write them. A target that is not among them is an error; a prediction that is not counts as invalid. Without it: the targets in the data, if there are at most 50.",
          uniqueItems: true,
        }),
      metric: z
        .enum(metricNames)
        .default("accuracy")
        .describe("How answers are scored. accuracy: share of answers equal to the target, space at the ends aside."),
      maxSourceLength: z
        .int()
        .min(1)
        .default(256)
        .describe("Longest source in tokens, the prompt not counted; what is longer loses its end."),
      maxTargetLength: z
        .int()
        .min(1)
        .optional()
        .describe(
          "Longest target in tokens, the end token counted; a longer one in the data is an error. Default: the longest target.",
        ),
      validationSplit: validationSplit
        .optional()
        .describe(
          "How many training rows to set aside for validation, when no validation file is given: a count or a fraction, drawn with a seed. Default: a tenth, seed 42.",
        ),
    },
    {
      error: (issue) =>
        issue.code === "invalid_type" && typeof issue.input === "string"
          ? `must be an object with "train", "template" and "target": named tasks like ${JSON.stringify(issue.input)} are not available yet`
          : undefined,
    },
  )
  .refine((task) => task.validation === undefined || task.validationSplit === undefined, {
    path: ["validationSplit"],
    message: 'cannot be combined with "validation": remove one of the two',
  })
  .describe("What is learned: the data, how a row becomes text, and how answers are scored.");

/**
 * A task in an experiment. The forms of a task are told apart by what they are: an object with files now; a name from the
 * registry and a Hub data set join as further members.
 */
export const taskDefinitionSchema = fileTaskSchema;
export type FileTask = z.infer<typeof fileTaskSchema>;
export type TaskDefinition = z.infer<typeof taskDefinitionSchema>;
