import { describe, expect, it } from "vitest";
import type { Cell } from "./cells.ts";
import { hasField, parseTemplate, renderEach, renderTemplate } from "./template.ts";

function row(cells: Record<string, Cell>) {
  return { line: 1, cells: new Map(Object.entries(cells)) };
}

function render(template: string, cells: Record<string, Cell>): string {
  return renderTemplate(parseTemplate(template), row(cells), "data.csv");
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

describe("a field", () => {
  it("reaches into lists and objects", () => {
    const cells = { answers: { text: ["a", "b"], start: ["1"] }, list: [["x"]] };
    expect(render("{answers.text[1]} {list[0][0]}", cells)).toBe("b x");
  });

  it("is the column of that very name before it is a way into another", () => {
    expect(render("{a.b}", { "a.b": "column", a: { b: "inside" } })).toBe("column");
    expect(hasField(["a"], "a.b[0]")).toBe(true);
    expect(hasField(["a.b"], "a.b")).toBe(true);
    expect(hasField(["ab"], "a.b")).toBe(false);
  });

  it.each([
    ["{answers}", "a list", "Name what is inside, like {answers[0]}, or use another field in the template."],
    ["{key}", "an object", "Name what is inside, like {key.id}, or use another field in the template."],
    [
      "{none}",
      "null",
      'Set "dropNulls": true in the task to leave such rows out; or fill the field in, or use another one in the template.',
    ],
  ])("that holds no text is refused with what it holds: %s", (template, found, hint) => {
    const cells = { answers: ["a"], key: { id: "1" }, none: null };
    expect(() => render(template, cells)).toThrow(
      expect.objectContaining({ code: "DATA_FIELD_MISSING", message: expect.stringContaining(found), hint }),
    );
  });

  it.each(["{a[1]}", "{a[0].b}", "{a.b}", "{b[0]}"])("is missing where its way leads nowhere: %s", (template) => {
    expect(() => render(template, { a: ["x"] })).toThrow(expect.objectContaining({ code: "DATA_FIELD_MISSING" }));
  });

  it.each(["{a[}", "{a[x]}", "{.a}", "{a..b}", "{a]}"])("cannot be written as %s", (template) => {
    expect(() => parseTemplate(template)).toThrow(expect.objectContaining({ code: "EXPERIMENT_INVALID" }));
  });

  it("with [] makes a text of each element", () => {
    const template = parseTemplate("{setup}\n{tests[]}");
    expect(renderEach(template, row({ setup: "x = 1", tests: ["assert x", "assert 1"] }), "d")).toEqual([
      "x = 1\nassert x",
      "x = 1\nassert 1",
    ]);
    expect(renderEach(template, row({ setup: "", tests: [] }), "d")).toEqual([]);
    expect(() => renderEach(template, row({ setup: "", tests: "no list" }), "d")).toThrow(
      expect.objectContaining({ code: "DATA_FIELD_MISSING", message: 'The field "tests" is not a list.' }),
    );
  });
});

describe("a filter", () => {
  it.each([
    ["padPunctuation", "Is it 3.5% (or more)?  Yes_no", "Is it 3 . 5 %  ( or more )  ? Yes_no".replaceAll(/ +/g, " ")],
    ["padPunctuation", "naïve café—ok", "naïve café — ok"],
    ["collapseSpace", "  a \n\t b ", "a b"],
    ["stripMarkup", "<b>One</b><br>two", "One two"],
    ["decimals: 1", "3.799999952316284", "3.8"],
    ["decimals: 1", "2.25", "2.2"],
    ["decimals: 1", "2.75", "2.8"],
    ["decimals: 1", "0.35", "0.3"],
    ["decimals: 0", "2.5", "2"],
    ["nearest: 0.2", "2.4000000953674316", "2.4"],
    ["nearest: 0.2", "2.5", "2.6"],
    ["nearest: 5", "12.5", "15"],
  ])("%s makes %j %j", (filter, text, expected) => {
    expect(render(`{x | ${filter}}`, { x: text })).toBe(expected);
  });

  it("follows another from left to right", () => {
    expect(render("{x|stripMarkup|padPunctuation}", { x: "a.<br>b" })).toBe("a . b");
  });

  it.each([
    ["{x | padPunctation}", 'did you mean "padPunctuation"?'],
    ["{x | decimals}", "takes a number after a colon"],
    ["{x | decimals: one}", "takes a number after a colon"],
    ["{x | stripMarkup: 1}", "takes nothing"],
  ])("that cannot be used is refused: %s", (template, words) => {
    expect(() => parseTemplate(template)).toThrow(
      expect.objectContaining({ code: "EXPERIMENT_INVALID", message: expect.stringContaining(words) }),
    );
  });

  it("of numbers names the row that holds none", () => {
    expect(() => render("{x | decimals: 1}", { x: "many" })).toThrow(
      expect.objectContaining({ code: "DATA_LABEL", where: 'data.csv:1, field "x"' }),
    );
  });

  it("markSpans reads the fields beside its own, and leaves a text alone that does not have the words there", () => {
    const cells = { text: "a b c", span1_index: "1", span1_text: "b", span2_index: "9", span2_text: "z" };
    expect(render("{text | markSpans}", cells)).toBe("a * b * c");
    expect(parseTemplate("{text | markSpans}").columns).toEqual([
      "text",
      "span1_index",
      "span1_text",
      "span2_index",
      "span2_text",
    ]);
  });
});
