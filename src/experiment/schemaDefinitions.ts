/** @file What recurs in a JSON Schema, told once: among its `definitions`, to which `$ref`s point. */

/** The parts of JSON Schema draft 7 that the experiment's schema consists of. */
export interface SchemaNode {
  type?: string;
  properties?: Record<string, SchemaNode>;
  additionalProperties?: SchemaNode | boolean;
  items?: SchemaNode | SchemaNode[];
  anyOf?: SchemaNode[];
  oneOf?: SchemaNode[];
  definitions?: Record<string, SchemaNode>;
  [keyword: string]: unknown;
}

/** A schema of fewer characters is as short as a reader likes it where it stands. */
const shortest = 200;

/**
 * `root` with definitions for the alternatives and items that recur in it, named after the settings they are of. Settings
 * themselves stay where they are: draft 7 ignores what stands beside a `$ref`, and each has a description of its own.
 */
export function withDefinitions(root: SchemaNode): SchemaNode {
  const recurring = recurringMembers(root);
  const names = new Map<string, string>();
  const definitions: Record<string, SchemaNode> = { ...root.definitions };
  const visit: Visit = (member, key) => {
    const text = JSON.stringify(member);
    if (!recurring.has(text)) return mapMembers(member, visit, key);
    let name = names.get(text);
    if (name === undefined) {
      name = freeName(key, definitions);
      names.set(text, name);
      definitions[name] = {}; // taken, before those inside of it
      definitions[name] = mapMembers(member, visit, key);
    }
    return { $ref: `#/definitions/${name}` };
  };
  return { ...mapMembers(root, visit, "experiment"), definitions };
}

/** Alternatives and items that stand in several places, as JSON; of what is inside of one its first place counts. */
function recurringMembers(root: SchemaNode): ReadonlySet<string> {
  const counts = new Map<string, number>();
  const visit: Visit = (member, key) => {
    const text = JSON.stringify(member);
    const count = counts.get(text) ?? 0;
    counts.set(text, count + 1);
    return count === 0 ? mapMembers(member, visit, key) : member;
  };
  mapMembers(root, visit, "experiment");
  const texts = [...counts].filter(([text, count]) => count > 1 && text.length >= shortest);
  return new Set(texts.map(([text]) => text));
}

/** Gives what stands for an alternative or an item. `key`: the setting that it is of */
type Visit = (member: SchemaNode, key: string) => SchemaNode;

function mapMembers(node: SchemaNode, visit: Visit, key: string): SchemaNode {
  const { properties, additionalProperties, anyOf, oneOf, items } = node;
  const each = (members: readonly SchemaNode[]) => members.map((member) => visit(member, key));
  const settings = Object.entries(properties ?? {}).map(([name, one]) => [name, mapMembers(one, visit, name)]);
  return {
    ...node,
    ...(properties && { properties: Object.fromEntries(settings) }),
    ...(typeof additionalProperties === "object" && {
      additionalProperties: mapMembers(additionalProperties, visit, key),
    }),
    ...(anyOf && { anyOf: each(anyOf) }),
    ...(oneOf && { oneOf: each(oneOf) }),
    ...(items && { items: Array.isArray(items) ? each(items) : visit(items, key) }),
  };
}

function freeName(key: string, taken: Readonly<Record<string, unknown>>): string {
  let name = key;
  for (let number = 2; Object.hasOwn(taken, name); number++) name = `${key}${number}`;
  return name;
}
