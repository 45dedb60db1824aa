/** @file Loss, gradient and answers of a model in a precision on a device; as a child process it prints them as JSON. */
import { fileURLToPath } from "node:url";
import type { Device } from "../../src/graph/devices.ts";
import { floats } from "../../src/graph/session.ts";
import { openModel } from "../../src/models/model.ts";
import type { Precision } from "../../src/models/quantize/recipe.ts";
import { openInPrecision } from "../../src/training/precision.ts";
import { Random } from "./random.ts";

export interface PrecisionCase {
  folder: string;
  /** Where quantised weights are kept. */
  cache: string;
  precision: Precision;
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
  console.log(JSON.stringify(await runCase(JSON.parse(process.argv[2]!) as PrecisionCase)));
  process.exit(0); // the provider's own threads would keep the process
}
