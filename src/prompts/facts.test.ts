import { describe, expect, it } from "vitest";
import { modelOfSize } from "../../test/support/methodChecks.ts";
import { Stream } from "../random/philox.ts";
import { dept } from "./dept.ts";
import { methodFacts } from "./facts.ts";
import type { PromptMethod } from "./method.ts";
import { ulpt } from "./ulpt.ts";

const told = async (method: PromptMethod) =>
  Object.fromEntries(
    (await methodFacts(method, method.initialize(new Stream(1, "start")))).map(({ name, value }) => [name, value]),
  );

describe("what people are told of a method", () => {
  it("is what it trains and freezes, and how far its start is spread", async () => {
    const projection = { distribution: "normal-scaled", groups: 2, seed: 7 } as const;
    const start = { from: "random" } as const;
    const settings = { name: "ulpt", rank: 64, scale: true, shift: false, trains: "z", projection, start } as const;
    const { "spread of the start": spread, ...facts } = await told(ulpt(settings, 100, { hiddenSize: 96 }));
    expect(facts).toEqual({
      "trained: z": "100 × 64 = 6400",
      "trained: scale": "96",
      "frozen: projection": "normal-scaled, 2 groups, seed 7, not stored",
    });
    // The projection's entries are N(0, 1/r), so that those of Z·P̃ are about N(0, 1).
    expect(Number(spread)).toBeGreaterThan(0.9);
    expect(Number(spread)).toBeLessThan(1.1);
  });

  it("names parameters that have a learning rate of their own", async () => {
    const method = dept(
      {
        ...{ name: "dept", rank: 2, textLength: 5, alpha: 8, lowRankLearningRate: 0.01 },
        initialization: { from: "random", standardDeviation: 1 },
      },
      3,
      modelOfSize(4),
    );
    expect(await told(method)).toMatchObject({ "learning rate: a, b": "0.01", "trained: a": "5 × 2 = 10" });
  });
});
