/**
 * @file What the experiment's side of a method says of itself: its settings with their defaults, those that it takes from the
 * experiment, the names of its runs, and words for people. From it follow what may be written and what is recorded.
 */
import { z } from "zod";
import { bounded } from "../../tasks/bounds.ts";
import type { Path } from "../jsonSchema.ts";
import { type Resolved, recordedForm } from "../recordedForm.ts";
import { ofOneMethod, oneOrMany, type SharedName, type SharedValue, sharedSettings } from "./shared.ts";

/** Names become folder names on every system. */
export const fileName = bounded.name.regex(
  /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/,
  'must be made of letters, digits, ".", "_" and "-", with a letter or digit at both ends: it names a folder',
);
export const learningRate = z.number().gt(0);

type OwnSettings = Readonly<Record<string, z.ZodType>>;

/** Settings of one run's method, with nothing left to default. */
export type SettingsOf<Name extends string, Inherited extends SharedName, Own extends OwnSettings> = { name: Name } & {
  [Key in Inherited]: SharedValue<Key>;
} & { [Key in keyof Own]: Resolved<Exclude<z.output<Own[Key]>, undefined>> };

/** Why settings of a method do not go together, to be read after the setting's name. */
export interface SettingProblem {
  message: string;
  /** From the method's object on. */
  setting: Path;
}

export interface MethodDescription<Name extends string, Inherited extends SharedName, Own extends OwnSettings> {
  /** In experiment files, and what its runs are named after. */
  name: Name;
  /** As people write it: `Prompt tuning`. */
  title: string;
  /** What it is, in a sentence with its formula: the hover over its object. */
  description: string;
  /** In a few words, to choose by. */
  summary: string;
  /** Settings of the experiment that it uses, each unless the method has its own value. */
  inherits: readonly Inherited[];
  /** Settings that only this method has: each has a default. */
  own: Own;
  /** Settings that take a list, which makes a run for each item, with what stands before an item in a run's name: `{ rank: "r" }`. */
  lists?: { readonly [Key in Inherited | keyof Own]?: string };
  /** What else tells its runs apart by their names, where no label names them: `no-scale`. */
  nameParts?(settings: SettingsOf<Name, Inherited, Own>): string[];
  /** Seeds that are the run's unless the experiment says otherwise. */
  seeds?: readonly Path[];
  problems?(settings: SettingsOf<Name, Inherited, Own>, prompt: { promptLength: number }): SettingProblem[];
  /** Whether the others are usually compared with it. */
  isReference?: boolean;
  /** Whether only decoder-only models have a place for what it trains. */
  isForDecoders?: boolean;
  /** Peak at which it is usually trained on models of the size of T5-base. Default: 0.3. */
  usualLearningRate?: number;
}

/** A method of any kind, as all else sees it. */
export interface MethodRecord<Name extends string = string, Settings extends { name: string } = { name: string }>
  extends Pick<MethodDescription<Name, SharedName, OwnSettings>, "title" | "description" | "summary"> {
  readonly name: Name;
  readonly isReference: boolean;
  readonly isForDecoders: boolean;
  readonly usualLearningRate: number;
  readonly inherits: readonly SharedName[];
  /** Its settings by name, with what stands before an item of a list in a run's name where they take lists. */
  readonly settings: ReadonlyMap<string, { listPrefix: string | undefined }>;
  readonly seeds: readonly Path[];
  /** What may be written in an experiment. */
  readonly written: z.ZodObject;
  /** What is recorded of a run. */
  readonly recorded: z.ZodType<Settings>;
  /** Its own settings out of those written, the rest at their defaults. */
  ownSettings(written: Readonly<Record<string, unknown>>): Record<string, unknown>;
  nameParts(settings: Settings): string[];
  problems(settings: Settings, prompt: { promptLength: number }): SettingProblem[];
}

export function defineMethod<
  const Name extends string,
  const Inherited extends SharedName,
  const Own extends OwnSettings,
>(described: MethodDescription<Name, Inherited, Own>): MethodRecord<Name, SettingsOf<Name, Inherited, Own>> {
  const { name, title, description, summary, inherits, own } = described;
  const lists: Readonly<Record<string, string | undefined>> = described.lists ?? {};
  const isListed = (key: string) => lists[key] !== undefined;
  const inherited = inherits.map((key): [string, z.ZodType] => {
    const item = isListed(key) ? oneOrMany(sharedSettings[key]) : sharedSettings[key];
    return [key, item.optional().describe(`${ofOneMethod[key]} Default: the experiment's.`)];
  });
  const ownWritten = Object.entries(own).map(([key, item]) => [key, isListed(key) ? listable(item) : item] as const);
  const written = z
    .strictObject({
      name: z.literal(name),
      label: fileName
        .describe("Names the runs of this method, and tells apart methods that differ in other settings.")
        .optional(),
      ...Object.fromEntries(inherited),
      ...Object.fromEntries(ownWritten),
      learningRate: learningRate.optional().describe("Learning rate of this method. Default: training.learningRate."),
    })
    .describe(description);
  const shared = Object.fromEntries(inherits.map((key) => [key, recordedForm(sharedSettings[key] as z.ZodType)]));
  const recordedOwn = Object.fromEntries(Object.entries(own).map(([key, item]) => [key, recordedForm(item)]));
  const ownObject = z.object(Object.fromEntries(ownWritten));
  return {
    name,
    title,
    description,
    summary,
    isReference: described.isReference ?? false,
    isForDecoders: described.isForDecoders ?? false,
    usualLearningRate: described.usualLearningRate ?? 0.3,
    inherits,
    settings: new Map([...inherits, ...Object.keys(own)].map((key) => [key, { listPrefix: lists[key] }])),
    seeds: described.seeds ?? [],
    written,
    recorded: z.object({ name: z.literal(name), ...shared, ...recordedOwn }) as unknown as z.ZodType<
      SettingsOf<Name, Inherited, Own>
    >,
    ownSettings: (values) => ownObject.parse(values),
    nameParts: (settings) => described.nameParts?.(settings) ?? [],
    problems: (settings, prompt) => described.problems?.(settings, prompt) ?? [],
  };
}

/** A setting with a default that may also be a list of values. */
function listable(schema: z.ZodType): z.ZodType {
  if (!(schema instanceof z.ZodDefault)) return oneOrMany(schema);
  const list = oneOrMany(schema.unwrap() as z.ZodType).default(schema.def.defaultValue as never);
  return schema.description === undefined ? list : list.describe(schema.description);
}
