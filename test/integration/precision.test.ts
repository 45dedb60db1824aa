import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { quantizedFolder } from "../../src/hub/cache.ts";
import { recipeOf } from "../../src/models/quantize/recipe.ts";
import { listCheckpoints, loadCheckpoint } from "../../src/runs/checkpoints.ts";
import { runPaths } from "../../src/runs/layout.ts";
import { readPrompt, writePrompt } from "../../src/runs/prompts.ts";
import { runJson } from "../../src/runs/schema.ts";
import { Command, expectFailure, jsonLines, killLeftovers, ulpt } from "../support/cli.ts";
import { temporaryFolder } from "../support/folder.ts";
import { eightBit, requantize } from "../support/requantize.ts";
import {
  causalModel,
  courseOf,
  createWorkspace,
  embeddedModel,
  keptBytes,
  type Workspace,
} from "../support/workspace.ts";

const folder = temporaryFolder();
const name = "ulpt-r2-seed1";
let workspace: Workspace;
let options: { cwd: string; env: Record<string, string> };
/** The run that nothing happens to, and what it wrote. */
let undisturbed: string;
let stdout: string;

const changes = { precision: "int8", training: { steps: 24, evaluateEvery: 8 } };

beforeAll(async () => {
  workspace = createWorkspace(folder("workspace"));
  options = { cwd: workspace.folder, env: { HF_HUB_CACHE: folder("hub") } };
  const trained = await ulpt(["train", workspace.experiment("undisturbed", changes), "--json"], options);
  expect(trained.code, trained.stderr).toBe(0);
  stdout = trained.stdout;
  undisturbed = workspace.run("undisturbed", name);
});
afterAll(killLeftovers);

/** Of the T5. */
const blockFiles = () => {
  const { model } = runJson.parse(JSON.parse(readFileSync(runPaths(undisturbed).run, "utf8")));
  return readdirSync(quantizedFolder(folder("hub"))).filter((file) => file.startsWith(model.weightsSha256));
};

describe("a run in int8", () => {
  it("makes the quantised weights once, records how, and so do its checkpoints and prompts", async () => {
    expect(blockFiles()).toHaveLength(1);
    const { model } = runJson.parse(JSON.parse(readFileSync(runPaths(undisturbed).run, "utf8")));
    expect(model.quantization).toMatchObject({ precision: "int8", forward: { bits: 8 }, backward: { bits: 8 } });
    expect(blockFiles()[0]).toContain(model.weightsSha256);
    const [{ path }] = listCheckpoints(undisturbed).map(({ file }) => ({ path: join(undisturbed, file) })) as [
      { path: string },
    ];
    expect(loadCheckpoint(path).metadata.quantization).toEqual(model.quantization);
    const exported = await ulpt(["export", `undisturbed/${name}`, "shared", "--json"], options);
    expect(exported.code, exported.stderr).toBe(0);
    const prompt = workspace.path("prompts", "shared.prompt.safetensors");
    expect(readPrompt(prompt).metadata.quantization).toEqual(model.quantization);
    const answered = await ulpt(["predict", prompt, "a cold soup"], options);
    expect(answered.stdout).toContain("the model runs in int8, as in the training");
  });

  it("killed and resumed computes, bit for bit, what an undisturbed one does", async () => {
    const command = new Command(["train", workspace.experiment("killed", changes), "--json"], options);
    await command.until((line) => line.type === "step" && line.step >= 10);
    command.signal("SIGKILL");
    await command.end;
    const record = runPaths(workspace.run("killed", name)).run;
    const own = readFileSync(record, "utf8");
    writeFileSync(record, own.replace(/"bits": ?8/, '"bits":8,"blockSize":64'));
    const refused = await ulpt(["resume", `killed/${name}`], options);
    expectFailure(refused, { code: "RUN_INVALID", exit: 1, where: "killed" });
    expect(refused.stderr).toContain("8 bit in blocks of 64");
    writeFileSync(record, own);
    const resumed = await ulpt(["resume", `killed/${name}`, "--json"], options);
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(courseOf(workspace.run("killed", name))).toEqual(courseOf(undisturbed));
    expect(keptBytes(workspace.run("killed", name))).toEqual(keptBytes(undisturbed));
  });

  it("of a model that goes on with a text resumes as exactly", async () => {
    const training = { steps: 8, warmupSteps: 2, evaluateEvery: 4 };
    const causal = { ...changes, model: causalModel, training, generation: { maxNewTokens: 2 } };
    const whole = await ulpt(["train", workspace.experiment("causal", causal)], options);
    expect(whole.code, whole.stderr).toBe(0);
    const command = new Command(["train", workspace.experiment("causal-killed", causal), "--json"], options);
    await command.until((line) => line.type === "step" && line.step >= 5);
    command.signal("SIGKILL");
    await command.end;
    const resumed = await ulpt(["resume", `causal-killed/${name}`], options);
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(courseOf(workspace.run("causal-killed", name))).toEqual(courseOf(workspace.run("causal", name)));
    expect(keptBytes(workspace.run("causal-killed", name))).toEqual(keptBytes(workspace.run("causal", name)));
  });

  it("is scored as it was trained, or otherwise where that is asked for, and either is said", async () => {
    const evaluate = async (...more: string[]) => {
      const {
        code,
        stdout: text,
        stderr,
      } = await ulpt(["evaluate", `undisturbed/${name}`, ...more, "--json"], options);
      expect(code, stderr).toBe(0);
      const lines = jsonLines(text) as unknown as { text?: string; loss?: number }[];
      return { notes: lines.flatMap(({ text: note }) => note ?? []), loss: lines.find(({ loss }) => loss)!.loss! };
    };
    const [own, other] = [await evaluate(), await evaluate("--precision", "float32")];
    expect(own.notes).toContain("the model runs in int8, as in the training");
    expect(other.notes).toContain("the model runs in float32; in the training it ran in int8");
    expect(other.loss).not.toBe(own.loss);
    expect(Math.abs(other.loss / own.loss - 1)).toBeLessThan(0.02);
    const last = (jsonLines(stdout) as unknown as { type: string; split?: string; loss?: number }[]).find(
      ({ type, split }) => type === "evaluation" && split === "test",
    )!;
    expect(own.loss).toBeCloseTo(last.loss!, 5);
  });

  it("is refused on a device that does not multiply so, before anything is read", async () => {
    const file = workspace.experiment("elsewhere", { ...changes, device: "cuda" });
    const refused = await ulpt(["train", file], options);
    expectFailure(refused, { code: "OPTION_INVALID", exit: 2, where: "precision" });
    expect(existsSync(workspace.run("elsewhere", name))).toBe(false);
  });

  it("of 16 bits is refused where no GPU works, and what keeps it from working is said", async () => {
    const file = workspace.experiment("halves", { ...changes, precision: "float16", device: "auto" });
    const refused = await ulpt(["train", file], { ...options, env: { ...options.env, VK_ICD_FILENAMES: "/none" } });
    expectFailure(refused, { code: "DEVICE_MISSING", exit: 1, where: "webgpu: " });
    expect(refused.stderr).toContain('Let "precision" be "int8" or "float32"');
    expect(existsSync(workspace.run("halves", name))).toBe(false);
  });
});

describe("a prompt that was trained in another precision, or for another device", () => {
  /** The exported prompt, as if it were of a machine with a GPU. */
  const promptOf = (title: string, precision: "int8" | "float16") => {
    const { tensors, metadata } = readPrompt(workspace.path("prompts", "shared.prompt.safetensors"));
    const quantization = recipeOf(precision, "webgpu")!;
    return writePrompt(workspace.folder, title, { tensors, metadata: { ...metadata, quantization } }).path;
  };
  const withoutGpu = () => ({ ...options, env: { ...options.env, VK_ICD_FILENAMES: "/none" } });

  it("answers in float32 where no device here multiplies as in the training, and that is said", async () => {
    const answered = await ulpt(["predict", promptOf("halves", "float16"), "a cold soup"], withoutGpu());
    expect(answered.code, answered.stderr).toBe(0);
    expect(answered.stdout).toContain("the model runs in float32; in the training it ran in float16");
  });

  it("is compared row by row by the answers of that precision, which its name says", async () => {
    const prompt = promptOf("compared", "int8");
    const experiment = workspace.experiment("compared", changes);
    const args = ["diff", "unprompted", prompt, "--evaluate", "--task", experiment, "--json"];
    const compared = await ulpt(args, withoutGpu());
    expect(compared.code, compared.stderr).toBe(0);
    expect(compared.stdout).toContain("compared (int8, 8 bit with a scale per output)");
    expect(compared.stdout).toContain("no prompt (int8, 8 bit with a scale per output)");
  });

  it("is refused where that precision is asked for all the same", async () => {
    const args = ["predict", promptOf("asked", "float16"), "a cold soup", "--precision", "float16"];
    expectFailure(await ulpt(args, withoutGpu()), { code: "DEVICE_MISSING", exit: 1, where: "webgpu: " });
  });

  it("says that the cpu rounds otherwise than the GPU it was trained on", async () => {
    const answered = await ulpt(["predict", promptOf("blocks", "int8"), "a cold soup"], withoutGpu());
    expect(answered.stdout).toContain(
      "the model runs in int8, 8 bit with a scale per output; in the training it ran in int8, 8 bit in blocks of 32",
    );
  });
});

describe("a run on weights that others have quantised", () => {
  it.each([
    ["float32", undefined],
    ["int8", { precision: "int8" }],
  ])("in %s records how they were, and the hash of their own files", async (precision, quantization) => {
    const model = folder(`model ${precision}`);
    const config = { quant_method: "bitsandbytes", load_in_8bit: true };
    requantize(causalModel, { to: model, plain: folder(`plain ${precision}`) }, config, eightBit);
    const training = { steps: 2, warmupSteps: 0, evaluateEvery: 2 };
    const file = workspace.experiment(`others-${precision}`, { model, precision, training, device: "cpu" });
    const end = await ulpt(["train", file], { ...options, env: { HF_HUB_CACHE: folder("others") } });
    expect(end.code, end.stderr).toBe(0);
    const record = runPaths(workspace.run(`others-${precision}`, name)).run;
    const recorded = runJson.parse(JSON.parse(readFileSync(record, "utf8"))).model;
    expect(recorded.stored).toBe("bitsandbytes: 8 bit");
    expect(recorded.quantization?.precision).toBe(quantization?.precision);
    const bytes = readFileSync(join(model, "model.safetensors"));
    expect(recorded.weightsSha256).toBe(createHash("sha256").update(bytes).digest("hex"));
  });
});

describe("ulpt quantize", () => {
  it("makes the weights of a model that experiments then find, and says where they are", async () => {
    const elsewhere = { ...options, env: { HF_HUB_CACHE: folder("other") } };
    const [first, second] = [
      await ulpt(["quantize", embeddedModel, "--json"], elsewhere),
      await ulpt(["quantize", embeddedModel, "--json"], elsewhere),
    ].map((end) => jsonLines(end.stdout).at(-1) as unknown as { made: boolean; path: string; bytes: number });
    expect(first).toMatchObject({ type: "quantized", precision: "int8", made: true });
    expect(second).toEqual({ ...first, made: false });
    expect(readFileSync(first!.path).length).toBe(first!.bytes);
    expect(readFileSync(first!.path).equals(readFileSync(join(quantizedFolder(folder("hub")), blockFiles()[0]!)))).toBe(
      true,
    );
  });

  it("says that a file of them is damaged, and makes it again", async () => {
    const path = join(quantizedFolder(folder("hub")), blockFiles()[0]!);
    const whole = readFileSync(path);
    writeFileSync(path, whole.subarray(0, whole.length / 2));
    const made = await ulpt(["quantize", embeddedModel, "--json"], options);
    expect(made.code, made.stderr).toBe(0);
    expect(made.stdout).toContain("made again");
    expect(readFileSync(path).equals(whole)).toBe(true);
  });

  it("says what keeps it from writing", async () => {
    writeFileSync(folder("file"), "");
    const end = await ulpt(["quantize", embeddedModel], { ...options, env: { HF_HUB_CACHE: folder("file") } });
    expectFailure(end, { code: "RUN_UNWRITABLE", exit: 1, where: folder("file") });
  });
});
