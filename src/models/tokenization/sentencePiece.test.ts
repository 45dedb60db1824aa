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

  it("finds symbols that its maker defined before a text is normalised", () => {
    const read = decodeSentencePiece(Buffer.from(models.unigram!.model, "base64"), place);
    // Of two spaces normalising leaves one.
    const pieces = [...read.pieces, { piece: "x  y", score: 0, type: 4 }];
    const parts = sentencePieceParts({ ...read, pieces }, { after: [], sentinels: 0, prefixFirstOnly: false }, place);
    const given = new Pipeline(parts, [], place).encode("x  y", { special: true, atLeast: Number.POSITIVE_INFINITY });
    expect(given).toEqual([read.pieces.length]);
  });

  it("puts a space before a text that begins with one, where its spaces are kept", () => {
    const read = decodeSentencePiece(Buffer.from(models.plain!.model, "base64"), place);
    const tokensOf = (add_dummy_prefix: boolean) => {
      const normalizer_spec = { ...read.normalizer_spec, add_dummy_prefix, remove_extra_whitespaces: false };
      const options = { after: [], sentinels: 0, prefixFirstOnly: false };
      const pipeline = new Pipeline(sentencePieceParts({ ...read, normalizer_spec }, options, place), [], place);
      return (text: string) => pipeline.encode(text, { special: true, atLeast: Number.POSITIVE_INFINITY });
    };
    const [prefixing, plain] = [tokensOf(true), tokensOf(false)];
    // As SentencePiece defines add_dummy_prefix.
    for (const text of ["films", " films", "  two  spaces", " "]) expect(prefixing(text)).toEqual(plain(` ${text}`));
    expect(prefixing("")).toEqual([]);
  });

  it.each([
    ["text", Buffer.from("version https://example.org")],
    ["nothing", Buffer.alloc(0)],
    ["a model cut off", Buffer.from(models.unigram!.model, "base64").subarray(0, 3000)],
  ])("%s is refused", async (_, bytes) => {
    await expectError(() => decodeSentencePiece(bytes, place), "TOKENIZER_INVALID", "spiece.model");
  });
});
