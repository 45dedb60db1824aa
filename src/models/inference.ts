/** @file A frozen model without gradients: encode once, then generate greedily or score given answers. */
import { floats, ints, Session, type SessionOptions, type TensorValue } from "../graph/session.ts";
import { collateSources, collateTargets } from "./batch.ts";
import type { FrozenModel } from "./model.ts";
import { cacheNames, decoderStepGraph, encoderGraph, scoreGraph } from "./seq2seq.ts";

type Floats = Extract<TensorValue, { dtype: "float32" }>;

/** Encoded inputs, ready to be decoded any number of times. */
export interface Encoded {
  batch: number;
  /** `[batch, length, d]`, the prompt counted */
  memory: TensorValue;
  /** `[batch, length]` */
  mask: Floats;
}

export interface GenerationOptions {
  maxNewTokens: number;
  /** Whether a row ends at the end token (the default); else every row gets `maxNewTokens` tokens. */
  stopAtEnd?: boolean;
}

export class Inference {
  private readonly model: FrozenModel;
  private readonly options: SessionOptions;
  private readonly encoders: { prompted?: Session; alone?: Session } = {};
  private decoder: Session | undefined;
  private readonly scorers: { short?: Session; long?: Session } = {};

  /** Sessions are made when they are first needed; with and without a prompt the same decoder serves. */
  constructor(model: FrozenModel, options: SessionOptions) {
    this.model = model;
    this.options = options;
  }

  /** @param prompt E `[n, d]`; without it, the model alone */
  async encode(sources: readonly (readonly number[])[], prompt?: TensorValue): Promise<Encoded> {
    const inputs = collateSources(sources, this.model.config.padToken);
    const kind = prompt ? "prompted" : "alone";
    const graph = () => encoderGraph(this.model.network, { prompt: prompt !== undefined });
    this.encoders[kind] ??= await Session.create(graph(), this.options);
    const { memory } = await this.encoders[kind].run<"memory">(prompt ? { ...inputs, prompt } : inputs);
    const mask = inputs.attention_mask as Floats;
    return { batch: sources.length, memory, mask: prompt ? prependOnes(mask, prompt.shape[0]!) : mask };
  }

  /** The most probable token at each step, for every row; without the end token and what follows it. */
  async generate(encoded: Encoded, { maxNewTokens, stopAtEnd = true }: GenerationOptions): Promise<number[][]> {
    const { startToken, endToken, numDecoderLayers, numHeads, headSize } = this.model.config;
    this.decoder ??= await Session.create(decoderStepGraph(this.model.network), this.options);
    const { batch } = encoded;
    const layers = Array.from({ length: numDecoderLayers }, (_, layer) => cacheNames(layer));
    const empty = floats(new Float32Array(0), [batch, numHeads, 0, headSize]);
    let cache: Record<string, TensorValue> = Object.fromEntries(
      layers.flatMap(({ pastKey, pastValue }) => [
        [pastKey, empty],
        [pastValue, empty],
      ]),
    );
    let token = ints(new BigInt64Array(batch).fill(BigInt(startToken)), [batch, 1]);
    const rows: number[][] = Array.from({ length: batch }, () => []);
    const ended = rows.map(() => false);
    for (let step = 0; step < maxNewTokens && !ended.every(Boolean); step++) {
      const outputs = await this.decoder.run<string>({
        memory: encoded.memory,
        memory_mask: encoded.mask,
        token,
        ...cache,
      });
      const next = outputs.next!.data as BigInt64Array;
      for (const [row, tokens] of rows.entries()) {
        const id = Number(next[row]);
        if (stopAtEnd && id === endToken) ended[row] = true;
        if (!ended[row]) tokens.push(id);
      }
      token = ints(next, [batch, 1]);
      cache = {};
      for (const { pastKey, pastValue, key, value } of layers) {
        cache[pastKey] = outputs[key]!;
        cache[pastValue] = outputs[value]!;
      }
    }
    return rows;
  }

  /** −log P(target | input) of each row, natural logarithm, summed over the target's tokens. `[batch]` */
  async score(encoded: Encoded, targets: readonly (readonly number[])[]): Promise<number[]> {
    // Two graphs: see `T5.decode` for what short answers save.
    const short = Math.max(...targets.map(({ length }) => length)) < this.model.config.headSize;
    const kind = short ? "short" : "long";
    this.scorers[kind] ??= await Session.create(scoreGraph(this.model.network, short), this.options);
    const feeds = {
      memory: encoded.memory,
      memory_mask: encoded.mask,
      ...collateTargets(targets, this.model.config, 1),
    };
    const outputs = await this.scorers[kind].run<"negative_log_likelihood">(feeds);
    const values = outputs.negative_log_likelihood.data as Float32Array;
    let position = 0;
    return targets.map(({ length }) => {
      let sum = 0;
      for (let i = 0; i < length; i++) sum += values[position++]!;
      return sum;
    });
  }

  async release(): Promise<void> {
    const sessions = [...Object.values(this.encoders), this.decoder, ...Object.values(this.scorers)];
    await Promise.allSettled(sessions.map((session) => session?.release()));
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
