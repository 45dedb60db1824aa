/** @file The metadata of our safetensors files: strings in the file, and the values behind them. */
import { z } from "zod";
import { messageOf } from "../errors.ts";
import { parseValues, stringifyValues } from "./values.ts";

/** A whole number as text. */
export const integer = z.codec(z.string().regex(/^-?\d+$/, "expected a whole number"), z.int(), {
  decode: Number,
  encode: String,
});
/** A whole number of at least 1 as text. */
export const positive = integer.refine((value) => value >= 1, "expected at least 1");
/** A step as text. */
export const stepNumber = integer.refine((step) => step >= 0, "expected at least 0");

/** What `schema` describes, as JSON text. */
export function json<S extends z.ZodType>(schema: S): z.ZodCodec<z.ZodString, S> {
  return z.codec(z.string(), schema, {
    decode: (text, context) => {
      try {
        return parseValues(text) as z.input<S>;
      } catch (error) {
        context.issues.push({ code: "custom", input: text, message: `not JSON (${messageOf(error)})` });
        return z.NEVER;
      }
    },
    encode: stringifyValues,
  });
}

export const jsonRecord = json(z.record(z.string(), z.unknown()));

/** What a file says of a tensor that its method makes from a seed, and that therefore is not in it. */
const frozenRecord = z.object({
  name: z.string(),
  seed: z.int().min(0),
  /** Names the algorithm. */
  generator: z.string(),
  /** For people: `xavier-uniform, 2 groups` */
  distribution: z.string(),
  /** Of its numbers as little-endian float32. */
  sha256: z.string(),
});
export type FrozenRecord = z.infer<typeof frozenRecord>;
export const frozenRecords = z.array(frozenRecord);

/** The metadata of a checkpoint or prompt as files of today have it: up to version 2 they told of a projection alone, in keys of its own. */
export function migrateMetadata(metadata: Readonly<Record<string, string>>): Record<string, string> {
  const { generator, projectionSeed, distribution = "", groups, projectionSha256, ...others } = metadata;
  if (generator === undefined || projectionSha256 === undefined) return { ...metadata };
  const split = groups === undefined || groups === "1" ? "" : `, ${groups} groups`;
  const projection = {
    name: "projection",
    seed: Number(projectionSeed),
    generator,
    distribution: `${distribution}${split}`,
    sha256: projectionSha256,
  };
  return { ...others, frozen: stringifyValues([projection]) };
}

export function presentOnly(record: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(record).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
