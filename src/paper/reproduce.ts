/** @file From a published number to the experiment file that repeats it, with comments on what paper and code leave open. */
import { UlptError } from "../errors.ts";
import { registry } from "../tasks/registry.ts";
import type { PaperCell, PaperUlpt, PaperVanilla } from "./cell.ts";
import { describeValue, grouped, tableName } from "./format.ts";
import { t5Protocol } from "./protocol.ts";
import { paper } from "./results.ts";

/** A name for the experiment file of a cell, and with it for the folder of its runs. */
export function experimentFileName({ id }: Pick<PaperCell, "id">): string {
  return `${id.replaceAll("/", "-")}.ulpt.json`;
}

/**
 * The experiment as JSON with comments: the protocol of the official T5 code, the defects of its tasks included.
 * @throws UlptError MODEL_UNSUPPORTED where its model cannot be trained on yet, OPTION_INVALID where its method cannot be
 */
export function reproduceExperiment(cell: PaperCell): string {
  const { method } = cell;
  if (cell.reason !== undefined || method.name === "other") {
    throw new UlptError(
      cell.available ? "OPTION_INVALID" : "MODEL_UNSUPPORTED",
      `${cell.id} cannot be reproduced here. ${cell.reason ?? ""}`.trim(),
      {
        where: "paper",
        expected: "a result of ULPT or prompt tuning on T5",
        hint: "Choose another result; the numbers of this one can still be read.",
      },
    );
  }
  return `${heading(cell).join("\n")}
{
  "paper": ${json(cell.id)}, // our score is shown beside this number

  "model": ${json(cell.model)}, // the paper names no revision
${taskLines(cell)}

${methodLines(method)}
${seedLines(cell)}

${trainingLines(cell, method)}

  // As the code, whose limit of 20 counts the start token: all that is generated counts, so an answer that goes on behind the right one is not it.
  "generation": { "maxNewTokens": ${t5Protocol.maxNewTokens} }
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

function taskLines({ task }: PaperCell): string {
  const { variants } = registry[task];
  if (!variants) return `  "task": ${json(task)},`;
  return `  // ${variants.defect}
  // "faithful" repeats that, so that scores can be compared; "fixed" is what was meant.
  "task": { "name": ${json(task)}, "variant": "faithful" },`;
}

function methodLines(method: PaperUlpt | PaperVanilla): string {
  const length = `  "promptLength": ${method.promptLength},`;
  if (method.name === "vanilla") {
    return `  "method": "vanilla",
${length}
  // The code's default for every task, spelt as there, repeated with its end token. The paper says only "default configurations" of prompt tuning.
  "initialization": { "from": "text", "text": ${json(t5Protocol.vanillaText)}, "specialTokens": true },`;
  }
  const { rank, scale, shift } = method;
  return `  "method": "ulpt",
  "rank": ${rank},
${length}${scale ? "" : '\n  "scale": false,'}${shift ? "" : '\n  "shift": false,'}
  // As the T5 code draws it; the paper's text says "normal" and that others do as well.
  "projection": { "distribution": ${json(t5Protocol.distribution)} },`;
}

function seedLines({ seeds, deviation }: PaperCell): string {
  if (seeds === 3) {
    const printed = deviation === undefined ? "" : ", whose deviation it prints";
    return `  "seed": ${spaced(t5Protocol.threeSeeds)}, // the paper reports three seeds${printed}, but not which`;
  }
  const why =
    seeds === 1
      ? "the code's default; no deviation is printed, so the paper's number seems to be of one run"
      : "the code's default; how many runs the paper's number is of is not said";
  return `  "seed": ${t5Protocol.seed}, // ${why}`;
}

function trainingLines(cell: PaperCell, method: PaperUlpt | PaperVanilla): string {
  const { optimizer } = t5Protocol;
  const rate =
    method.name === "ulpt"
      ? `${t5Protocol.ulptLearningRate}, // one for Z, scale and shift, at every rank`
      : `${t5Protocol.vanillaLearningRate}, // not published for this baseline: that of ATTEMPT, from which the code descends`;
  const steps = `as the code's script; the paper's text says up to ${grouped(t5Protocol.stepsInText)}${
    cell.readAtStep === undefined ? "" : ", and the figure ends before"
  }`;
  return `  "training": {
    "steps": ${t5Protocol.steps}, // ${steps}
    "batchSize": ${t5Protocol.batchSize},
    "lastBatch": ${json(t5Protocol.lastBatch)}, // an epoch's last batch has the rows that are left, as with the Trainer
    "learningRate": ${rate}
    // Transformers' own AdamW. The script's --weight_decay 1e-5 never reaches it.
    "optimizer": { "name": ${json(optimizer.name)}, "betas": ${spaced(optimizer.betas)}, "epsilon": 1e-6, "weightDecay": ${optimizer.weightDecay} },
    "schedule": ${json(t5Protocol.schedule)},
    "warmupSteps": ${t5Protocol.warmupSteps},
    "clipNorm": ${t5Protocol.clipNorm}, // the default of the Trainer that the code uses; the paper does not mention it
    "dropout": ${t5Protocol.dropout}, // T5's own, active as the code trains; the paper does not mention it, and 0 tends to do better
    "evaluateEvery": ${t5Protocol.evaluateEvery}, // the checkpoint with the best validation score is tested
    "keepCheckpoints": "best-and-last"
  },`;
}

function json(value: unknown): string {
  return JSON.stringify(value);
}

function spaced(values: readonly number[]): string {
  return `[${values.join(", ")}]`;
}
