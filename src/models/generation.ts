/** @file Greedy generation: the input is encoded once, then the decoder runs token by token on cached keys and values. */
import { floats, ints, Session, type SessionOptions, type TensorValue } from "../graph/session.ts";
import { collateSources } from "./batch.ts";
import type { FrozenModel } from "./model.ts";
import { cacheNames, decoderStepGraph, encoderGraph } from "./seq2seq.ts";

export interface GenerationOptions {
  maxNewTokens: number;
  /** Whether a row ends at the end token (the default); else every row gets `maxNewTokens` tokens. */
  stopAtEnd?: boolean;
}

export class Generator {
  private readonly model: FrozenModel;
  private readonly hasPrompt: boolean;
  private readonly encoder: Session;
  private readonly decoder: Session;

  private constructor(model: FrozenModel, hasPrompt: boolean, encoder: Session, decoder: Session) {
    this.model = model;
    this.hasPrompt = hasPrompt;
    this.encoder = encoder;
    this.decoder = decoder;
  }

  static async create(model: FrozenModel, options: SessionOptions & { prompt: boolean }): Promise<Generator> {
    const encoder = await Session.create(encoderGraph(model.network, { prompt: options.prompt }), options);
    const decoder = await Session.create(decoderStepGraph(model.network), options);
    return new Generator(model, options.prompt, encoder, decoder);
  }

  /** Token ids for each source, without the end token and what follows it. prompt `[n, d]`, if the generator has one */
  async generate(
    sources: readonly (readonly number[])[],
    prompt: TensorValue | undefined,
    { maxNewTokens, stopAtEnd = true }: GenerationOptions,
  ): Promise<number[][]> {
    const { padToken, startToken, endToken, numDecoderLayers, numHeads, headSize } = this.model.config;
    const batch = sources.length;
    const inputs = collateSources(sources, padToken);
    const { memory } = await this.encoder.run<"memory">(this.hasPrompt && prompt ? { ...inputs, prompt } : inputs);
    const mask = inputs.attention_mask as Extract<TensorValue, { dtype: "float32" }>;
    const memoryMask = prompt && this.hasPrompt ? prependOnes(mask.data, batch, prompt.shape[0]!) : mask;

    const layers = Array.from({ length: numDecoderLayers }, (_, layer) => cacheNames(layer));
    const empty = floats(new Float32Array(0), [batch, numHeads, 0, headSize]);
    let cache: Record<string, TensorValue> = {};
    for (const { pastKey, pastValue } of layers) cache = { ...cache, [pastKey]: empty, [pastValue]: empty };
    let token = ints(new BigInt64Array(batch).fill(BigInt(startToken)), [batch, 1]);
    const rows: number[][] = sources.map(() => []);
    const ended = sources.map(() => false);
    for (let step = 0; step < maxNewTokens; step++) {
      const outputs = await this.decoder.run<string>({ memory, memory_mask: memoryMask, token, ...cache });
      const next = outputs.next!.data as BigInt64Array;
      for (const [row, tokens] of rows.entries()) {
        const id = Number(next[row]);
        if (stopAtEnd && id === endToken) ended[row] = true;
        if (!ended[row]) tokens.push(id);
      }
      if (ended.every(Boolean)) break;
      token = ints(next, [batch, 1]);
      cache = {};
      for (const { pastKey, pastValue, key, value } of layers) {
        cache[pastKey] = outputs[key]!;
        cache[pastValue] = outputs[value]!;
      }
    }
    return rows;
  }

  async release(): Promise<void> {
    await this.encoder.release();
    await this.decoder.release();
  }
}

/** mask `[batch, length]` → `[batch, count + length]` with ones in front */
function prependOnes(mask: Float32Array, batch: number, count: number): TensorValue {
  const length = mask.length / batch;
  const out = new Float32Array(batch * (count + length)).fill(1);
  for (let row = 0; row < batch; row++) {
    out.set(mask.subarray(row * length, (row + 1) * length), row * (count + length) + count);
  }
  return floats(out, [batch, count + length]);
}
