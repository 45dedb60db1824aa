/**
 * @file What tells the runs of a grid or a search apart by name: `lr0.3`, `normal`, `no-shift`. The same value has the same name
 * wherever it stands in its list, so that a longer list renames no run.
 */
import { createHash } from "node:crypto";
import { canonicalJson } from "./describe.ts";
import type { Choice } from "./grid.ts";

/** Keys that people know by a shorter word. */
const shortKeys: Readonly<Record<string, string>> = {
  learningRate: "lr",
  promptLength: "length",
  batchSize: "batch",
  warmupSteps: "warmup",
  standardDeviation: "sd",
};

const longestPart = 32;
const longestSuffix = 64;

/** What of a name says which values were chosen. */
export function suffixOf(choices: readonly Choice[]): string {
  const suffix = choices.map((choice) => `-${nameOfChoice(choice)}`).join("");
  return suffix.length <= longestSuffix ? suffix : `-${hash(choices.map(({ path, value }) => [path, value]))}`;
}

function nameOfChoice({ path, value }: Choice): string {
  const key = path.findLast((segment) => typeof segment === "string") ?? "";
  const { text, isExact } = named(String(key), value);
  return isExact && text.length <= longestPart ? text : `${text.slice(0, longestPart - 7)}-${hash(value)}`;
}

/** `isExact`: no other value of the setting has that name. */
function named(key: string, value: unknown): { text: string; isExact: boolean } {
  const word = shortKeys[key] ?? kebab(key);
  if (value === null) return { text: `no-${word}`, isExact: true };
  if (typeof value === "boolean") return { text: value ? word : `no-${word}`, isExact: true };
  if (typeof value === "number") return { text: `${word}${value}`, isExact: true };
  if (typeof value === "string") {
    const text = value.replaceAll(/[^A-Za-z0-9._-]+/g, "-").replaceAll(/^[-.]+|[-.]+$/g, "");
    return { text: text || word, isExact: text === value };
  }
  if (Array.isArray(value)) {
    const isExact = value.every((item) => typeof item === "number");
    return {
      text: `${word}${value
        .map(String)
        .join("-")
        .replaceAll(/[^A-Za-z0-9._-]+/g, "-")}`,
      isExact,
    };
  }
  const parts = Object.entries(value as object).map(([inner, one]) => named(inner, one));
  return { text: parts.map(({ text }) => text).join("-") || word, isExact: parts.every(({ isExact }) => isExact) };
}

function kebab(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function hash(value: unknown): string {
  return createHash("sha256").update(canonicalJson(value)).digest("hex").slice(0, 6);
}
