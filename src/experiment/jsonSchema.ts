/** @file The JSON Schema of experiment files, for editors, and what it knows about a place in such a file. */
import { z } from "zod";
import { misspelt, suggest } from "../words/suggest.ts";
import { experimentSchema } from "./schema.ts";
import { type SchemaNode, withDefinitions } from "./schemaDefinitions.ts";

/** Keys and list positions from the root of an experiment file. */
export type Path = readonly (string | number)[];

let generated: SchemaNode | undefined;

/** Draft 7, the newest that VS Code supports in full; with the two keywords that make it accept comments and commas. */
export function experimentJsonSchema(): Readonly<Record<string, unknown>> {
  return { ...withDefinitions(withSeveralValues(rootNode())), allowComments: true, allowTrailingCommas: true };
}

function rootNode(): SchemaNode {
  if (!generated) {
    const schema = z.toJSONSchema(experimentSchema, {
      target: "draft-7",
      io: "input",
      override: ({ jsonSchema }) => {
        // Every integer of zod is bounded by what a double holds exactly; in a hover that is noise.
        if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      },
    });
    generated = schema as SchemaNode;
  }
  return generated;
}

/** The schemas that a value at `path` may follow, alternatives side by side; empty for a path that no experiment has. */
function nodesAt(path: Path): SchemaNode[] {
  let nodes = alternatives(rootNode());
  for (const segment of path) nodes = nodes.flatMap((node) => childrenOf(node, segment).flatMap(alternatives));
  return nodes;
}

function alternatives(node: SchemaNode): SchemaNode[] {
  const choices = node.anyOf ?? node.oneOf;
  // `oneOf` beside `properties` restricts one object further; alone it lists alternatives.
  return choices && !node.properties ? choices.flatMap(alternatives) : [node];
}

function childrenOf(node: SchemaNode, segment: string | number): SchemaNode[] {
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

/** Whether a list at `path` is one value, or what the schema itself calls several. */
export function takesList(path: Path): boolean {
  return nodesAt(path).some(({ type }) => type === "array");
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

/** The settings that all runs of an experiment share, or that have lists of their own. */
export const sharedKeys: ReadonlySet<string> = new Set([
  "$schema",
  "name",
  "model",
  "task",
  "paper",
  "device",
  "precision",
  "search",
  "method",
]);

/** Whether the setting at `path` may be a list or a range. */
export function takesSeveral([root, ...rest]: Path): boolean {
  return !sharedKeys.has(String(root)) || (root === "method" && rest.length > 1);
}

/** Objects of settings that may be lists, each by itself. */
const groups: ReadonlySet<string> = new Set(["training", "generation", "method"]);

const range: SchemaNode = {
  description: "A range: search.samples values are drawn of it.",
  type: "object",
  properties: {
    log: { ...numberPair(), description: "Two bounds: the logarithm of what is drawn is uniform between theirs." },
    uniform: { ...numberPair(), description: "Two bounds: what is drawn is uniform between them." },
    choice: { type: "array", minItems: 1, description: "Values, each as likely as the others." },
  },
  additionalProperties: false,
  minProperties: 1,
  maxProperties: 1,
};

function numberPair(): SchemaNode {
  return { type: "array", items: { type: "number" }, minItems: 2, maxItems: 2 };
}

/** The schema of an experiment whose settings may also be lists and ranges (`Grid`). */
function withSeveralValues(root: SchemaNode): SchemaNode {
  const properties = Object.entries(root.properties!).map(([key, node]) => {
    if (groups.has(key)) return [key, opened(node)];
    return [key, sharedKeys.has(key) ? node : several(node)];
  });
  return { ...root, properties: Object.fromEntries(properties), definitions: { range } };
}

/** The schema of a value of which every setting may be several. */
function opened(node: SchemaNode): SchemaNode {
  const { properties, items } = node;
  const choices = node.anyOf ? "anyOf" : "oneOf";
  const inner = node[choices]?.map(opened);
  // A label names the runs of one method.
  const settings = Object.entries(properties ?? {}).map(([key, one]) => [key, key === "label" ? one : several(one)]);
  return {
    ...node,
    ...(inner ? { [choices]: inner } : {}),
    ...(properties ? { properties: Object.fromEntries(settings) } : {}),
    ...(items && !Array.isArray(items) ? { items: opened(items) } : {}),
  };
}

function several(node: SchemaNode): SchemaNode {
  if ("const" in node) return node;
  const { description, default: usual, ...one } = opened(node);
  const value = one.anyOf && Object.keys(one).length === 1 ? one.anyOf : [one];
  const isList = value.some(({ type }) => type === "array");
  return {
    ...(description === undefined ? {} : { description }),
    ...(usual === undefined ? {} : { default: usual }),
    anyOf: [...value, ...(isList ? [] : [{ type: "array", items: one, minItems: 1 }]), { $ref: "#/definitions/range" }],
  };
}

/** `training`, `training.steps`, …: every key that can be reached through objects alone. */
function objectPaths(path: string[]): string[] {
  return keysAt(path).flatMap((key) => [[...path, key].join("."), ...objectPaths([...path, key])]);
}
