/** @file Table 5 of the paper: MRQA and four other tasks with T5-base. Numbers as printed, in percent. */
import type { PaperMethod, PrintedResults, PublishedRow, PublishedTable } from "./cell.ts";
import { dpt, other, ulpt, vanilla } from "./methods.ts";
import { t5Base } from "./models.ts";

type Printed = readonly (number | readonly [value: number, deviation: number])[];

function results(printed: Printed, average: number): PrintedResults {
  const deviations = printed.flatMap((entry) => (typeof entry === "number" ? [] : [entry[1]]));
  return {
    values: printed.map((entry) => (typeof entry === "number" ? entry : entry[0])),
    ...(deviations.length > 0 ? { deviations } : {}),
    average,
  };
}

function row(
  id: string,
  method: PaperMethod,
  mrqa: Printed,
  mrqaAverage: number,
  others: Printed,
  othersAverage: number,
): PublishedRow {
  return { id, model: t5Base, method, results: [results(mrqa, mrqaAverage), results(others, othersAverage)] };
}

// biome-ignore format: a line for each printed row
const rows: readonly PublishedRow[] = [
  //                                               NQ          HotpotQA    SearchQA    NewsQA       Avg    WinoGrande  Yelp        SciTail     PAWS         Avg
  row("fine-tuning", other("Fine-tuning", "220M"), [75.1,       77.5,       81.1,       65.2],       74.7, [61.9,       96.7,       95.8,       94.1],       87.1),
  row("adapter", other("Adapter", "1.9M"),         [74.2,       77.6,       81.4,       65.6],       74.7, [59.2,       96.9,       94.5,       94.3],       86.2),
  row("bitfit", other("BitFit", "280K"),           [70.7,       75.5,       77.7,       64.1],       72.0, [57.2,       94.7,       94.7,       92.0],       84.7),
  row("lora", other("LoRA", "3.8M"),               [72.4,       62.3,       72.5,       56.9],       66.0, [58.2,       97.1,       94.7,       94.0],       86.0),
  row("spot", other("SPoT", "76.8K"),              [68.2,       74.8,       75.3,       58.2],       69.1, [50.4,       95.4,       91.2,       91.1],       82.0),
  row("attempt", other("ATTEMPT", "232K"),         [70.4,       75.2,       78.5,       62.8],       71.4, [57.6,       96.7,       93.1,       92.1],       84.9),
  row("vanilla", vanilla(100, "76.8K"),            [70.0,       74.7,       75.3,       63.0],       70.8, [49.6,       95.6,       92.0,       57.9],       73.8),
  row("dpt-r10", dpt(10, 100, "9.0K"),        [71.3,       75.5,       76.3,       63.5],       71.7, [49.6,       96.1,       95.6,       92.2],       83.4),
  row("dpt-r256", dpt(256, 100, "222K"),      [71.4,       76.0,       77.6,       64.2],       72.3, [49.6,       96.3,       95.2,       55.8],       74.2),
  row("dept", other("DePT", "76.8K"),              [[73.2, 0.3], [76.0, 0.2], [77.6, 0.2], [64.4, 0.1]], 73.0, [[59.0, 0.2], [96.8, 0.1], [95.6, 0.2], [93.7, 0.1]], 86.3),
  row("mpt", other("MPT", "77.6K"),                [[72.0, 0.1], [75.8, 0.1], [77.2, 0.1], [63.7, 0.1]], 72.2, [[56.5, 0.9], [96.4, 0.0], [95.5, 0.3], [93.5, 0.1]], 85.5),
  row("ulpt-r2", ulpt(2, 100, "1.7K"),             [[67.2, 0.2], [74.0, 0.1], [71.7, 0.2], [61.4, 0.1]], 68.6, [[49.5, 0.2], [95.6, 0.1], [93.0, 0.9], [90.4, 0.2]], 82.1),
  row("ulpt-r16", ulpt(16, 100, "3.1K"),           [[68.0, 0.3], [74.3, 0.0], [72.9, 0.1], [61.3, 0.5]], 69.1, [[52.3, 0.9], [95.6, 0.2], [93.1, 0.7], [90.5, 0.3]], 82.9),
  row("ulpt-r64", ulpt(64, 100, "7.9K"),           [[70.7, 0.3], [75.3, 0.1], [75.3, 0.1], [62.9, 0.5]], 71.1, [[56.6, 0.9], [96.2, 0.1], [94.4, 0.9], [91.7, 0.4]], 84.7),
  row("ulpt-r256", ulpt(256, 100, "27.1K"),        [[72.6, 0.2], [76.5, 0.1], [77.9, 0.1], [64.2, 0.2]], 72.8, [[57.6, 0.8], [96.6, 0.2], [96.2, 0.1], [93.0, 0.1]], 85.9),
];

export const table5: PublishedTable = {
  id: "table-5",
  title: "Table 5: MRQA and other tasks with T5-base",
  caption:
    "Test scores on question answering (MRQA, F1) and four other tasks (accuracy) with T5-base and, for prompts, 100 tokens; mean and, where printed, deviation over three seeds.",
  headings: [
    { name: "MRQA", tasks: ["nq", "hotpotqa", "searchqa", "newsqa"] },
    { name: "Others", tasks: ["winogrande", "yelp_polarity", "scitail", "paws"] },
  ],
  rows,
  split: "test",
  steps: 100_000,
  seeds: 3,
};
