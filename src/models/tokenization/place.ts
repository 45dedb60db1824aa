/** @file Where in a tokenizer's definition something stands, the errors about it, and how a component is built from its description. */
import { z } from "zod";
import { UlptError } from "../../errors.ts";

/** Sequences within sequences; no tokenizer has more than two. */
const deepest = 16;

export class Place {
  /** The file. */
  readonly path: string;
  private readonly keys: readonly (string | number)[];

  constructor(path: string, keys: readonly (string | number)[] = []) {
    this.path = path;
    this.keys = keys;
  }

  at(...keys: (string | number)[]): Place {
    return new Place(this.path, [...this.keys, ...keys]);
  }

  get depth(): number {
    return this.keys.length;
  }

  private get where(): string {
    return this.keys.length === 0 ? this.path : `${this.path}, field "${this.keys.join(".")}"`;
  }

  /** The definition contradicts itself, or is none. */
  invalid(message: string, expected?: string, cause?: unknown): UlptError {
    return new UlptError("TOKENIZER_INVALID", message, {
      where: this.where,
      expected: expected ?? "a tokenizer as Hugging Face's tokenizers library saves it",
      hint: "Tokenizer and weights must be of one model, unchanged: download the folder again.",
      cause,
    });
  }

  /** The definition may be right, but this project would give other tokens than its makers. */
  unsupported(message: string, expected?: string, cause?: unknown): UlptError {
    return new UlptError("TOKENIZER_UNSUPPORTED", message, {
      where: this.where,
      expected,
      hint: "Choose another model: with tokens other than those it was trained on, its numbers would mean nothing.",
      cause,
    });
  }
}

export type Json = Record<string, unknown>;

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export type Builder<T> = (json: Json, place: Place) => T;

/**
 * Builds one of a kind of components by its `type`.
 * @throws TOKENIZER_INVALID, TOKENIZER_UNSUPPORTED naming the type if there is no builder for it
 */
export function build<T>(kind: string, builders: Readonly<Record<string, Builder<T>>>, json: unknown, place: Place): T {
  if (!isObject(json) || typeof json.type !== "string") {
    throw place.invalid(`The ${kind} has no type.`, `an object with a "type", or null`);
  }
  if (place.depth > deepest) throw place.unsupported(`The ${kind}s are nested too deeply.`);
  const builder = Object.hasOwn(builders, json.type) ? builders[json.type] : undefined;
  if (!builder) {
    throw place.unsupported(
      `The ${kind} ${JSON.stringify(json.type)} is not supported.`,
      Object.keys(builders).join(", "),
    );
  }
  return builder(json, place);
}

/** As `build`, of something that may be left out. */
export function buildOptional<T>(
  kind: string,
  builders: Readonly<Record<string, Builder<T>>>,
  json: unknown,
  place: Place,
): T | undefined {
  return json === undefined || json === null ? undefined : build(kind, builders, json, place);
}

/** The settings of a component. @throws TOKENIZER_INVALID naming the field */
export function settings<S extends z.ZodType>(schema: S, json: Json, place: Place): z.output<S> {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw place.at(...issue!.path.map(String)).invalid(`${issue!.message}.`);
}

/** The members of a `Sequence`. */
export function members<T>(
  kind: string,
  builders: () => Readonly<Record<string, Builder<T>>>,
  field: string,
): Builder<T[]> {
  const schema = z.object({ [field]: z.array(z.unknown()) });
  return (json, place) =>
    settings(schema, json, place)[field]!.map((member, index) =>
      build(kind, builders(), member, place.at(field, index)),
    );
}
