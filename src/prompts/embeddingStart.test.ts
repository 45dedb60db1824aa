import { describe, expect, it } from "vitest";
import { expectError } from "../../test/support/errors.ts";
import { modelOfSize } from "../../test/support/methodChecks.ts";
import { Stream } from "../random/philox.ts";
import { embeddingStart } from "./embeddingStart.ts";
import type { SourcePrompt } from "./method.ts";

/** Texts of numbers, each a token whose embedding tells it. */
const model = modelOfSize(2, {
  words: () => [...Array(100).keys()],
  tokens: (text) => text.split(" ").map(Number),
  embedding: (token) => Float32Array.of(token, -token),
});
const stream = () => new Stream(1, "start");
const source = (...rows: number[]): SourcePrompt => ({
  method: { hiddenSize: 2, frozen: {} },
  parameters: {},
  rows: Float32Array.from(rows),
});

describe("a prompt that starts as labels", () => {
  const start = embeddingStart({ from: "labels" }, 5, model);

  it("has the mean embedding of each label in front, and words of the vocabulary behind", () => {
    const rows = start.rows(stream(), { labels: ["7", "10 20"] });
    expect([...rows.subarray(0, 4)]).toEqual([7, -7, 15, -15]);
    const words = embeddingStart({ from: "vocabulary" }, 5, model).rows(stream());
    expect(rows.subarray(4)).toEqual(words.subarray(4));
  });

  it("has the first labels where there are more than tokens", () => {
    const rows = start.rows(stream(), { labels: ["1", "2", "3", "4", "5", "6"] });
    expect([...rows].filter((_, i) => i % 2 === 0)).toEqual([1, 2, 3, 4, 5]);
  });

  it("is refused where the task has none", async () => {
    expect(start.from).toBe("labels");
    await expectError(() => start.rows(stream(), { labels: undefined }), "OPTION_INVALID", "initialization.from");
  });
});

describe("a prompt that starts as another", () => {
  const start = (promptLength: number) =>
    embeddingStart({ from: "prompt", source: "other.prompt.safetensors" }, promptLength, model);

  it("has its vectors, repeated or in part", () => {
    const prompt = source(1, 2, 3, 4);
    expect([...start(2).rows(stream(), { prompt })]).toEqual([1, 2, 3, 4]);
    expect([...start(3).rows(stream(), { prompt })]).toEqual([1, 2, 3, 4, 1, 2]);
    expect([...start(1).rows(stream(), { prompt })]).toEqual([1, 2]);
    expect(start(2).from).toBe("prompt");
  });

  it("is refused where that has none among the embeddings", async () => {
    const where = "initialization.source";
    await expectError(() => start(2).rows(stream(), { prompt: source() }), "OPTION_INVALID", where);
  });
});
