/** @file Where in an experiment file the values stand that differ from those of a run. */
import { findNodeAtLocation } from "jsonc-parser";
import { experimentTree } from "../../experiment/tree.ts";

export interface ChangedValue {
  /** Behind the value. */
  offset: number;
  /** What the run had. */
  text: string;
}

/** The values at the dotted `paths`, as far as the file writes them itself. A list in it stands for several runs: no single value. */
export function changedValues(
  text: string,
  paths: readonly string[],
  recorded: Readonly<Record<string, unknown>>,
): ChangedValue[] {
  const tree = experimentTree(text);
  return paths.flatMap((dotted) => {
    const path = dotted.split(".");
    // What belongs to one method stands at the top of a file that has one method.
    const places = path[0] === "method" ? [path, path.slice(1)] : [path];
    const node = places.map((place) => (tree ? findNodeAtLocation(tree, place) : undefined)).find(Boolean);
    const value = path.reduce<unknown>(
      (object, key) => (object as Record<string, unknown> | undefined)?.[key],
      recorded,
    );
    if (!node || node.type === "object" || (node.type === "array" && !Array.isArray(value))) return [];
    return [{ offset: node.offset + node.length, text: value === undefined ? "–" : JSON.stringify(value) }];
  });
}
