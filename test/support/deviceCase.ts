/**
 * @file What a model gives on a device: beside a reference case, or its loss, gradient and answers in a precision. As a child process, whose
 * environment may name another driver, it prints that as JSON.
 */
import { fileURLToPath } from "node:url";
import type { Device } from "../../src/graph/devices.ts";
import { floats } from "../../src/graph/session.ts";
import { openModel } from "../../src/models/model.ts";
import type { Precision } from "../../src/models/quantize/recipe.ts";
import { type Verification, verifyCase } from "../../src/models/verify.ts";
import { openInPrecision } from "../../src/training/precision.ts";
import { Random } from "./random.ts";

export interface PrecisionCase {
  folder: string;
  /** Where quantised weights are kept. */
  cache: string;
  precision: Precision;
  device: Device;
}

/** A case of `ulpt verify`. */
export interface ReferenceCase {
  folder: string;
  caseFile: string;
  device: Device;
}

export interface PrecisionResult {
  loss: number;
  /** Of the prompt. */
  gradient: number[];
  answers: number[][];
}

const texts = [
  { source: [4, 9, 17, 23, 8, 30, 12], target: [7, 3, 1] },
  { source: [11, 5, 6], target: [9, 1] },
  { source: [21, 22, 23, 24, 25], target: [40, 41, 42, 1] },
];
const promptLength = 5;

export function verifyOn({ folder, caseFile, device }: ReferenceCase): Promise<Verification> {
  return verifyCase(openModel(folder), caseFile, device);
}

export async function runCase({ folder, cache, precision, device }: PrecisionCase): Promise<PrecisionResult> {
  const options = { precision, device, hub: { quantizedFolder: cache } };
  const model = precision === "float32" ? openModel(folder) : (await openInPrecision(folder, options)).model;
  const { hiddenSize } = model.config;
  const ports = { prompt: floats(new Random(8).normals(promptLength * hiddenSize, 0.7), [promptLength, hiddenSize]) };
  const { loss, generator } = await model.forTraining({ device, longestTarget: 4, ports: ["prompt"] });
  const found = await loss.run(ports, texts, 1000);
  const read = await generator.prefill(
    ports,
    texts.map(({ source }) => source),
  );
  const answers = await read.generate({ maxNewTokens: 4, endTokens: [] });
  await loss.release();
  await generator.release();
  return { loss: found.loss, gradient: [...found.cotangents.prompt!], answers: answers.map((answer) => [...answer]) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const given = JSON.parse(process.argv[2]!) as PrecisionCase | ReferenceCase;
  console.log(JSON.stringify(await ("caseFile" in given ? verifyOn(given) : runCase(given))));
  process.exit(0); // the provider's own threads would keep the process
}
