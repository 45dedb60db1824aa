import { mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/folder.ts";
import { encodeSafetensors, readHeader, type TensorData } from "../formats/safetensors.ts";
import { promptsFolder } from "./layout.ts";
import { isPromptFile, type NewPrompt, readPrompt, writePrompt } from "./prompts.ts";
import { encodeTensorFile } from "./tensorFile.ts";

const folder = temporaryFolder();
const sha256 = "ab".repeat(32);
const tensors = {
  z: { shape: [4, 3], data: Float32Array.from({ length: 12 }, (_, i) => i / 8 - 0.5) },
  scale: { shape: [5], data: Float32Array.of(1, 1.5, -0, 2, 1e-40) },
};

function prompt(): NewPrompt {
  return {
    tensors,
    metadata: {
      method: "ulpt",
      promptLength: 4,
      rank: 3,
      hiddenSize: 5,
      frozen: [
        { name: "projection", generator: "philox4x32-10/1", seed: 42, distribution: "normal, 2 groups", sha256 },
      ],
      settings: {
        name: "ulpt",
        rank: 3,
        scale: true,
        shift: false,
        trains: "z",
        start: { from: "random" },
        projection: { distribution: "normal", groups: 2, seed: 42 },
      },
      seed: 7,
      model: "models/tiny",
      directory: "",
      modelSha256: sha256,
      embeddingSha256: sha256,
      tokenizerSha256: sha256,
      task: { template: "{text}", target: "{label}", labels: ["0", "1"], maxSourceLength: 64, maxNewTokens: null },
      metrics: { score: 0.9, loss: 0.25 },
      provenance: {
        experiment: "mood",
        run: "ulpt-r3-seed7",
        step: 400,
        created: "2026-01-02T03:04:05.678Z",
        checkpointSha256: sha256,
        ulpt: "0.1.0",
      },
    },
  };
}

/** A written prompt with other metadata or tensors. */
function doctored(change: Record<string, string | undefined>, others: Record<string, TensorData> = tensors): string {
  const { path } = writePrompt(folder("doctored"), "prompt", prompt());
  const metadata = Object.entries({ ...readHeader(path).metadata, ...change }).filter(([name]) => name !== "sha256");
  const strings = Object.fromEntries(metadata.filter((entry): entry is [string, string] => entry[1] !== undefined));
  writeFileSync(path, encodeTensorFile(others, strings));
  return path;
}

function expectInvalid(path: string, message: string | RegExp): void {
  const expected = expect.objectContaining({
    code: "PROMPT_INVALID",
    message: expect.stringMatching(message),
    where: expect.stringContaining(basename(path)),
    hint: expect.any(String),
  });
  expect(() => readPrompt(path)).toThrow(expected);
}

describe("an exported prompt", () => {
  it("reads back as it was written, parameters to the bit", () => {
    const { path, bytes } = writePrompt(folder("a"), "mood", prompt());
    expect(path).toBe(folder("a", "prompts", "mood.prompt.safetensors"));
    const read = readPrompt(path);
    expect(read).toMatchObject({ path, name: "mood", bytes, parameters: 17 });
    expect(read.metadata).toEqual({ ...prompt().metadata, format: "ulpt-prompt", version: 3 });
    expect({ ...read.tensors }).toEqual(tensors);
    expect(isPromptFile(path)).toBe(true);
  });

  it("gets a safe name, and a further number where that is taken", () => {
    const names = ["mood", "mood.prompt.safetensors", "../../mood", "con", "a/b", "…"];
    const written = names.map((name) => basename(writePrompt(folder("b"), name, prompt()).path));
    expect(written).toEqual([
      "mood.prompt.safetensors",
      "mood-2.prompt.safetensors",
      "mood-3.prompt.safetensors",
      "_con.prompt.safetensors",
      "a-b.prompt.safetensors",
      "unnamed.prompt.safetensors",
    ]);
    expect(readdirSync(folder("b")).concat(readdirSync(promptsFolder(folder("b"))))).toHaveLength(names.length + 1);
  });

  it("leaves what has its name as it is", () => {
    mkdirSync(promptsFolder(folder("c")), { recursive: true });
    const taken = folder("c", "prompts", "mood.prompt.safetensors");
    writeFileSync(taken, "mine");
    writePrompt(folder("c"), "mood", prompt());
    expect(readFileSync(taken, "utf8")).toBe("mine");
  });

  it("is refused where it is not what it says", () => {
    expectInvalid(folder("doctored", "nothing.prompt.safetensors"), "does not exist");
    expectInvalid(doctored({ format: "ulpt-checkpoint" }), "^The file is no prompt of this version: format");
    expectInvalid(doctored({ version: "4" }), "version: expected version 3 or an older one");
    expectInvalid(doctored({ promptLength: "0" }), "promptLength: expected at least 1");
    expectInvalid(doctored({ task: "{" }), "task: not JSON");
    expectInvalid(doctored({ task: '{"template":7}' }), "task.template");
    expectInvalid(doctored({ modelSha256: "x" }), "expected a SHA-256");
    expectInvalid(doctored({ method: "vanilla" }), "The method and its settings disagree");
    expectInvalid(doctored({ rank: "2" }), "The rank and the settings disagree");
    expectInvalid(doctored({ promptLength: "5" }), "projection.groups is 2, which does not divide promptLength, 5");
    const torn = doctored({});
    truncateSync(torn, 600);
    expectInvalid(torn, "");
  });

  it("is refused where a bit of it flipped, or a number is none", () => {
    const path = doctored({});
    const whole = readFileSync(path);
    for (let position = 0; position < whole.length; position += 7) {
      const flipped = Buffer.from(whole);
      flipped[position]! ^= 1 << (position % 8);
      writeFileSync(path, flipped);
      expectInvalid(path, "");
    }
    const diverged = { ...tensors, scale: { shape: [5], data: Float32Array.of(1, 1, Number.NaN, 1, 1) } };
    expect(() => readPrompt(doctored({}, diverged))).toThrow(expect.objectContaining({ code: "NOT_FINITE" }));
  });

  it("of an older version has no hash, is read, and said to be unchecked", () => {
    const path = doctored({});
    const { sha256: _, ...metadata } = readHeader(path).metadata;
    expect(readPrompt(path).checked).toBe(true);
    writeFileSync(path, encodeSafetensors(tensors, { ...metadata, version: "1" }));
    expect(readPrompt(path)).toMatchObject({ parameters: 17, checked: false });
  });

  it("cannot ask for a file on somebody's server", () => {
    expectInvalid(doctored({ model: "\\\\server\\share" }), "network share");
    expectInvalid(doctored({ directory: "//server/share" }), "network share");
  });
});
