/** @file From a published number to the experiment file that repeats it, with comments on what paper and code leave open. */
import { UlptError } from "../errors.ts";
import { usualSettings } from "../experiment/expand.ts";
import { methodRecord } from "../experiment/methods/registry.ts";
import { registry } from "../tasks/registry.ts";
import type { PaperCell, PaperTrained } from "./cell.ts";
import { describeValue, grouped, tableName } from "./format.ts";
import { type Protocol, protocolOf, protocolTask, threeSeeds } from "./protocol.ts";
import { paper } from "./results.ts";

/** A name for the experiment file of a cell, and with it for the folder of its runs. */
export function experimentFileName({ id }: Pick<PaperCell, "id">): string {
  return `${id.replaceAll("/", "-")}.ulpt.json`;
}

/**
 * The experiment as JSON with comments: the protocol of the official code, the defects of its tasks included.
 * @throws UlptError OPTION_INVALID where its method cannot be trained here
 */
export function reproduceExperiment(cell: PaperCell): string {
  const { method } = cell;
  if (cell.reason !== undefined || method.name === "other") {
    throw new UlptError("OPTION_INVALID", `${cell.id} cannot be reproduced here. ${cell.reason ?? ""}`.trim(), {
      where: "paper",
      expected: "a result of ULPT, DPT or prompt tuning",
      hint: "Choose another result; the numbers of this one can still be read.",
    });
  }
  const protocol = protocolOf(cell);
  return `${heading(cell).join("\n")}
{
  "paper": ${json(cell.id)}, // our score is shown beside this number

  "model": ${json(cell.model)}, // the paper names no revision
${taskLines(cell, protocol)}

${methodLines(method, protocol)}
${seedLines(cell, protocol)}

${trainingLines(cell, method, protocol)}

  // ${protocol.maxNewTokens.comment}
  "generation": { "maxNewTokens": ${protocol.maxNewTokens.value} }
}
`;
}

function heading(cell: PaperCell): string[] {
  return [
    `// ${tableName(cell)}: ${cell.taskTitle}, ${cell.method.label}: ${describeValue(cell)}.`,
    `// ${paper.title} (${paper.venue}, ${paper.url}).`,
    "// The settings are those that the paper's official code ran; comments say where its text has others.",
    ...cell.notes.map((note) => `// Note: ${note}`),
    ...(cell.readAtStep === undefined
      ? []
      : [`// Compare the validation score at step ${grouped(cell.readAtStep)}, not that of the best checkpoint.`]),
  ];
}

function taskLines(cell: PaperCell, { taskComment }: Protocol): string {
  const { variants } = registry[cell.task];
  const written = protocolTask(cell);
  const task = typeof written === "string" ? json(written) : object(written);
  return [
    ...(variants
      ? [
          `// ${variants.defect}`,
          '// "faithful" repeats that, so that scores can be compared; "fixed" is what was meant.',
        ]
      : []),
    ...(taskComment === undefined ? [] : [`// ${taskComment}`]),
    `"task": ${task},`,
  ]
    .map((line) => `  ${line}`)
    .join("\n");
}

function methodLines(
  { name, promptLength, settings }: PaperTrained,
  { distribution, start, positionComment }: Protocol,
): string {
  const { inherits } = methodRecord(name);
  const [usual] = usualSettings(name, [2]);
  const defaults = usual as Readonly<Record<string, unknown>>;
  const uses = (key: string) => inherits.some((inherited) => inherited === key);
  const changed = Object.entries(settings).filter(([key, value]) => key !== "rank" && value !== defaults[key]);
  const own = Object.fromEntries(changed.filter(([key]) => !uses(key)));
  const method = Object.keys(own).length > 0 ? object({ name, ...own }) : json(name);
  return [
    `"method": ${method},`,
    ...(uses("rank") ? [`"rank": ${settings.rank},`] : []),
    `"promptLength": ${promptLength},`,
    ...(positionComment === undefined ? [] : [`"promptPosition": "first", // ${positionComment}`]),
    ...changed.filter(([key]) => uses(key)).map(([key, value]) => `${json(key)}: ${json(value)},`),
    ...(uses("projection")
      ? [`// ${distribution.comment}`, `"projection": { "distribution": ${json(distribution.value)} },`]
      : []),
    ...(uses("initialization") ? [`// ${start.comment}`, `"initialization": ${object(start.value)},`] : []),
  ]
    .map((line) => `  ${line}`)
    .join("\n");
}

function seedLines({ seeds, deviation }: PaperCell, { seed }: Protocol): string {
  if (seeds === 3) {
    const printed = deviation === undefined ? "" : ", whose deviation it prints";
    return `  "seed": ${spaced(threeSeeds)}, // the paper reports three seeds${printed}, but not which`;
  }
  const why =
    seeds === 1
      ? "the code's default; no deviation is printed, so the paper's number seems to be of one run"
      : "the code's default; how many runs the paper's number is of is not said";
  return `  "seed": ${seed}, // ${why}`;
}

function trainingLines({ readAtStep }: PaperCell, { name }: PaperTrained, protocol: Protocol): string {
  const { steps, optimizer, clipNorm, dropout, evaluateEvery } = protocol;
  const rate = protocol.learningRate[name]!; // of every method of its tables
  const { comment, remark: _, ...numbers } = optimizer;
  return `  "training": {
    "steps": ${steps.value}, // ${steps.comment}${readAtStep === undefined ? "" : ", and the figure ends before"}
    "batchSize": ${protocol.batchSize},
    "lastBatch": ${json(protocol.lastBatch)}, // an epoch's last batch has the rows that are left, as with the Trainer
    "learningRate": ${rate.value}, // ${rate.comment}
    // ${comment}
    "optimizer": ${object(numbers)},
    "schedule": ${json(protocol.schedule)},
    "warmupSteps": ${protocol.warmupSteps},
    "clipNorm": ${clipNorm.value}, // ${clipNorm.comment}
    "dropout": ${dropout.value}, // ${dropout.comment}
    "evaluateEvery": ${evaluateEvery.value}, // ${evaluateEvery.comment}
    "keepCheckpoints": "best-and-last"
  },`;
}

/** In one line, with spaces as people write them. */
function object(value: object): string {
  const entries = Object.entries(value).map(([key, entry]) => `${json(key)}: ${text(entry)}`);
  return `{ ${entries.join(", ")} }`;
}

function text(value: unknown): string {
  if (Array.isArray(value)) return spaced(value);
  if (typeof value === "object" && value !== null) return object(value);
  // As it is written by hand: 1e-6, not 0.000001.
  return typeof value === "number" && value !== 0 && value < 1e-4 ? value.toExponential() : json(value);
}

function json(value: unknown): string {
  return JSON.stringify(value);
}

function spaced(values: readonly number[]): string {
  return `[${values.join(", ")}]`;
}
