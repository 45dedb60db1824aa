/**
 * @file T5 once more, from its description (Raffel et al. 2020; `modeling_t5.py` in Transformers): plain loops in float64, one
 * example at a time, no padding, no batches, no cache. Shares no code with src/graph or src/models.
 */

/** Rows of equal length. */
type Matrix = Float64Array[];

/** A weight as `[rows, columns]`; a vector is one row. */
interface Weight {
  shape: readonly number[];
  data: ArrayLike<number>;
}

/** The fields of config.json that matter. */
export interface ReferenceConfig {
  vocab_size: number;
  d_model: number;
  d_kv: number;
  d_ff: number;
  num_heads: number;
  num_layers: number;
  num_decoder_layers?: number;
  feed_forward_proj: string;
  layer_norm_epsilon: number;
  relative_attention_num_buckets: number;
  relative_attention_max_distance: number;
  tie_word_embeddings: boolean;
  decoder_start_token_id: number;
}

/**
 * What dropout multiplies number `index` (row by row, of attention head by head) of site `site` with. Sites are counted in the order
 * of the computation, through the encoder and on through the decoder.
 */
type Mask = (site: number, index: number) => number;

export class ReferenceT5 {
  private readonly config: ReferenceConfig;
  private readonly weights: Readonly<Record<string, Weight>>;
  private readonly mask: Mask;
  private site = 0;

  constructor(config: ReferenceConfig, weights: Readonly<Record<string, Weight>>, mask: Mask = () => 1) {
    this.config = config;
    this.weights = weights;
    this.mask = mask;
  }

  private drop(x: Matrix): Matrix {
    const site = this.site++;
    return x.map((row, i) => row.map((value, j) => value * this.mask(site, i * row.length + j)));
  }

  /** Encoder output for one input: the prompt's rows, then the text's, with the rows of `delta` added to the first of them. */
  encode(prompt: ArrayLike<number>, source: readonly number[], delta: ArrayLike<number> = []): Matrix {
    const { d_model, num_layers } = this.config;
    const rows: Matrix = [];
    for (let row = 0; row < prompt.length / d_model; row++) {
      rows.push(Float64Array.from({ length: d_model }, (_, j) => prompt[row * d_model + j]!));
    }
    this.site = 0;
    const text = this.embed(source).map((row, i) => row.map((value, j) => value + (delta[i * d_model + j] ?? 0)));
    let x = this.drop([...rows, ...text]);
    const bias = (head: number, query: number, key: number) =>
      this.at(
        "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
        this.bucket(key - query, true),
        head,
      );
    for (let layer = 0; layer < num_layers; layer++) {
      const block = `encoder.block.${layer}.layer`;
      const normed = this.norm(`${block}.0.layer_norm.weight`, x);
      x = sum(x, this.attention(`${block}.0.SelfAttention`, normed, normed, bias));
      x = sum(x, this.feedForward(`${block}.1`, x));
    }
    return this.drop(this.norm("encoder.final_layer_norm.weight", x));
  }

  /** Logits `[target length][V]` of teacher forcing. */
  logits(memory: Matrix, target: readonly number[]): Matrix {
    const { num_layers, num_decoder_layers = num_layers, decoder_start_token_id, tie_word_embeddings } = this.config;
    this.site = 2 + 4 * num_layers;
    let x = this.drop(this.embed([decoder_start_token_id, ...target.slice(0, -1)]));
    const causal = (head: number, query: number, key: number) =>
      key > query
        ? Number.NEGATIVE_INFINITY
        : this.at(
            "decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
            this.bucket(key - query, false),
            head,
          );
    for (let layer = 0; layer < num_decoder_layers; layer++) {
      const block = `decoder.block.${layer}.layer`;
      const normed = this.norm(`${block}.0.layer_norm.weight`, x);
      x = sum(x, this.attention(`${block}.0.SelfAttention`, normed, normed, causal));
      x = sum(x, this.attention(`${block}.1.EncDecAttention`, this.norm(`${block}.1.layer_norm.weight`, x), memory));
      x = sum(x, this.feedForward(`${block}.2`, x));
    }
    x = this.drop(this.norm("decoder.final_layer_norm.weight", x));
    if (!tie_word_embeddings) return this.dense("lm_head.weight", x);
    const factor = 1 / Math.sqrt(this.config.d_model);
    return this.dense(
      "shared.weight",
      x.map((row) => row.map((value) => value * factor)),
    );
  }

  /** −log P of each target token. */
  negativeLogLikelihoods(memory: Matrix, target: readonly number[]): number[] {
    return this.logits(memory, target).map((row, position) => {
      const largest = row.reduce((a, b) => Math.max(a, b));
      const total = row.reduce((sum, value) => sum + Math.exp(value - largest), 0);
      return Math.log(total) + largest - row[target[position]!]!;
    });
  }

  /** Mean −log P over all target tokens of a batch. */
  loss(
    prompt: ArrayLike<number>,
    examples: readonly { source: readonly number[]; target: readonly number[] }[],
  ): number {
    const all = examples.flatMap(({ source, target }) =>
      this.negativeLogLikelihoods(this.encode(prompt, source), target),
    );
    return all.reduce((a, b) => a + b) / all.length;
  }

  /** The most probable token at each of `count` steps, everything recomputed at each. */
  greedy(prompt: ArrayLike<number>, source: readonly number[], count: number, delta: ArrayLike<number> = []): number[] {
    const memory = this.encode(prompt, source, delta);
    const tokens: number[] = [];
    for (let step = 0; step < count; step++) {
      const last = this.logits(memory, [...tokens, 0]).at(-1)!;
      tokens.push(last.indexOf(last.reduce((a, b) => Math.max(a, b))));
    }
    return tokens;
  }

  private at(name: string, row: number, column: number): number {
    const { shape, data } = this.weights[name]!;
    return data[row * shape[1]! + column]!;
  }

  private embed(ids: readonly number[]): Matrix {
    const { d_model } = this.config;
    return ids.map((id) => Float64Array.from({ length: d_model }, (_, j) => this.at("shared.weight", id, j)));
  }

  /** x·Wᵀ */
  private dense(name: string, x: Matrix): Matrix {
    const [out, width] = this.weights[name]!.shape as [number, number];
    const { data } = this.weights[name]!;
    return x.map((row) => {
      const y = new Float64Array(out);
      for (let i = 0; i < out; i++) {
        for (let j = 0; j < width; j++) y[i]! += data[i * width + j]! * row[j]!;
      }
      return y;
    });
  }

  private norm(name: string, x: Matrix): Matrix {
    const { data } = this.weights[name]!;
    return x.map((row) => {
      const meanSquare = row.reduce((sum, value) => sum + value * value, 0) / row.length;
      const deviation = Math.sqrt(meanSquare + this.config.layer_norm_epsilon);
      return row.map((value, j) => (value / deviation) * data[j]!);
    });
  }

  private attention(
    name: string,
    from: Matrix,
    over: Matrix,
    bias: (head: number, query: number, key: number) => number = () => 0,
  ): Matrix {
    const { num_heads, d_kv } = this.config;
    const q = this.dense(`${name}.q.weight`, from);
    const k = this.dense(`${name}.k.weight`, over);
    const v = this.dense(`${name}.v.weight`, over);
    const joined = from.map(() => new Float64Array(num_heads * d_kv));
    const site = this.site++;
    for (let head = 0; head < num_heads; head++) {
      const begin = head * d_kv;
      for (let query = 0; query < from.length; query++) {
        const scores = over.map((_, key) => {
          let score = bias(head, query, key);
          for (let e = begin; e < begin + d_kv; e++) score += q[query]![e]! * k[key]![e]!;
          return score;
        });
        const largest = Math.max(...scores);
        const exponentials = scores.map((score) => Math.exp(score - largest));
        const total = exponentials.reduce((a, b) => a + b);
        for (let key = 0; key < over.length; key++) {
          const kept = this.mask(site, (head * from.length + query) * over.length + key);
          const probability = (exponentials[key]! / total) * kept;
          for (let e = begin; e < begin + d_kv; e++) joined[query]![e]! += probability * v[key]![e]!;
        }
      }
    }
    return this.drop(this.dense(`${name}.o.weight`, joined));
  }

  private feedForward(layer: string, x: Matrix): Matrix {
    const normed = this.norm(`${layer}.layer_norm.weight`, x);
    const dense = `${layer}.DenseReluDense`;
    if (this.config.feed_forward_proj === "relu") {
      const inner = this.dense(`${dense}.wi.weight`, normed).map((row) => row.map((value) => Math.max(value, 0)));
      return this.drop(this.dense(`${dense}.wo.weight`, this.drop(inner)));
    }
    const gate = this.dense(`${dense}.wi_0.weight`, normed).map((row) => row.map(geluNew));
    const up = this.dense(`${dense}.wi_1.weight`, normed);
    const inner = gate.map((row, i) => row.map((value, j) => value * up[i]![j]!));
    return this.drop(this.dense(`${dense}.wo.weight`, this.drop(inner)));
  }

  /** T5's bucket of `key − query`: half of them exact, the others logarithmic up to the maximum distance. */
  private bucket(offset: number, bidirectional: boolean): number {
    const { relative_attention_max_distance: maximum } = this.config;
    let buckets = this.config.relative_attention_num_buckets;
    let first = 0;
    let distance = -offset;
    if (bidirectional) {
      buckets /= 2;
      if (offset > 0) first = buckets;
      distance = Math.abs(offset);
    }
    const exact = buckets / 2;
    if (distance < exact) return first + distance;
    const logarithmic = (Math.log(distance / exact) / Math.log(maximum / exact)) * (buckets - exact);
    return first + Math.min(buckets - 1, exact + Math.floor(logarithmic + 1e-9));
  }
}

function sum(a: Matrix, b: Matrix): Matrix {
  return a.map((row, i) => row.map((value, j) => value + b[i]![j]!));
}

function geluNew(x: number): number {
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}
