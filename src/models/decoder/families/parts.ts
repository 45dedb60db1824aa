/** @file What the families' files share: activations, rotations and windows as config.json spells them, and norms and dense layers. */
import type { Activation, Dense, Norm, WeightPart } from "../architecture.ts";
import type { ConfigReader } from "../configReader.ts";
import {
  dynamicRotary,
  linearRotary,
  llama3Rotary,
  longRotary,
  plainRotary,
  type Rotary,
  type RotaryOptions,
  yarnRotary,
} from "../rotary.ts";

/** Names of `ACT2FN` in Transformers. */
export const activations: Readonly<Record<string, Activation>> = {
  silu: "silu",
  swish: "silu",
  gelu: "gelu",
  gelu_new: "geluTanh",
  gelu_pytorch_tanh: "geluTanh",
  gelu_fast: "geluTanh",
  relu: "relu",
};

export function dense(name: string, inputs: number, outputs: number, bias = false): Dense {
  const part = (suffix: string): WeightPart => ({ name: `${name}.${suffix}` });
  return { weight: part("weight"), bias: bias ? part("bias") : undefined, inputs, outputs };
}

/** Rows `begin … begin+outputs` of a dense layer that a file keeps together with others, `of` rows in all. */
export function denseRows(whole: Dense, begin: number, outputs: number): Dense {
  const of = whole.outputs;
  const part = ({ name }: WeightPart): WeightPart => ({ name, rows: { begin, of } });
  return { ...whole, weight: part(whole.weight), bias: whole.bias && part(whole.bias), outputs };
}

export function rmsNorm(name: string, width: number, epsilon: number, addsOne = false): Norm {
  return { kind: "rms", weight: `${name}.weight`, width, epsilon, addsOne };
}

export function layerNorm(name: string, width: number, epsilon: number, bias = true): Norm {
  return { kind: "layer", weight: `${name}.weight`, bias: bias ? `${name}.bias` : undefined, width, epsilon };
}

/** Which layers have a window: by `layer_types` where config.json has it, else by the family's own rule. */
export function windowsOf(
  config: ConfigReader,
  numLayers: number,
  window: number | undefined,
  isWindowed: (layer: number) => boolean,
): (number | undefined)[] {
  const types = config.texts("layer_types", numLayers);
  return Array.from({ length: numLayers }, (_, layer) => {
    const type = types?.[layer];
    if (type !== undefined && type !== "full_attention" && type !== "sliding_attention") {
      throw config.unsupported("layer_types", `A layer of type "${type}"`, "full_attention, sliding_attention");
    }
    const windowed = type === undefined ? isWindowed(layer) : type === "sliding_attention";
    if (windowed && window === undefined) throw config.error("sliding_window", "The layers have a window of no size.");
    return windowed ? window : undefined;
  });
}

export interface RotarySource {
  headSize: number;
  maxPositions: number;
  /** Where config.json has no base. */
  theta?: number;
  /** Keys of the base, besides `rope_theta`. */
  thetaKeys?: readonly string[];
  /** Keys of the part of each head that is turned. */
  partKeys?: readonly string[];
  part?: number;
  neighbours?: boolean;
  /** Whose settings to take where `rope_parameters` has some for each type of layer. */
  layerType?: "full_attention" | "sliding_attention";
}

/**
 * The rotation that config.json describes, in either spelling: `rope_theta` and `rope_scaling`, or `rope_parameters`, flat or for
 * each type of layer.
 * @throws MODEL_UNSUPPORTED for a kind of scaling that is not known
 */
export function rotaryOf(config: ConfigReader, source: RotarySource): Rotary {
  const { headSize, thetaKeys = [], partKeys = [], layerType = "full_attention", neighbours = false } = source;
  const outer = config.nested("rope_parameters");
  const parameters = outer?.nested(layerType) ?? outer;
  const scaling = parameters ?? config.nested("rope_scaling");
  const theta =
    parameters?.optionalPositive("rope_theta") ?? config.positive(["rope_theta", ...thetaKeys], source.theta ?? 10_000);
  const part =
    parameters?.optionalPositive("partial_rotary_factor") ??
    config.positive(["partial_rotary_factor", ...partKeys], source.part ?? 1);
  const size = Math.trunc(headSize * part);
  if (part > 1 || size < 2 || size % 2 !== 0) {
    throw config.error(
      "head_dim",
      `${size} numbers of each head would be rotated, of ${headSize}.`,
      "an even number of at least 2",
    );
  }
  return scaled({ size, theta, neighbours }, scaling, config, source.maxPositions);
}

/**
 * How many positions a model has: stretched rotations reach further than `maxPositions` says in some files, those that grow with the
 * text have no limit.
 */
export function reachOf(config: ConfigReader, maxPositions: number): number | undefined {
  const parameters = config.nested("rope_parameters");
  const scaling = parameters?.nested("full_attention") ?? parameters ?? config.nested("rope_scaling");
  const type = scaling?.text(scaling.has("rope_type") ? "rope_type" : "type", "default");
  if (type === "dynamic") return undefined;
  if (!scaling || (type !== "linear" && type !== "yarn")) return maxPositions;
  const original = scaling.optionalCount("original_max_position_embeddings") ?? maxPositions;
  return Math.max(maxPositions, Math.floor(original * scaling.positive("factor")));
}

function scaled(
  options: RotaryOptions,
  scaling: ConfigReader | undefined,
  config: ConfigReader,
  maxPositions: number,
): Rotary {
  if (!scaling) return plainRotary(options);
  const type = scaling.text(scaling.has("rope_type") ? "rope_type" : "type", "default");
  const factor = () => scaling.positive("factor");
  const originalLength = () =>
    scaling.optionalCount("original_max_position_embeddings") ??
    config.optionalCount("original_max_position_embeddings") ??
    maxPositions;
  switch (type) {
    case "default":
      return plainRotary(options);
    case "linear":
      return linearRotary(options, factor());
    case "dynamic":
      if (options.size === 2) throw scaling.error("type", "Dynamic scaling of one pair of numbers is not defined.");
      return dynamicRotary(options, factor(), originalLength());
    case "llama3":
      return llama3Rotary(options, {
        factor: factor(),
        lowFrequencyFactor: scaling.positive("low_freq_factor"),
        highFrequencyFactor: scaling.positive("high_freq_factor"),
        originalMaxPositions: scaling.count("original_max_position_embeddings"),
      });
    case "yarn":
      return yarnRotary(options, {
        factor: factor(),
        originalMaxPositions: originalLength(),
        attentionFactor: scaling.optionalPositive("attention_factor"),
        mscale: scaling.optionalPositive("mscale"),
        mscaleAllDim: scaling.optionalPositive("mscale_all_dim"),
        betaFast: scaling.positive("beta_fast", 32),
        betaSlow: scaling.positive("beta_slow", 1),
        truncate: scaling.flag("truncate", true),
      });
    case "longrope":
    case "su": {
      const original = originalLength();
      const stretch = scaling.optionalPositive("factor") ?? maxPositions / original;
      const divisors = (key: string) => {
        const list = scaling.numbers(key);
        if (list.length === options.size / 2 && list.every((divisor) => divisor > 0)) return list;
        throw scaling.error(key, `It has ${list.length} divisors.`, `${options.size / 2} positive numbers`);
      };
      return longRotary(options, {
        short: divisors("short_factor"),
        long: divisors("long_factor"),
        originalMaxPositions: original,
        attentionFactor:
          scaling.optionalPositive("attention_factor") ??
          (stretch <= 1 ? 1 : Math.sqrt(1 + Math.log(stretch) / Math.log(original))),
      });
    }
    default:
      throw scaling.unsupported(
        scaling.has("rope_type") ? "rope_type" : "type",
        `Rotary positions of the type "${type}"`,
        "default, linear, dynamic, llama3, yarn, longrope",
      );
  }
}
