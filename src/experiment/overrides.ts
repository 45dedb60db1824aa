/** @file `--set key=value`: settings of an experiment file replaced from the command line. */
import { UlptError } from "../errors.ts";
import { parseJson } from "../json.ts";
import { isKnownPath, isTextOnly, type Path, suggestKey, takesSeveral } from "./jsonSchema.ts";

export interface Override {
  /** As it was typed. */
  text: string;
  path: Path;
  value: unknown;
}

/**
 * Reads `key=value`. The key is a dotted path, list positions as numbers: `method.0.rank`. The value is JSON
 * (`rank=[2,8]`), or text where it is no JSON or the setting takes only text (`model=../t5`).
 * @throws UlptError OPTION_INVALID for a bad form or an unknown key
 */
export function parseOverride(text: string): Override {
  const equals = text.indexOf("=");
  const key = text.slice(0, Math.max(equals, 0)).trim();
  if (key === "") {
    throw new UlptError("OPTION_INVALID", `--set ${text} does not set anything.`, {
      where: `--set ${text}`,
      expected: "key=value, like training.steps=100 or rank=[2,8]",
      hint: "Put the setting's name before an equals sign and its value after it.",
    });
  }
  const path = key.split(".").map((segment) => (/^\d+$/.test(segment) ? Number(segment) : segment));
  const unknown = path.findIndex((_, i) => !isKnownPath(path.slice(0, i + 1)));
  if (unknown >= 0) {
    const parent = path.slice(0, unknown);
    const near = suggestKey(parent, String(path[unknown]));
    // A suggestion from elsewhere in the experiment is a whole path already.
    const meant = near && (isKnownPath([...parent, near]) ? [...parent, near].join(".") : near);
    throw new UlptError("OPTION_INVALID", `There is no setting "${key}".`, {
      where: `--set ${text}`,
      expected: "a setting of the experiment file, as a dotted path like training.steps",
      hint: meant ? `Did you mean "${meant}"?` : "Look the setting up in the experiment's schema.",
    });
  }
  return { text, path, value: parseValue(text.slice(equals + 1), isTextOnly(path), takesSeveral(path)) };
}

function parseValue(text: string, textOnly: boolean, isSeveral: boolean): unknown {
  try {
    const value: unknown = parseJson(text);
    // A list or a range of texts is one, but for what stands in brackets by itself.
    const isText = textOnly && (typeof value !== "object" || value === null || !isSeveral);
    return isText && typeof value !== "string" ? text : value;
  } catch {
    return text;
  }
}

/**
 * A copy of the experiment `value` (as read from JSON) with the overrides in it, later ones last. Objects that the file
 * leaves out are made; list items have to be there.
 * @throws UlptError OPTION_INVALID
 */
export function applyOverrides(value: unknown, overrides: readonly (string | Override)[]): unknown {
  const result = structuredClone(value);
  for (const given of overrides) {
    const override = typeof given === "string" ? parseOverride(given) : given;
    let container: unknown = result;
    for (const [depth, segment] of override.path.entries()) {
      const isList = Array.isArray(container);
      const isObject = typeof container === "object" && container !== null && !isList;
      const fits = typeof segment === "number" ? isList && segment < (container as unknown[]).length : isObject;
      if (!fits) throw noPlace(override, depth, container);
      const target = container as Record<string | number, unknown>;
      if (depth === override.path.length - 1) target[segment] = override.value;
      else target[segment] ??= {};
      container = target[segment];
    }
  }
  return result;
}

function noPlace({ path, text }: Override, depth: number, container: unknown): UlptError {
  const parent = depth === 0 ? "the experiment" : `"${path.slice(0, depth).join(".")}"`;
  const found = Array.isArray(container) ? `a list of ${container.length}` : JSON.stringify(container);
  return new UlptError("OPTION_INVALID", `${parent} is ${found}: it has no "${path[depth]}" to set.`, {
    where: `--set ${text}`,
    expected: Array.isArray(container) ? `a position from 0 to ${container.length - 1}` : "an object in the file there",
    hint: `Set ${parent} as a whole, as JSON.`,
  });
}
