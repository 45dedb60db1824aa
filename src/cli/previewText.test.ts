import { expect, it } from "vitest";
import type { PreviewedRow, PreviewedText } from "../tasks/preview.ts";
import { previewText } from "./previewText.ts";

const row = (sourceText: PreviewedText): PreviewedRow => ({
  line: 1,
  source: "tree { road",
  target: "good",
  references: undefined,
  sourceText,
  targetText: { tokens: 2, unknown: 0, kept: undefined, cut: undefined },
});
const text = (sourceText: PreviewedText) =>
  previewText(
    { split: "train", count: 1, rows: [row(sourceText)], maxSourceLength: 3, maxTargetLength: undefined },
    true,
    undefined,
  );

it("shows a text as the model sees it: what is cut off, and what its tokenizer does not know", () => {
  const whole = text({ tokens: 4, unknown: 0, kept: undefined, cut: undefined });
  expect(whole).toContain("tree { road  [4 tokens]");
  const lossy = text({ tokens: 4, unknown: 1, kept: "tree <unk> road", cut: undefined });
  expect(lossy).toContain("tree <unk> road  [4 tokens, 1 unknown: what they stood for is lost]");
  const both = text({ tokens: 4, unknown: 1, kept: "tree <unk>", cut: "road" });
  expect(both).toContain("tree <unk>  [4 tokens of at most 3, 1 unknown");
  expect(both).toContain("cut off    road");
});
