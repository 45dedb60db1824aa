/** @file What differs between a run of ours and the paper's protocol, in words. */
import { canonicalJson } from "../experiment/describe.ts";
import { parseHubId } from "../experiment/hubId.ts";
import { knownMethod } from "../experiment/methods/registry.ts";
import { isLowest } from "../metrics/kinds.ts";
import { checkpointMetricOf, type TaskDefinition } from "../tasks/definition.ts";
import { registry } from "../tasks/registry.ts";
import type { PaperCell, PaperTrained } from "./cell.ts";
import { capital, grouped, metricTitle } from "./format.ts";
import { type Protocol, protocolDefinition, protocolOf } from "./protocol.ts";
import { type ComparableMethod, type ComparableRun, type ComparableTask, settingOf } from "./run.ts";

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
    ...(cell.method.name === "other" ? [] : trainingDifferences(run, protocolOf(cell))),
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
  const protocol = protocolDefinition(cell);
  const { variants } = registry[cell.task];
  return [
    ...setting(
      variants === undefined || task.variant === "faithful",
      "Variant of the task",
      `The official code has a defect. ${variants?.defect}`,
      'The task is "fixed": it does what was meant.',
      'The scores are of different tasks; with "variant": "faithful" they can be compared.',
    ),
    ...setting(
      // Another variant has its own.
      task.variant !== protocol.variant || task.template === protocol.template,
      "Text that the model reads",
      `${protocol.template.trimEnd()}.`,
      `${task.template.trimEnd()}.`,
      "The model is asked in another way.",
    ),
    ...setting(
      canonicalJson(task.chat ?? false) === canonicalJson(protocol.chat),
      "Chat",
      protocol.chat ? "A conversation, as the code writes it." : "None: texts stand by themselves.",
      task.chat ? "A conversation, written otherwise." : "None: texts stand by themselves.",
      "The model is asked in another way.",
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
      selectedBy(chosen) === selectedBy(protocolChosen),
      "Choice of the checkpoint",
      chosenBy(protocolChosen),
      chosenBy(chosen ?? "none"),
      "Another checkpoint may be tested.",
    ),
  ];
}

/** The highest likelihood of the targets is the lowest loss. */
function selectedBy(metric: string | undefined): string | undefined {
  return metric === "likelihood" ? "loss" : metric;
}

function chosenBy(metric: string): string {
  return `The ${isLowest(metric) ? "lowest" : "best"} ${metricTitle(metric)} on the validation rows.`;
}

function methodDifferences(run: ComparableRun, cell: PaperCell): Difference[] {
  const { method, promptLength, promptPosition = "first" } = run;
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
      `${theirs.promptLength} tokens.`,
      `${promptLength} tokens.`,
    ),
    ...setting(
      promptPosition === "first",
      "Place of the prompt",
      "Before all tokens of a text.",
      "Behind the begin-of-sequence token.",
    ),
    ...settingDifferences(method, theirs),
    ...projectionDifferences(method, protocolOf(cell)),
    ...startDifferences(method, protocolOf(cell)),
    ...setting(
      (method.start?.from ?? "random") === "random",
      "Start of the prompt",
      "Random numbers, in the code.",
      "Another prompt that was trained before.",
    ),
  ];
}

function methodTitle(method: ComparableMethod): string {
  const title = knownMethod(method.name)?.title ?? method.name;
  const rank = settingOf(method, "rank");
  return rank === undefined ? title : `${title} r=${rank}`;
}

/** Settings that tell the rows of the paper apart. */
function settingDifferences(method: ComparableMethod, { settings }: PaperTrained): Difference[] {
  return Object.entries(settings).flatMap(([key, value]) => {
    const ours = settingOf(method, key);
    return setting(ours === value, capital(key), valueText(value), valueText(ours));
  });
}

/** Of a part that is trained or not, of a number, of a name. */
function valueText(value: unknown): string {
  if (value === true) return "Trained.";
  return value === false || value === undefined ? "Left out." : `${capital(String(value))}.`;
}

function projectionDifferences({ projection }: ComparableMethod, protocol: Protocol): Difference[] {
  if (!projection) return [];
  const { distribution, groups } = projection;
  return [
    // The text's own distribution is an open question, not a departure.
    ...setting(
      isTheirs(distribution, protocol.distribution),
      "Distribution of the projection",
      protocol.distribution.paper,
      `${distribution}.`,
      "The prompt starts at another size and moves at another speed for the same learning rate.",
    ),
    ...setting(
      groups === 1,
      "Groups of the projection",
      "One projection for all tokens, the code's default; the paper does not mention groups.",
      `${groups} projections.`,
    ),
  ];
}

/** Where the prompt starts of a method that has a choice. */
function startDifferences({ initialization }: ComparableMethod, { start }: Protocol): Difference[] {
  if (!initialization) return [];
  const { from, text, specialTokens = false, standardDeviation } = initialization;
  return setting(
    canonicalJson(initialization) === canonicalJson(start.value),
    "Start of the prompt",
    start.paper,
    from === "text" && text !== undefined
      ? `${startText(text, specialTokens)}.`
      : (otherStarts[from ?? ""] ?? `Random numbers of a standard deviation of ${standardDeviation}.`),
  );
}

const otherStarts: Readonly<Record<string, string>> = {
  vocabulary: "The embeddings of random words of the vocabulary.",
  labels: "The mean embeddings of the labels, and random words of the vocabulary behind them.",
  prompt: "Another prompt that was trained before.",
};

function startText(text: string, specialTokens: boolean): string {
  return `The embeddings of the text ${JSON.stringify(text)} ${specialTokens ? "with" : "without"} the tokenizer's end token, repeated`;
}

/** Whether it is the code's, or the text's where that has another: which of the two is an open question, and no departure. */
function isTheirs<T>(ours: T, { value, alternative }: { value: T; alternative?: T }): boolean {
  return ours === value || (alternative !== undefined && ours === alternative);
}

/** Undefined of a method that the paper does not train. */
function rateOf({ name }: ComparableMethod, { learningRate }: Protocol) {
  const method = knownMethod(name)?.name;
  return method && learningRate[method];
}

/** What of a run's training is not the paper's protocol. */
export function trainingDifferences(
  { training, method }: Pick<ComparableRun, "training" | "method">,
  protocol: Protocol,
): Difference[] {
  const { steps, batchSize, lastBatch, learningRate, optimizer, schedule, warmupSteps, clipNorm } = training;
  const { dropout, evaluateEvery } = training;
  const rate = rateOf(method, protocol);
  const theirs = protocol.optimizer;
  return [
    ...setting(
      steps === protocol.steps.value,
      "Steps",
      protocol.steps.paper,
      `${grouped(steps)}.`,
      steps < protocol.steps.value
        ? "Prompts learn slowly: with fewer steps the score is likely to be lower."
        : "With more steps the score may be higher.",
    ),
    ...setting(batchSize === protocol.batchSize, "Batch size", `${protocol.batchSize}.`, `${batchSize}.`),
    ...setting(
      lastBatch === protocol.lastBatch,
      "Last batch of an epoch",
      "What is left of the rows: every epoch begins with a batch of its own.",
      "Filled with rows of the next epoch.",
      "The same number of steps sees a few rows more.",
    ),
    ...(rate ? setting(isTheirs(learningRate, rate), "Learning rate", rate.paper, `${learningRate}.`) : []),
    ...setting(
      optimizer.name === theirs.name &&
        optimizer.epsilon === theirs.epsilon &&
        optimizer.weightDecay === theirs.weightDecay &&
        optimizer.betas.every((beta, i) => beta === theirs.betas[i]),
      "Optimiser",
      `${optimizerText(theirs)}${theirs.remark}.`,
      `${optimizerText(optimizer)}.`,
    ),
    ...setting(
      schedule === protocol.schedule && warmupSteps === protocol.warmupSteps,
      "Learning-rate schedule",
      `${protocol.schedule}, after a warm-up of ${protocol.warmupSteps} steps.`,
      `${schedule}, after a warm-up of ${warmupSteps} steps.`,
    ),
    ...setting(
      clipNorm === protocol.clipNorm.value,
      "Clipping of the gradient",
      protocol.clipNorm.paper,
      clipNorm === null ? "None." : `To a norm of ${clipNorm}.`,
    ),
    ...setting(
      dropout === protocol.dropout.value,
      "Dropout",
      protocol.dropout.paper,
      dropout === 0 ? "None: the frozen model always computes the same." : `${dropout}.`,
      protocol.dropout.effect,
    ),
    ...setting(
      evaluateEvery === protocol.evaluateEvery.value,
      "Evaluations",
      protocol.evaluateEvery.paper,
      `Every ${grouped(evaluateEvery)} steps.`,
      "The best checkpoint is chosen among others.",
    ),
    ...setting(
      training.earlyStopping === null,
      "Early stopping",
      "None: every run takes all its steps.",
      "A run ends when its validation score has stopped getting better.",
    ),
  ];
}

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
  const { value, paper, effect } = protocolOf(cell).maxNewTokens;
  const limit = generation.maxNewTokens ?? task.maxNewTokens;
  return setting(
    limit === value,
    "Length of answers",
    paper,
    `Up to ${limit === undefined ? "as many tokens as the longest target has" : `${limit} tokens`}, greedily.`,
    effect,
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
  } else {
    open.push(...openSteps(run, cell), ...openMethod(run, cell));
  }
  return [...open, ...openSeeds(seeds, cell)];
}

function openSteps({ training: { steps } }: ComparableRun, cell: PaperCell): Difference[] {
  const { value, open, effect } = protocolOf(cell).steps;
  // Other numbers of steps are a departure, and are listed with the settings.
  if (steps !== value || open === undefined) return [];
  const drawn = cell.readAtStep === undefined ? "" : ` The curve ends at step ${grouped(cell.readAtStep)}.`;
  return [question("Steps", `${open}${drawn}`, `${grouped(steps)}, as the code.`, effect)];
}

function question(what: string, paper: string, ours: string, effect: string | undefined): Difference {
  return { kind: "open", what, paper, ours, ...(effect === undefined ? {} : { effect }) };
}

function openMethod({ method, training }: ComparableRun, cell: PaperCell): Difference[] {
  const theirs = cell.method;
  if (theirs.name === "other" || theirs.name !== method.name) return [];
  const protocol = protocolOf(cell);
  const { distribution } = protocol;
  const rate = rateOf(method, protocol);
  const ofText = (ours: unknown, { value }: { value: unknown }) => (ours === value ? "code" : "text");
  const drawn = method.projection?.distribution;
  return [
    ...(rate?.untold === undefined
      ? []
      : [
          question(
            `Settings of ${rate.untold}`,
            'They are called "default configurations"; no values are given.',
            `A learning rate of ${training.learningRate}, and all else as for ULPT.`,
            "A baseline depends much on its learning rate and its start.",
          ),
        ]),
    ...(rate?.open !== undefined && isTheirs(training.learningRate, rate)
      ? [
          question(
            "Learning rate",
            rate.open,
            `${training.learningRate}, as the ${ofText(training.learningRate, rate)}.`,
            rate.effect,
          ),
        ]
      : []),
    ...(distribution.open !== undefined && drawn !== undefined && isTheirs(drawn, distribution)
      ? [
          question(
            "Distribution of the projection",
            distribution.open,
            `${drawn}, as the ${ofText(drawn, distribution)}.`,
            distribution.effect,
          ),
        ]
      : []),
    ...(protocol.open?.[theirs.name] ?? []).map(({ what, paper, ours }) => question(what, paper, ours, undefined)),
  ];
}

function openSeeds(seeds: readonly number[], cell: PaperCell): Difference[] {
  const known =
    cell.seeds === null
      ? "Neither how many runs the number is of nor their seeds are said."
      : cell.seeds === 1
        ? `Not said. The code's default is ${protocolOf(cell).seed}.`
        : "Which ones is not said.";
  return [{ kind: "open", what: seeds.length === 1 ? "Seed" : "Seeds", paper: known, ours: `${seeds.join(", ")}.` }];
}

function alwaysDifferent({ method, task, training }: ComparableRun, cell: PaperCell): Difference[] {
  const protocol = protocolOf(cell);
  const always: Omit<Difference, "kind">[] = [
    {
      what: "Random numbers",
      paper: "From torch's global generator on the CPU.",
      ours: method.projection
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
    ...protocol.always,
    ...(protocol.family !== "llama" && cell.task === task.name && !registry[cell.task].variants ? [keptSpaces] : []),
    {
      what: "Arithmetic",
      paper:
        protocol.family === "llama"
          ? "bfloat16 in PyTorch, the prompt's numbers too."
          : "32-bit floating point in PyTorch.",
      ours: "32-bit floating point in ONNX Runtime.",
      effect:
        protocol.family === "llama"
          ? "bfloat16 has three digits: a small step of a prompt may be rounded away in theirs, and not in ours."
          : "Sums are rounded differently, and over thousands of steps that can carry two runs apart.",
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
