/**
 * @file How the paper's runs were trained, as far as it is known: on T5, on Bloomz and on Llama 3.2. The numbers are those of the
 * official code (MANGA-UOFA/ULPT at 2e5c389), which names more of them than the text; where the two disagree, both are here.
 */
import type { MethodName } from "../experiment/methods/registry.ts";
import type { TaskDefinition, TaskName, WrittenTask } from "../tasks/definition.ts";
import { registry } from "../tasks/registry.ts";
import { resolveTask } from "../tasks/resolve.ts";
import type { PaperCell } from "./cell.ts";
import { grouped } from "./format.ts";

/** A number with what is said of it: behind it in an experiment, and as a sentence beside ours. */
interface Setting<T> {
  value: T;
  comment: string;
  paper: string;
}

/** A setting of which text and code disagree: neither is a departure, and which one the numbers come from is open. */
interface Disputed<T> extends Setting<T> {
  /** What the text has. */
  alternative?: T;
  /** The disagreement, as a sentence. */
  open?: string;
  /** What comes of it, as a sentence. */
  effect?: string;
}

interface LearningRate extends Disputed<number> {
  /** The name of a method of which the paper tells no settings at all, within a sentence. */
  untold?: string;
}

export interface Protocol {
  family: "t5" | "bloomz" | "llama";
  steps: Disputed<number>;
  batchSize: number;
  /** The dataloader keeps what is left of an epoch as a batch. */
  lastBatch: "smaller";
  /** Of each method that the paper trains on such a model: one for all that it trains, the same for all ranks. */
  learningRate: Readonly<Partial<Record<MethodName, LearningRate>>>;
  optimizer: {
    name: "adamw" | "hf-adamw";
    betas: readonly [number, number];
    epsilon: number;
    weightDecay: number;
    /** A line above it in an experiment. */
    comment: string;
    /** What follows its description. */
    remark: string;
  };
  schedule: "linear";
  warmupSteps: number;
  clipNorm: Setting<number | null>;
  dropout: Setting<number> & { effect?: string };
  evaluateEvery: Setting<number>;
  /** Of the generated answers. */
  maxNewTokens: Setting<number> & { effect: string };
  seed: number;
  /** What there is to say of how a row becomes a text. */
  taskComment?: string;
  /** The same of where the prompt stands. */
  positionComment?: string;
  /** Of ULPT's projection. */
  distribution: Disputed<string>;
  /** Of vanilla prompt tuning. */
  start: Setting<
    { from: "text"; text: string; specialTokens: boolean } | { from: "random"; standardDeviation: number }
  >;
  /** What is open of a method beside its settings. */
  open?: Readonly<Partial<Record<MethodName, readonly { what: string; paper: string; ours: string }[]>>>;
  /** What no run of ours does as it did, beside what none does on any model. */
  always: readonly { what: string; paper: string; ours: string; effect: string }[];
}

/** Where the paper reports three seeds, it does not say which. */
export const threeSeeds = [1, 2, 3] as const;

/** The code's default for every task, spelt as there; PEFT repeats it with the tokenizer's end token. */
const defaultText = "Classify this text is postive or not:";
const stepsInText = 100_000;

const t5: Protocol = {
  family: "t5",
  steps: {
    value: 30_000,
    comment: `as the code's script; the paper's text says up to ${grouped(stepsInText)}`,
    paper: `30,000 in the code's script, up to ${grouped(stepsInText)} in the text.`,
    open: `Text and code disagree: 30,000 in the code's script, up to ${grouped(stepsInText)} in the text. Which of them the number comes from is not said.`,
    effect: "If the paper's run was longer, ours may score lower.",
  },
  batchSize: 16,
  lastBatch: "smaller",
  learningRate: {
    ulpt: {
      value: 0.6,
      comment: "one for Z, scale and shift, at every rank",
      paper: "0.6, in the text and the code, for every rank.",
    },
    vanilla: {
      value: 0.3,
      comment: "not published for this baseline: that of ATTEMPT, from which the code descends",
      paper: "Not published; 0.3 is that of ATTEMPT, from which the code descends.",
      untold: "prompt tuning",
    },
    dpt: {
      value: 0.3,
      comment: "not published for this baseline: that of DPT's own code",
      paper: "Not published; 0.3 is that of DPT's own code.",
      untold: "DPT",
    },
  },
  optimizer: {
    name: "hf-adamw",
    betas: [0.9, 0.999],
    epsilon: 1e-6,
    weightDecay: 0,
    comment: "Transformers' own AdamW. The script's --weight_decay 1e-5 never reaches it.",
    remark: "; the script's weight decay of 1e-5 never reaches it",
  },
  schedule: "linear",
  warmupSteps: 500,
  clipNorm: {
    value: 1,
    comment: "the default of the Trainer that the code uses; the paper does not mention it",
    paper: "To a norm of 1, the default of the Trainer that the code uses.",
  },
  dropout: {
    value: 0.1,
    comment: "T5's own, active as the code trains; the paper does not mention it, and 0 tends to do better",
    paper:
      "0.1: the Trainer of Transformers puts the whole model into training mode, the frozen one too, so T5's own dropout falls on every layer and on attention. The paper does not mention it.",
    effect:
      "Dropout makes each gradient a noisy one. With so few trained numbers there is little to regularise, and leaving it out tends to help; by how much on this task is not known.",
  },
  evaluateEvery: {
    value: 1000,
    comment: "the checkpoint with the best validation score is tested",
    paper: "Every 1,000 steps; the best checkpoint is tested.",
  },
  // The code's generation_max_length of 20, of which the decoder's start token is one.
  maxNewTokens: {
    value: 19,
    comment:
      "As the code, whose limit of 20 counts the start token: all that is generated counts, so an answer that goes on behind the right one is not it.",
    paper: "Up to 19 tokens, greedily: a length of 20 that counts the decoder's start token.",
    effect: "An answer that goes on behind the right one counts as right where it is cut off in time.",
  },
  seed: 42,
  distribution: {
    value: "xavier-uniform",
    comment: 'As the T5 code draws it; the paper\'s text says "normal" and that others do as well.',
    paper: "xavier-uniform in the T5 code, standard normal in the text.",
    alternative: "normal",
    open: "Text and code disagree: standard normal in the text, which finds others as good; uniform within ±√(6/(r+d)) in the T5 code (xavier-uniform).",
    effect: "It sets the size at which the prompt starts, and how far a step moves it.",
  },
  start: {
    value: { from: "text", text: defaultText, specialTokens: true },
    comment:
      'The code\'s default for every task, spelt as there, repeated with its end token. The paper says only "default configurations" of prompt tuning.',
    paper: `The embeddings of the text ${JSON.stringify(defaultText)} (sic) with the tokenizer's end token, repeated, the code's default for every task; the paper says only that the baseline ran in its default configuration.`,
  },
  always: [
    {
      what: "Rows that go through the model together",
      paper: "A batch at once in training, 16 rows in their own order in evaluations.",
      ours: "Rows of similar length, as many as fit: the gradients of a batch are summed, answers put back in order.",
      effect: "None but rounding.",
    },
  ],
};

/** The code is that of T5; the paper says that all but these settings is the same. */
const bloomz: Protocol = {
  ...t5,
  family: "bloomz",
  steps: { value: 30_000, comment: "as the paper's text and the code", paper: "30,000." },
  batchSize: 4,
  taskComment: 'The code puts " Label : " between the source and the answer.',
  dropout: {
    value: 0,
    comment: "Bloomz has none of its own",
    paper: "None: Bloomz's configuration has none.",
  },
  maxNewTokens: {
    value: 20,
    comment: "As the code, which generates up to 20 tokens behind the longest source.",
    paper: "Up to 20 tokens, greedily; what stands before the first padding token counts.",
    effect: t5.maxNewTokens.effect,
  },
  distribution: {
    ...t5.distribution,
    comment: 'As the code draws it; the paper\'s text says "normal" and that others do as well.',
    paper: "xavier-uniform in the code, standard normal in the text.",
    open: "Text and code disagree: standard normal in the text, which finds others as good; uniform within ±√(6/(r+d)) in the code (xavier-uniform).",
  },
  start: {
    ...t5.start,
    comment:
      'The code\'s default for every task, spelt as there, repeated. The paper says only "default configurations" of prompt tuning.',
    paper: `The embeddings of the text ${JSON.stringify(defaultText)} (sic), repeated, the code's default for every task; the paper says only that the baseline ran in its default configuration.`,
  },
  always: [
    ...t5.always,
    {
      what: "End of an answer",
      paper: "The padding token stands behind a label, and ends an answer.",
      ours: "The model's end token.",
      effect: "A prompt has to teach the first; the second the model knows.",
    },
    {
      what: "Texts that are too long",
      paper: "The limit counts the label, and cuts it off first: the row then teaches nothing.",
      ours: "The limit is of the source, which loses what stands before its end; the label stays.",
      effect: "Of HotpotQA more rows teach ours; on short texts none.",
    },
  ],
};

/** As the code writes conversations: Llama's own template puts dates into the system's message. */
const llamaChat = {
  system: "You are a helpful assistant.",
  template:
    "{{ bos_token }}{% for message in messages %}<|start_header_id|>{{ message.role }}<|end_header_id|>\n\n{{ message.content }}<|eot_id|>{% endfor %}{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}",
};

const normalised = {
  what: "Form of ULPT",
  paper:
    "The Llama code divided each token's vector by its length before scale and shift until April 2025, after its results were announced; which of the two the numbers come from is not said.",
  ours: "As the text and the later code: nothing is divided.",
};

const llamaBatch = 4;
/** What the code's epochs come to: 3 of GSM8K, 10 of MBPP. */
const llamaEpochs: Partial<Record<TaskName, number>> = { gsm8k: 3, mbpp: 10 };

function llama(task: TaskName): Protocol {
  const epochs = llamaEpochs[task] ?? 1;
  const rows = registry[task].sizes.train;
  const steps = Math.ceil((epochs * rows) / llamaBatch);
  const rule = `${epochs} epochs of ${grouped(rows)} rows in batches of ${llamaBatch}`;
  return {
    family: "llama",
    steps: { value: steps, comment: rule, paper: `${rule}: ${grouped(steps)}.` },
    batchSize: llamaBatch,
    lastBatch: "smaller",
    taskComment:
      "The conversation as the code writes it: Llama's own template would put dates into the system's message.",
    positionComment: "before <|begin_of_text|>, as the code",
    learningRate: {
      ulpt: {
        value: 1e-3,
        comment: "as the code; the paper's text says 1e-2",
        paper: "0.001 in the code, 0.01 in the text.",
        alternative: 1e-2,
        open: "Text and code disagree: 0.01 in the text, 0.001 in the code. Which of them the number comes from is not said.",
        effect: "Prompts depend much on it.",
      },
      vanilla: { value: 1e-2, comment: "in the text and the code", paper: "0.01, in the text and the code." },
    },
    optimizer: {
      name: "adamw",
      betas: [0.9, 0.999],
      epsilon: 1e-8,
      weightDecay: 0.01,
      comment: "torch.optim.AdamW as it is by default.",
      remark: ", the defaults of torch.optim.AdamW",
    },
    schedule: "linear",
    warmupSteps: Math.floor(steps / 20),
    clipNorm: { value: null, comment: "the code clips none", paper: "None." },
    dropout: { value: 0, comment: "Llama has none", paper: "None: Llama has none." },
    evaluateEvery: {
      value: 50,
      comment: "the checkpoint with the lowest validation loss is tested",
      paper: "Every 50 steps; the checkpoint with the lowest validation loss is tested.",
    },
    maxNewTokens: {
      value: 1024,
      comment: "As the code, whose limit of 1024 counts the text as well.",
      paper: "Greedily, up to 1,024 tokens with the text.",
      effect: "None on answers that end before.",
    },
    open: { ulpt: [normalised] },
    seed: 42,
    distribution: {
      value: "kaiming-uniform",
      comment: 'As the Llama code draws it; the paper\'s text says "normal" and that others do as well.',
      paper: "kaiming-uniform in the Llama code, standard normal in the text.",
      alternative: "normal",
      open: "Text and code disagree: standard normal in the text, which finds others as good; uniform within ±1/√r in the Llama code (kaiming-uniform).",
      effect: "It sets the size at which the prompt starts, and how far a step moves it.",
    },
    start: {
      value: { from: "random", standardDeviation: 1 },
      comment: "As the code, which draws every number from N(0, 1).",
      paper: "Random numbers of a standard deviation of 1.",
    },
    always: [
      {
        what: "Rows that go through the model together",
        paper: "Two at a time; the mean losses of two such pairs make a step.",
        ours: "As many as fit; a step's loss is the mean over all answer tokens of its rows.",
        effect: "In a step the longer answers count a little more.",
      },
    ],
  };
}

/** The protocol of a cell. */
export function protocolOf({ model, task }: Pick<PaperCell, "model" | "task">): Protocol {
  if (model.startsWith("meta-llama/")) return llama(task);
  return model.startsWith("bigscience/") ? bloomz : t5;
}

/** What the paper's code does, defects included, as an experiment writes it. */
export function protocolTask(cell: Pick<PaperCell, "model" | "task">): WrittenTask {
  const name = cell.task;
  const variant = registry[name].variants ? ({ variant: "faithful" } as const) : {};
  const { family } = protocolOf(cell);
  if (family === "llama") return { name, ...variant, chat: llamaChat };
  if (family === "t5") return registry[name].variants ? { name, ...variant } : name;
  const { template } = resolveTask({ name, ...variant });
  return { name, ...variant, template: `${template} Label : ` };
}

/** The same with nothing left to look up. */
export function protocolDefinition(cell: Pick<PaperCell, "model" | "task">): TaskDefinition {
  return resolveTask(protocolTask(cell));
}
