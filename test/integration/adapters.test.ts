/** @file Prompts that go to PEFT and NumPy and come back, by the command line, in front of a T5 and of a decoder. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeAdapter } from "../../src/formats/peftAdapter.ts";
import { readFloats, readHeader } from "../../src/formats/safetensors.ts";
import { embeddingsOf, type Inspection } from "../../src/runs/inspection.ts";
import { readPrompt } from "../../src/runs/prompts.ts";
import type { TryResult } from "../../src/shared/service.ts";
import { expectFailure, jsonLines, killLeftovers, ulpt, ulptOk } from "../support/cli.ts";
import { temporaryFolder } from "../support/folder.ts";
import { decoderWidth, writeWordDecoder } from "../support/wordDecoder.ts";
import { createWordWorkspace } from "../support/wordModel.ts";

const folder = temporaryFolder();
afterAll(killLeftovers);

const kinds = { t5: "SEQ_2_SEQ_LM", gemma: "CAUSAL_LM" } as const;
type Kind = keyof typeof kinds;
const all = Object.keys(kinds) as Kind[];

beforeAll(async () => {
  for (const kind of all) {
    const file = createWordWorkspace(folder(kind));
    if (kind !== "t5") {
      rmSync(folder(kind, "model"), { recursive: true });
      writeWordDecoder(folder(kind, "model"));
    }
    await ulptOk(["train", file, "--set", "method=ulpt", "--json"], { cwd: folder(kind) });
  }
}, 120_000);

function run(kind: Kind, ...args: string[]) {
  return ulptOk([...args, "--json"], { cwd: folder(kind) });
}

function adapterBytes(kind: Kind, name: string) {
  const path = folder(kind, "prompts", name);
  return Object.fromEntries(readdirSync(path).map((file) => [file, readFileSync(join(path, file)).toString("base64")]));
}

describe.each(all)("a prompt in front of a %s", (kind) => {
  const original = "mood/ulpt-r2-seed3";
  const back = "prompts/back.prompt.safetensors";
  const isGemma = kind === "gemma";

  it("is written as the embeddings it is, in the shapes and names that PEFT, vLLM and NumPy take", async () => {
    const { stdout } = await run(kind, "export", original, "mine", "--peft", "--safetensors", "--npy");
    const results = jsonLines<{ format: string; path: string; remarks: string[] }>(stdout);
    expect(results.map(({ format, path }) => [format, basename(path)])).toEqual([
      ["peft", "mine.peft"],
      ["safetensors", "mine.prompt_embeds.safetensors"],
      ["npy", "mine.prompt_embeds.npy"],
    ]);
    expect(results[0]!.remarks.some((remark) => remark.includes("padded on the left"))).toBe(true);
    expect(results[0]!.remarks.some((remark) => remark.includes("Transformers 5.4"))).toBe(isGemma);
    const shown = await run(kind, "show", original);
    const expected = Buffer.from(embeddingsOf(JSON.parse(shown.stdout) as Inspection).buffer);
    const read = (path: string, name: string) => {
      const { tensors, metadata } = readHeader(path);
      expect([...tensors.values()]).toMatchObject([{ name, dtype: "F32", shape: [5, decoderWidth] }]);
      expect({ ...metadata }).toEqual({ format: "pt", ...(isGemma && { transformers: ">=5.4" }) });
      return Buffer.from(readFloats(path, tensors.get(name)!).buffer);
    };
    const prompts = folder(kind, "prompts");
    expect(read(join(prompts, "mine.peft", "adapter_model.safetensors"), "prompt_embeddings")).toEqual(expected);
    expect(read(join(prompts, "mine.prompt_embeds.safetensors"), "prompt_embeds")).toEqual(expected);
    expect(readFileSync(join(prompts, "mine.prompt_embeds.npy")).subarray(128)).toEqual(expected);
    const config = JSON.parse(readFileSync(join(prompts, "mine.peft", "adapter_config.json"), "utf8"));
    expect(config).toMatchObject({
      peft_type: "PROMPT_TUNING",
      task_type: kinds[kind],
      num_transformer_submodules: 1,
      num_virtual_tokens: 5,
      token_dim: decoderWidth,
      num_layers: 1,
      num_attention_heads: 2,
      prompt_tuning_init: "RANDOM",
      inference_mode: true,
      base_model_name_or_path: "model",
      revision: null,
    });
  });

  it("comes back as a prompt of ours, to the bit, and goes out again as the same files", async () => {
    await run(kind, "import", "prompts/mine.peft", "back", "--model", "model", "--template", "note {text}");
    const prompt = readPrompt(folder(kind, back));
    expect(prompt.metadata).toMatchObject({ method: "vanilla", promptLength: 5, hiddenSize: decoderWidth });
    expect(prompt.metadata.provenance).toMatchObject({ imported: { kind: "PEFT PROMPT_TUNING", from: "mine.peft" } });
    await run(kind, "export", back, "again", "--peft", "--npy", "--safetensors");
    expect(adapterBytes(kind, "again.peft")).toMatchObject({
      "adapter_config.json": adapterBytes(kind, "mine.peft")["adapter_config.json"],
      "adapter_model.safetensors": adapterBytes(kind, "mine.peft")["adapter_model.safetensors"],
    });
    for (const ending of ["prompt_embeds.npy", "prompt_embeds.safetensors"]) {
      const [first, second] = ["mine", "again"].map((name) =>
        readFileSync(folder(kind, "prompts", `${name}.${ending}`)),
      );
      expect(second).toEqual(first);
    }
  });

  it("scores what the run's checkpoint scores, on the task of an experiment", async () => {
    const score = async (...target: string[]) => {
      const { checkpoint, kept, made, subject, on, ...report } = JSON.parse(
        (await run(kind, "evaluate", ...target, "--split", "validation")).stdout.trim().split("\n").at(-1)!,
      );
      return report;
    };
    expect(await score(back, "--task", "mood.ulpt.json")).toEqual(await score(original));
  });

  it("answers as it did, and says of its start what it knows: nothing", async () => {
    const answers = await Promise.all(
      [original, back].map(async (target) =>
        jsonLines<TryResult>((await run(kind, "predict", target, "good rain")).stdout),
      ),
    );
    expect(answers[1]).toEqual(answers[0]);
    const inspection = JSON.parse((await run(kind, "show", back)).stdout) as Inspection;
    expect(inspection).toMatchObject({ imported: { from: "mine.peft" }, sinceStart: null, metrics: {} });
    expect(inspection.tokens.map(({ moved }) => moved)).toEqual(Array(5).fill(null));
    const { stdout } = await ulptOk(["show", back], { cwd: folder(kind) });
    expect(stdout).toContain("# Prompt back, from PEFT PROMPT_TUNING mine.peft\n");
    expect(stdout).not.toMatch(/moved|since the start/);
  });
});

describe("an adapter that others made", () => {
  const data = Float32Array.from({ length: 2 * decoderWidth }, (_, i) => i / 8 - 1);

  function foreign(kind: Kind, width = decoderWidth, task: (typeof kinds)[Kind] = kinds[kind]): string {
    const facts = { task, baseModel: "some/other", revision: null, numLayers: 1, numHeads: 2 };
    const path = folder(kind, `foreign-${width}-${task}.peft`);
    rmSync(path, { recursive: true, force: true });
    const prompt = { shape: [2, width] as const, data: data.subarray(0, 2 * width) };
    writeFolder(path, encodeAdapter(facts, prompt));
    return basename(path);
  }

  it("for a Gemma means what Transformers made of it: before 5.4 √d times its numbers", async () => {
    const adapter = foreign("gemma");
    const inGemma = { cwd: folder("gemma") };
    const ask = (...more: string[]) => ["import", adapter, "foreign", "--model", "model", ...more];
    expectFailure(await ulpt(ask(), inGemma), { code: "ADAPTER_VERSION", exit: 2, where: "adapter_model" });
    const unclear = await ulpt(ask("--transformers", "5"), inGemma);
    expectFailure(unclear, { code: "OPTION_INVALID", exit: 2, where: "--transformers" });
    const numbers = async (version: string) => {
      const { stdout } = await ulptOk([...ask("--transformers", version), "--json"], inGemma);
      return [...readPrompt(JSON.parse(stdout).path).tensors.prompt_embeddings!.data];
    };
    expect(await numbers("5.4.0")).toEqual([...data]);
    expect(await numbers("5.3")).toEqual([...data].map((value) => 4 * value));
  });

  it("is refused where it is of another width or kind of model", async () => {
    for (const adapter of [foreign("gemma", 8), foreign("gemma", decoderWidth, "SEQ_2_SEQ_LM")]) {
      const end = await ulpt(["import", adapter, "x", "--model", "model"], { cwd: folder("gemma") });
      expectFailure(end, { code: "MODEL_MISMATCH", exit: 3, where: adapter });
      expect(end.stderr).toContain('"some/other"');
    }
  });

  it("is imported with a word on the model that it names", async () => {
    const { stdout } = await ulptOk(["import", foreign("t5"), "x", "--model", "model"], { cwd: folder("t5") });
    expect(stdout).toContain("made for some/other");
  });
});

describe("an exported prompt", () => {
  it("is not exported once more but for another tool", async () => {
    const end = await ulpt(["export", "prompts/back.prompt.safetensors", "x"], { cwd: folder("t5") });
    expectFailure(end, { code: "OPTION_INVALID", exit: 2, where: "back.prompt.safetensors" });
  });
});

function writeFolder(path: string, files: Readonly<Record<string, Uint8Array | string>>): void {
  mkdirSync(path);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), content);
}
