/** @file All methods, in the order in which people choose among them: a line for each. */
import { z } from "zod";
import type { MethodRecord } from "./define.ts";
import { dept } from "./dept.ts";
import { dpt } from "./dpt.ts";
import { mpt } from "./mpt.ts";
import { prefix } from "./prefix.ts";
import { pTuning } from "./pTuning.ts";
import { residual } from "./residual.ts";
import { smop } from "./smop.ts";
import { ulpt } from "./ulpt.ts";
import { vanilla } from "./vanilla.ts";

const records = {
  ulpt,
  dpt,
  dept,
  prefix,
  smop,
  residual,
  "p-tuning": pTuning,
  mpt,
  vanilla,
};

export type MethodName = keyof typeof records;
/** The settings of a run of that method, as run.json and exported prompts record them. */
export type MethodSettings<Name extends MethodName = MethodName> = {
  [Key in Name]: z.output<(typeof records)[Key]["recorded"]>;
}[Name];

/** A method with its own settings, as an experiment may name it. */
export interface WrittenMethod {
  name: MethodName;
  label?: string | undefined;
  learningRate?: number | undefined;
  /** The settings of its record, each a value or a list of values. */
  readonly [setting: string]: unknown;
}

export const methodNames = Object.keys(records) as [MethodName, ...MethodName[]];

/** @throws RangeError of a name that no method has */
export function methodRecord(name: MethodName): MethodRecord<MethodName, MethodSettings> {
  return records[name] as unknown as MethodRecord<MethodName, MethodSettings>;
}

/** Of a name that may be that of a method in another version. */
export function knownMethod(name: string | undefined): MethodRecord<MethodName, MethodSettings> | undefined {
  return name !== undefined && Object.hasOwn(records, name) ? methodRecord(name as MethodName) : undefined;
}

const all = methodNames.map(methodRecord);

function unionOf(schemas: readonly z.ZodType[]) {
  return z.discriminatedUnion("name", schemas as unknown as [z.ZodObject, ...z.ZodObject[]]);
}

export const writtenMethod = z.union([
  z.enum(methodNames),
  unionOf(all.map(({ written }) => written)) as unknown as z.ZodType<WrittenMethod>,
]);

export const recordedMethod = unionOf(all.map(({ recorded }) => recorded)) as unknown as z.ZodType<MethodSettings>;
