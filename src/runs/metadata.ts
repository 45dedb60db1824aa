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

/** What a file says of a random projection: name of the generator, seed, distribution, number of token groups, SHA-256 of P̃. */
export const projectionMetadata = {
  generator: z.string().optional(),
  projectionSeed: integer.optional(),
  distribution: z.string().optional(),
  groups: integer.optional(),
  projectionSha256: z.string().optional(),
};

export function presentOnly(record: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(record).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
