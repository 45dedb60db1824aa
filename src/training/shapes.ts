/** @file Shapes of known models, as their config.json says them. */

/** What the shapes of T5 share of a config.json. */
export const commonConfig = {
  model_type: "t5",
  vocab_size: 32128,
  d_kv: 64,
  feed_forward_proj: "relu",
  tie_word_embeddings: true,
};

export const encoderDecoderShapes: Record<
  string,
  { d_model: number; d_ff: number; num_heads: number; num_layers: number }
> = {
  "t5-small": { d_model: 512, d_ff: 2048, num_heads: 8, num_layers: 6 },
  "t5-base": { d_model: 768, d_ff: 3072, num_heads: 12, num_layers: 12 },
};

/** Decoder-only models, as their config.json says. */
export const decoderShapes: Record<string, Record<string, unknown>> = {
  "SmolLM2-135M": {
    model_type: "llama",
    hidden_size: 576,
    intermediate_size: 1536,
    num_hidden_layers: 30,
    num_attention_heads: 9,
    num_key_value_heads: 3,
    vocab_size: 49_152,
    tie_word_embeddings: true,
    rms_norm_eps: 1e-5,
    rope_theta: 100_000,
    max_position_embeddings: 8192,
    eos_token_id: 0,
  },
};

export const shapeNames = ["t5-small", "t5-base", "SmolLM2-135M"] as const;
export type ShapeName = (typeof shapeNames)[number];
