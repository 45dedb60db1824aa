import { describe, expect, it } from "vitest";
import { decoderTypes, encoderDecoderTypes, knownModels } from "../formats/knownModels.ts";
import { modelTypes } from "./model.ts";

describe("the models that are known by name", () => {
  it("are of the types that can be opened, and each type is among them or named beside them", () => {
    expect([...encoderDecoderTypes, ...decoderTypes].sort()).toEqual([...modelTypes].sort());
    for (const { id, modelType } of knownModels) expect(modelTypes, id).toContain(modelType);
  });
});
