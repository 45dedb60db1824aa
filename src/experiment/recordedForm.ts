/** @file What a record of settings holds of each: the schema that an experiment file is checked with, with nothing left to default. */
import { z } from "zod";

/** Settings with nothing left to default. */
export type Resolved<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { [K in keyof T]-?: Resolved<Exclude<T[K], undefined>> }
    : T;

const formerValues = new WeakMap<z.ZodType, unknown>();

/** `schema`, whose setting records of earlier versions do not have: what they did without it was `value`. */
export function formerly<S extends z.ZodType>(value: z.output<S>, schema: S): S {
  formerValues.set(schema, value);
  return schema;
}

/**
 * The schema of recorded values for what `schema` lets people write: defaults and what may be left out are filled in by then, and
 * keys that only a newer version knows are no error.
 */
export function recordedForm<S extends z.ZodType>(schema: S): z.ZodType<Resolved<z.output<S>>> {
  return formOf(schema) as z.ZodType<Resolved<z.output<S>>>;
}

function formOf(schema: z.ZodType): z.ZodType {
  const form = withoutDefaults(schema);
  return formerValues.has(schema) ? form.default(formerValues.get(schema)) : form;
}

function withoutDefaults(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional) {
    return formOf(schema.unwrap() as z.ZodType);
  }
  if (schema instanceof z.ZodNullable) return formOf(schema.unwrap() as z.ZodType).nullable();
  if (schema instanceof z.ZodDiscriminatedUnion) {
    const forms = schema.options.map((option) => formOf(option as z.ZodType)) as [z.ZodObject, ...z.ZodObject[]];
    return z.discriminatedUnion(schema.def.discriminator, forms);
  }
  if (!(schema instanceof z.ZodObject)) return schema;
  return z.object(
    Object.fromEntries(Object.entries(schema.shape).map(([key, value]) => [key, formOf(value as z.ZodType)])),
  );
}
