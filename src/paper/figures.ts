/** @file Figures 3, 4 and 5 of the paper, read from the vector paths of their official files. In percent. */
import type { PaperMethod, PublishedRow, PublishedTable } from "./cell.ts";
import { ulpt, vanilla } from "./methods.ts";
import { t5Base, t5Large, t5Small } from "./models.ts";

const otherSeeds =
  "Read from a figure. Its values on NQ differ from those of Table 5 by up to 0.6, and between the figures by up to 0.7: other seeds, it seems.";
const mnliAndNq = [
  { name: "MNLI", tasks: ["mnli"] },
  { name: "NQ", tasks: ["nq"] },
] as const;

function point(id: string, model: string, method: PaperMethod, mnli: number, nq: number): PublishedRow {
  return { id, model, method, results: [{ values: [mnli] }, { values: [nq] }] };
}

const ranks = [2, 16, 64, 256] as const;
/** Prompt lengths at which prompt tuning trains about as many numbers as ULPT at `ranks`. */
const equalLengths = [2, 10, 20, 50] as const;

type Four = readonly [number, number, number, number];

function figure3Rows(
  size: string,
  model: string,
  of: { vanilla: { mnli: Four; nq: Four }; ulpt: { mnli: Four; nq: Four } },
): PublishedRow[] {
  return [
    ...equalLengths.map((n, i) =>
      point(`${size}/vanilla-n${n}`, model, lengthened(vanilla(n)), of.vanilla.mnli[i]!, of.vanilla.nq[i]!),
    ),
    ...ranks.map((r, i) => point(`${size}/ulpt-r${r}`, model, ulpt(r, 100), of.ulpt.mnli[i]!, of.ulpt.nq[i]!)),
  ];
}

/** A method whose label tells its prompt length, for figures in which that changes. */
function lengthened<M extends PaperMethod & { promptLength: number | null }>(method: M): M {
  return { ...method, label: `${method.label} n=${method.promptLength}` };
}

export const figure3: PublishedTable = {
  id: "figure-3",
  title: "Figure 3: ULPT and prompt tuning with as many parameters",
  caption:
    "Test scores on MNLI and NQ with three sizes of T5: ULPT with 100 tokens beside prompt tuning with so few tokens that it trains about as many numbers.",
  headings: mnliAndNq,
  rows: [
    ...figure3Rows("t5-large", t5Large, {
      vanilla: { mnli: [61.6, 82.2, 82.3, 84.0], nq: [70.0, 71.6, 72.2, 73.2] },
      ulpt: { mnli: [84.3, 88.8, 88.9, 89.3], nq: [72.7, 73.2, 73.8, 74.4] },
    }),
    ...figure3Rows("t5-base", t5Base, {
      vanilla: { mnli: [69.4, 81.8, 83.1, 83.5], nq: [65.3, 67.5, 68.7, 69.5] },
      ulpt: { mnli: [81.9, 82.9, 84.9, 85.5], nq: [67.5, 68.3, 70.8, 72.7] },
    }),
    ...figure3Rows("t5-small", t5Small, {
      vanilla: { mnli: [56.7, 74.0, 76.9, 78.4], nq: [54.1, 58.0, 58.9, 59.9] },
      ulpt: { mnli: [76.3, 77.5, 78.0, 78.6], nq: [56.5, 58.0, 60.2, 62.9] },
    }),
  ],
  split: "test",
  steps: 100_000,
  seeds: null,
  notes: [otherSeeds],
};

const lengths = [10, 20, 50, 100] as const;

function figure4Rows(id: string, method: (n: number) => PaperMethod, mnli: Four, nq: Four): PublishedRow[] {
  return lengths.map((n, i) => point(`${id}-n${n}`, t5Base, method(n), mnli[i]!, nq[i]!));
}

export const figure4: PublishedTable = {
  id: "figure-4",
  title: "Figure 4: prompt lengths",
  caption: "Test scores on MNLI and NQ with T5-base and prompts of 10, 20, 50 and 100 tokens.",
  headings: mnliAndNq,
  rows: [
    ...figure4Rows("ulpt-r2", (n) => lengthened(ulpt(2, n)), [80.3, 80.7, 81.3, 81.9], [66.1, 66.3, 66.3, 67.5]),
    ...figure4Rows("ulpt-r16", (n) => lengthened(ulpt(16, n)), [81.3, 81.4, 81.5, 82.9], [66.3, 66.4, 67.1, 67.7]),
    ...figure4Rows("ulpt-r64", (n) => lengthened(ulpt(64, n)), [81.5, 82.3, 83.2, 84.9], [67.5, 68.3, 69.0, 70.1]),
    ...figure4Rows("ulpt-r256", (n) => lengthened(ulpt(256, n)), [82.9, 84.4, 84.7, 85.5], [69.0, 70.6, 70.8, 72.2]),
    ...figure4Rows("vanilla", (n) => lengthened(vanilla(n)), [81.8, 83.1, 83.5, 84.9], [67.5, 68.7, 69.5, 70.0]),
  ],
  split: "test",
  steps: 100_000,
  seeds: null,
  notes: [otherSeeds],
};

function ablation(id: string, method: PaperMethod, value: number, notes: readonly string[] = []): PublishedRow {
  return { id, model: t5Base, method, results: [{ values: [value] }], notes };
}

export const figure5: PublishedTable = {
  id: "figure-5",
  title: "Figure 5: without scale and shift, on SST-2",
  caption:
    "Validation accuracy on SST-2 (1,000 rows of the training split) with T5-base and 100 tokens, at step 28,000, the last one that is drawn.",
  headings: [{ name: "SST-2", tasks: ["sst2"] }],
  rows: [
    ablation("ulpt-r2", ulpt(2, 100), 96.4),
    ablation("ulpt-r2-no-scale", ulpt(2, 100, undefined, { scale: false }), 93.3, [
      "The last of a curve that moves between 93.3 and 94.4 from step 13,000 on.",
    ]),
    ablation("ulpt-r2-no-scale-no-shift", ulpt(2, 100, undefined, { scale: false, shift: false }), 0.0, [
      "0.0 at each of the ten points of the curve: answering one label always would give about 50, so the model never writes a label at all (an inference).",
    ]),
    ablation("vanilla", vanilla(100), 96.0),
  ],
  split: "validation",
  readAtStep: 28_000,
  steps: 100_000,
  seeds: null,
  notes: ["Read from a figure."],
};
