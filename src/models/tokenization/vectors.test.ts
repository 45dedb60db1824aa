import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Pipeline, readDefinition } from "./pipeline.ts";
import { Place } from "./place.ts";

interface Vectors {
  library: string;
  texts: string[];
  models: Record<string, object>;
  cases: { name: string; model: string; encoded: { ids: number[]; text: string }[] }[];
}

const file = new URL("../../../test/vectors/tokenizers.json", import.meta.url);
const { library, texts, models, cases } = JSON.parse(readFileSync(file, "utf8")) as Vectors;

describe(`texts have the tokens, and tokens the texts, that ${library} gives`, () => {
  it.each(cases.map((one) => [one.name, one] as const))("%s", (_, { model, encoded, ...definition }) => {
    const place = new Place("tokenizer.json");
    const pipeline = new Pipeline(readDefinition({ ...definition, model: models[model] }, place), [], place);
    for (const [index, text] of texts.entries()) {
      const { ids, text: decoded } = encoded[index]!;
      const given = pipeline.encode(text, { special: true, atLeast: Number.POSITIVE_INFINITY });
      expect({ text, ids: given }).toEqual({ text, ids });
      expect(pipeline.decode(ids)).toBe(decoded);
      // As many of them as are asked for are the first ones.
      expect(pipeline.encode(text, { special: true, atLeast: 3 }).slice(0, 3)).toEqual(ids.slice(0, 3));
    }
  });
});
