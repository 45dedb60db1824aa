/** @file The JSON Schema of experiment files, for editors, and what it knows about a place in such a file. */
import { z } from "zod";
import { misspelt, suggest } from "../words/suggest.ts";
import { experimentSchema } from "./schema.ts";

/** Keys and list positions from the root of an experiment file. */
export type Path = readonly (string | number)[];

/** The parts of JSON Schema draft 7 that the experiment's schema consists of. */
interface Node {
  type?: string;
  properties?: Record<string, Node>;
  additionalProperties?: Node | boolean;
  items?: Node | Node[];
  anyOf?: Node[];
  oneOf?: Node[];
  [keyword: string]: unknown;
}

let generated: Node | undefined;

/** Draft 7, the newest that VS Code supports in full; with the two keywords that make it accept comments and commas. */
export function experimentJsonSchema(): Readonly<Record<string, unknown>> {
  return rootNode();
}

function rootNode(): Node {
  if (!generated) {
    const schema = z.toJSONSchema(experimentSchema, {
      target: "draft-7",
      io: "input",
      override: ({ jsonSchema }) => {
        // Every integer of zod is bounded by what a double holds exactly; in a hover that is noise.
        if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      },
    });
    generated = { ...(schema as Node), allowComments: true, allowTrailingCommas: true };
  }
  return generated;
}

/** The schemas that a value at `path` may follow, alternatives side by side; empty for a path that no experiment has. */
function nodesAt(path: Path): Node[] {
  let nodes = alternatives(rootNode());
  for (const segment of path) nodes = nodes.flatMap((node) => childrenOf(node, segment).flatMap(alternatives));
  return nodes;
}

function alternatives(node: Node): Node[] {
  const choices = node.anyOf ?? node.oneOf;
  // `oneOf` beside `properties` restricts one object further; alone it lists alternatives.
  return choices && !node.properties ? choices.flatMap(alternatives) : [node];
}

function childrenOf(node: Node, segment: string | number): Node[] {
  if (typeof segment === "number") {
    const item = Array.isArray(node.items) ? node.items[segment] : node.items;
    return item ? [item] : [];
  }
  if (node.properties && Object.hasOwn(node.properties, segment)) return [node.properties[segment]!];
  return typeof node.additionalProperties === "object" ? [node.additionalProperties] : [];
}

/** Whether an experiment may have a value at `path`. */
export function isKnownPath(path: Path): boolean {
  return nodesAt(path).length > 0;
}

/** Whether only text may stand at `path`. */
export function isTextOnly(path: Path): boolean {
  const nodes = nodesAt(path);
  return nodes.length > 0 && nodes.every((node) => node.type === "string");
}

/** Whether every number at `path` is a whole one. */
export function isWholeNumber(path: Path): boolean {
  const types = nodesAt(path).map((node) => node.type);
  return types.includes("integer") && !types.includes("number");
}

/** The keys that an object at `path` may have. */
export function keysAt(path: Path): string[] {
  return [...new Set(nodesAt(path).flatMap((node) => Object.keys(node.properties ?? {})))];
}

/** What was meant by an unknown key in the object at `path`: a key of that object, or where the experiment has that key. */
export function suggestKey(path: Path, key: string): string | undefined {
  const keys = keysAt(path);
  // A key in the wrong place is meant before one that only begins like it: `train` is task.train, not training.
  const elsewhere = () => objectPaths([]).find((dotted) => dotted.split(".").at(-1) === key);
  return misspelt(key, keys) ?? elsewhere() ?? suggest(key, keys);
}

/** `training`, `training.steps`, …: every key that can be reached through objects alone. */
function objectPaths(path: string[]): string[] {
  return keysAt(path).flatMap((key) => [[...path, key].join("."), ...objectPaths([...path, key])]);
}
