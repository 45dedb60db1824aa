import { expect, it } from "vitest";
import type { Split } from "./dataset.ts";
import { evaluatedRows } from "./keptRows.ts";

it("rows are kept with what they have in common, so that tests between runs take it into account", () => {
  const examples = [
    { target: "yes", line: 1, cluster: 7 },
    { target: "no", line: 2, cluster: 7 },
    { target: "no", line: 3 },
  ];
  const split = { examples, tokens: examples.map(() => ({ source: [4], target: [5] })) } as unknown as Split;
  const tokenizer = { decode: () => "text" } as unknown as Parameters<typeof evaluatedRows>[1];
  const evaluation = { predictions: ["yes", "no", "no"], rows: { scores: [1, 1, 1], losses: undefined, cut: [] } };
  const kept = [...evaluatedRows(split, tokenizer, evaluation as unknown as Parameters<typeof evaluatedRows>[2])];
  expect(kept.map(({ line, cluster }) => [line, cluster])).toEqual([
    [1, 7],
    [2, 7],
    [3, undefined],
  ]);
});
