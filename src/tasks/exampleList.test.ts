import { describe, expect, it } from "vitest";
import { type Example, ExampleList } from "./exampleList.ts";

function listOf(examples: readonly Example[]): ExampleList {
  const list = ExampleList.empty();
  for (const example of examples) list.push(example);
  return list;
}

/** More targets than are kept once each, texts of several bytes a character, and lists of references of all lengths. */
const examples = Array.from({ length: 3000 }, (_, i) => ({
  source: `ü€😀 ${i} ${"x".repeat(i % 1900)}`,
  target: `target ${i % 2000}`,
  references: Array.from({ length: i % 3 }, (__, j) => `${i} ${j}`),
  line: i + 2,
}));

describe("a list of examples", () => {
  const list = listOf(examples);

  it("gives back what was put in", () => {
    expect(list.length).toBe(3000);
    expect([...list]).toEqual(examples);
    expect([list.at(2999), list.at(3000), list.at(-1)]).toEqual([examples[2999], undefined, undefined]);
    expect([...list.targets()]).toEqual(examples.map(({ target }) => target));
    expect([...listOf([{ source: "", target: "a", line: 1 }])]).toEqual([{ source: "", target: "a", line: 1 }]);
  });

  it("gives some of them in any order, and some of these", () => {
    const some = list.select(Uint32Array.of(7, 2500, 3));
    expect([...some]).toEqual([examples[7], examples[2500], examples[3]]);
    expect([...some.select(Uint32Array.of(2, 0))]).toEqual([examples[3], examples[7]]);
    expect([...some.answers()][1]).toEqual({
      target: "target 500",
      references: examples[2500]!.references,
      line: 2502,
    });
  });

  it("lets sources go as they are taken, and none that a copy holds", () => {
    const taken = listOf(examples);
    const copy = taken.select(Uint32Array.of(0, 1)).copy();
    const rest = taken.select(Uint32Array.from({ length: 2998 }, (_, i) => i + 2));
    expect([...rest.drain()]).toEqual(examples.slice(2));
    expect(() => taken.at(0)).toThrow(RangeError);
    expect([...copy]).toEqual(examples.slice(0, 2));
    expect([...rest.answers()].map(({ line }) => line)).toEqual(examples.slice(2).map(({ line }) => line));
  });

  it("keeps sources that are taken in another order", () => {
    const mixed = listOf(examples).select(Uint32Array.of(2999, 0));
    expect([...mixed.drain(), ...mixed.drain()]).toHaveLength(4);
  });
});
