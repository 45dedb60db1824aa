import { describe, expect, it } from "vitest";
import { changedValues } from "./experimentChanges.ts";

const text = `{
  "rank": 16, // of all
  "seed": [1, 2],
  "scale": true,
  "training": { "steps": 400, "optimizer": { "name": "adamw" } }
}`;

function changes(paths: string[], recorded: Record<string, unknown>): string[] {
  return changedValues(text, paths, recorded).map(
    ({ offset, text: was }) => `${text.slice(0, offset).split(/[\s{]/).at(-1)} was ${was}`,
  );
}

describe("values of an experiment that differ from the last run's", () => {
  it("stand where the file writes them", () => {
    const recorded = { training: { steps: 200, optimizer: { name: "hf-adamw" } } };
    expect(changes(["training.steps", "training.optimizer.name"], recorded)).toEqual([
      "400 was 200",
      '"adamw" was "hf-adamw"',
    ]);
  });

  it("find a method's own setting at the top of the file", () => {
    expect(changes(["method.rank"], { method: { name: "ulpt", rank: 2 } })).toEqual(["16 was 2"]);
  });

  it("leave out lists that stand for several runs, and what the file does not write", () => {
    expect(changes(["seed", "promptLength"], { seed: 3, promptLength: 20 })).toEqual([]);
  });
});
