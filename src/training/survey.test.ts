import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/folder.ts";
import { writeWordDecoder } from "../../test/support/wordDecoder.ts";
import { embeddedModel } from "../../test/support/workspace.ts";
import { openModel, outlineModel } from "../models/model.ts";
import { estimateUsualMemory } from "./memory.ts";
import { surveyModel } from "./survey.ts";

const folder = temporaryFolder();
const sizes = { sourceLength: 40, targetLength: 3, promptLength: 5, batchSize: 16, microBatchTokens: 200 };

describe.each([
  { kind: "a T5", model: () => embeddedModel, continues: false },
  { kind: "a decoder", model: () => folder("decoder"), continues: true },
])("$kind of which only config.json is there", ({ kind, model, continues }) => {
  const described = () => folder(`described ${kind}`);

  beforeAll(() => {
    if (continues) writeWordDecoder(model());
    mkdirSync(described());
    copyFileSync(join(model(), "config.json"), join(described(), "config.json"));
  });

  it("takes the memory that it takes with its weights", () => {
    const estimate = estimateUsualMemory(outlineModel(described()), sizes);
    expect(estimate).toEqual(estimateUsualMemory(openModel(model()), sizes));
    expect(estimate.weights).toBeGreaterThan(0);
    expect(estimate.steps).toBeGreaterThan(0);
  });

  it("says of which kind it is, and takes more with a longer prompt", () => {
    const survey = surveyModel(described(), 5);
    expect(survey).toMatchObject({ continues, hasChatTemplate: false });
    expect(surveyModel(described(), 20).memory).toBeGreaterThan(survey.memory);
  });
});
