import { describe, expect, it } from "vitest";
import { experimentEditorSchema } from "./editorSchema.ts";
import { experimentJsonSchema } from "./jsonSchema.ts";

function keywords(schema: unknown): string[] {
  if (Array.isArray(schema)) return schema.flatMap(keywords);
  if (typeof schema !== "object" || schema === null) return [];
  return Object.entries(schema).flatMap(([keyword, value]) => {
    if (keyword === "properties") return Object.values(value as object).flatMap(keywords);
    return keyword === "default" ? [keyword] : [keyword, ...keywords(value)];
  });
}

function descriptions(schema: unknown): number {
  return keywords(schema).filter((keyword) => keyword === "description").length;
}

describe("the schema for the editor", () => {
  it("forbids nothing", () => {
    const demanding = ["type", "enum", "const", "required", "minimum", "pattern", "oneOf", "minItems", "uniqueItems"];
    expect(keywords(experimentJsonSchema())).toEqual(expect.arrayContaining(["type", "enum", "required"]));
    expect(keywords(experimentEditorSchema()).filter((keyword) => demanding.includes(keyword))).toEqual([]);
  });

  it("explains everything that the schema explains", () => {
    expect(descriptions(experimentEditorSchema())).toBe(descriptions(experimentJsonSchema()));
  });

  it("proposes the values that a setting takes", () => {
    type Proposing = { examples: unknown[]; anyOf: { examples: unknown[] }[] };
    const { device, scale } = experimentEditorSchema().properties as Record<string, Proposing>;
    expect(device!.examples).toContain("webgpu");
    expect(scale!.anyOf[0]!.examples).toEqual([true, false]); // the others are a list and a range of them
  });
});
