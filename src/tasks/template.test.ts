import { describe, expect, it } from "vitest";
import { parseTemplate, renderTemplate } from "./template.ts";

function render(template: string, cells: Record<string, string>): string {
  return renderTemplate(parseTemplate(template), { line: 1, cells: new Map(Object.entries(cells)) }, "data.csv");
}

describe("a template", () => {
  it("puts values where fields stand, and nothing else into them", () => {
    expect(render("premise: {premise} hypothesis: { hypothesis }", { premise: "{hypothesis}", hypothesis: "$&" })).toBe(
      "premise: {hypothesis} hypothesis: $&",
    );
  });

  it("reads doubled braces as braces", () => {
    expect(render("{{a}} {{{a}}} }}{{", { a: "1" })).toBe("{a} {1} }{");
  });

  it("lists each of its fields once, in order", () => {
    expect(parseTemplate("{b} {a} {b} {{c}}").fields).toEqual(["b", "a"]);
  });

  it.each([
    ["a {b", 3],
    ["a} b", 2],
    ["{a{b}}", 1],
    ["{ }", 1],
    ["x {}", 3],
  ])("is refused when it is %j, naming character %i", (text, character) => {
    expect(() => parseTemplate(text)).toThrow(
      expect.objectContaining({
        code: "EXPERIMENT_INVALID",
        message: expect.stringContaining(`(character ${character})`),
      }),
    );
  });

  it("names the file and line of a row without its field", () => {
    expect(() => render("{text}", { txt: "x" })).toThrow(
      expect.objectContaining({ code: "DATA_FIELD_MISSING", where: 'data.csv:1, field "text"' }),
    );
  });
});
