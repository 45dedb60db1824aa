/**
 * @file T5 (Raffel et al. 2020) as a function on graph tensors: v1.0 (relu, tied head) and v1.1 (gated GELU, own head).
 * Hidden states are kept flat, `[batch·length, d]`; attention scores are not scaled, as T5 folds 1/√d_kv into its weights.
 */
import { addDims, type Dim, multiplyDims, type Shape } from "../../graph/dims.ts";
import * as ops from "../../graph/ops.ts";
import * as raw from "../../graph/raw.ts";
import { constant, factorsOf, integers, scalar, type Tensor } from "../../graph/tensor.ts";
import type { T5Config } from "./config.ts";

/** Gives a weight by its name in the Hugging Face checkpoint; `alias` asks for the same numbers in another shape. */
export type Parameters = (name: string, shape: readonly number[], alias?: readonly number[]) => Tensor;

/** Added to the scores of positions that may not be attended to: after the softmax exactly zero in float32. */
const masked = -1e9;

export interface Sequence {
  /** `[batch·length, d]` */
  hidden: Tensor;
  batch: Dim;
  length: Dim;
}

/** Keys and values of a decoder layer's earlier positions, each `[batch, heads, past, d_kv]`. */
export interface KeyValues {
  key: Tensor;
  value: Tensor;
}

/**
 * How a decoder attends to an encoded input. `absorbed`, the projections of keys and values move from every encoder position to the few
 * decoder positions: (q·Wk)·memoryᵀ instead of q·(memory·Wkᵀ)ᵀ, less work while the decoder input is shorter than d_kv. Where an
 * input is decoded token by token, its keys and values of every layer can be computed once, by `projectMemory`.
 */
export type CrossAttention =
  | { kind: "absorbed" | "projected"; memory: Sequence }
  | { kind: "computed"; layers: readonly KeyValues[] };

/** Gives the mask of a tensor of a shape, 0 or 1 / (1 − rate) everywhere, another one at each call. */
export type DropoutMask = (shape: Shape) => Tensor;

export interface BatchSizes {
  rows: number;
  /** Of a row of the encoder, padding and prompt counted. */
  length: number;
  targetLength: number;
}

interface TrainingOptions {
  /** With it dropout falls where it does in Transformers' T5: on what enters and leaves a stack, on attention, on every layer. */
  mask?: DropoutMask | undefined;
  /** Whether blocks are computed again for their gradient, so that only what enters them is kept. */
  recomputes?: boolean | undefined;
}

export class T5 {
  readonly config: T5Config;
  private readonly parameters: Parameters;
  private readonly mask: DropoutMask | undefined;
  private readonly recomputes: boolean;

  constructor(config: T5Config, parameters: Parameters, { mask, recomputes = false }: TrainingOptions = {}) {
    this.config = config;
    this.parameters = parameters;
    this.mask = mask;
    this.recomputes = recomputes;
  }

  /** The same network, as it is trained. */
  with(options: TrainingOptions): T5 {
    return new T5(this.config, this.parameters, options);
  }

  /** What blocks compute from `inputs`, kept for the gradient or computed again with the masks of the first time. */
  private block(inputs: readonly Tensor[], compute: (network: T5, inputs: readonly Tensor[]) => Tensor): Tensor {
    const { mask } = this;
    if (!this.recomputes) return compute(this, inputs);
    const drawn: Tensor[] = [];
    return ops.recomputed(inputs, (again) => {
      let site = 0;
      const redrawn = (shape: Shape) => {
        drawn[site] ??= mask!(shape);
        return drawn[site++]!;
      };
      return compute(this.with({ mask: mask && redrawn }), again);
    });
  }

  /** How many masks a pass with dropout takes, and how many numbers the largest of them has. */
  maskSizes({ rows, length, targetLength }: BatchSizes): { sites: number; largest: number } {
    const { hiddenSize, feedForwardSize, numHeads, numEncoderLayers, numDecoderLayers } = this.config;
    const longer = Math.max(length, targetLength);
    const ofLayer = longer * Math.max(hiddenSize, feedForwardSize);
    const ofAttention = numHeads * longer * longer;
    return {
      sites: 2 + 4 * numEncoderLayers + 2 + 6 * numDecoderLayers,
      largest: rows * Math.max(ofLayer, ofAttention),
    };
  }

  private dropped(x: Tensor): Tensor {
    return this.mask ? ops.multiply(x, this.mask(x.shape)) : x;
  }

  /** The shared embedding table, `[V, d]`. */
  private get embeddings(): Tensor {
    return this.parameters("shared.weight", [this.config.vocabularySize, this.config.hiddenSize]);
  }

  /** Embeddings of token ids, `[…]` int64 → `[…, d]`. */
  embed(ids: Tensor): Tensor {
    const table = this.embeddings;
    const isMultiplied = this.config.tiedHead && !factorsOf(table);
    return isMultiplied ? ops.embedding(table, ids) : ops.rowsOf(table, ids);
  }

  /** `0` where `mask` is 1 and a large negative number where it is 0. mask `[batch, length]` → `[batch, 1, 1, length]` */
  maskBias(mask: Tensor): Tensor {
    const [batch, length] = mask.shape as [Dim, Dim];
    return raw.reshape(raw.scale(raw.subtract(scalar(1), mask), masked), [batch, 1, 1, length]);
  }

  /** Encodes embedded inputs. maskBias as from `maskBias`. */
  encode({ hidden, batch, length }: Sequence, maskBias: Tensor): Sequence {
    const { numEncoderLayers } = this.config;
    const positions = this.positionBias("encoder", raw.range(length), raw.range(length));
    const bias = ops.add(positions, maskBias); // [batch, heads, length, length], the same in all layers
    let x = this.dropped(hidden);
    for (let layer = 0; layer < numEncoderLayers; layer++) {
      const block = `encoder.block.${layer}.layer`;
      x = this.block([x], (network, [entering]) => {
        const attended = network.selfAttention(`${block}.0`, { hidden: entering!, batch, length }, bias);
        return network.feedForward(`${block}.1`, attended.hidden);
      });
    }
    return { hidden: this.dropped(this.norm("encoder.final_layer_norm", x)), batch, length };
  }

  /** Decodes embedded inputs that follow `past` positions. */
  decode(
    { hidden, batch, length }: Sequence,
    cross: CrossAttention,
    memoryMask: Tensor,
    past?: readonly KeyValues[],
  ): { hidden: Tensor; present: KeyValues[] } {
    const { numDecoderLayers } = this.config;
    const pastLength = past?.[0]?.key.shape[2] ?? 0;
    const keyPositions = raw.range(addDims(pastLength, length));
    const queryPositions = raw.slice(keyPositions, 0, pastLength, length);
    const bias = this.positionBias("decoder", queryPositions, keyPositions);
    const present: KeyValues[] = [];
    let x = this.dropped(hidden);
    for (let layer = 0; layer < numDecoderLayers; layer++) {
      const block = `decoder.block.${layer}.layer`;
      const read = (network: T5, [entering, encoded]: readonly Tensor[]) => {
        const own = { hidden: entering!, batch, length };
        const attended = network.selfAttention(`${block}.0`, own, bias, past?.[layer]);
        present[layer] ??= attended.present;
        const query = { hidden: attended.hidden, batch, length };
        const source = cross.kind === "computed" ? cross : { ...cross, memory: { ...cross.memory, hidden: encoded! } };
        return network.feedForward(`${block}.2`, network.crossAttention(layer, query, source, memoryMask));
      };
      x = this.block(cross.kind === "computed" ? [x] : [x, cross.memory.hidden], read);
    }
    return { hidden: this.dropped(this.norm("decoder.final_layer_norm", x)), present };
  }

  /** hidden `[N, d]` → logits `[N, V]` */
  logits(hidden: Tensor): Tensor {
    const { tiedHead, scaledHead, hiddenSize, vocabularySize } = this.config;
    const head = tiedHead ? this.embeddings : this.parameters("lm_head.weight", [vocabularySize, hiddenSize]);
    return product(scaledHead ? ops.scale(hidden, hiddenSize ** -0.5) : hidden, head);
  }

  /** `x·Wᵀ + residual`, with dropout on the product. x `[N, width]`, residual `[N, d]` */
  private addTo(residual: Tensor, x: Tensor, name: string, width: number, rounding: raw.Rounding = "twice"): Tensor {
    const weight = this.parameters(name, [this.config.hiddenSize, width]);
    return this.mask
      ? ops.add(residual, this.dropped(ops.linear(x, weight, undefined, { rounding })))
      : ops.linear(x, weight, residual, { rounding });
  }

  /** Attention's mask, of the shape of its probabilities. */
  private keep(shape: Shape): ops.AttentionOptions {
    return this.mask ? { keep: this.mask(shape) } : {};
  }

  private norm(name: string, x: Tensor): Tensor {
    return ops.rmsNorm(x, this.parameters(`${name}.weight`, [this.config.hiddenSize]), this.config.epsilon);
  }

  private get innerSize(): number {
    return this.config.numHeads * this.config.headSize;
  }

  /** A projection `[inner, d]` into the heads, applied to rows `[batch·length, d]` → `[batch, heads, length, d_kv]` */
  private intoHeads(name: string, { hidden, batch, length }: Sequence): Tensor {
    const { numHeads, headSize, hiddenSize } = this.config;
    const projected = product(hidden, this.parameters(name, [this.innerSize, hiddenSize]));
    return ops.transpose(ops.reshape(projected, [batch, length, numHeads, headSize]), [0, 2, 1, 3]);
  }

  /** `[batch, heads, length, d_kv]` → output projection added to `residual` `[batch·length, d]` */
  private outOfHeads(name: string, heads: Tensor, residual: Tensor): Tensor {
    const rows = ops.reshape(ops.transpose(heads, [0, 2, 1, 3]), [residual.shape[0]!, this.innerSize]);
    return this.addTo(residual, rows, name, this.innerSize);
  }

  private selfAttention(
    layer: string,
    { hidden, batch, length }: Sequence,
    bias: Tensor,
    past?: KeyValues,
  ): { hidden: Tensor; present: KeyValues } {
    const attention = `${layer}.SelfAttention`;
    const normed = { hidden: this.norm(`${layer}.layer_norm`, hidden), batch, length };
    const query = this.intoHeads(`${attention}.q.weight`, normed);
    const newKey = this.intoHeads(`${attention}.k.weight`, normed);
    const newValue = this.intoHeads(`${attention}.v.weight`, normed);
    const key = past ? ops.concat([past.key, newKey], 2) : newKey;
    const value = past ? ops.concat([past.value, newValue], 2) : newValue;
    const attended = ops.attention(query, key, value, bias, this.keep(scoresShape(query, key)));
    return { hidden: this.outOfHeads(`${attention}.o.weight`, attended, hidden), present: { key, value } };
  }

  private crossAttention(layer: number, query: Sequence, cross: CrossAttention, memoryMask: Tensor): Tensor {
    const name = `decoder.block.${layer}.layer.1`;
    if (cross.kind === "absorbed") return this.absorbedCrossAttention(name, query, cross.memory, memoryMask);
    const { key, value } = cross.kind === "computed" ? cross.layers[layer]! : this.projectMemory(layer, cross.memory);
    const attention = `${name}.EncDecAttention`;
    const normed = { ...query, hidden: this.norm(`${name}.layer_norm`, query.hidden) };
    const queries = this.intoHeads(`${attention}.q.weight`, normed);
    const attended = ops.attention(queries, key, value, memoryMask, this.keep(scoresShape(queries, key)));
    return this.outOfHeads(`${attention}.o.weight`, attended, query.hidden);
  }

  /** What layer `layer` of the decoder attends to in an encoded input, `[batch, heads, length, d_kv]` each. */
  projectMemory(layer: number, memory: Sequence): KeyValues {
    const attention = `decoder.block.${layer}.layer.1.EncDecAttention`;
    return {
      key: this.intoHeads(`${attention}.k.weight`, memory),
      value: this.intoHeads(`${attention}.v.weight`, memory),
    };
  }

  private absorbedCrossAttention(layer: string, query: Sequence, memory: Sequence, memoryMask: Tensor): Tensor {
    const { numHeads, headSize, hiddenSize } = this.config;
    const { batch, length } = query;
    const attention = `${layer}.EncDecAttention`;
    const byHead = (name: string) =>
      this.parameters(name, [this.innerSize, hiddenSize], [numHeads, headSize, hiddenSize]);
    const rows = multiplyDims(batch, length);

    const normed = this.norm(`${layer}.layer_norm`, query.hidden);
    const q = product(normed, this.parameters(`${attention}.q.weight`, [this.innerSize, hiddenSize]));
    const headsFirst = ops.transpose(ops.reshape(q, [rows, numHeads, headSize]), [1, 0, 2]); // [heads, rows, d_kv]
    const wide = ops.perHead(headsFirst, byHead(`${attention}.k.weight`)); // [heads, rows, d]
    const byBatch = ops.transpose(ops.reshape(wide, [numHeads, batch, length, hiddenSize]), [1, 0, 2, 3]);
    const queries = ops.reshape(byBatch, [batch, multiplyDims(numHeads, length), hiddenSize]);

    const keys = ops.reshape(memory.hidden, [batch, memory.length, hiddenSize]);
    const bias = raw.reshape(memoryMask, [batch, 1, memory.length]);
    const context = ops.attentionOverMemory(queries, keys, bias, this.keep(scoresShape(queries, keys)));

    const byHeadAgain = ops.transpose(ops.reshape(context, [batch, numHeads, length, hiddenSize]), [1, 0, 2, 3]);
    const values = ops.perHeadTransposed(
      ops.reshape(byHeadAgain, [numHeads, rows, hiddenSize]),
      byHead(`${attention}.v.weight`),
    ); // [heads, rows, d_kv]
    const joined = ops.reshape(ops.transpose(values, [1, 0, 2]), [rows, this.innerSize]);
    return this.addTo(query.hidden, joined, `${attention}.o.weight`, this.innerSize);
  }

  private feedForward(layer: string, x: Tensor): Tensor {
    const { hiddenSize, feedForwardSize, gatedGelu } = this.config;
    const dense = `${layer}.DenseReluDense`;
    const normed = this.norm(`${layer}.layer_norm`, x);
    const into = (name: string, options?: ops.DenseOptions) =>
      product(normed, this.parameters(`${dense}.${name}.weight`, [feedForwardSize, hiddenSize]), options);
    const inner = gatedGelu
      ? ops.gated(ops.geluTanh, into("wi_0", raw.gated.into), into("wi_1", raw.gated.into))
      : ops.relu(into("wi"));
    const rounding = gatedGelu ? raw.gated.outOf.rounding : "positive";
    return this.addTo(x, this.dropped(inner), `${dense}.wo.weight`, feedForwardSize, rounding);
  }

  /** Relative position bias, and for the decoder the causal mask: positions `[Q]` and `[K]` int64 → `[1, heads, Q, K]` */
  private positionBias(stack: "encoder" | "decoder", queries: Tensor, keys: Tensor): Tensor {
    const { numBuckets, maxDistance, numHeads } = this.config;
    const table = this.parameters(`${stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight`, [
      numBuckets,
      numHeads,
    ]);
    const [q, k] = [queries.shape[0]!, keys.shape[0]!];
    const distance = raw.subtract(raw.reshape(keys, [1, k]), raw.reshape(queries, [q, 1]));
    const clipped = raw.minimum(raw.maximum(distance, integers([-maxDistance], [])), integers([maxDistance], []));
    const index = raw.add(clipped, integers([maxDistance], [])); // [Q, K] in 0 … 2·maxDistance
    const offsets = Array.from({ length: 2 * maxDistance + 1 }, (_, i) => i - maxDistance);
    const buckets = offsets.map((offset) => relativeBucket(offset, stack === "encoder", numBuckets, maxDistance));
    const bias = ops.embedding(table, raw.gather(integers(buckets), index)); // [Q, K, heads]
    const perHeads = ops.reshape(ops.transpose(bias, [2, 0, 1]), [1, numHeads, q, k]);
    if (stack === "encoder") return perHeads;
    const future = constant(offsets.map((offset) => (offset > 0 ? masked : 0)));
    return ops.add(perHeads, raw.gather(future, index));
  }
}

/** `x·Wᵀ`. Of this network's numbers bytes are too coarse: its scores are not scaled, and small errors of them shift attention. */
function product(x: Tensor, weight: Tensor, options: ops.DenseOptions = {}): Tensor {
  return ops.linear(x, weight, undefined, { rounding: "twice", ...options });
}

/** q `[…, Q, e]`, k `[…, K, e]` → the shape `[…, Q, K]` of their products */
function scoresShape(q: Tensor, k: Tensor): Shape {
  return [...q.shape.slice(0, -1), k.shape.at(-2)!];
}

/**
 * The bucket of a relative position (key minus query): exact for near positions, logarithmic up to `maxDistance`, one for all beyond.
 * Computed in float32 as `T5Attention._relative_position_bucket` in Transformers does, since its rounding decides at the borders.
 */
export function relativeBucket(
  offset: number,
  bidirectional: boolean,
  numBuckets: number,
  maxDistance: number,
): number {
  const buckets = bidirectional ? Math.floor(numBuckets / 2) : numBuckets;
  const base = bidirectional && offset > 0 ? buckets : 0;
  const distance = bidirectional ? Math.abs(offset) : Math.max(-offset, 0);
  const exact = Math.floor(buckets / 2);
  if (distance < exact) return base + distance;
  const { fround } = Math;
  const ratio = fround(fround(Math.log(fround(distance / exact))) / fround(Math.log(maxDistance / exact)));
  return base + Math.min(exact + Math.trunc(fround(ratio * (buckets - exact))), buckets - 1);
}
