import { describe, expect, it } from "vitest";
import type { PromptFile } from "../../runs/prompts.ts";
import { parsePromptMessage } from "../../shared/promptView.ts";
import { untranslated as t } from "../window/translate.ts";
import { promptPage, promptStrings } from "./promptPage.ts";

const hash = "ab".repeat(32);

const prompt: PromptFile = {
  path: "/w/prompts/review.prompt.safetensors",
  name: "review",
  bytes: 3456,
  sha256: hash,
  parameters: 296,
  tensors: {},
  checked: true,
  metadata: {
    format: "ulpt-prompt",
    version: 1,
    method: "ulpt",
    promptLength: 20,
    rank: 2,
    hiddenSize: 128,
    settings: {
      name: "ulpt",
      rank: 2,
      scale: true,
      shift: true,
      trains: "z",
      start: { from: "random" },
      projection: { distribution: "xavier-uniform", groups: 1, seed: 42 },
    },
    frozen: [
      { name: "projection", seed: 42, generator: "philox4x32-10/1", distribution: "xavier-uniform", sha256: "ab" },
    ],
    seed: 1,
    model: "models/t5",
    directory: ".",
    modelSha256: hash,
    embeddingSha256: hash,
    tokenizerSha256: hash,
    task: { template: "{text}", target: "{label}", labels: ["0", "1"], maxSourceLength: 256, maxNewTokens: null },
    metrics: { score: 0.875, note: "text" },
    provenance: {
      experiment: "complaint",
      run: "ulpt-r2-seed1",
      step: 400,
      created: "2026-01-02T03:04:05.678Z",
      checkpointSha256: hash,
      ulpt: "0.1.0",
    },
  },
};

describe("the page of a prompt that another tool trained", () => {
  it("says where it comes from instead of a run", () => {
    const provenance = {
      imported: { kind: "PEFT P_TUNING", from: "review-adapter", sha256: hash },
      created: "2026-01-02T03:04:05.678Z",
      ulpt: "0.1.0",
    };
    const page = promptPage({ ...prompt, metadata: { ...prompt.metadata, provenance } }, false, t);
    expect(page.provenance.map(({ name, value }) => `${name}: ${value}`)).toEqual([
      "Imported from: PEFT P_TUNING, review-adapter",
      "Imported: 2026-01-02 03:04:05 UTC",
      "File SHA-256: abababababababab",
      "Written by: ULPT Lab 0.1.0",
    ]);
  });
});

describe("the page of an exported prompt", () => {
  const page = promptPage(prompt, true, t);
  const facts = Object.fromEntries([...page.facts, ...page.provenance].map(({ name, value }) => [name, value]));

  it("says how large the prompt is against a full one", () => {
    expect(page.summary).toBe("20 tokens of rank 2: 296 trained numbers");
    expect(page.size).toEqual({
      trained: 296,
      full: 2560,
      text: "296 of the 2,560 numbers of a full prompt: 11.6 %, 8.6 times smaller",
    });
  });

  it("says where it comes from and what it was measured at", () => {
    expect(facts).toMatchObject({
      Experiment: "complaint",
      Run: "ulpt-r2-seed1",
      Step: "400",
      Exported: "2026-01-02 03:04:05 UTC",
      Projection: "xavier-uniform, seed 42, not stored",
      Answers: "0, 1",
      score: "0.8750",
    });
  });

  it("says how the weights were rounded that it was trained on, and nothing of those that were not", () => {
    const format = { bits: 16, tileSize: 512 } as const;
    const quantization = { precision: "float16", version: 2, forward: format, backward: format, smallest: 32 } as const;
    const rounded = promptPage({ ...prompt, metadata: { ...prompt.metadata, quantization } }, true, t);
    expect(rounded.facts).toContainEqual({ name: "Precision", value: "float16: 16 bit in tiles of 512" });
    expect(facts.Precision).toBeUndefined();
  });

  it("does not call a vanilla prompt smaller than itself", () => {
    const { rank: _, ...metadata } = prompt.metadata;
    const settings = { name: "vanilla", initialization: { from: "vocabulary" } } as const;
    const vanilla: PromptFile = { ...prompt, parameters: 2560, metadata: { ...metadata, method: "vanilla", settings } };
    expect(promptPage(vanilla, false, t).size.text).toBe("2,560 numbers: as many as a full prompt has");
  });

  it("sends every text of the page", () => {
    expect(Object.values(promptStrings(t)).every((text) => Object.values(text).length > 0)).toBe(true);
  });
});

describe("messages from the page", () => {
  it("are taken when they are what the page can say", () => {
    expect(parsePromptMessage({ type: "ready" })).toEqual({ type: "ready" });
    expect(parsePromptMessage({ type: "inspect", fetch: true })).toEqual({ type: "inspect", fetch: true });
    expect(parsePromptMessage({ type: "inspect" })).toBeUndefined();
    const asked = { type: "try", id: 1, text: "a", options: { topP: 0.9, seed: 0, stop: ["\n"] } };
    expect(parsePromptMessage(asked)).toEqual(asked);
    expect(parsePromptMessage({ ...asked, options: {} })).toEqual({ ...asked, options: {} });
    expect(parsePromptMessage({ type: "action", action: "reveal" })).toEqual({ type: "action", action: "reveal" });
  });

  const asked = { type: "try", id: 1, text: "a" };
  it.each([
    null,
    "ready",
    asked,
    { ...asked, id: "1", options: {} },
    { ...asked, options: { topP: 2 } },
    { ...asked, options: { temperature: "0.5" } },
    { ...asked, options: { stop: [""] } },
    { type: "action", action: "format" },
    { type: "run" },
  ])("are dropped when they are something else: %o", (message) => {
    expect(parsePromptMessage(message)).toBeUndefined();
  });
});
