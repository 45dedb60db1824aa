/** The gradient on webgpu, computed in software: a loss that is right says nothing about the gradient there. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { openModel } from "../../src/models/model.ts";
import { type Verification, verifyCase } from "../../src/models/verify.ts";
import { fixture, golden, haveGolden } from "../support/golden.ts";
import { unless } from "../support/skip.ts";

/** Debian's chromium brings SwiftShader, a Vulkan device without a graphics card. */
const driver = "/usr/lib/chromium/vk_swiftshader_icd.json";
const available = existsSync(driver);
const why = unless(available, `there is no ${driver}`);
const script = fileURLToPath(new URL("../support/webgpuCase.ts", import.meta.url));

function verifyOnWebgpu(folder: string, caseFile: string): Verification {
  const child = spawnSync(process.execPath, ["--import", "tsx", script, folder, caseFile], {
    env: { ...process.env, VK_ICD_FILENAMES: driver },
    encoding: "utf8",
    timeout: 60_000,
  });
  if (child.status !== 0) throw new Error(`The child ended with ${child.status ?? child.signal}:\n${child.stderr}`);
  return JSON.parse(child.stdout) as Verification;
}

describe.skipIf(!available)(`webgpu through SwiftShader${why}`, () => {
  const cases = [[fixture("t5"), fixture("t5", "case.json")] as const];
  if (haveGolden) cases.push([golden("t5v11"), golden("t5v11", "case.json")]);

  it.each(cases)("loss, logits and dLoss/dE are Transformers': %s", async (folder, caseFile) => {
    const result = verifyOnWebgpu(folder, caseFile);
    expect(result.lossRelErr).toBeLessThan(1e-5);
    expect(result.logitsErr).toBeLessThan(1e-4);
    expect(result.dPromptErr).toBeLessThan(1e-4);
    // Another machine's arithmetic rounds in other places: equal errors would mean that all ran on the CPU.
    expect(result.dPromptErr).not.toBe((await verifyCase(openModel(folder), caseFile, "cpu")).dPromptErr);
  });
});
