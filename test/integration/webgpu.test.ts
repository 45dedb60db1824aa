/** The gradient on webgpu, computed in software: a loss that is right says nothing about the gradient there. */
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { Verification } from "../../src/models/verify.ts";
import { expectFailure, ulpt } from "../support/cli.ts";
import { cosine } from "../support/cosine.ts";
import {
  type PrecisionCase,
  type PrecisionResult,
  type ReferenceCase,
  runCase,
  verifyOn,
} from "../support/deviceCase.ts";
import { temporaryFolder } from "../support/folder.ts";
import { fixture, golden, haveGolden } from "../support/golden.ts";
import { Random } from "../support/random.ts";
import { unless } from "../support/skip.ts";
import { encodeHalf, rounded, tinyConfigs, tinyDecoder } from "../support/tinyDecoder.ts";
import { writeModel } from "../support/tinyT5.ts";
import { causalModel, createWorkspace, embeddedModel } from "../support/workspace.ts";

/** Debian's chromium brings SwiftShader, a Vulkan device without a graphics card. */
const driver = "/usr/lib/chromium/vk_swiftshader_icd.json";
const available = existsSync(driver);
const why = unless(available, `there is no ${driver}`);
const folder = temporaryFolder();

/** Computes a case in a process of its own, where the driver is the one in software. */
function onWebgpu(given: PrecisionCase | ReferenceCase): SpawnSyncReturns<string> {
  const path = fileURLToPath(new URL("../support/deviceCase.ts", import.meta.url));
  return spawnSync(process.execPath, ["--import", "tsx", path, JSON.stringify(given)], {
    env: { ...process.env, VK_ICD_FILENAMES: driver },
    encoding: "utf8",
    timeout: 120_000,
  });
}

function resultOf<Result>({ status, signal, stdout, stderr }: SpawnSyncReturns<string>): Result {
  if (status !== 0) throw new Error(`The child ended with ${status ?? signal}:\n${stderr}`);
  return JSON.parse(stdout) as Result;
}

describe.skipIf(!available)(`webgpu through SwiftShader${why}`, () => {
  const cases = [[fixture("t5"), fixture("t5", "case.json")] as const];
  if (haveGolden) cases.push([golden("t5v11"), golden("t5v11", "case.json")]);

  it.each(cases)("loss, logits and dLoss/dE are Transformers': %s", async (folder, caseFile) => {
    const given = { folder, caseFile };
    const result = resultOf<Verification>(onWebgpu({ ...given, device: "webgpu" }));
    expect(result.lossRelErr).toBeLessThan(1e-5);
    expect(result.logitsErr).toBeLessThan(1e-4);
    expect(result.dPromptErr).toBeLessThan(1e-4);
    // Another machine's arithmetic rounds in other places: equal errors would mean that all ran on the CPU.
    expect(result.dPromptErr).not.toBe((await verifyOn({ ...given, device: "cpu" })).dPromptErr);
  });

  const models = { T5: embeddedModel, Llama: causalModel };
  const caseOf = (model: keyof typeof models, more: Pick<PrecisionCase, "precision" | "device">): PrecisionCase => ({
    ...{ folder: models[model], cache: folder("cache") },
    ...more,
  });

  it.each(["T5", "Llama"] as const)(
    "the embedded %s in int8 has the loss, the gradient and the first tokens of float32 on the cpu",
    async (model) => {
      const wanted = await runCase(caseOf(model, { precision: "float32", device: "cpu" }));
      const found = resultOf<PrecisionResult>(onWebgpu(caseOf(model, { precision: "int8", device: "webgpu" })));
      expect(Math.abs(found.loss / wanted.loss - 1)).toBeLessThan(0.01);
      expect(cosine(found.gradient, wanted.gradient)).toBeGreaterThan(0.995);
      expect(found.gradient).not.toEqual(wanted.gradient);
      const firstTokens = ({ answers }: PrecisionResult) => answers.map(([token]) => token);
      expect(firstTokens(found)).toEqual(firstTokens(wanted));
    },
  );

  // This driver has no numbers of 16 bits to compute with.
  it.each(["BF16", "F16"] as const)("weights in %s give what the same numbers in float32 do", (dtype) => {
    const path = (name: string) => folder(`${name} for ${dtype}`);
    const tiny = rounded(tinyDecoder(new Random(3), { ...tinyConfigs.llama, vocab_size: 64 }));
    writeModel(path("plain"), tiny);
    writeModel(path("half"), tiny);
    writeFileSync(join(path("half"), "model.safetensors"), encodeHalf(tiny.weights, dtype));
    const of = (name: string): PrecisionCase => ({
      ...{ folder: path(name), cache: folder("cache"), precision: "float32", device: "webgpu" },
    });
    expect(resultOf(onWebgpu(of("half")))).toEqual(resultOf(onWebgpu(of("plain"))));
  });

  it("is not what auto takes in float16, and why it is not is said once", async () => {
    const workspace = createWorkspace(folder("workspace"));
    const file = workspace.experiment("halves", { precision: "float16", device: "auto" });
    const env = { VK_ICD_FILENAMES: driver, HF_HUB_CACHE: folder("cache") };
    const refused = await ulpt(["train", file], { cwd: workspace.folder, env });
    const where = "webgpu: it does not multiply in float16: its driver takes no such products";
    expectFailure(refused, { code: "DEVICE_MISSING", exit: 1, where });
    expect(refused.stderr).toContain("No device works here that multiplies in float16.");
    expect(existsSync(join(workspace.folder, ".ulpt"))).toBe(false);
  });

  it("refuses float16 before anything is read, since this driver has no numbers of 16 bits", () => {
    const nowhere = { ...caseOf("T5", { precision: "float16", device: "webgpu" }), folder: folder("nowhere") };
    const { status, stderr } = onWebgpu(nowhere);
    expect(status).not.toBe(0);
    expect(stderr).toContain("does not multiply in float16 here");
    expect(stderr).toContain("OPTION_INVALID");
  });
});
