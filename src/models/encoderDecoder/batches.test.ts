import { describe, expect, it } from "vitest";
import { paddedLength } from "../batch.ts";
import { collate, collateSources } from "./batches.ts";

const special = { padToken: 9, startToken: 7 };

describe("a batch", () => {
  it("pads sources on the right to a multiple of eight, and masks the padding", () => {
    const { input_ids, attention_mask } = collateSources([[1, 2, 3], [4]], 9);
    expect(input_ids!.shape).toEqual([2, 8]);
    expect([...input_ids!.data].map(Number)).toEqual([1, 2, 3, 9, 9, 9, 9, 9, 4, 9, 9, 9, 9, 9, 9, 9]);
    expect([...attention_mask!.data]).toEqual([1, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    expect([0, 1, 8, 9, 16].map(paddedLength)).toEqual([8, 8, 8, 16, 16]);
  });

  it("shifts targets behind the start token and labels every one of their tokens", () => {
    const feeds = collate(
      [
        { source: [1], target: [3, 4, 1] },
        { source: [2, 2], target: [5] },
      ],
      special,
      0.25,
    );
    expect([...feeds.decoder_input_ids!.data].map(Number)).toEqual([7, 3, 4, 7, 9, 9]);
    expect([...feeds.label_positions!.data].map(Number)).toEqual([0, 1, 2, 3]);
    expect([...feeds.label_ids!.data].map(Number)).toEqual([3, 4, 1, 5]);
    expect([...feeds.label_weights!.data]).toEqual([0.25, 0.25, 0.25, 0.25]);
  });
});
