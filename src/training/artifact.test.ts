import { cpSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/folder.ts";
import { embeddedModel } from "../../test/support/workspace.ts";
import type { TensorData } from "../formats/safetensors.ts";
import { readPrompt, writePrompt } from "../runs/prompts.ts";
import { loadExportedPrompt } from "./artifact.ts";
import { LoadedModel } from "./loadedModel.ts";

const fixture = join(import.meta.dirname, "..", "..", "test", "fixtures", "version2", "kept.prompt.safetensors");
const folder = temporaryFolder();

describe("an exported prompt that somebody else may have made", () => {
  let model: LoadedModel;
  beforeAll(() => {
    model = LoadedModel.open(embeddedModel, "cpu");
  });
  afterAll(() => model.release());

  /** The prompt of the fixture with other facts or tensors. */
  function changed(
    change: Partial<Parameters<typeof writePrompt>[2]["metadata"]>,
    tensors: Record<string, TensorData>,
  ): string {
    const { metadata } = readPrompt(fixture);
    return writePrompt(folder(), "changed", { metadata: { ...metadata, ...change }, tensors: tensors as never }).path;
  }

  const refused = (path: string) =>
    expect(() => loadExportedPrompt(path, model), path).toThrow(
      expect.objectContaining({
        code: "PROMPT_INVALID",
        where: path,
        message: expect.stringMatching(/holds|large|for embeddings/),
      }),
    );

  it("opens as it is", () => {
    cpSync(fixture, folder("whole.prompt.safetensors"));
    const { parameters, method } = loadExportedPrompt(folder("whole.prompt.safetensors"), model);
    expect(Object.keys(parameters)).toEqual(["z", "scale", "shift"]);
    expect(method.rank).toBe(2);
  });

  it("is refused unless its tensors are those that its method trains on this model", () => {
    const { tensors } = readPrompt(fixture);
    const { z, ...others } = tensors;
    refused(changed({}, others));
    refused(changed({}, { ...tensors, more: z! }));
    refused(changed({}, { ...tensors, z: { shape: [2, 4], data: z!.data } }));
    refused(changed({ hiddenSize: 64 }, tensors));
  });

  it("cannot ask for a projection that fills the memory", () => {
    const { metadata, tensors } = readPrompt(fixture);
    const [groups, rank] = [1100, 1000];
    const settings = { ...metadata.settings, rank, projection: { distribution: "normal", groups, seed: 1 } } as never;
    const z = { shape: [groups, rank], data: new Float32Array(groups * rank) };
    refused(changed({ settings, rank, promptLength: groups }, { ...tensors, z }));
  });
});
