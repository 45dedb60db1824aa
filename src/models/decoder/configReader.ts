/** @file Reads a config.json key by key: each value checked, with the default that Transformers has for it, and errors that name the key. */
import { z } from "zod";
import { UlptError } from "../../errors.ts";

/** No real model comes near; a file that says more would only exhaust memory. */
const largest = 1 << 24;
const count = z.number().int().positive().max(largest);
const list = z.array(z.number()).max(1 << 16);

type Json = Readonly<Record<string, unknown>>;

export class ConfigReader {
  private readonly json: Json;
  private readonly where: string;
  private readonly prefix: string;

  constructor(json: Json, where: string, prefix = "") {
    this.json = json;
    this.where = where;
    this.prefix = prefix;
  }

  /** Whether the key is there and not null. */
  has(key: string): boolean {
    return this.json[key] !== undefined && this.json[key] !== null;
  }

  get keys(): string[] {
    return Object.keys(this.json);
  }

  /** Whether the key is there, even if null. */
  says(key: string): boolean {
    return Object.hasOwn(this.json, key);
  }

  /** The same without some keys. */
  without(...keys: readonly string[]): ConfigReader {
    const json = Object.fromEntries(Object.entries(this.json).filter(([key]) => !keys.includes(key)));
    return new ConfigReader(json, this.where, this.prefix);
  }

  /** A size or a number of things, at least 1. `keys` are the spellings of one setting; the first that is there counts. */
  count(keys: string | readonly string[], fallback?: number): number {
    return this.read(keys, count, fallback);
  }

  optionalCount(key: string): number | undefined {
    return this.has(key) ? this.count(key) : undefined;
  }

  number(keys: string | readonly string[], fallback?: number): number {
    return this.read(keys, z.number(), fallback);
  }

  positive(keys: string | readonly string[], fallback?: number): number {
    return this.read(keys, z.number().positive(), fallback);
  }

  optionalPositive(key: string): number | undefined {
    return this.has(key) ? this.positive(key) : undefined;
  }

  flag(keys: string | readonly string[], fallback: boolean): boolean {
    return this.read(keys, z.boolean(), fallback);
  }

  text(key: string, fallback?: string): string {
    return this.read(key, z.string(), fallback);
  }

  numbers(key: string): number[] {
    return this.read(key, list);
  }

  /** A list with one entry for each of `length` things. */
  texts(key: string, length: number): string[] | undefined {
    if (!this.has(key)) return undefined;
    const entries = this.read(key, z.array(z.string()).max(1 << 16));
    if (entries.length !== length) throw this.error(key, `It has ${entries.length} entries.`, `${length}, one a layer`);
    return entries;
  }

  /** One of the given texts, and what it stands for; another is not supported. */
  choice<T>(keys: string | readonly string[], choices: Readonly<Record<string, T>>, fallback: string): T {
    const key = this.spelling(keys);
    const value = this.text(key, fallback);
    if (Object.hasOwn(choices, value)) return choices[value]!;
    throw this.unsupported(key, JSON.stringify(value), Object.keys(choices).join(", "));
  }

  /** Token ids: a number, or a list of them; empty where the key is missing. */
  tokens(key: string): number[] {
    const token = z.number().int().nonnegative();
    const value = this.read(key, z.union([token, z.array(token).max(1024)]), []);
    return typeof value === "number" ? [value] : value;
  }

  /** What is under a key; undefined where it is missing or null. */
  nested(key: string): ConfigReader | undefined {
    if (!this.has(key)) return undefined;
    const json = this.read(key, z.record(z.string(), z.unknown()));
    return new ConfigReader(json, this.where, `${this.prefix}${key}.`);
  }

  /** What is under each of the keys. */
  entries(): ConfigReader[] {
    return this.keys.flatMap((key) => this.nested(key) ?? []);
  }

  error(key: string, message: string, expected?: string): UlptError {
    return new UlptError("MODEL_CONFIG", message, {
      where: this.at(key),
      expected,
      hint: "Check that config.json and the weights are of one model.",
    });
  }

  unsupported(key: string, found: string, expected: string, hint = "Choose a model that has one of these."): UlptError {
    return new UlptError("MODEL_UNSUPPORTED", `${found} is not supported.`, { where: this.at(key), expected, hint });
  }

  /** Refuses a setting that would make other numbers. */
  refuse(key: string, when: (value: unknown) => boolean, expected: string): void {
    const value = this.json[key];
    if (value === undefined || value === null || !when(value)) return;
    throw this.unsupported(key, JSON.stringify(value).slice(0, 200), expected);
  }

  private at(key: string): string {
    return `${this.where}, field "${this.prefix}${key}"`;
  }

  private spelling(keys: string | readonly string[]): string {
    if (typeof keys === "string") return keys;
    return keys.find((key) => this.has(key)) ?? keys[0]!;
  }

  private read<T>(keys: string | readonly string[], schema: z.ZodType<T>, fallback?: T): T {
    const key = this.spelling(keys);
    const value = this.json[key];
    if ((value === undefined || value === null) && fallback !== undefined) return fallback;
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    throw this.error(key, value === undefined ? "The field is missing." : parsed.error.issues[0]!.message);
  }
}
