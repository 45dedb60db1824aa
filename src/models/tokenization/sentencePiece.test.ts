import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { expectError } from "../../../test/support/errors.ts";
import { Pipeline } from "./pipeline.ts";
import { Place } from "./place.ts";
import { decodeSentencePiece, sentencePieceParts } from "./sentencePiece.ts";

interface Vectors {
  library: string;
  texts: string[];
  models: Record<string, { pieces: number; model: string; ids: number[][]; decoded: string[] }>;
}

const file = new URL("../../../test/vectors/sentencepiece.json", import.meta.url);
const { library, texts, models } = JSON.parse(readFileSync(file, "utf8")) as Vectors;
const place = new Place("spiece.model");

describe(`a SentencePiece model gives the tokens and texts of ${library}`, () => {
  it.each(Object.entries(models))("%s", (_, { pieces, model, ids, decoded }) => {
    const read = decodeSentencePiece(Buffer.from(model, "base64"), place);
    expect(read.pieces).toHaveLength(pieces);
    const parts = sentencePieceParts(read, { after: [], sentinels: 0, prefixFirstOnly: false }, place);
    const pipeline = new Pipeline(parts, [], place);
    for (const [index, text] of texts.entries()) {
      const given = pipeline.encode(text, { special: true, atLeast: Number.POSITIVE_INFINITY });
      expect({ text, ids: given }).toEqual({ text, ids: ids[index] });
      // An unknown token, which is lost here, is written as " ⁇ " there.
      if (!given.includes(pipeline.model.unknown!)) expect(pipeline.decode(given)).toBe(decoded[index]);
    }
  });

  it.each([
    ["text", Buffer.from("version https://example.org")],
    ["nothing", Buffer.alloc(0)],
    ["a model cut off", Buffer.from(models.unigram!.model, "base64").subarray(0, 3000)],
  ])("%s is refused", async (_, bytes) => {
    await expectError(() => decodeSentencePiece(bytes, place), "TOKENIZER_INVALID", "spiece.model");
  });
});
