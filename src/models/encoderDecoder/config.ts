/** @file `config.json` of a T5: checked and given its defaults. */
import { z } from "zod";
import { UlptError } from "../../errors.ts";

/** No real model comes near; a file that says more would only exhaust memory. */
const largest = 1 << 24;
const count = z.number().int().positive().max(largest);
const smallCount = count.max(1 << 16);
const tokenId = z.number().int().nonnegative();

const activations = ["relu", "gated-gelu"] as const;
type Activation = (typeof activations)[number];
/** What Transformers calls the function of each. */
const denseActivations: Readonly<Record<Activation, string>> = { relu: "relu", "gated-gelu": "gelu_new" };

/** T5 v1.0, T5 v1.1, Flan-T5 and mT5. Names and defaults are those of Transformers' `T5Config`. */
const t5Schema = z
  .object({
    model_type: z.enum(["t5", "mt5"]),
    vocab_size: count,
    d_model: count,
    d_kv: count,
    d_ff: count,
    num_heads: smallCount,
    num_layers: smallCount,
    num_decoder_layers: smallCount.nullish(),
    feed_forward_proj: z.enum(activations).default("relu"),
    layer_norm_epsilon: z.number().positive().default(1e-6),
    relative_attention_num_buckets: smallCount.default(32),
    relative_attention_max_distance: smallCount.default(128),
    tie_word_embeddings: z.boolean().default(true),
    /** Since Transformers 5, which ties T5 always and keeps here what tying used to mean. */
    scale_decoder_outputs: z.boolean().nullish(),
    pad_token_id: tokenId.default(0),
    eos_token_id: tokenId.default(1),
    decoder_start_token_id: tokenId.nullish(),
  })
  .refine((json) => json.relative_attention_num_buckets >= 4, {
    message: "It must be at least 4: a quarter of the buckets is for the encoder's exact distances in each direction.",
    path: ["relative_attention_num_buckets"],
  })
  .refine((json) => json.relative_attention_max_distance > json.relative_attention_num_buckets / 2, {
    message: "It must exceed the decoder's exact distances, half the number of buckets.",
    path: ["relative_attention_max_distance"],
  })
  .transform((json) => ({
    modelType: json.model_type,
    vocabularySize: json.vocab_size,
    hiddenSize: json.d_model,
    headSize: json.d_kv,
    feedForwardSize: json.d_ff,
    numHeads: json.num_heads,
    numEncoderLayers: json.num_layers,
    numDecoderLayers: json.num_decoder_layers ?? json.num_layers,
    gatedGelu: json.feed_forward_proj === "gated-gelu",
    epsilon: json.layer_norm_epsilon,
    numBuckets: json.relative_attention_num_buckets,
    maxDistance: json.relative_attention_max_distance,
    /** Whether the logits may come from the embedding table; if not, the weights hold a head of their own. */
    tiedHead: json.tie_word_embeddings,
    /** Whether decoder outputs are multiplied by 1/√d before the head, as T5 v1.0 does. */
    scaledHead: json.scale_decoder_outputs ?? json.tie_word_embeddings,
    padToken: json.pad_token_id,
    endToken: json.eos_token_id,
    startToken: json.decoder_start_token_id ?? json.pad_token_id,
  }));

export type T5Config = z.infer<typeof t5Schema>;

export function parseConfig(json: unknown, where: string): T5Config {
  const modelType = typeof json === "object" && json !== null && "model_type" in json ? json.model_type : undefined;
  if (modelType !== "t5" && modelType !== "mt5") {
    throw new UlptError(
      "MODEL_UNSUPPORTED",
      `The architecture ${JSON.stringify(modelType) ?? "of no name"} is not supported.`,
      {
        where: `${where}, field "model_type"`,
        expected: "t5 (also T5 v1.1 and Flan-T5) or mt5",
        hint: "Choose a model of these families, such as google-t5/t5-base.",
      },
    );
  }
  requireKnownActivation(json as object, where);
  const parsed = t5Schema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new UlptError("MODEL_CONFIG", issue!.message, {
      where: `${where}, field "${issue!.path.join(".")}"`,
      hint: "Download the file again: config.json and the weights must be of one model.",
    });
  }
  return parsed.data;
}

/** @throws MODEL_UNSUPPORTED */
function requireKnownActivation(json: object, where: string): void {
  const { feed_forward_proj: written = "relu", dense_act_fn: own } = json as Record<string, unknown>;
  if (typeof written !== "string") return;
  const known = Object.hasOwn(denseActivations, written) ? denseActivations[written as Activation] : undefined;
  // Transformers lets this field, where it is there, stand in for what follows from the other.
  const isOther = known !== undefined && typeof own === "string" && own !== known;
  if (known !== undefined && !isOther) return;
  const found = isOther ? own : written;
  throw new UlptError("MODEL_UNSUPPORTED", `The activation ${JSON.stringify(found)} is not supported.`, {
    where: `${where}, field "${isOther ? "dense_act_fn" : "feed_forward_proj"}"`,
    expected: isOther ? `${known}, as feed_forward_proj says` : activations.join(" or "),
    hint: "Choose a model with one of these: with another activation this one would compute other numbers.",
  });
}
