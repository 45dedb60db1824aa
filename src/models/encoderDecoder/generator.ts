/** @file A frozen T5 without gradients: encode once, then generate or score given answers. */
import { floats, ints, Session, type SessionOptions, type TensorValue } from "../../graph/session.ts";
import { generateRows } from "../generation.ts";
import type { GenerationOptions, Generator, Prefilled } from "../languageModel.ts";
import { type PortValues, portsOf, requirePorts } from "../ports.ts";
import { collateSources, collateTargets } from "./batches.ts";
import { cacheNames, decoderStepGraph, encoderGraph, scoreGraph } from "./graphs.ts";
import type { EncoderDecoderModel } from "./model.ts";

type Floats = Extract<TensorValue, { dtype: "float32" }>;

export class EncoderDecoderGenerator implements Generator {
  private readonly model: EncoderDecoderModel;
  private readonly options: SessionOptions;
  private readonly encoders: { prompted?: Session; alone?: Session } = {};
  private decoder: Session | undefined;
  private readonly scorers: { short?: Session; long?: Session } = {};

  /** Sessions are made when they are first needed; with and without a prompt the same decoder serves. */
  constructor(model: EncoderDecoderModel, options: SessionOptions) {
    this.model = model;
    this.options = options;
  }

  async prefill(ports: PortValues | undefined, sources: readonly (readonly number[])[]): Promise<Prefilled> {
    requirePorts(this.model.ports, portsOf(ports), this.model.config.modelType);
    const inputs = collateSources(sources, this.model.config.padToken);
    const prompt = ports?.prompt;
    const kind = prompt ? "prompted" : "alone";
    const graph = () => encoderGraph(this.model.network, { prompt: prompt !== undefined });
    this.encoders[kind] ??= await Session.create(graph(), this.options);
    const { memory } = await this.encoders[kind].run<"memory">(prompt ? { ...inputs, prompt } : inputs);
    const mask = inputs.attention_mask as Floats;
    return new EncodedTexts(this, this.model, sources.length, {
      memory,
      memory_mask: prompt ? prependOnes(mask, prompt.shape[0]!) : mask,
    });
  }

  async step(feeds: Record<string, TensorValue>): Promise<Record<string, TensorValue>> {
    this.decoder ??= await Session.create(decoderStepGraph(this.model.network), this.options);
    return this.decoder.run<string>(feeds);
  }

  /** Two graphs: see `T5.decode` for what short answers save. */
  async losses(feeds: Record<string, TensorValue>, longest: number): Promise<Float32Array> {
    const short = longest < this.model.config.headSize;
    const kind = short ? "short" : "long";
    this.scorers[kind] ??= await Session.create(scoreGraph(this.model.network, short), this.options);
    const outputs = await this.scorers[kind].run<"negative_log_likelihood">(feeds);
    return outputs.negative_log_likelihood.data as Float32Array;
  }

  async release(): Promise<void> {
    const sessions = [...Object.values(this.encoders), this.decoder, ...Object.values(this.scorers)];
    await Promise.allSettled(sessions.map((session) => session?.release()));
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
