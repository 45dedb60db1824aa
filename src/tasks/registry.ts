/**
 * @file The registry: the tasks of the ULPT paper (21, with GSM8K and MBPP) as its official code has them (`src/tasks.py` and
 * `metrics.py` of MANGA-UOFA/ULPT, themselves from DePT and ATTEMPT), and two of summarisation. An entry uses nothing that a task
 * in an experiment file could not use as well.
 *
 * Labels are digits and no task has a prefix, as in that code. `small` and `large` are its rules for data sets without a test
 * split that has labels: half of the validation rows become the test, or a thousand training rows the validation, in the order of
 * torch.randperm with seed 42. GSM8K, which its code for Llama trains on, has a test but no validation rows: that code takes a tenth
 * of the training rows with `train_test_split` of Hugging Face datasets, which draws another order from the same seed. All other
 * tasks have the splits of their data sets.
 */
import type { HubTaskInput, TaskName } from "./definition.ts";
import type { VariantName } from "./names.ts";

export interface RegistryEntry {
  title: string;
  group: "GLUE" | "SuperGLUE" | "MRQA" | "Others" | "Generation" | "Summarisation";
  /** What is asked, in a few words. */
  description: string;
  task: HubTaskInput;
  /** Where the official code has a defect: what it is, and what differs in each variant. */
  variants?: { defect: string } & Record<VariantName, Partial<HubTaskInput>>;
  /** Rows of each split: of the paper (its table 4), or those used of the data set. */
  sizes: { train: number; validation: number; test: number };
}

const small = { train: "train", validation: "validation[:50%]", test: "validation[50%:]" } as const;
const large = { train: "train[1000:]", validation: "train[:1000]", test: "validation" } as const;
/** `train_test_split(test_size=0.1, seed=42)`. */
const tenth = { train: "train[10%:]", validation: "train[:10%]", splitRule: "datasets" } as const;

const binary = { target: "{label}", labels: ["0", "1"] };
const threeWay = { target: "{label}", labels: ["0", "1", "2"] };

const glue = (config: string) => ({ dataset: "nyu-mll/glue", config });
const superglue = (config: string) => ({ dataset: "aps/super_glue", config });

const sentences = "sentence1: {sentence1} sentence2: {sentence2}";

function halves(validation: number): { validation: number; test: number } {
  return { validation: Math.floor(validation / 2), test: Math.ceil(validation / 2) };
}

/** Extractive question answering of MRQA: only the first answer is learned and scored, normalised as in SQuAD. */
function questionAnswering(dataset: string): Pick<RegistryEntry, "task" | "variants"> {
  return {
    task: {
      dataset,
      ...large,
      template: "question: {question | padPunctuation} context: {context | padPunctuation}",
      target: "{answers[0] | padPunctuation}",
      metric: ["token-f1", "exact-match"],
      checkpointMetric: "exact-match",
      maxSourceLength: 512,
      maxTargetLength: 20,
      truncateTargets: true,
    },
    variants: {
      defect:
        "Punctuation is set apart in the data and joined again when answers are decoded, so that John ' s counts as one word; and an answer can be one token shorter than the longest target, as the start token counts.",
      fixed: { maxNewTokens: 20 },
      faithful: { cleanUpSpaces: true, maxNewTokens: 19 },
    },
  };
}

/** The similarity scores that STS-B's labels are rounded to: 0.0, 0.2, …, 5.0. */
const similarities = Array.from({ length: 26 }, (_, i) => (i / 5).toFixed(1));

export const registry: Readonly<Record<TaskName, RegistryEntry>> = {
  mnli: {
    title: "MNLI",
    group: "GLUE",
    description: "Does the premise entail the hypothesis (0), say nothing of it (1) or contradict it (2)?",
    task: {
      ...glue("mnli"),
      train: "train",
      validation: "validation_mismatched",
      test: "validation_matched",
      template: "premise: {premise} hypothesis: {hypothesis}",
      ...threeWay,
    },
    sizes: { train: 392_702, validation: 9_832, test: 9_815 },
  },
  qqp: {
    title: "QQP",
    group: "GLUE",
    description: "Do two questions ask the same (1)?",
    task: {
      ...glue("qqp"),
      ...large,
      template: "question1: {question1} question2: {question2}",
      ...binary,
      metric: ["accuracy", "f1"],
    },
    sizes: { train: 362_846, validation: 1_000, test: 40_431 },
  },
  qnli: {
    title: "QNLI",
    group: "GLUE",
    description: "Does the sentence answer the question (0) or not (1)?",
    task: { ...glue("qnli"), ...large, template: "question: {question} sentence: {sentence}", ...binary },
    sizes: { train: 103_743, validation: 1_000, test: 5_463 },
  },
  sst2: {
    title: "SST-2",
    group: "GLUE",
    description: "Is a sentence of a film review negative (0) or positive (1)?",
    task: { ...glue("sst2"), ...large, template: "sentence: {sentence}", ...binary },
    sizes: { train: 66_349, validation: 1_000, test: 872 },
  },
  stsb: {
    title: "STS-B",
    group: "GLUE",
    description: "How similar are two sentences, from 0.0 to 5.0?",
    task: { ...glue("stsb"), ...small, template: sentences, target: "{label}", metric: ["pearson", "spearman"] },
    variants: {
      defect: "Labels were to be rounded to multiples of 0.2, but the rounding does nothing: they keep one digit.",
      fixed: { target: "{label | nearest: 0.2}", labels: similarities },
      faithful: { target: "{label | decimals: 1}", cleanUpSpaces: true },
    },
    sizes: { train: 5_749, ...halves(1_500) },
  },
  mrpc: {
    title: "MRPC",
    group: "GLUE",
    description: "Do two sentences say the same (1)?",
    task: { ...glue("mrpc"), ...small, template: sentences, ...binary, metric: ["accuracy", "f1"] },
    sizes: { train: 3_668, ...halves(408) },
  },
  rte: {
    title: "RTE",
    group: "GLUE",
    description: "Does the first sentence entail the second (0) or not (1)?",
    task: { ...glue("rte"), ...small, template: sentences, ...binary },
    sizes: { train: 2_490, ...halves(277) },
  },
  cola: {
    title: "CoLA",
    group: "GLUE",
    description: "Is a sentence grammatical (1)?",
    task: { ...glue("cola"), ...small, template: "sentence: {sentence}", ...binary, metric: "matthews" },
    sizes: { train: 8_551, ...halves(1_043) },
  },
  "superglue-multirc": {
    title: "MultiRC",
    group: "SuperGLUE",
    description: "Is an answer to a question about a paragraph right (1)?",
    task: {
      ...superglue("multirc"),
      ...small,
      template:
        "question: {question | stripMarkup} answer: {answer | stripMarkup} paragraph: {paragraph | stripMarkup}",
      ...binary,
      // Some five questions with five answers each are about one paragraph.
      cluster: "{paragraph}",
      metric: "f1",
      maxSourceLength: 348,
    },
    sizes: { train: 27_243, ...halves(4_848) },
  },
  "superglue-boolq": {
    title: "BoolQ",
    group: "SuperGLUE",
    description: "Is the answer to the question no (0) or yes (1)?",
    task: { ...superglue("boolq"), ...small, template: "question: {question} passage: {passage}", ...binary },
    sizes: { train: 9_427, ...halves(3_270) },
  },
  "superglue-wic": {
    title: "WiC",
    group: "SuperGLUE",
    description: "Does a word mean the same in two sentences (1)?",
    task: {
      ...superglue("wic"),
      ...small,
      template: "sentence1: {sentence1} sentence2: {sentence2} word: {word}",
      ...binary,
    },
    sizes: { train: 5_428, ...halves(638) },
  },
  "superglue-wsc.fixed": {
    title: "WSC",
    group: "SuperGLUE",
    description: "Does the marked pronoun stand for the marked noun (1)?",
    task: { ...superglue("wsc.fixed"), ...small, template: "text: {text | markSpans}", ...binary },
    sizes: { train: 554, ...halves(104) },
  },
  "superglue-cb": {
    title: "CB",
    group: "SuperGLUE",
    description: "Does the premise entail the hypothesis (0), contradict it (1) or say nothing of it (2)?",
    task: {
      ...superglue("cb"),
      ...small,
      template: "premise: {premise} hypothesis: {hypothesis}",
      ...threeWay,
      metric: ["accuracy", "macro-f1"],
      checkpointMetric: "macro-f1",
    },
    sizes: { train: 250, ...halves(56) },
  },
  nq: {
    title: "Natural Questions",
    group: "MRQA",
    description: "A question and a passage of Wikipedia: which words answer it?",
    ...questionAnswering("lucadiliello/naturalquestionsshortqa"),
    sizes: { train: 103_071, validation: 1_000, test: 12_836 },
  },
  hotpotqa: {
    title: "HotpotQA",
    group: "MRQA",
    description: "A question that takes two facts, and passages with them: which words answer it?",
    ...questionAnswering("lucadiliello/hotpotqa"),
    sizes: { train: 71_928, validation: 1_000, test: 5_901 },
  },
  searchqa: {
    title: "SearchQA",
    group: "MRQA",
    description: "A clue of a quiz and what a search engine found: which words are meant?",
    ...questionAnswering("lucadiliello/searchqa"),
    sizes: { train: 116_384, validation: 1_000, test: 16_980 },
  },
  newsqa: {
    title: "NewsQA",
    group: "MRQA",
    description: "A question about a news article: which words answer it?",
    ...questionAnswering("lucadiliello/newsqa"),
    sizes: { train: 73_160, validation: 1_000, test: 4_212 },
  },
  winogrande: {
    title: "WinoGrande",
    group: "Others",
    description: "Which of two words fills the gap of a sentence (0 or 1)?",
    task: {
      dataset: "allenai/winogrande",
      config: "winogrande_xl",
      ...large,
      template: "sentence: {sentence} option0: {option1} option1: {option2}",
      target: "{answer}",
      verbalizer: { "1": "0", "2": "1" },
    },
    variants: {
      defect: "The source shows the first option twice and the second never.",
      fixed: {},
      faithful: { template: "sentence: {sentence} option0: {option1} option1: {option1}", cleanUpSpaces: true },
    },
    sizes: { train: 39_398, validation: 1_000, test: 1_267 },
  },
  yelp_polarity: {
    title: "Yelp",
    group: "Others",
    description: "Is a review negative (0) or positive (1)?",
    task: {
      dataset: "fancyzhx/yelp_polarity",
      ...large,
      train: "train[1000:101000]",
      test: "test",
      template: "sentence: {text}",
      ...binary,
    },
    sizes: { train: 100_000, validation: 1_000, test: 38_000 },
  },
  scitail: {
    title: "SciTail",
    group: "Others",
    description: "Does the premise entail the hypothesis (0) or not (1)?",
    task: {
      dataset: "allenai/scitail",
      config: "snli_format",
      ...small,
      template: "premise: {sentence1} hypothesis: {sentence2}",
      target: "{gold_label}",
      verbalizer: { entailment: "0", neutral: "1" },
    },
    sizes: { train: 23_596, ...halves(1_304) },
  },
  paws: {
    title: "PAWS",
    group: "Others",
    description: "Do two sentences with the same words say the same (1)?",
    task: {
      dataset: "google-research-datasets/paws",
      config: "labeled_final",
      validation: "validation",
      test: "test",
      template: sentences,
      ...binary,
    },
    sizes: { train: 49_401, validation: 8_000, test: 8_000 },
  },
  gsm8k: {
    title: "GSM8K",
    group: "Generation",
    description: "A word problem: how is it solved, and what number comes out?",
    task: {
      dataset: "openai/gsm8k",
      config: "main",
      ...tenth,
      test: "test",
      template: "question: {question}",
      target: "answer: {answer}",
      metric: "final-answer",
      checkpointMetric: "loss",
      maxSourceLength: 1024,
      maxTargetLength: 1024,
      truncateTargets: true,
      maxNewTokens: 1024,
    },
    sizes: { train: 6_725, validation: 748, test: 1_319 },
  },
  mbpp: {
    title: "MBPP",
    group: "Generation",
    description: "A task in words: which Python function does it?",
    task: {
      dataset: "google-research-datasets/mbpp",
      config: "full",
      train: "train",
      validation: "validation",
      test: "test",
      template: "problem: {text}",
      target: "{code}",
      references: "{test_setup_code}\n{test_list[]}",
      metric: ["tests-passed", "tests-fraction"],
      checkpointMetric: "loss",
      maxSourceLength: 1024,
      maxTargetLength: 1024,
      truncateTargets: true,
      maxNewTokens: 1024,
    },
    variants: {
      defect:
        "What it calls pass@1 is the mean share of tests passed, not the share of programs that pass all of theirs; what a test needs to be set up is not run, and a function of another name is only found where it is called right after the word assert.",
      fixed: {},
      faithful: {
        metric: ["tests-fraction", "tests-passed"],
        references: "{test_list[]}",
        functionAlias: "asserted",
      },
    },
    sizes: { train: 374, validation: 90, test: 500 },
  },
  xsum: {
    title: "XSum",
    group: "Summarisation",
    description: "A news article in one sentence.",
    task: {
      dataset: "EdinburghNLP/xsum",
      validation: "validation",
      test: "test",
      template: "summarize: {document}",
      target: "{summary}",
      metric: ["rouge-1", "rouge-2", "rouge-l"],
      checkpointMetric: "rouge-l",
      maxSourceLength: 512,
      maxTargetLength: 64,
      truncateTargets: true,
      maxNewTokens: 64,
    },
    sizes: { train: 204_045, validation: 11_332, test: 11_334 },
  },
  samsum: {
    title: "SAMSum",
    group: "Summarisation",
    description: "A chat in a few sentences.",
    task: {
      dataset: "knkarthick/samsum",
      // One of its 14,732 training rows has no dialogue (id 13828807): programs that use it filter it out.
      dropNulls: true,
      validation: "validation",
      test: "test",
      template: "summarize: {dialogue}",
      target: "{summary}",
      metric: ["rouge-1", "rouge-2", "rouge-l"],
      checkpointMetric: "rouge-l",
      maxSourceLength: 512,
      maxTargetLength: 128,
      truncateTargets: true,
      maxNewTokens: 128,
    },
    sizes: { train: 14_731, validation: 818, test: 819 },
  },
};
