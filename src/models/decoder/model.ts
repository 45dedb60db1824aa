/** @file A decoder-only model from a folder: its architecture, its weights by the names they have there, and the network over them. */
import { UlptError } from "../../errors.ts";
import type { Tensor } from "../../graph/tensor.ts";
import type { Weights } from "../weights.ts";
import type { Architecture, WeightPart } from "./architecture.ts";
import { ConfigReader } from "./configReader.ts";
import { families } from "./families/index.ts";
import { Decoder } from "./network.ts";

/**
 * How names of tensors begin in files of one and the same model: as its own class saves them, as its base class does, or inside a
 * model of several kinds of input. Each is what stands in place of the first part of our names.
 */
const beginnings = [
  (name: string) => name,
  (name: string) => name.replace(/^(model|transformer|gpt_neox)\./, ""),
  (name: string) => name.replace(/^model\./, "model.language_model."),
  (name: string) => `language_model.${name}`,
];

/** Tensors of the other parts of a model with several kinds of input. */
const otherParts = /^(model\.)?(vision_tower|vision_model|visual|multi_modal_projector|audio_tower|embed_vision)\./;

export interface OpenedDecoder {
  architecture: Architecture;
  network: Decoder;
  /** The name of the embedding table `[V, embeddingSize]` in the files. */
  embeddingName: string;
}

/** The config.json of a decoder inside one of several kinds of input, or itself. */
export function textConfig(config: ConfigReader): ConfigReader {
  return config.nested("text_config") ?? config;
}

/**
 * @throws MODEL_CONFIG, MODEL_UNSUPPORTED; MODEL_TENSOR where the weights hold what config.json has no place for; missing tensors
 * show when a graph is built
 */
export function openDecoder(json: Readonly<Record<string, unknown>>, where: string, weights: Weights): OpenedDecoder {
  const config = textConfig(new ConfigReader(json, where));
  const family = families[config.text("model_type")];
  if (!family) throw config.unsupported("model_type", config.text("model_type"), Object.keys(families).join(", "));
  const architecture = family(config);
  const named = namesIn(weights, architecture);
  const tensors = new Map<string, Tensor>();
  const network = new Decoder(architecture, (part: WeightPart, shape) => {
    const { name, rows } = part;
    const key = rows ? `${name}[${rows.begin}:${shape[0]}]` : name;
    const known = tensors.get(key);
    if (known) return known;
    const stored = named(name);
    const tensor = rows
      ? weights.rowsTensor(stored, [rows.of, ...shape.slice(1)], rows.begin, shape[0]!)
      : weights.tensor(stored, shape);
    tensors.set(key, tensor);
    return tensor;
  });
  requireNothingElse(weights, architecture, named);
  return { architecture, network, embeddingName: named(architecture.embedding.table) };
}

function namesIn(weights: Weights, { embedding }: Architecture): (name: string) => string {
  const begin = beginnings.find((change) => weights.has(change(embedding.table))) ?? beginnings[0]!;
  return (name) => [begin(name), name].find((candidate) => weights.has(candidate)) ?? begin(name);
}

/** Every tensor of the architecture by the names of its parts. */
function partNames(architecture: Architecture): Set<string> {
  const names = new Set<string>();
  const collect = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      if (typeof inner === "string" && ["weight", "bias", "table", "name"].includes(key)) names.add(inner);
      else collect(inner);
    }
  };
  collect(architecture);
  return names;
}

/** A tensor without a place means that the model would compute other numbers than it was trained for. */
function requireNothingElse(weights: Weights, architecture: Architecture, named: (name: string) => string): void {
  const wanted = new Set([...partNames(architecture)].map(named));
  for (const name of weights.names) {
    if (wanted.has(name) || architecture.ignored.test(name) || otherParts.test(name)) continue;
    if (name.endsWith("lm_head.weight") || name === "embed_out.weight") continue; // a copy of the table that a tied head does not read
    throw new UlptError("MODEL_TENSOR", `The weights hold a tensor for which config.json has no place.`, {
      where: `${weights.folder}, tensor "${name}"`,
      expected: `the tensors of a ${architecture.modelType} with ${architecture.layers.length} layers`,
      hint: "The weights and config.json must be of one model; a variant of the family with parts of its own is not supported.",
    });
  }
}
