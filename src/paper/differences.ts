/** @file What differs between a run of ours and the paper's protocol, in words. */
import { parseHubId } from "../experiment/hubId.ts";
import { checkpointMetricOf, type TaskDefinition } from "../tasks/definition.ts";
import { registry } from "../tasks/registry.ts";
import { resolveTask } from "../tasks/resolve.ts";
import type { PaperCell } from "./cell.ts";
import { capital, grouped, metricTitle } from "./format.ts";
import { isT5, t5Protocol } from "./protocol.ts";
import type { ComparableMethod, ComparableRun, ComparableTask } from "./run.ts";

/**
 * `setting`: a setting of this run is not the paper's. `open`: the paper leaves it open, or its text and code disagree.
 * `always`: no run of ours does it as the paper did.
 */
export type DifferenceKind = "setting" | "open" | "always";

export interface Difference {
  kind: DifferenceKind;
  what: string;
  /** Sentences. */
  paper: string;
  ours: string;
  /** What it can do to the score, where that is known. */
  effect?: string;
}

/**
 * Everything that differs: first the settings of the run, then what the paper leaves open, then what always differs. `seeds` are
 * those of all runs that are compared.
 */
export function protocolDifferences(
  run: ComparableRun,
  cell: PaperCell,
  seeds: readonly number[] = [run.seed],
): Difference[] {
  const settings = [
    ...modelDifferences(run, cell),
    ...taskDifferences(run, cell),
    ...methodDifferences(run, cell),
    ...(cell.method.name === "other" || !isT5(cell) ? [] : trainingDifferences(run)),
    ...generationDifferences(run, cell),
    ...seedDifferences(seeds, cell),
  ];
  return [...settings, ...openQuestions(run, cell, seeds), ...alwaysDifferent(run, cell)];
}

/** A difference in a setting, if there is one. */
function setting(same: boolean, what: string, paper: string, ours: string, effect?: string): Difference[] {
  return same ? [] : [{ kind: "setting", what, paper, ours, ...(effect === undefined ? {} : { effect }) }];
}

function modelDifferences({ model }: ComparableRun, cell: PaperCell): Difference[] {
  const hub = parseHubId(model);
  const same = hub?.id === cell.model;
  return [
    ...setting(
      same,
      "Model",
      `${cell.model}.`,
      hub ? `${hub.id}.` : `The folder ${model}.`,
      hub ? "The scores are of different models." : "None, if the folder holds that model; that is not checked.",
    ),
    ...setting(
      !same || hub.revision === undefined || hub.revision === "main",
      "Revision of the model",
      "None is named.",
      `${hub?.revision}.`,
      "None, if the weights are the same.",
    ),
  ];
}

function taskDifferences({ task }: ComparableRun, cell: PaperCell): Difference[] {
  if (task.name !== cell.task) {
    return setting(
      false,
      "Task",
      `${cell.taskTitle}, as the official code reads it.`,
      task.name === undefined
        ? `Rows of ${task.dataset ?? task.train}, with a template of their own.`
        : `${task.name}.`,
      "The scores are of different tasks, unless the rows, the template and the metric are the same.",
    );
  }
  const protocol = resolveTask({ name: cell.task, variant: "faithful" });
  const { variants } = registry[cell.task];
  return [
    ...setting(
      variants === undefined || task.variant === "faithful",
      "Variant of the task",
      `The official code has a defect. ${variants?.defect}`,
      'The task is "fixed": it does what was meant.',
      'The scores are of different tasks; with "variant": "faithful" they can be compared.',
    ),
    ...splitDifferences(task, protocol),
    ...metricDifferences(task, cell, protocol),
    ...setting(
      task.maxSourceLength === protocol.maxSourceLength,
      "Longest source",
      `${protocol.maxSourceLength} tokens; what is longer loses its end.`,
      `${task.maxSourceLength} tokens.`,
      "None on sources that are shorter than both.",
    ),
  ];
}

function splitDifferences(task: ComparableTask, protocol: TaskDefinition): Difference[] {
  const dataset = "dataset" in protocol ? protocol.dataset : undefined;
  return [
    ...setting(
      task.dataset === dataset,
      "Data set",
      `${dataset}; no revision is named.`,
      `${task.dataset ?? "Files"}.`,
      "None, if the rows are the same and in the same order.",
    ),
    ...(["train", "validation", "test"] as const).flatMap((split) =>
      setting(
        task[split] === protocol[split],
        `Rows of the ${split} split`,
        `${protocol[split] ?? "none"}.`,
        `${task[split] ?? "None"}.`,
        split === "test"
          ? "The scores are of different rows."
          : split === "validation"
            ? "Another checkpoint may be chosen."
            : undefined,
      ),
    ),
    ...setting(
      task.splitSeed === protocol.splitSeed && (task.splitRule ?? "torch") === protocol.splitRule,
      "Order in which rows are split",
      splitOrder(protocol),
      splitOrder(task),
      "Other rows are set aside for validation, and where the test is half of a split, other rows are tested.",
    ),
  ];
}

function splitOrder({ splitSeed, splitRule = "torch" }: Pick<ComparableTask, "splitSeed" | "splitRule">): string {
  if (splitSeed === null) return "The data set's own order.";
  return `That of ${splitRule === "torch" ? "torch.randperm" : "train_test_split"} with seed ${splitSeed}.`;
}

function metricDifferences(task: ComparableTask, cell: PaperCell, protocol: TaskDefinition): Difference[] {
  const metric = typeof task.metric === "string" ? task.metric : task.metric[0];
  const chosen = task.checkpointMetric ?? metric;
  const protocolChosen = checkpointMetricOf(protocol);
  return [
    ...setting(
      metric === cell.metric,
      "Metric",
      `${capital(metricTitle(cell.metric))}.`,
      `${capital(metricTitle(metric ?? "none"))}.`,
      "The two numbers measure different things.",
    ),
    ...setting(
      chosen === protocolChosen,
      "Choice of the checkpoint",
      `The best ${metricTitle(protocolChosen)} on the validation rows.`,
      `The best ${metricTitle(chosen ?? "none")} on the validation rows.`,
      "Another checkpoint may be tested.",
    ),
  ];
}

function methodDifferences({ method, promptLength }: ComparableRun, cell: PaperCell): Difference[] {
  const theirs = cell.method;
  if (theirs.name !== method.name) {
    const parameters = theirs.parameters === undefined ? "" : `, ${theirs.parameters} trained numbers`;
    return setting(
      false,
      "Method",
      `${theirs.label}${parameters}.`,
      `${methodTitle(method)}, ${promptLength} prompt tokens.`,
      "The scores are of different methods.",
    );
  }
  if (theirs.name === "other") return [];
  return [
    ...setting(
      theirs.promptLength === promptLength,
      "Prompt length",
      theirs.promptLength === null ? "Not printed." : `${theirs.promptLength} tokens.`,
      `${promptLength} tokens.`,
    ),
    ...(theirs.name === "ulpt" ? ulptDifferences(method, theirs) : startDifferences(method, cell)),
  ];
}

function methodTitle({ name, rank }: ComparableMethod): string {
  if (name === "vanilla") return "Prompt tuning";
  return rank === undefined ? name : `${name === "ulpt" ? "ULPT" : name} r=${rank}`;
}

function ulptDifferences(
  method: ComparableMethod,
  theirs: { rank: number | null; scale: boolean; shift: boolean },
): Difference[] {
  const trained = (is: boolean | undefined) => (is ? "Trained." : "Left out.");
  const { distribution, groups } = method.projection ?? {};
  return [
    ...setting(
      theirs.rank === method.rank,
      "Rank",
      theirs.rank === null ? "Not printed." : `${theirs.rank}.`,
      `${method.rank}.`,
    ),
    ...(["scale", "shift"] as const).flatMap((part) =>
      setting(theirs[part] === method[part], capital(part), trained(theirs[part]), trained(method[part])),
    ),
    // The text's own distribution is an open question, not a departure.
    ...setting(
      distribution === t5Protocol.distribution || distribution === "normal",
      "Distribution of the projection",
      `${t5Protocol.distribution} in the T5 code, standard normal in the text.`,
      `${distribution}.`,
      "The prompt starts at another size and moves at another speed for the same learning rate.",
    ),
    ...setting(
      (groups ?? 1) === 1,
      "Groups of the projection",
      "One projection for all tokens, the code's default; the paper does not mention groups.",
      `${groups} projections.`,
    ),
  ];
}

/** Where the prompt of vanilla prompt tuning starts. */
function startDifferences({ initialization }: ComparableMethod, cell: PaperCell): Difference[] {
  if (!isT5(cell)) return [];
  const { from, text, specialTokens = false } = initialization ?? {};
  return setting(
    from === "text" && text === t5Protocol.vanillaText && specialTokens,
    "Start of the prompt",
    `${startText(t5Protocol.vanillaText, true, " (sic)")}, the code's default for every task; the paper says only that the baseline ran in its default configuration.`,
    from === "text" && text !== undefined
      ? `${startText(text, specialTokens)}.`
      : from === "vocabulary"
        ? "The embeddings of random words of the vocabulary."
        : "Random numbers.",
  );
}

function startText(text: string, specialTokens: boolean, remark = ""): string {
  return `The embeddings of the text ${JSON.stringify(text)}${remark} ${specialTokens ? "with" : "without"} the tokenizer's end token, repeated`;
}

/** What of a run's training is not the paper's protocol for T5. */
export function trainingDifferences({ training, method }: Pick<ComparableRun, "training" | "method">): Difference[] {
  const { steps, batchSize, lastBatch, learningRate, optimizer, schedule, warmupSteps, clipNorm } = training;
  const { dropout, evaluateEvery } = training;
  const rate = method.name === "ulpt" ? t5Protocol.ulptLearningRate : t5Protocol.vanillaLearningRate;
  const theirs = t5Protocol.optimizer;
  return [
    ...setting(
      steps === t5Protocol.steps,
      "Steps",
      `${stepsOfPaper}.`,
      `${grouped(steps)}.`,
      steps < t5Protocol.steps
        ? "Prompts learn slowly: with fewer steps the score is likely to be lower."
        : "With more steps the score may be higher.",
    ),
    ...setting(batchSize === t5Protocol.batchSize, "Batch size", `${t5Protocol.batchSize}.`, `${batchSize}.`),
    ...setting(
      lastBatch === t5Protocol.lastBatch,
      "Last batch of an epoch",
      "What is left of the rows: every epoch begins with a batch of its own.",
      "Filled with rows of the next epoch.",
      "The same number of steps sees a few rows more.",
    ),
    ...setting(
      learningRate === rate,
      "Learning rate",
      method.name === "ulpt"
        ? `${rate}, in the text and the code, for every rank.`
        : `Not published; ${rate} is that of ATTEMPT, from which the code descends.`,
      `${learningRate}.`,
    ),
    ...setting(
      optimizer.name === theirs.name &&
        optimizer.epsilon === theirs.epsilon &&
        optimizer.weightDecay === theirs.weightDecay &&
        optimizer.betas.every((beta, i) => beta === theirs.betas[i]),
      "Optimiser",
      `${optimizerText(theirs)}; the script's weight decay of 1e-5 never reaches it.`,
      `${optimizerText(optimizer)}.`,
    ),
    ...setting(
      schedule === t5Protocol.schedule && warmupSteps === t5Protocol.warmupSteps,
      "Learning-rate schedule",
      `${t5Protocol.schedule}, after a warm-up of ${t5Protocol.warmupSteps} steps.`,
      `${schedule}, after a warm-up of ${warmupSteps} steps.`,
    ),
    ...setting(
      clipNorm === t5Protocol.clipNorm,
      "Clipping of the gradient",
      `To a norm of ${t5Protocol.clipNorm}, the default of the Trainer that the code uses.`,
      clipNorm === null ? "None." : `To a norm of ${clipNorm}.`,
    ),
    ...setting(
      dropout === t5Protocol.dropout,
      "Dropout",
      `${t5Protocol.dropout}: the Trainer of Transformers puts the whole model into training mode, the frozen one too, so T5's own dropout falls on every layer and on attention. The paper does not mention it.`,
      dropout === 0 ? "None: the frozen model always computes the same." : `${dropout}.`,
      "Dropout makes each gradient a noisy one. With so few trained numbers there is little to regularise, and leaving it out tends to help; by how much on this task is not known.",
    ),
    ...setting(
      evaluateEvery === t5Protocol.evaluateEvery,
      "Evaluations",
      `Every ${grouped(t5Protocol.evaluateEvery)} steps; the best checkpoint is tested.`,
      `Every ${grouped(evaluateEvery)} steps.`,
      "The best checkpoint is chosen among others.",
    ),
    ...setting(
      training.earlyStopping === null,
      "Early stopping",
      "None: every run takes all its steps.",
      "A run ends when its validation score has stopped rising.",
    ),
  ];
}

const stepsOfPaper = `${grouped(t5Protocol.steps)} in the code's script, up to ${grouped(t5Protocol.stepsInText)} in the text`;

function optimizerText({ name, betas, epsilon, weightDecay }: ComparableRun["training"]["optimizer"]): string {
  const form =
    name === "hf-adamw"
      ? "AdamW in the form of Transformers"
      : name === "adamw"
        ? "AdamW in the form of PyTorch"
        : name;
  return `${form}, betas ${betas.join(" and ")}, epsilon ${epsilon}, weight decay ${weightDecay}`;
}

function generationDifferences({ generation, task }: ComparableRun, cell: PaperCell): Difference[] {
  if (!isT5(cell)) return [];
  const limit = generation.maxNewTokens ?? task.maxNewTokens;
  return setting(
    limit === t5Protocol.maxNewTokens,
    "Length of answers",
    `Up to ${t5Protocol.maxNewTokens} tokens, greedily: a length of 20 that counts the decoder's start token.`,
    `Up to ${limit === undefined ? "as many tokens as the longest target has" : `${limit} tokens`}, greedily.`,
    "An answer that goes on behind the right one counts as right where it is cut off in time.",
  );
}

function seedDifferences(seeds: readonly number[], { seeds: theirs }: PaperCell): Difference[] {
  return setting(
    theirs === null || theirs === seeds.length,
    "Number of seeds",
    theirs === 1 ? "One, it seems: no deviation is printed." : `${theirs}.`,
    `${seeds.length}.`,
    seeds.length < (theirs ?? 0) ? "The mean of fewer runs is less sure." : "The mean of more runs is surer.",
  );
}

function openQuestions(run: ComparableRun, cell: PaperCell, seeds: readonly number[]): Difference[] {
  const open: Difference[] = [];
  if (cell.method.name === "other") {
    open.push({
      kind: "open",
      what: "Training settings",
      paper: `Those of ${cell.method.label}, which is quoted only.`,
      ours: "Those of the run; they are not compared.",
    });
  } else if (!isT5(cell)) {
    open.push({
      kind: "open",
      what: "Training settings",
      paper: cell.model.startsWith("bigscience/") ? bloomzTraining : llamaTraining,
      ours: "Those of the run; they are not compared one by one.",
    });
  } else {
    open.push(...openSteps(run, cell), ...openMethod(run, cell));
  }
  return [...open, ...openSeeds(seeds, cell)];
}

const bloomzTraining = "30,000 steps in batches of 4; everything else as with T5.";
const llamaTraining =
  "3 epochs of GSM8K or 10 of MBPP in batches of 4 (2 × 2), AdamW with weight decay 0.01, linear decay after a warm-up of 5 %, no clipping. The learning rate of ULPT is 1e-2 in the text and 1e-3 in the code.";

function openSteps({ training: { steps } }: ComparableRun, { readAtStep }: PaperCell): Difference[] {
  // Other numbers of steps are a departure, and are listed with the settings.
  if (steps !== t5Protocol.steps) return [];
  const drawn = readAtStep === undefined ? "" : ` The curve ends at step ${grouped(readAtStep)}.`;
  return [
    {
      kind: "open",
      what: "Steps",
      paper: `Text and code disagree: ${stepsOfPaper}. Which of them the number comes from is not said.${drawn}`,
      ours: `${grouped(steps)}, as the code.`,
      effect: "If the paper's run was longer, ours may score lower.",
    },
  ];
}

function openMethod({ method, training }: ComparableRun, cell: PaperCell): Difference[] {
  if (cell.method.name !== method.name) return [];
  if (method.name === "vanilla") {
    return [
      {
        kind: "open",
        what: "Settings of prompt tuning",
        paper: 'They are called "default configurations"; no values are given.',
        ours: `A learning rate of ${training.learningRate}, and all else as for ULPT.`,
        effect: "A baseline depends much on its learning rate and its start.",
      },
    ];
  }
  const distribution = method.projection?.distribution;
  if (distribution !== t5Protocol.distribution && distribution !== "normal") return [];
  return [
    {
      kind: "open",
      what: "Distribution of the projection",
      paper:
        "Text and code disagree: standard normal in the text, which finds others as good; uniform within ±√(6/(r+d)) in the T5 code (xavier-uniform).",
      ours: `${distribution}, as the ${distribution === "normal" ? "text" : "code"}.`,
      effect: "It sets the size at which the prompt starts, and how far a step moves it.",
    },
  ];
}

function openSeeds(seeds: readonly number[], cell: PaperCell): Difference[] {
  const known =
    cell.seeds === null
      ? "Neither how many runs the number is of nor their seeds are said."
      : cell.seeds === 1
        ? `Not said. The code's default is ${t5Protocol.seed}.`
        : "Which ones is not said.";
  return [{ kind: "open", what: seeds.length === 1 ? "Seed" : "Seeds", paper: known, ours: `${seeds.join(", ")}.` }];
}

function alwaysDifferent({ method, task, training }: ComparableRun, cell: PaperCell): Difference[] {
  const always: Omit<Difference, "kind">[] = [
    {
      what: "Random numbers",
      paper: "From torch's global generator on the CPU.",
      ours:
        method.name === "ulpt"
          ? "From Philox4x32-10, so that a seed gives the same projection and the same start of Z on every machine."
          : "From Philox4x32-10, the same on every machine.",
      effect: "The same distributions but other numbers: as with another seed.",
    },
    ...(training.dropout > 0 ? [masks] : []),
    {
      what: "Order of the training rows",
      paper: "A permutation for each epoch, drawn with torch's generator.",
      ours: "A permutation for each epoch, drawn with Philox4x32-10.",
      effect: "As with another seed.",
    },
    {
      what: "Padding",
      paper: "Every source is padded to the longest that the task allows.",
      ours: "Sources are padded to the longest beside them.",
      effect: "None but rounding: padding is masked.",
    },
    {
      what: "Rows that go through the model together",
      paper: "A batch at once in training, 16 rows in their own order in evaluations.",
      ours: "Rows of similar length, as many as fit: the gradients of a batch are summed, answers put back in order.",
      effect: "None but rounding.",
    },
    ...(isT5(cell) && cell.task === task.name && !registry[cell.task].variants ? [keptSpaces] : []),
    {
      what: "Arithmetic",
      paper: "32-bit floating point in PyTorch.",
      ours: "32-bit floating point in ONNX Runtime.",
      effect: "Sums are rounded differently, and over thousands of steps that can carry two runs apart.",
    },
  ];
  return always.map((difference) => ({ kind: "always", ...difference }));
}

const masks: Omit<Difference, "kind"> = {
  what: "Masks of dropout",
  paper: "Drawn anew for every layer and step.",
  ours: "Parts of one table of such draws, each from one of a million places in it, drawn anew for every layer and step.",
  effect: "As with another seed, as far as is known: a mask is as random, but two of them may share a part, shifted.",
};

/** Where the task has variants, this is among what tells them apart. */
const keptSpaces: Omit<Difference, "kind"> = {
  what: "Spaces in decoded answers",
  paper: "Removed before punctuation and contractions, the default of Transformers 4.37.",
  ours: "Kept.",
  effect: "None on right answers, which are digits alone; two wrong ones may become the same.",
};
