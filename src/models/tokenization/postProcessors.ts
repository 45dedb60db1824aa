/** @file Post-processors of tokenizer.json: the special tokens before and after a text. */
import { z } from "zod";
import { type Builder, members, settings } from "./place.ts";

export interface Surroundings {
  before: readonly number[];
  after: readonly number[];
}

const nothing: Surroundings = { before: [], after: [] };

const id = z.int().min(0);
const part = z.union([
  z.object({ SpecialToken: z.object({ id: z.string() }) }),
  z.object({ Sequence: z.object({ id: z.enum(["A", "B"]) }) }),
]);
const templateSchema = z.object({
  single: z.array(part),
  special_tokens: z.record(z.string(), z.object({ ids: z.array(id) })),
});
const bertSchema = z.object({ sep: z.tuple([z.string(), id]), cls: z.tuple([z.string(), id]) });

const bert: Builder<Surroundings> = (json, place) => {
  const { sep, cls } = settings(bertSchema, json, place);
  return { before: [cls[1]], after: [sep[1]] };
};

export const postProcessors: Readonly<Record<string, Builder<Surroundings>>> = {
  ByteLevel: () => nothing,
  BertProcessing: bert,
  RobertaProcessing: bert,
  TemplateProcessing: (json, place) => {
    const { single, special_tokens } = settings(templateSchema, json, place);
    const before: number[] = [];
    const after: number[] = [];
    let texts = 0;
    for (const [index, item] of single.entries()) {
      if ("Sequence" in item) {
        texts += 1;
        continue;
      }
      const name = item.SpecialToken.id;
      const special = Object.hasOwn(special_tokens, name) ? special_tokens[name] : undefined;
      if (!special)
        throw place.at("single", index).invalid(`The special token ${JSON.stringify(name)} is not described.`);
      (texts === 0 ? before : after).push(...special.ids);
    }
    if (texts !== 1) throw place.at("single").unsupported(`The template holds the text ${texts} times.`, "once");
    return { before, after };
  },
  Sequence: (json, place) => {
    const steps = members("post-processor", () => postProcessors, "processors")(json, place);
    return steps.reduce(
      (done, { before, after }) => ({ before: [...before, ...done.before], after: [...done.after, ...after] }),
      nothing,
    );
  },
};
