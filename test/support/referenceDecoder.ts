/**
 * @file Decoder-only models once more, after their modeling files in Transformers: plain loops in float64, one text at a time, no
 * batches, no cache, no shared prompt. Shares no code with src/graph or src/models.
 */

/** Rows of equal length. */
type Matrix = Float64Array[];

/** A weight as `[rows, columns]`; a vector is one row. */
export interface Weight {
  shape: readonly number[];
  data: ArrayLike<number>;
}

/** What config.json says. */
export type Config = Readonly<Record<string, unknown>>;

/** What stands at a position: a token, with something added to its embedding or not, or the embedding that a prompt puts there. */
export type Item = number | { token: number; plus: Float64Array } | Float64Array;

/** Keys and values of a layer's first positions, `[n][keyValueHeads·headSize]` each, in place of those that stand there. */
export interface FirstKeyValues {
  keys: Matrix;
  values: Matrix;
}

/** A row of a batch: what it reads, which of it is padding, and the token that each position is trained to be (negative for none). */
export interface Row {
  items: readonly Item[];
  real: readonly boolean[];
  labels: readonly number[];
}

type Norm = (name: string, x: Matrix) => Matrix;

interface AttentionShape {
  heads: number;
  keyValueHeads: number;
  size: number;
  scale: number;
  cap?: number | undefined;
  window?: number | undefined;
  slopes?: readonly number[];
}

export class ReferenceDecoder {
  private readonly config: Config;
  private readonly type: string;
  private readonly weights: Readonly<Record<string, Weight>>;
  private readonly first: readonly FirstKeyValues[];
  private attentions = 0;

  /** @param first of each layer: what stands at those positions is then of no consequence */
  constructor(config: Config, weights: Readonly<Record<string, Weight>>, first: readonly FirstKeyValues[] = []) {
    this.first = first;
    this.config = config;
    this.type = String(config.model_type);
    this.weights = weights;
  }

  /** Mean −log P over all labels of all rows. A label is asked for at the position before it. */
  loss(rows: readonly Row[]): number {
    let sum = 0;
    let count = 0;
    for (const { items, real, labels } of rows) {
      const logits = this.logits(items, real);
      for (let position = 1; position < items.length; position++) {
        const label = labels[position]!;
        if (label < 0) continue;
        sum += negativeLogProbability(logits[position - 1]!, label);
        count += 1;
      }
    }
    return sum / count;
  }

  /** `[positions][V]` */
  logits(items: readonly Item[], real: readonly boolean[] = items.map(() => true)): Matrix {
    this.attentions = 0;
    const hidden = this.run(items, real);
    const tied = this.flag(
      "tie_word_embeddings",
      !["llama", "mistral", "qwen2", "qwen3", "phi3", "gpt_neox", "olmo2", "granite"].includes(this.type),
    );
    const head = this.type === "gpt_neox" ? "embed_out" : "lm_head";
    const table = {
      gpt2: "transformer.wte",
      bloom: "transformer.word_embeddings",
      gpt_neox: "gpt_neox.embed_in",
      opt: "model.decoder.embed_tokens",
    };
    const name = tied ? (table[this.type as keyof typeof table] ?? "model.embed_tokens") : head;
    const logits = this.linear(name, hidden, false);
    if (this.type === "cohere") return scaled(logits, this.number("logit_scale", 0.0625));
    if (this.type === "granite") return scaled(logits, 1 / this.number("logits_scaling", 1));
    const cap = this.cap("final_logit_softcapping", 30);
    return cap ? logits.map((row) => row.map((x) => cap * Math.tanh(x / cap))) : logits;
  }

  private run(items: readonly Item[], real: readonly boolean[]): Matrix {
    if (this.type === "gpt2") return this.gpt2(items, real);
    if (this.type === "bloom") return this.bloom(items, real);
    if (this.type === "gpt_neox") return this.gptNeox(items, real);
    if (this.type === "opt") return this.opt(items, real);
    return this.llama(items, real);
  }

  // ---- GPT2Model -------------------------------------------------------------------------------------------------------------

  private gpt2(items: readonly Item[], real: readonly boolean[]): Matrix {
    const d = this.number("n_embd");
    const heads = this.number("n_head");
    const norm = this.layerNorm(this.number("layer_norm_epsilon", 1e-5));
    const activation = activations[String(this.config.activation_function ?? "gelu_new")]!;
    let x = this.embed("transformer.wte", items);
    x = add(
      x,
      items.map((_, position) => this.row("transformer.wpe.weight", position)),
    );
    for (let layer = 0; layer < this.number("n_layer"); layer++) {
      const base = `transformer.h.${layer}`;
      const fused = this.conv(`${base}.attn.c_attn`, norm(`${base}.ln_1`, x));
      const [query, key, value] = [0, 1, 2].map((i) => columns(fused, i * d, d)) as [Matrix, Matrix, Matrix];
      let scale = this.flag("scale_attn_weights", true) ? (d / heads) ** -0.5 : 1;
      if (this.flag("scale_attn_by_inverse_layer_idx", false)) scale /= layer + 1;
      const shape = { heads, keyValueHeads: heads, size: d / heads, scale };
      x = add(x, this.conv(`${base}.attn.c_proj`, this.attend(query, key, value, real, shape)));
      const inner = this.conv(`${base}.mlp.c_fc`, norm(`${base}.ln_2`, x));
      x = add(x, this.conv(`${base}.mlp.c_proj`, map(inner, activation)));
    }
    return norm("transformer.ln_f", x);
  }

  // ---- BloomModel ------------------------------------------------------------------------------------------------------------

  private bloom(items: readonly Item[], real: readonly boolean[]): Matrix {
    const d = this.number("hidden_size");
    const heads = this.number("n_head");
    const size = d / heads;
    const norm = this.layerNorm(this.number("layer_norm_epsilon", 1e-5));
    const shape = { heads, keyValueHeads: heads, size, scale: size ** -0.5, slopes: alibi(heads) };
    let x = norm("transformer.word_embeddings_layernorm", this.embed("transformer.word_embeddings", items));
    for (let layer = 0; layer < this.number("n_layer"); layer++) {
      const base = `transformer.h.${layer}`;
      const fused = this.linear(`${base}.self_attention.query_key_value`, norm(`${base}.input_layernorm`, x));
      const [query, key, value] = byHead(fused, heads, size);
      x = add(x, this.linear(`${base}.self_attention.dense`, this.attend(query, key, value, real, shape)));
      const inner = this.linear(`${base}.mlp.dense_h_to_4h`, norm(`${base}.post_attention_layernorm`, x));
      x = add(x, this.linear(`${base}.mlp.dense_4h_to_h`, map(inner, geluTanh)));
    }
    return norm("transformer.ln_f", x);
  }

  // ---- GPTNeoXModel ----------------------------------------------------------------------------------------------------------

  private gptNeox(items: readonly Item[], real: readonly boolean[]): Matrix {
    const heads = this.number("num_attention_heads");
    const size = this.number("hidden_size") / heads;
    const norm = this.layerNorm(this.number("layer_norm_eps", 1e-5));
    const activation = activations[String(this.config.hidden_act ?? "gelu")]!;
    const rope = this.rope(items.length, size, this.config.rotary_pct ?? 0.25, this.config.rotary_emb_base ?? 10_000);
    const shape = { heads, keyValueHeads: heads, size, scale: size ** -0.5 };
    let x = this.embed("gpt_neox.embed_in", items);
    for (let layer = 0; layer < this.number("num_hidden_layers"); layer++) {
      const base = `gpt_neox.layers.${layer}`;
      const fused = this.linear(`${base}.attention.query_key_value`, norm(`${base}.input_layernorm`, x));
      const [query, key, value] = byHead(fused, heads, size);
      const mixed = this.attend(rope(query), rope(key), value, real, shape);
      const attended = add(x, this.linear(`${base}.attention.dense`, mixed));
      const into = this.flag("use_parallel_residual", true) ? x : attended;
      const inner = this.linear(`${base}.mlp.dense_h_to_4h`, norm(`${base}.post_attention_layernorm`, into));
      x = add(attended, this.linear(`${base}.mlp.dense_4h_to_h`, map(inner, activation)));
    }
    return norm("gpt_neox.final_layer_norm", x);
  }

  // ---- OPTModel --------------------------------------------------------------------------------------------------------------

  private opt(items: readonly Item[], real: readonly boolean[]): Matrix {
    const d = this.number("hidden_size");
    const heads = this.number("num_attention_heads");
    const projected = this.number("word_embed_proj_dim", d) !== d;
    const before = this.flag("do_layer_norm_before", true);
    const norm = this.layerNorm(1e-5);
    const activation = activations[String(this.config.activation_function ?? "relu")]!;
    const shape = { heads, keyValueHeads: heads, size: d / heads, scale: (d / heads) ** -0.5 };
    let x = this.embed("model.decoder.embed_tokens", items);
    if (projected) x = this.linear("model.decoder.project_in", x, false);
    let count = 0;
    x = add(
      x,
      real.map((isReal) => this.row("model.decoder.embed_positions.weight", isReal ? count++ + 2 : 1)),
    );
    for (let layer = 0; layer < this.number("num_hidden_layers"); layer++) {
      const base = `model.decoder.layers.${layer}`;
      const into = before ? norm(`${base}.self_attn_layer_norm`, x) : x;
      const [query, key, value] = ["q", "k", "v"].map((letter) =>
        this.linear(`${base}.self_attn.${letter}_proj`, into),
      ) as [Matrix, Matrix, Matrix];
      x = add(x, this.linear(`${base}.self_attn.out_proj`, this.attend(query, key, value, real, shape)));
      if (!before) x = norm(`${base}.self_attn_layer_norm`, x);
      const inner = this.linear(`${base}.fc1`, before ? norm(`${base}.final_layer_norm`, x) : x);
      x = add(x, this.linear(`${base}.fc2`, map(inner, activation)));
      if (!before) x = norm(`${base}.final_layer_norm`, x);
    }
    if (before) x = norm("model.decoder.final_layer_norm", x);
    return projected ? this.linear("model.decoder.project_out", x, false) : x;
  }

  // ---- LlamaModel and those made from it -------------------------------------------------------------------------------------

  private llama(items: readonly Item[], real: readonly boolean[]): Matrix {
    const { type } = this;
    const d = this.number("hidden_size");
    const gemma = type.startsWith("gemma");
    const post = type === "gemma2" || type === "gemma3_text"; // norms after both blocks, too
    const norm = this.llamaNorm();
    let x = this.embed("model.embed_tokens", items, gemma ? Math.sqrt(d) : 1);
    if (type === "granite") x = scaled(x, this.number("embedding_multiplier", 1));
    const residual = type === "granite" ? this.number("residual_multiplier", 1) : 1;
    for (let layer = 0; layer < this.number("num_hidden_layers"); layer++) {
      const base = `model.layers.${layer}`;
      const block = (name: string, y: Matrix) => norm(`${base}.${name}`, y);
      if (type === "cohere") {
        const normed = block("input_layernorm", x);
        x = add(add(x, this.llamaAttention(layer, normed, real)), this.llamaFeedForward(base, normed));
        continue;
      }
      const onlyAfter = type === "olmo2";
      let mixed = this.llamaAttention(layer, onlyAfter ? x : block("input_layernorm", x), real);
      if (onlyAfter || post) mixed = block("post_attention_layernorm", mixed);
      x = add(x, scaled(mixed, residual));
      const into = onlyAfter ? x : block(post ? "pre_feedforward_layernorm" : "post_attention_layernorm", x);
      let inner = this.llamaFeedForward(base, into);
      if (onlyAfter || post) inner = block("post_feedforward_layernorm", inner);
      x = add(x, scaled(inner, residual));
    }
    return norm("model.norm", x);
  }

  private llamaNorm(): Norm {
    if (this.type === "cohere") return this.layerNorm(this.number("layer_norm_eps", 1e-5));
    if (this.type === "starcoder2") return this.layerNorm(this.number("norm_epsilon", 1e-5));
    return this.rmsNorm();
  }

  private rmsNorm(): Norm {
    const epsilon = this.number("rms_norm_eps", 1e-6);
    const one = this.type.startsWith("gemma") ? 1 : 0;
    return (name, x) => {
      const weight = this.row(`${name}.weight`, 0);
      return x.map((row) => {
        const factor = 1 / Math.sqrt(mean(row, (value) => value * value) + epsilon);
        return row.map((value, i) => value * factor * (one + weight[i]!));
      });
    };
  }

  private llamaAttention(layer: number, x: Matrix, real: readonly boolean[]): Matrix {
    const { type } = this;
    const base = `model.layers.${layer}.self_attn`;
    const heads = this.number("num_attention_heads");
    const keyValueHeads = this.number("num_key_value_heads", heads);
    const size = this.number("head_dim", Math.floor(this.number("hidden_size") / heads));
    let [query, key, value] = this.queryKeyValue(base, x, heads * size, keyValueHeads * size);
    const window = this.window(layer);
    if (type === "olmo2") {
      query = this.rmsNorm()(`${base}.q_norm`, query);
      key = this.rmsNorm()(`${base}.k_norm`, key);
    }
    if (type === "qwen3" || type === "gemma3_text") {
      query = overHeads(query, size, (y) => this.rmsNorm()(`${base}.q_norm`, y));
      key = overHeads(key, size, (y) => this.rmsNorm()(`${base}.k_norm`, y));
    }
    const rope = this.llamaRope(layer, x.length, size, window !== undefined);
    const cap = this.cap("attn_logit_softcapping", 50);
    const shape = { heads, keyValueHeads, size, scale: this.scale(size), cap, window };
    return this.linear(`${base}.o_proj`, this.attend(rope(query), rope(key), value, real, shape));
  }

  private queryKeyValue(base: string, x: Matrix, queries: number, keys: number): [Matrix, Matrix, Matrix] {
    if (this.type !== "phi3") {
      return ["q", "k", "v"].map((letter) => this.linear(`${base}.${letter}_proj`, x)) as [Matrix, Matrix, Matrix];
    }
    const fused = this.linear(`${base}.qkv_proj`, x);
    return [columns(fused, 0, queries), columns(fused, queries, keys), columns(fused, queries + keys, keys)];
  }

  /** Gemma 2 caps where config.json says nothing; null is no cap. */
  private cap(key: string, fallback: number): number | undefined {
    if (this.type !== "gemma2" || this.config[key] === null) return undefined;
    return this.number(key, fallback);
  }

  private scale(size: number): number {
    if (this.type === "granite") return this.number("attention_multiplier", 1);
    const scalar = this.type === "gemma2" || this.type === "gemma3_text";
    return (scalar ? this.number("query_pre_attn_scalar", 256) : size) ** -0.5;
  }

  /** How many positions a token of the layer sees, itself counted; undefined for all before it. */
  private window(layer: number): number | undefined {
    const size = this.config.sliding_window as number | null | undefined;
    const types = this.config.layer_types as string[] | undefined;
    if (types) return types[layer] === "sliding_attention" ? (size ?? undefined) : undefined;
    const windowed: Record<string, () => boolean> = {
      mistral: () => true,
      phi3: () => true,
      starcoder2: () => true,
      qwen2: () => this.flag("use_sliding_window", false) && layer >= this.number("max_window_layers", 28),
      qwen3: () => this.flag("use_sliding_window", false) && layer >= this.number("max_window_layers", 28),
      smollm3: () => this.flag("use_sliding_window", false) && !this.turns(layer),
      gemma2: () => (layer + 1) % 2 === 1,
      gemma3_text: () => (layer + 1) % this.number("sliding_window_pattern", 6) !== 0,
    };
    return windowed[this.type]?.() ? (size ?? undefined) : undefined;
  }

  private turns(layer: number): boolean {
    if (this.type !== "smollm3") return true;
    const written = this.config.no_rope_layers as number[] | undefined;
    return written ? written[layer] === 1 : (layer + 1) % this.number("no_rope_layer_interval", 4) !== 0;
  }

  private llamaRope(layer: number, length: number, size: number, windowed: boolean): (x: Matrix) => Matrix {
    if (!this.turns(layer)) return (x) => x;
    const local = this.type === "gemma3_text" && windowed;
    if (local && !this.config.rope_parameters) {
      return rotate(frequencies({ rope_type: "default" }, size, this.number("rope_local_base_freq", 10_000), 0, 0), 1);
    }
    const defaults: Record<string, number> = { gemma3_text: 1_000_000, smollm3: 2_000_000 };
    return this.rope(length, size, 1, defaults[this.type] ?? 10_000, local ? "sliding_attention" : "full_attention");
  }

  private llamaFeedForward(base: string, x: Matrix): Matrix {
    const fallback = this.type.startsWith("gemma") || this.type === "starcoder2" ? "gelu_pytorch_tanh" : "silu";
    const activation = activations[String(this.config.hidden_activation ?? this.config.hidden_act ?? fallback)]!;
    if (this.type === "starcoder2") {
      return this.linear(`${base}.mlp.c_proj`, map(this.linear(`${base}.mlp.c_fc`, x), activation));
    }
    const width = this.number("intermediate_size");
    const both = this.type === "phi3" ? this.linear(`${base}.mlp.gate_up_proj`, x) : undefined;
    const gate = both ? columns(both, 0, width) : this.linear(`${base}.mlp.gate_proj`, x);
    const up = both ? columns(both, width, width) : this.linear(`${base}.mlp.up_proj`, x);
    const product = map(gate, activation).map((row, i) => row.map((value, j) => value * up[i]![j]!));
    return this.linear(`${base}.mlp.down_proj`, product);
  }

  /** Of one layer after another. */
  private attend(query: Matrix, key: Matrix, value: Matrix, real: readonly boolean[], shape: AttentionShape): Matrix {
    const { keys, values } = this.first[this.attentions++] ?? { keys: [], values: [] };
    const begun = (given: Matrix, own: Matrix) => [...given, ...own.slice(given.length)];
    return attend(query, begun(keys, key), begun(values, value), real, shape);
  }

  // ---- Parts ------------------------------------------------------------------------------------------------------------------

  /** Rotation of heads by config.json's settings, in the older spelling or the newer. */
  private rope(
    length: number,
    size: number,
    fallbackPart: unknown,
    fallbackTheta: unknown,
    layerType = "full_attention",
  ): (x: Matrix) => Matrix {
    const { config } = this;
    const outer = config.rope_parameters as Config | undefined;
    const parameters =
      (outer?.[layerType] as Config | undefined) ?? outer ?? (config.rope_scaling as Config | null) ?? {};
    const theta = Number(parameters.rope_theta ?? config.rope_theta ?? fallbackTheta);
    const part = Number(parameters.partial_rotary_factor ?? config.partial_rotary_factor ?? fallbackPart);
    const dim = Math.floor(size * part);
    const original = Number(
      parameters.original_max_position_embeddings ??
        config.original_max_position_embeddings ??
        config.max_position_embeddings,
    );
    const inverse = frequencies(parameters, dim, theta, original, length);
    const factor = attentionFactor(parameters, original, Number(config.max_position_embeddings));
    return (x) =>
      overHeads(x, size, (heads) => rotateHeads(heads, x[0]!.length / size, inverse, factor, this.type === "cohere"));
  }

  private layerNorm(epsilon: number): Norm {
    return (name, x) => {
      const weight = this.row(`${name}.weight`, 0);
      const bias = this.weights[`${name}.bias`] ? this.row(`${name}.bias`, 0) : undefined;
      return x.map((row) => {
        const middle = mean(row, (value) => value);
        const factor = 1 / Math.sqrt(mean(row, (value) => (value - middle) ** 2) + epsilon);
        return row.map((value, i) => (value - middle) * factor * weight[i]! + (bias?.[i] ?? 0));
      });
    };
  }

  private embed(name: string, items: readonly Item[], scale = 1): Matrix {
    const token = (id: number) => this.row(`${name}.weight`, id).map((value) => value * scale);
    return items.map((item) => {
      if (typeof item === "number") return token(item);
      return "token" in item ? token(item.token).map((value, i) => value + item.plus[i]!) : item;
    });
  }

  /** `x·Wᵀ`, plus a bias where the weights have one. */
  private linear(name: string, x: Matrix, mayHaveBias = true): Matrix {
    const { shape, data } = this.weight(`${name}.weight`);
    const [outputs, inputs] = shape as [number, number];
    const bias = mayHaveBias ? this.weights[`${name}.bias`]?.data : undefined;
    return x.map((row) => {
      if (row.length !== inputs) throw new Error(`${name}: ${row.length} inputs instead of ${inputs}.`);
      return Float64Array.from({ length: outputs }, (_, o) => {
        let sum = bias?.[o] ?? 0;
        for (let i = 0; i < inputs; i++) sum += row[i]! * data[o * inputs + i]!;
        return sum;
      });
    });
  }

  /** GPT-2's Conv1D: `x·W + b`. */
  private conv(name: string, x: Matrix): Matrix {
    const { shape, data } = this.weight(`${name}.weight`);
    const bias = this.weight(`${name}.bias`).data;
    const [inputs, outputs] = shape as [number, number];
    return x.map((row) =>
      Float64Array.from({ length: outputs }, (_, o) => {
        let sum = bias[o]!;
        for (let i = 0; i < inputs; i++) sum += row[i]! * data[i * outputs + o]!;
        return sum;
      }),
    );
  }

  private row(name: string, index: number): Float64Array {
    const { shape, data } = this.weight(name);
    const width = shape.at(-1)!;
    const rows = shape.length === 1 ? 1 : shape[0]!;
    if (index < 0 || index >= rows) throw new Error(`"${name}" has no row ${index}.`);
    return Float64Array.from({ length: width }, (_, i) => data[index * width + i]!);
  }

  private weight(name: string): Weight {
    const weight = this.weights[name];
    if (!weight) throw new Error(`There is no weight "${name}".`);
    return weight;
  }

  private number(key: string, fallback?: number): number {
    const value = this.config[key] === undefined ? fallback : this.config[key];
    if (typeof value !== "number") throw new Error(`"${key}" is no number.`);
    return value;
  }

  private flag(key: string, fallback: boolean): boolean {
    return (this.config[key] ?? fallback) === true;
  }
}

// ---- Rotation, after modeling_rope_utils.py -------------------------------------------------------------------------------------

/** Angle per position of each pair. */
function frequencies(
  parameters: Config,
  dim: number,
  theta: number,
  original: number,
  length: number,
): readonly number[] {
  const type = parameters.rope_type ?? parameters.type ?? "default";
  const factor = Number(parameters.factor ?? 1);
  const powers = (base: number) => Array.from({ length: dim / 2 }, (_, i) => 1 / base ** ((2 * i) / dim));
  const plain = powers(theta);
  if (type === "default") return plain;
  if (type === "linear") return plain.map((angle) => angle / factor);
  if (type === "dynamic") {
    const reach = Math.max(length, original);
    return powers(theta * ((factor * reach) / original - (factor - 1)) ** (dim / (dim - 2)));
  }
  if (type === "llama3") {
    const [low, high] = [Number(parameters.low_freq_factor), Number(parameters.high_freq_factor)];
    return plain.map((angle) => {
      const wavelength = (2 * Math.PI) / angle;
      if (wavelength < original / high) return angle;
      if (wavelength > original / low) return angle / factor;
      const smooth = (original / wavelength - low) / (high - low);
      return ((1 - smooth) * angle) / factor + smooth * angle;
    });
  }
  if (type === "yarn") {
    const at = (rotations: number) => (dim * Math.log(original / (rotations * 2 * Math.PI))) / (2 * Math.log(theta));
    const truncate = parameters.truncate ?? true;
    let low = at(Number(parameters.beta_fast ?? 32));
    let high = at(Number(parameters.beta_slow ?? 1));
    if (truncate) [low, high] = [Math.floor(low), Math.ceil(high)];
    [low, high] = [Math.max(low, 0), Math.min(high, dim - 1)];
    if (low === high) high += 0.001;
    return plain.map((angle, i) => {
      const ramp = Math.min(Math.max((i - low) / (high - low), 0), 1);
      return (angle / factor) * ramp + angle * (1 - ramp);
    });
  }
  if (type === "longrope" || type === "su") {
    const divisors = (length > original ? parameters.long_factor : parameters.short_factor) as number[];
    return plain.map((angle, i) => angle / divisors[i]!);
  }
  throw new Error(`Unknown rotation "${type}".`);
}

/** What cosines and sines are multiplied with. */
function attentionFactor(parameters: Config, original: number, longest: number): number {
  const type = parameters.rope_type ?? parameters.type ?? "default";
  if (type !== "yarn" && type !== "longrope" && type !== "su") return 1;
  if (typeof parameters.attention_factor === "number") return parameters.attention_factor;
  if (type === "yarn") {
    const factor = Number(parameters.factor);
    const mscale = (scale: number) => (factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1);
    const [one, all] = [Number(parameters.mscale ?? 0), Number(parameters.mscale_all_dim ?? 0)];
    return one && all ? mscale(one) / mscale(all) : mscale(1);
  }
  const factor = longest / original;
  return factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original));
}

/** Rows of heads, position by position, `heads` to a position. */
function rotateHeads(x: Matrix, heads: number, angles: readonly number[], factor: number, neighbours: boolean): Matrix {
  const half = angles.length;
  return x.map((row, index) => {
    const position = Math.floor(index / heads);
    const turned = row.slice();
    for (const [i, angle] of angles.entries()) {
      const [cos, sin] = [factor * Math.cos(position * angle), factor * Math.sin(position * angle)];
      const [a, b] = neighbours ? [2 * i, 2 * i + 1] : [i, i + half];
      turned[a] = row[a]! * cos - row[b]! * sin;
      turned[b] = row[b]! * cos + row[a]! * sin;
    }
    return turned;
  });
}

function rotate(angles: readonly number[], factor: number): (x: Matrix) => Matrix {
  const size = angles.length * 2;
  return (x) => overHeads(x, size, (heads) => rotateHeads(heads, x[0]!.length / size, angles, factor, false));
}

/** `build_alibi_tensor`: slopes for the nearest lower power of two of heads, and those between for the rest. */
function alibi(heads: number): number[] {
  const nearest = 2 ** Math.floor(Math.log2(heads));
  const base = 2 ** -(8 / nearest);
  const slopes = Array.from({ length: nearest }, (_, i) => base ** (i + 1));
  const extra = 2 ** -(4 / nearest);
  for (let i = 1; slopes.length < heads; i += 2) slopes.push(extra ** i);
  return slopes;
}

// ---- Matrices --------------------------------------------------------------------------------------------------------------------

function attend(query: Matrix, key: Matrix, value: Matrix, real: readonly boolean[], shape: AttentionShape): Matrix {
  const { heads, keyValueHeads, size, scale, cap, window = Number.POSITIVE_INFINITY, slopes } = shape;
  let count = 0;
  const positions = real.map((isReal) => (isReal ? count++ : 0)); // of alibi: only real tokens count
  return query.map((q, i) => {
    const out = new Float64Array(heads * size);
    const seen = [...key.keys()].filter((j) => real[j] && j <= i && j > i - window);
    for (let head = 0; head < heads && seen.length > 0; head++) {
      const from = head * size;
      const other = Math.floor(head / (heads / keyValueHeads)) * size;
      const scores = seen.map((j) => {
        let score = 0;
        for (let e = 0; e < size; e++) score += q[from + e]! * key[j]![other + e]!;
        score *= scale;
        if (cap) score = cap * Math.tanh(score / cap);
        return score + (slopes ? slopes[head]! * positions[j]! : 0);
      });
      const highest = Math.max(...scores);
      const weights = scores.map((score) => Math.exp(score - highest));
      const total = weights.reduce((a, b) => a + b);
      for (const [k, j] of seen.entries()) {
        for (let e = 0; e < size; e++) out[from + e]! += (weights[k]! / total) * value[j]![other + e]!;
      }
    }
    return out;
  });
}

/** `[N][heads·3·size]` → queries, keys and values `[N][heads·size]` */
function byHead(fused: Matrix, heads: number, size: number): [Matrix, Matrix, Matrix] {
  const part = (which: number) =>
    fused.map((row) =>
      Float64Array.from(
        { length: heads * size },
        (_, i) => row[(Math.floor(i / size) * 3 + which) * size + (i % size)]!,
      ),
    );
  return [part(0), part(1), part(2)];
}

/** Applies `change` to each head as a row of its own. */
function overHeads(x: Matrix, size: number, change: (heads: Matrix) => Matrix): Matrix {
  const heads = x[0]!.length / size;
  const changed = change(
    x.flatMap((row) => Array.from({ length: heads }, (_, h) => row.slice(h * size, (h + 1) * size))),
  );
  return x.map((_, i) => {
    const row = new Float64Array(heads * size);
    for (let h = 0; h < heads; h++) row.set(changed[i * heads + h]!, h * size);
    return row;
  });
}

function columns(x: Matrix, begin: number, count: number): Matrix {
  return x.map((row) => row.slice(begin, begin + count));
}

function add(a: Matrix, b: Matrix): Matrix {
  return a.map((row, i) => row.map((value, j) => value + b[i]![j]!));
}

function scaled(x: Matrix, factor: number): Matrix {
  return factor === 1 ? x : map(x, (value) => value * factor);
}

function map(x: Matrix, change: (value: number) => number): Matrix {
  return x.map((row) => row.map(change));
}

function mean(row: Float64Array, of: (value: number) => number): number {
  let sum = 0;
  for (const value of row) sum += of(value);
  return sum / row.length;
}

export function negativeLogProbability(logits: ArrayLike<number>, token: number): number {
  const all = Array.from(logits);
  const highest = Math.max(...all);
  return Math.log(all.reduce((sum, logit) => sum + Math.exp(logit - highest), 0)) + highest - all[token]!;
}

function silu(x: number): number {
  return x / (1 + Math.exp(-x));
}

function geluTanh(x: number): number {
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}

function gelu(x: number): number {
  return 0.5 * x * (1 + erf(x / Math.SQRT2));
}

/** By its Taylor series, which is exact enough (1e-8) wherever it is not yet 1. */
function erf(x: number): number {
  if (Math.abs(x) > 4) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; n < 120; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

const activations: Readonly<Record<string, (x: number) => number>> = {
  silu,
  gelu,
  gelu_new: geluTanh,
  gelu_pytorch_tanh: geluTanh,
  gelu_fast: geluTanh,
  relu: (x) => Math.max(x, 0),
};
