import { describe, expect, it } from "vitest";
import { smallInspection } from "../../../test/support/inspection.ts";
import { layoutCheckpoint } from "../../runs/checkpointText.ts";
import { encodeEmbeddings } from "../../runs/inspection.ts";
import { outline } from "./checkpointOutline.ts";

const token = {
  norm: 1,
  nearest: [{ id: 3, token: "▁good", similarity: 0.5 }],
  coordinates: null,
  moved: { distance: 0.5, cosine: 0.9, nearestBefore: { id: 4, token: "▁bad" }, nearestChanged: true },
};
const inspection = smallInspection({
  promptLength: 2,
  parameters: 2,
  metrics: { accuracy: 0.5 },
  tokens: [token, token],
  vectors: { scale: { mean: 1, deviation: 0, minimum: 1, maximum: 1, top: [] } },
  sinceStart: { meanDistance: 0.5, largestDistance: 0.5, farthest: 0, meanCosine: 0.9, nearestChanged: 2 },
  embeddings: encodeEmbeddings(new Float32Array([1, 2])),
});

describe("the outline of a checkpoint's text", () => {
  it("finds the sections that the text was written with", () => {
    const { text, sections } = layoutCheckpoint(inspection, { notes: ["7 changed"] });
    const found = outline(text).map(({ name, firstLine, lastLine }) => ({ title: name, firstLine, lastLine }));
    expect(found).toEqual(sections);
    expect(outline(text).flatMap((section) => section.token ?? [])).toEqual([0, 1]);
  });

  it("finds none in a sentence about why there is no checkpoint", () => {
    expect(outline("# The file does not exist.\n# Choose another one.\n")).toEqual([]);
  });
});
