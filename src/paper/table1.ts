/** @file Table 1 of the paper: GLUE and SuperGLUE with T5-base. Numbers as printed, in percent. */
import type { PaperMethod, PublishedRow, PublishedTable } from "./cell.ts";
import { dpt, other, ulpt, vanilla } from "./methods.ts";
import { t5Base } from "./models.ts";

const copied = "Not rerun by the authors: taken from the DePT paper.";

function row(
  id: string,
  method: PaperMethod,
  glue: readonly number[],
  glueAverage: number,
  superglue: readonly number[] | null,
  superglueAverage: number | null,
  notes: readonly string[] = [],
): PublishedRow {
  return {
    id,
    model: t5Base,
    method,
    results: [
      { values: glue, average: glueAverage },
      superglue && superglueAverage !== null ? { values: superglue, average: superglueAverage } : null,
    ],
    notes,
  };
}

// biome-ignore format: a line for each printed row
const rows: readonly PublishedRow[] = [
  //                                                              MNLI  QQP   QNLI  SST-2 STS-B MRPC  RTE   CoLA   Avg    MultiRC BoolQ WiC  WSC   CB     Avg
  row("fine-tuning", other("Fine-tuning", "220M"),               [86.8, 91.6, 93.0, 94.6, 89.7, 90.2, 71.9, 61.8], 84.9, [72.8, 81.1, 70.2, 59.6, 85.7], 73.9, [copied]),
  row("adapter", other("Adapter", "1.9M"),                       [86.5, 90.2, 93.2, 93.8, 90.7, 85.3, 71.9, 64.0], 84.5, [75.9, 82.5, 67.1, 67.3, 85.7], 75.7, [copied]),
  row("adapterdrop", other("AdapterDrop", "1.1M"),               [86.3, 90.2, 93.2, 93.6, 91.4, 86.3, 71.2, 62.7], 84.4, [72.9, 82.3, 68.3, 67.3, 85.7], 75.3, [copied]),
  row("bitfit", other("BitFit", "280K"),                         [85.3, 90.1, 93.0, 94.2, 90.9, 86.8, 67.6, 58.2], 83.3, [74.5, 79.6, 70.0, 59.6, 78.6], 72.5, [copied]),
  row("lora", other("LoRA", "3.8M"),                             [86.3, 89.0, 93.2, 94.3, 90.0, 90.1, 75.5, 63.3], 85.3, [72.6, 81.3, 68.3, 67.3, 92.9], 76.5, [copied]),
  row("lst", other("LST", "3.8M"),                               [85.6, 88.8, 93.3, 94.0, 90.7, 90.4, 71.9, 58.1], 84.1, null, null, [copied]),
  row("vanilla", vanilla(100, "76.8K"),                          [84.6, 90.2, 93.3, 94.4, 90.5, 88.7, 77.7, 59.5], 84.9, [72.3, 80.4, 67.7, 67.3, 78.6], 73.3),
  row("dept", other("DePT", "76.8K"),                            [85.0, 90.4, 93.2, 94.2, 90.8, 90.7, 79.1, 63.8], 85.9, [74.3, 79.3, 68.7, 67.3, 92.9], 76.5, [copied]),
  row("dpt-r10", dpt(10, 100, "9.0K"),                      [84.4, 90.2, 93.3, 94.6, 91.2, 87.7, 77.7, 57.8], 84.6, [74.5, 78.7, 66.8, 67.3, 71.4], 71.7),
  row("dpt-r64", dpt(64, 100, "55.6K"),                     [85.2, 90.3, 92.9, 93.6, 90.4, 88.2, 79.1, 63.5], 85.4, [73.2, 80.1, 63.0, 67.3, 85.7], 73.9),
  row("ulpt-r2", ulpt(2, 100, "1.7K"),                           [81.9, 90.3, 92.3, 92.9, 89.8, 89.2, 76.3, 59.5], 84.0, [73.4, 76.7, 67.4, 67.3, 71.4], 71.2),
  row("ulpt-r16", ulpt(16, 100, "3.1K"),                         [82.9, 90.0, 93.1, 93.8, 90.5, 89.2, 80.6, 54.3], 84.3, [72.6, 77.7, 66.1, 67.3, 89.3], 74.6),
  row("ulpt-r64", ulpt(64, 100, "7.9K"),                         [84.9, 90.3, 93.1, 93.5, 90.7, 90.2, 81.3, 63.7], 86.0, [73.1, 78.2, 69.0, 67.3, 96.4], 76.8),
  row("ulpt-r256", ulpt(256, 100, "27.1K"),                      [85.5, 90.3, 92.8, 94.3, 90.6, 90.7, 76.3, 63.7], 85.5, [74.3, 79.9, 63.3, 67.3, 89.3], 74.8),
  row("fine-tuning-multitask", other("Fine-tuning, multitask", "28M"),    [85.7, 91.1, 92.0, 92.5, 88.8, 90.2, 75.4, 54.9], 83.8, [74.4, 81.1, 70.0, 71.2, 85.7], 76.1, [copied]),
  row("adapter-multitask", other("Adapter, multitask", "1.8M"),           [86.3, 90.5, 93.2, 93.0, 89.9, 90.2, 70.3, 61.5], 84.4, [72.6, 82.3, 66.5, 67.3, 89.3], 75.6, [copied]),
  row("hyperformer-multitask", other("HyperFormer, multitask", "638K"),   [85.7, 90.0, 93.0, 93.0, 89.7, 87.2, 75.4, 63.7], 84.8, [72.9, 82.5, 69.0, 67.3, 85.7], 75.4, [copied]),
  row("hyperdecoder-multitask", other("HyperDecoder, multitask", "1.8M"), [86.0, 90.5, 93.4, 94.0, 90.5, 87.7, 71.7, 55.9], 83.7, [70.4, 78.8, 67.1, 61.5, 82.1], 72.0, [copied]),
  row("spot-transfer", other("SPoT, transfer", "76.8K"),                  [85.4, 90.1, 93.0, 93.4, 90.0, 79.7, 69.8, 57.1], 82.3, [74.0, 77.2, 67.0, 50.0, 46.4], 62.9, [copied]),
  row("attempt-transfer", other("ATTEMPT, transfer", "232K"),             [84.3, 90.3, 93.0, 93.0, 89.7, 85.7, 74.3, 57.4], 83.4, [74.4, 78.8, 66.8, 53.8, 78.6], 70.5, [copied]),
  row("mpt-transfer", other("MPT, transfer", "77.6K"),                    [85.9, 90.3, 93.1, 93.8, 90.4, 89.1, 79.4, 62.4], 85.6, [74.8, 79.6, 69.0, 67.3, 79.8], 74.1, [copied]),
  row("attempt-transfer-multitask", other("ATTEMPT, transfer and multitask", "96K"), [83.8, 90.0, 93.1, 93.7, 90.8, 86.1, 79.9, 64.3], 85.2, [74.4, 78.5, 66.5, 69.2, 82.1], 74.1, [copied]),
  row("mpt-transfer-multitask", other("MPT, transfer and multitask", "10.5K"),       [84.3, 90.0, 93.0, 93.0, 90.4, 89.2, 82.7, 63.5], 85.8, [74.8, 79.6, 70.2, 67.3, 89.3], 76.1, [copied]),
];

export const table1: PublishedTable = {
  id: "table-1",
  title: "Table 1: GLUE and SuperGLUE with T5-base",
  caption: "Test scores on GLUE and SuperGLUE with T5-base and, for prompts, 100 tokens.",
  headings: [
    { name: "GLUE", tasks: ["mnli", "qqp", "qnli", "sst2", "stsb", "mrpc", "rte", "cola"] },
    {
      name: "SuperGLUE",
      tasks: ["superglue-multirc", "superglue-boolq", "superglue-wic", "superglue-wsc.fixed", "superglue-cb"],
    },
  ],
  rows,
  split: "test",
  steps: 100_000,
  // No deviation is printed: one run, by inference.
  seeds: 1,
};
