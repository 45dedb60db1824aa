/** @file A frozen T5 without gradients: encode once, then generate or score given answers. */
import type { Model } from "../../graph/emit.ts";
import { floats, ints, type TensorValue } from "../../graph/session.ts";
import { generateRows } from "../generation.ts";
import type { GraphSessions } from "../graphSessions.ts";
import type { GenerationOptions, Generator, Prefilled } from "../languageModel.ts";
import { portFeeds } from "../portParts.ts";
import { type PortValues, portsOf, portUse, requireRows } from "../ports.ts";
import { collateSources, collateTargets } from "./batches.ts";
import { cacheNames, decoderStepGraph, encoderGraph, scoreGraph } from "./graphs.ts";
import type { EncoderDecoderModel } from "./model.ts";
import { type EncoderDecoderPort, offeredPorts } from "./ports.ts";
import type { T5 } from "./t5.ts";

type Floats = Extract<TensorValue, { dtype: "float32" }>;

/** The graphs that answer texts with values at these ports, and texts alone, by the names of their sessions. */
export function answeringGraphs(
  network: T5,
  ports: readonly EncoderDecoderPort[],
  longestTarget: number,
): Record<string, () => Model> {
  const short = longestTarget < network.config.headSize;
  return {
    [encoderName(ports)]: () => encoderGraph(network, ports),
    [encoderName([])]: () => encoderGraph(network, []),
    decoder: () => decoderStepGraph(network),
    [scorerName(short)]: () => scoreGraph(network, short),
  };
}

function encoderName(ports: readonly EncoderDecoderPort[]): string {
  return ["encoder", ...ports].join(" ");
}

function scorerName(short: boolean): string {
  return short ? "scorer of short targets" : "scorer";
}

export class EncoderDecoderGenerator implements Generator {
  private readonly model: EncoderDecoderModel;
  private readonly sessions: GraphSessions;

  /** @param sessions of the graphs that `answeringGraphs` names, and maybe others */
  constructor(model: EncoderDecoderModel, sessions: GraphSessions) {
    this.model = model;
    this.sessions = sessions;
  }

  async prefill(ports: PortValues = {}, sources: readonly (readonly number[])[]): Promise<Prefilled> {
    requireRows(ports, sources.length);
    const names = offeredPorts(portsOf(ports), this.model.config.modelType);
    const { promptLength } = portUse(ports);
    const inputs = collateSources(sources, this.model.config.padToken);
    const { network } = this.model;
    const encoder = await this.sessions.get(encoderName(names), () => encoderGraph(network, names));
    const reach = inputs.input_ids!.shape[1]!;
    const { memory } = await encoder.run<"memory">({ ...inputs, ...portFeeds(ports, [...sources.keys()], reach) });
    return new EncodedTexts(this, this.model, sources.length, {
      memory,
      memory_mask: prependOnes(inputs.attention_mask as Floats, promptLength),
    });
  }

  async step(feeds: Record<string, TensorValue>): Promise<Record<string, TensorValue>> {
    const decoder = await this.sessions.get("decoder", () => decoderStepGraph(this.model.network));
    return decoder.run<string>(feeds);
  }

  /** Two graphs: see `T5.decode` for what short answers save. */
  async losses(feeds: Record<string, TensorValue>, longest: number): Promise<Float32Array> {
    const short = longest < this.model.config.headSize;
    const scorer = await this.sessions.get(scorerName(short), () => scoreGraph(this.model.network, short));
    const outputs = await scorer.run<"negative_log_likelihood">(feeds);
    return outputs.negative_log_likelihood.data as Float32Array;
  }

  release(): Promise<void> {
    return this.sessions.release();
  }
}

/** Encoded inputs, ready to be decoded any number of times. */
class EncodedTexts implements Prefilled {
  readonly batch: number;
  private readonly generator: EncoderDecoderGenerator;
  private readonly model: EncoderDecoderModel;
  /** `memory` `[batch, length, d]` and `memory_mask` `[batch, length]`, the prompt counted. */
  private readonly memory: Record<string, TensorValue>;

  constructor(
    generator: EncoderDecoderGenerator,
    model: EncoderDecoderModel,
    batch: number,
    memory: Record<string, TensorValue>,
  ) {
    this.generator = generator;
    this.model = model;
    this.batch = batch;
    this.memory = memory;
  }

  generate(options: GenerationOptions): Promise<number[][]> {
    const { startToken, endToken, padToken, numDecoderLayers, numHeads, headSize } = this.model.config;
    const { batch } = this;
    const layers = Array.from({ length: numDecoderLayers }, (_, layer) => cacheNames(layer));
    const empty = floats(new Float32Array(0), [batch, numHeads, 0, headSize]);
    let cache: Record<string, TensorValue> = {};
    for (const { pastKey, pastValue } of layers) cache[pastKey] = cache[pastValue] = empty;
    const logits = async (step: number, tokens: readonly number[]) => {
      const read = step === 0 ? new Array<number>(batch).fill(startToken) : tokens;
      const outputs = await this.generator.step({ ...this.memory, token: ints(read, [batch, 1]), ...cache });
      cache = {};
      for (const { pastKey, pastValue, key, value } of layers) {
        cache[pastKey] = outputs[key]!;
        cache[pastValue] = outputs[value]!;
      }
      return outputs.logits!.data as Float32Array;
    };
    const before = Array.from({ length: batch }, () => []);
    return generateRows({ before, endTokens: [endToken], padToken, logits }, options);
  }

  async score(targets: readonly (readonly number[])[]): Promise<number[]> {
    const feeds = { ...this.memory, ...collateTargets(targets, this.model.config, 1) };
    const values = await this.generator.losses(feeds, Math.max(...targets.map(({ length }) => length)));
    let position = 0;
    return targets.map(({ length }) => {
      let sum = 0;
      for (let i = 0; i < length; i++) sum += values[position++]!;
      return sum;
    });
  }
}

/** mask `[batch, length]` → `[batch, count + length]` with ones in front */
function prependOnes({ data, shape }: Floats, count: number): Floats {
  const [batch, length] = shape as [number, number];
  const out = new Float32Array(batch * (count + length)).fill(1);
  for (let row = 0; row < batch; row++) {
    out.set(data.subarray(row * length, (row + 1) * length), row * (count + length) + count);
  }
  return { dtype: "float32", data: out, shape: [batch, count + length] };
}
