/**
 * @file A decoder-only model as a function on graph tensors, whatever its family.
 *
 * Hidden states are flat, `[n + batch·length, d]`: first the n tokens of a prompt, once, then the rows. Since no later token changes
 * a prompt's states, its keys and values serve every row; each projection is one product over prompt and rows together.
 */
import { type Dim, multiplyDims, sameDim } from "../../graph/dims.ts";
import * as ops from "../../graph/ops.ts";
import * as raw from "../../graph/raw.ts";
import { constant, factorsOf, input, integers, scalar, type Tensor } from "../../graph/tensor.ts";
import type {
  Architecture,
  Attention,
  BlockNorms,
  Dense,
  FeedForward,
  Layer,
  Norm,
  WeightPart,
} from "./architecture.ts";
import type { Rotary } from "./rotary.ts";

/** Gives a weight, or some of its rows, as a tensor of this shape. */
export type Parameters = (part: WeightPart, shape: readonly number[]) => Tensor;

/** Added to the scores of positions that may not be attended to: after the softmax exactly zero in float32. */
const masked = -1e9;

/** Keys and values of one layer: `[batch, keyValueHeads, length, headSize]` each. */
export interface KeyValues {
  key: Tensor;
  value: Tensor;
}

/** Some tokens as keys: where they stand, and which of them are real (1) or padding (0). */
export interface Keys {
  /** `[batch, length]` int64 */
  positions: Tensor;
  /** `[batch, length]` float */
  mask: Tensor;
}

export interface Reading {
  /** Embeddings of the prompt, `[n, embeddingSize]`; undefined where there is none or its keys and values are in `past`. */
  prompt?: Tensor | undefined;
  /** Embeddings of the rows' tokens, `[batch·length, embeddingSize]`, already scaled; undefined for a prompt alone. */
  rows?: { embeddings: Tensor; batch: Dim; length: Dim; keys: Keys } | undefined;
  /** What the rows follow, layer by layer. A batch of 1 serves all rows. */
  past?: { layers: readonly KeyValues[]; keys: Keys; length: Dim } | undefined;
  /** Tables of each rotation over all tokens read, as `rotaryInputs` declares them. */
  rotations: ReadonlyMap<Rotary, { cos: Tensor; sin: Tensor }>;
  /** Whether layers are computed again for their gradient, so that only what enters them is kept. */
  recomputes?: boolean | undefined;
  /** Which tokens come out, indices `[M]` into the flat layout; all where it is left out. */
  selected?: Tensor | undefined;
}

export interface Read {
  /** Final hidden states of the selected tokens, `[M, d]`. */
  hidden: Tensor;
  /** Of all that was read and what it follows, or of the prompt where it was read alone. */
  present: KeyValues[];
}

/** How what a feed-forward block activates is rounded. */
function roundingOf({ kind, activation }: FeedForward): raw.Rounding {
  if (kind === "gated") return raw.gated.outOf.rounding;
  return activation === "relu" ? "positive" : "by range";
}

const activations = { relu: ops.relu, gelu: ops.gelu, geluTanh: ops.geluTanh, silu: ops.silu };

export class Decoder {
  readonly architecture: Architecture;
  private readonly parameters: Parameters;

  constructor(architecture: Architecture, parameters: Parameters) {
    this.architecture = architecture;
    this.parameters = parameters;
  }

  /** The rotations that differ, in the order of their layers. */
  get rotations(): Rotary[] {
    return [...new Set(this.architecture.layers.flatMap(({ attention }) => attention.rotary ?? []))];
  }

  /** Embeddings of token ids, scaled as the model scales text: `[…]` int64 → `[N, embeddingSize]`. */
  embed(ids: Tensor): Tensor {
    const { vocabularySize, embeddingSize, embedding, head } = this.architecture;
    const table = this.parameters({ name: embedding.table }, [vocabularySize, embeddingSize]);
    const isMultiplied = head.weight === embedding.table && !factorsOf(table);
    const picked = isMultiplied ? ops.embedding(table, ids) : ops.rowsOf(table, ids);
    const rows = ops.reshape(picked, [multiplyDims(...ids.shape), embeddingSize]);
    return ops.scale(rows, embedding.textScale);
  }

  /** Runs all layers. */
  read(reading: Reading): Read {
    const { architecture } = this;
    const layout = new Layout(architecture, reading);
    let hidden = this.enter(reading, layout);
    const present: KeyValues[] = [];
    for (const [index, layer] of architecture.layers.entries()) {
      const isLast = index === architecture.layers.length - 1;
      const before = reading.past?.layers[index];
      const read = ([entering, key, value]: readonly Tensor[]) => {
        const followed = before && { key: key!, value: value! };
        const result = this.layer(layer, entering!, layout, reading, followed, isLast);
        present[index] ??= result.present;
        return result.hidden;
      };
      const inputs = before ? [hidden, before.key, before.value] : [hidden];
      hidden = reading.recomputes ? ops.recomputed(inputs, read) : read(inputs);
    }
    return { hidden: this.norm(architecture.finalNorm, hidden), present };
  }

  /** hidden `[M, d]` → logits `[M, V]` */
  logits(hidden: Tensor): Tensor {
    const { head, outputProjection, vocabularySize, embeddingSize } = this.architecture;
    const projected = outputProjection ? this.dense(outputProjection, hidden) : hidden;
    const weight = this.parameters({ name: head.weight }, [vocabularySize, embeddingSize]);
    const bias = head.bias === undefined ? undefined : this.parameters({ name: head.bias }, [vocabularySize]);
    const logits = ops.scale(ops.linear(projected, weight, bias), head.scale);
    return head.cap === undefined ? logits : ops.softCap(logits, head.cap);
  }

  /** Everything that happens before the first layer. → `[n + batch·length, d]` */
  private enter({ prompt, rows }: Reading, layout: Layout): Tensor {
    const { embedding, positions, hiddenSize } = this.architecture;
    const parts = [prompt, rows?.embeddings].filter((part) => part !== undefined);
    const scaled = ops.scale(ops.concat(parts, 0), embedding.inputScale);
    const projected = embedding.projection ? this.dense(embedding.projection, scaled) : scaled;
    const normed = this.norm(embedding.norm, projected);
    if (positions.kind !== "learned") return normed;
    const table = this.parameters({ name: positions.table }, [positions.rows, hiddenSize]);
    const ids = raw.add(layout.flatPositions, integers([positions.offset], []));
    return ops.add(normed, ops.embedding(table, ids));
  }

  private layer(
    layer: Layer,
    hidden: Tensor,
    layout: Layout,
    reading: Reading,
    before: KeyValues | undefined,
    isLast: boolean,
  ): { hidden: Tensor; present: KeyValues } {
    const { attention, attentionNorms, feedForward, feedForwardNorms } = layer;
    const normed = this.norm(attentionNorms.input, hidden);
    const { attended, present } = this.attend(attention, normed, layout, reading, before);
    // Of the last layer nothing is used but what comes out: tokens that nobody selected end before its wide products.
    const { selected } = reading;
    const select = (x: Tensor) => (isLast && selected ? ops.selectRows(x, selected) : x);
    const residual = select(hidden);
    const outcome = select(attended);
    if (layer.parallel) {
      const { input } = feedForwardNorms;
      const shared = input?.weight === attentionNorms.input?.weight ? select(normed) : this.norm(input, residual);
      const both = ops.add(this.dense(attention.output, outcome), this.feedForward(feedForward, shared));
      return { hidden: ops.add(residual, ops.scale(both, this.architecture.residualScale)), present };
    }
    const afterAttention = this.addBlock(attentionNorms, attention.output, outcome, residual);
    const inner = this.inner(feedForward, this.norm(feedForwardNorms.input, afterAttention));
    const rounding = roundingOf(feedForward);
    const sum = this.addBlock(feedForwardNorms, feedForward.outOf, inner, afterAttention, rounding);
    return { hidden: sum, present };
  }

  /** `residual + scale·norm(x·Wᵀ + b)`; the residual is part of the product where nothing stands between. */
  private addBlock(norms: BlockNorms, output: Dense, x: Tensor, residual: Tensor, rounding?: raw.Rounding): Tensor {
    const { residualScale } = this.architecture;
    const plain = !norms.output && residualScale === 1;
    const sum = plain
      ? this.dense(output, x, { residual, rounding })
      : ops.add(residual, ops.scale(this.norm(norms.output, this.dense(output, x, { rounding })), residualScale));
    return this.norm(norms.sum, sum);
  }

  private feedForward(part: FeedForward, x: Tensor): Tensor {
    return this.dense(part.outOf, this.inner(part, x), { rounding: roundingOf(part) });
  }

  private inner(part: FeedForward, x: Tensor): Tensor {
    const activate = activations[part.activation];
    if (part.kind === "plain") return ops.activated(activate, this.dense(part.into, x));
    const gate = this.dense(part.gate, x, raw.gated.into);
    return ops.gated(activate, gate, this.dense(part.into, x, raw.gated.into));
  }

  /** `x·Wᵀ + b (+ residual)` */
  private dense(
    { weight, bias, inputs, outputs, layout = "out-in" }: Dense,
    x: Tensor,
    { residual, ...roundings }: { residual?: Tensor } & Pick<ops.DenseOptions, "rounding" | "gradientRounding"> = {},
  ): Tensor {
    const shape = layout === "out-in" ? [outputs, inputs] : [inputs, outputs];
    const matrix = this.parameters(weight, shape);
    const offset = bias && this.parameters(bias, [outputs]);
    const product = ops.linear(x, matrix, residual ?? offset, { layout, ...roundings });
    return residual && offset ? ops.add(product, offset) : product;
  }

  private norm(norm: Norm | undefined, x: Tensor): Tensor {
    if (!norm) return x;
    const stored = this.parameters({ name: norm.weight }, [norm.width]);
    const weight = norm.addsOne ? raw.add(stored, scalar(1)) : stored;
    if (norm.kind === "rms") return ops.rmsNorm(x, weight, norm.epsilon);
    const bias = norm.bias === undefined ? undefined : this.parameters({ name: norm.bias }, [norm.width]);
    return ops.layerNorm(x, weight, bias, norm.epsilon);
  }

  /** Attention of all tokens, before its output projection. */
  private attend(
    attention: Attention,
    normed: Tensor,
    layout: Layout,
    reading: Reading,
    past: KeyValues | undefined,
  ): { attended: Tensor; present: KeyValues } {
    const { query, key, value } = this.project(attention, normed, reading);
    const { cap } = attention;
    const { prompt, rows } = reading;
    const scaled = ops.scale(query, attention.scale);
    const ofPrompt = prompt && { key: layout.promptHeads(key), value: layout.promptHeads(value) }; // [1, G, n, e]
    const attendedPrompt = () =>
      layout.promptOut(
        ops.attention(layout.promptQueries(scaled), ofPrompt!.key, ofPrompt!.value, layout.promptBias(attention), {
          cap,
        }),
      );
    if (!rows) return { attended: attendedPrompt(), present: ofPrompt! };

    const before = ofPrompt ?? past;
    const follow = (own: Tensor, earlier: Tensor | undefined) =>
      earlier ? ops.concat([layout.forEachRow(earlier), own], 2) : own;
    const keys = follow(layout.rowHeads(key), before?.key); // [B, G, K, e]
    const values = follow(layout.rowHeads(value), before?.value);
    const outcome = ops.attention(layout.rowQueries(scaled), keys, values, layout.rowBias(attention), { cap });
    const attendedRows = layout.rowOut(outcome);
    const attended = prompt ? ops.concat([attendedPrompt(), attendedRows], 0) : attendedRows;
    return { attended, present: { key: keys, value: values } };
  }

  /** Queries `[N, H, e]`, keys and values `[N, G, e]`, normed and turned. */
  private project({ projections, queryKeyNorm, rotary }: Attention, x: Tensor, { rotations }: Reading) {
    const { numHeads, numKeyValueHeads, headSize } = this.architecture;
    const [count] = x.shape as [Dim];
    let [query, key, value] = this.queriesKeysValues(projections, x); // [N, heads·e] each
    if (queryKeyNorm?.over === "all") {
      query = this.norm(queryKeyNorm.query, query);
      key = this.norm(queryKeyNorm.key, key);
    }
    query = ops.reshape(query, [count, numHeads, headSize]);
    key = ops.reshape(key, [count, numKeyValueHeads, headSize]);
    value = ops.reshape(value, [count, numKeyValueHeads, headSize]);
    if (queryKeyNorm?.over === "head") {
      query = this.norm(queryKeyNorm.query, query);
      key = this.norm(queryKeyNorm.key, key);
    }
    if (!rotary) return { query, key, value };
    const { cos, sin } = rotations.get(rotary)!;
    const turn = (heads: Tensor) => ops.rotary(heads, cos, sin, rotary.neighbours);
    return { query: turn(query), key: turn(key), value };
  }

  private queriesKeysValues(projections: Attention["projections"], x: Tensor): [Tensor, Tensor, Tensor] {
    if (projections.kind === "separate") {
      const { query, key, value } = projections;
      return [this.dense(query, x), this.dense(key, x), this.dense(value, x)];
    }
    const { numHeads, headSize } = this.architecture;
    const width = numHeads * headSize;
    const fused = this.dense(projections.dense, x); // [N, 3·H·e]
    const [count] = x.shape as [Dim];
    if (projections.kind === "sections") {
      const section = (i: number) => ops.slice(fused, 1, i * width, width);
      return [section(0), section(1), section(2)];
    }
    const byHead = ops.reshape(fused, [count, numHeads, 3, headSize]);
    const each = (i: number) => ops.reshape(ops.slice(byHead, 2, i, 1), [count, width]);
    return [each(0), each(1), each(2)];
  }
}

/** Where tokens lie in the flat layout, and which of them see which. */
class Layout {
  private readonly architecture: Architecture;
  private readonly reading: Reading;
  private readonly promptLength: Dim;
  private readonly biases = new Map<string, Tensor>();

  constructor(architecture: Architecture, reading: Reading) {
    this.architecture = architecture;
    this.reading = reading;
    this.promptLength = reading.prompt?.shape[0] ?? 0;
  }

  private get rows() {
    const { rows } = this.reading;
    if (!rows) throw new RangeError("A prompt alone has no rows.");
    return rows;
  }

  private get groups(): number {
    return this.architecture.numHeads / this.architecture.numKeyValueHeads;
  }

  /** Positions of all tokens, `[n + batch·length]`. */
  get flatPositions(): Tensor {
    const { prompt, rows } = this.reading;
    const ofPrompt = prompt ? [raw.range(this.promptLength)] : [];
    const ofRows = rows ? [raw.reshape(rows.keys.positions, [multiplyDims(rows.batch, rows.length)])] : [];
    return raw.concat([...ofPrompt, ...ofRows], 0);
  }

  private promptPart(x: Tensor): Tensor {
    return this.reading.rows ? ops.slice(x, 0, 0, this.promptLength) : x;
  }

  private rowPart(x: Tensor): Tensor {
    const { batch, length } = this.rows;
    return sameDim(this.promptLength, 0) ? x : ops.slice(x, 0, this.promptLength, multiplyDims(batch, length));
  }

  /** `[N, G, e]` → `[1, G, n, e]` */
  promptHeads(x: Tensor): Tensor {
    const [, heads, size] = x.shape as [Dim, Dim, Dim];
    return ops.reshape(ops.transpose(this.promptPart(x), [1, 0, 2]), [1, heads, this.promptLength, size]);
  }

  /** `[N, H, e]` → `[1, G, R, n, e]` */
  promptQueries(x: Tensor): Tensor {
    const { numKeyValueHeads, headSize } = this.architecture;
    const shape = [1, numKeyValueHeads, this.groups, this.promptLength, headSize];
    return ops.reshape(ops.transpose(this.promptPart(x), [1, 0, 2]), shape);
  }

  /** `[1, G, R, n, e]` → `[n, H·e]` */
  promptOut(x: Tensor): Tensor {
    const { numHeads, headSize } = this.architecture;
    const heads = ops.reshape(x, [numHeads, this.promptLength, headSize]);
    return ops.reshape(ops.transpose(heads, [1, 0, 2]), [this.promptLength, numHeads * headSize]);
  }

  /** `[N, G, e]` → `[batch, G, length, e]` */
  rowHeads(x: Tensor): Tensor {
    const { batch, length } = this.rows;
    const { numKeyValueHeads, headSize } = this.architecture;
    const split = ops.reshape(this.rowPart(x), [batch, length, numKeyValueHeads, headSize]);
    return ops.transpose(split, [0, 2, 1, 3]);
  }

  /** `[N, H, e]` → `[batch, G, R, length, e]` */
  rowQueries(x: Tensor): Tensor {
    const { batch, length } = this.rows;
    const { numKeyValueHeads, headSize } = this.architecture;
    const split = ops.reshape(this.rowPart(x), [batch, length, numKeyValueHeads, this.groups, headSize]);
    return ops.transpose(split, [0, 2, 3, 1, 4]);
  }

  /** `[batch, G, R, length, e]` → `[batch·length, H·e]` */
  rowOut(x: Tensor): Tensor {
    const { batch, length } = this.rows;
    const { numHeads, headSize } = this.architecture;
    return ops.reshape(ops.transpose(x, [0, 3, 1, 2, 4]), [multiplyDims(batch, length), numHeads * headSize]);
  }

  /** Keys or values that several rows share, once for each: `[1, G, n, e]` → `[batch, G, n, e]` */
  forEachRow(x: Tensor): Tensor {
    const { batch } = this.rows;
    return sameDim(x.shape[0]!, batch) ? x : ops.expand(x, [batch, ...x.shape.slice(1)]);
  }

  /** What is added to the scores of prompt tokens, broadcastable to `[1, G, R, n, n]`. */
  promptBias({ window }: Attention): Tensor {
    return this.once(`prompt ${window}`, () => {
      const positions = raw.reshape(raw.range(this.promptLength), [1, this.promptLength]);
      return this.withAlibi(this.visible(positions, positions, window), positions);
    });
  }

  /** What is added to the scores of row tokens, broadcastable to `[batch, G, R, length, K]`. */
  rowBias({ window }: Attention): Tensor {
    return this.once(`rows ${window}`, () => {
      const { keys, batch } = this.rows;
      const { past, prompt } = this.reading;
      const before: Keys[] = prompt ? [this.promptKeys(batch)] : past ? [past.keys] : [];
      const all = [...before, keys];
      const positions = raw.concat(
        all.map((one) => one.positions),
        1,
      ); // [B, K]
      const mask = raw.concat(
        all.map((one) => one.mask),
        1,
      );
      const hidden = raw.scale(raw.subtract(scalar(1), mask), masked);
      const padding = raw.reshape(hidden, [batch, 1, 1, 1, mask.shape[1]!]);
      return raw.add(this.withAlibi(this.visible(keys.positions, positions, window), positions), padding);
    });
  }

  private promptKeys(batch: Dim): Keys {
    const shape = [batch, this.promptLength];
    return {
      positions: raw.expand(raw.range(this.promptLength), shape),
      mask: raw.expand(scalar(1), shape),
    };
  }

  /** 0 where a query sees a key, else a large negative number: `[B, Q]`, `[B, K]` → `[B, 1, 1, Q, K]` */
  private visible(queries: Tensor, keys: Tensor, window: number | undefined): Tensor {
    const [batch, q, k] = [queries.shape[0]!, queries.shape[1]!, keys.shape[1]!];
    const ahead = raw.subtract(raw.reshape(keys, [batch, 1, k]), raw.reshape(queries, [batch, q, 1]));
    const isPositive = (x: Tensor) => raw.minimum(raw.maximum(x, integers([0], [])), integers([1], []));
    let unseen = isPositive(ahead);
    if (window !== undefined) {
      const outside = isPositive(raw.subtract(integers([1 - window], []), ahead)); // ahead ≤ −window
      unseen = raw.add(unseen, outside);
    }
    return raw.reshape(raw.gather(constant([0, masked]), unseen), [batch, 1, 1, q, k]);
  }

  private withAlibi(bias: Tensor, keys: Tensor): Tensor {
    const { positions } = this.architecture;
    if (positions.kind !== "alibi") return bias;
    const [batch, k] = keys.shape as [Dim, Dim];
    const slopes = constant(positions.slopes, [positions.slopes.length, 1, 1, 1]);
    return raw.add(bias, raw.multiply(slopes, raw.reshape(raw.toFloat(keys), [batch, 1, 1, 1, k])));
  }

  private once(key: string, make: () => Tensor): Tensor {
    const known = this.biases.get(key);
    if (known) return known;
    const made = make();
    this.biases.set(key, made);
    return made;
  }
}

/** The graph inputs of a model's rotations over `count` tokens: `cos_0`, `sin_0`, … `[count, 1, size]`. */
export function rotaryInputs(
  decoder: Decoder,
  count: Dim,
): { inputs: Tensor[]; rotations: Map<Rotary, { cos: Tensor; sin: Tensor }> } {
  const rotations = new Map(
    decoder.rotations.map((rotary, index) => {
      const table = (name: string) => input(`${name}_${index}`, "float32", [count, 1, rotary.size]);
      return [rotary, { cos: table("cos"), sin: table("sin") }];
    }),
  );
  return { inputs: [...rotations.values()].flatMap(({ cos, sin }) => [cos, sin]), rotations };
}
