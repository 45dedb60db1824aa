/** @file What a prompt costs, measured: to make it from its seed, and to read and continue texts behind it. */
import { cpus } from "node:os";
import { median } from "simple-statistics";
import type { MethodSettings } from "../experiment/methods/registry.ts";
import type { Device } from "../graph/devices.ts";
import { engineVersion } from "../graph/engine.ts";
import { floats, physicalCores, type TensorValue } from "../graph/session.ts";
import type { Generator, LanguageModel } from "../models/languageModel.ts";
import type { PortValues } from "../models/ports.ts";
import { elementCount, type FrozenModel, type ParameterValues, type PromptMethod } from "../prompts/method.ts";
import { PromptSession } from "../prompts/prompt.ts";
import { promptMethod } from "../prompts/registry.ts";
import { Stream } from "../random/philox.ts";
import type { Measurement, RankTimes, ReadingTimes, TextTimes } from "../results/cost.ts";
import { type CostOptions, sizesOnly, usualMethods } from "./cost.ts";
import { initialParameters } from "./method.ts";

export interface MeasurementOptions extends CostOptions {
  device: Device;
  /** In tokens, of the texts behind the prompt. */
  textLengths: readonly number[];
  signal: AbortSignal;
}

const repeats = 5;
/** So many tokens are written behind each text. */
export const newTokens = 8;

/**
 * Times what each prompt of the given ranks takes to be made, and what a prompt adds to texts of the given lengths, one text at a
 * time. What is compared is measured in turn, so that a machine which others use slows all of it alike.
 * @throws the signal's reason when aborted between two measurements
 */
export async function measureCost(model: LanguageModel, options: MeasurementOptions): Promise<Measurement> {
  const { device, textLengths, signal } = options;
  const made: { times: RankTimes; prompt: TensorValue }[] = [];
  const sizes = sizesOnly(model.config.hiddenSize, model.keyValueSizes);
  for (const { settings } of usualMethods(sizes, options)) {
    made.push(...(await measureMethod(sizes, settings, options)));
  }
  const generator = model.generator({ device });
  try {
    const texts: TextTimes[] = [];
    for (const textLength of textLengths) {
      const text = randomText(textLength, model.config.vocabularySize);
      texts.push({ textLength, ...(await measureText(generator, made[0]!.prompt, text, signal)) });
    }
    return { machine: await machineFacts(device), repeats, newTokens, ranks: made.map(({ times }) => times), texts };
  } finally {
    await generator.release();
  }
}

/** Values to compute with: those of a start that needs no more than a seed, else ones. */
function anyParameters(method: PromptMethod): ParameterValues {
  if (method.startsFrom === undefined) return initialParameters(method, 1);
  const ones = (shape: readonly number[]) => new Float32Array(elementCount(shape)).fill(1);
  return Object.fromEntries(Object.entries(method.parameters).map(([name, shape]) => [name, ones(shape)]));
}

/** Times a method that makes something from a seed; of the others there is nothing to time. */
async function measureMethod(
  sizes: FrozenModel,
  settings: MethodSettings,
  { promptLength, signal }: MeasurementOptions,
): Promise<{ times: RankTimes; prompt: TensorValue }[]> {
  const make = () => {
    const made = promptMethod(settings, promptLength, sizes);
    for (const tensor of Object.values(made.frozen)) tensor.prepare();
    return made;
  };
  const method = make();
  const { rank } = method;
  if (Object.keys(method.frozen).length === 0) return [];
  const session = await PromptSession.create(method);
  try {
    const parameters = anyParameters(method);
    const { prompt } = await session.values(parameters);
    if (!prompt) return [];
    const times = { projection: [] as number[], prompt: [] as number[] };
    for (let repeat = 0; repeat < repeats; repeat++) {
      signal.throwIfAborted();
      times.projection.push(await duration(async () => make()));
      times.prompt.push(await duration(() => session.values(parameters)));
    }
    const timed = { projection: median(times.projection), prompt: median(times.prompt) };
    return [{ times: { method: settings.name, rank, ...timed }, prompt }];
  } finally {
    await session.release();
  }
}

async function measureText(generator: Generator, prompt: TensorValue, text: readonly number[], signal: AbortSignal) {
  // What a generator keeps of a prompt it keeps with the tensor: a copy is one that was never read.
  const copy = () => ({ prompt: floats((prompt.data as Float32Array).slice(), prompt.shape) });
  const kinds: { [kind in "without" | "first" | "later"]: () => PortValues | undefined } = {
    without: () => undefined,
    first: copy,
    later: () => ({ prompt }),
  };
  const times = { without: new Times(), first: new Times(), later: new Times() };
  const measureAll = async (record: boolean) => {
    for (const kind of ["without", "first", "later"] as const) {
      signal.throwIfAborted();
      const found = await readAndContinue(generator, kinds[kind](), text);
      if (record) times[kind].add(found);
    }
  };
  await measureAll(false); // makes the sessions, and reads the prompt
  for (let repeat = 0; repeat < repeats; repeat++) await measureAll(true);
  return { without: times.without.median, first: times.first.median, later: times.later.median };
}

async function readAndContinue(
  generator: Generator,
  ports: PortValues | undefined,
  text: readonly number[],
): Promise<ReadingTimes> {
  const start = performance.now();
  const read = await generator.prefill(ports, [text]);
  const times: number[] = [];
  const onToken = () => {
    times.push(performance.now());
    return false;
  };
  await read.generate({ maxNewTokens: newTokens, endTokens: [], onToken });
  const [first, last] = [times[0]!, times.at(-1)!];
  return { prefill: first - start, perToken: (last - first) / (times.length - 1) };
}

class Times {
  private readonly all: ReadingTimes[] = [];

  add(times: ReadingTimes): void {
    this.all.push(times);
  }

  get median(): ReadingTimes {
    return {
      prefill: median(this.all.map(({ prefill }) => prefill)),
      perToken: median(this.all.map(({ perToken }) => perToken)),
    };
  }
}

function randomText(length: number, vocabularySize: number): number[] {
  const stream = new Stream(1, "cost/text");
  return Array.from({ length }, () => stream.below(vocabularySize));
}

async function duration(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

export async function machineFacts(device: Device): Promise<Measurement["machine"]> {
  return {
    processor: cpus()[0]?.model.trim() ?? "unknown processor",
    cores: physicalCores(),
    platform: `${process.platform} ${process.arch}`,
    device,
    onnxruntime: await engineVersion(),
    node: process.versions.node,
  };
}
