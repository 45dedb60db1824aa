/** @file Table 6 of the paper: Bloomz at equal numbers of trained parameters. Numbers as printed, in percent. */
import type { PaperMethod, PublishedRow, PublishedTable } from "./cell.ts";
import { ulpt, vanilla } from "./methods.ts";
import { bloomz1b7, bloomz3b, bloomz560m } from "./models.ts";

/** SST-2, HotpotQA, WinoGrande, their average. */
type Values = readonly [number, number, number, number];

const sizes: readonly {
  size: string;
  model: string;
  /** d */
  width: number;
  budgets: readonly string[];
  vanilla: readonly Values[];
  ulpt: readonly Values[];
}[] = [
  {
    size: "bloomz-560m",
    model: bloomz560m,
    width: 1024,
    budgets: ["2K", "4K", "8K", "28K"],
    vanilla: [
      [89.8, 42.9, 48.6, 60.4],
      [91.1, 53.0, 52.0, 65.4],
      [91.9, 57.2, 50.0, 66.4],
      [92.2, 60.6, 52.2, 68.3],
    ],
    ulpt: [
      [90.2, 52.4, 51.7, 64.8],
      [92.2, 55.7, 53.1, 67.0],
      [91.8, 59.3, 53.1, 68.1],
      [92.6, 62.5, 52.2, 69.1],
    ],
  },
  {
    size: "bloomz-1b7",
    model: bloomz1b7,
    width: 2048,
    budgets: ["4K", "6K", "10K", "30K"],
    vanilla: [
      [93.2, 64.6, 50.1, 69.3],
      [93.5, 66.1, 51.5, 70.4],
      [94.0, 67.3, 55.3, 72.2],
      [94.7, 69.1, 55.4, 73.1],
    ],
    ulpt: [
      [94.4, 65.6, 54.6, 71.5],
      [93.9, 66.3, 55.6, 71.9],
      [94.3, 68.0, 55.2, 72.5],
      [95.1, 69.3, 57.4, 73.9],
    ],
  },
  {
    size: "bloomz-3b",
    model: bloomz3b,
    width: 2560,
    budgets: ["5K", "8K", "13K", "31K"],
    vanilla: [
      [93.2, 66.1, 50.5, 69.9],
      [94.5, 69.0, 56.0, 73.2],
      [94.9, 69.1, 58.9, 74.3],
      [94.9, 71.5, 60.0, 75.5],
    ],
    ulpt: [
      [94.0, 68.1, 53.5, 71.9],
      [94.4, 68.9, 57.1, 73.5],
      [94.7, 70.9, 58.5, 74.7],
      [95.0, 71.8, 60.7, 75.8],
    ],
  },
];

/** By inference: those of all other tables, which give the numbers of trained parameters that are printed. */
const ranks = [2, 16, 64, 256] as const;
const ulptLength = 100;

function methodOf(name: "vanilla" | "ulpt", parameters: string, rank: number, width: number): PaperMethod {
  if (name === "ulpt") return { ...ulpt(rank, ulptLength, parameters), label: `ULPT, ${parameters}` };
  // As many tokens as come nearest to ULPT's numbers.
  const promptLength = Math.round((ulptLength * rank + 2 * width) / width);
  return { ...vanilla(promptLength, parameters), label: `Prompt tuning, ${parameters}` };
}

const rows: readonly PublishedRow[] = sizes.flatMap(({ size, model, width, budgets, ...of }) =>
  (["vanilla", "ulpt"] as const).flatMap((name) =>
    of[name].map(([sst2, hotpotqa, winogrande, average], i): PublishedRow => {
      const budget = budgets[i]!;
      return {
        id: `${size}/${name}-${budget.toLowerCase()}`,
        model,
        method: methodOf(name, budget, ranks[i]!, width),
        results: [{ values: [sst2, hotpotqa, winogrande], average }],
      };
    }),
  ),
);

export const table6: PublishedTable = {
  id: "table-6",
  title: "Table 6: Bloomz at equal parameter budgets",
  caption:
    "Scores of Bloomz (560M, 1.7B and 3B) on three tasks, prompt tuning and ULPT with about as many trained parameters.",
  headings: [{ name: "Tasks", tasks: ["sst2", "hotpotqa", "winogrande"] }],
  rows,
  split: "test",
  steps: 30_000,
  seeds: null,
  notes: [
    "The table gives rounded numbers of trained parameters; ranks and prompt lengths are not printed. Those here are an inference: the ranks 2, 16, 64 and 256 with 100 tokens, as in the other tables, and for prompt tuning as many tokens as come nearest to ULPT's numbers. One or the other gives each number that is printed.",
  ],
};
