/** @file A decoder-only model from a folder: its architecture, its weights by the names they have there, and the network over them. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { UlptError } from "../../errors.ts";
import type { Model } from "../../graph/emit.ts";
import { floats, Session, type SessionOptions } from "../../graph/session.ts";
import { groupByLength, type TokenizedExample } from "../batch.ts";
import { type JsonObject, readConfig, readJsonObject } from "../config.ts";
import type { DecodedFile } from "../dequantize/decodedFile.ts";
import { GraphSessions } from "../graphSessions.ts";
import type {
  BatchLoss,
  DropoutMasks,
  LanguageModel,
  LossFunction,
  LossOptions,
  ModelConfig,
  ReferenceBatch,
  ReferenceOutputs,
  RunMemory,
  RunParts,
  StockFacts,
  Trainable,
} from "../languageModel.ts";
import { portFeeds, SummedLoss } from "../portParts.ts";
import {
  type KeyValueSizes,
  leadingTokens,
  type PortName,
  type PortUse,
  type PortValues,
  portNames,
  portUseFor,
} from "../ports.ts";
import type { BlockFile } from "../quantize/blockFile.ts";
import { quantizedPartError } from "../tensorError.ts";
import { Weights } from "../weights.ts";
import type { Architecture, WeightPart } from "./architecture.ts";
import { collate, referenceFeeds } from "./batches.ts";
import { ConfigReader } from "./configReader.ts";
import { families } from "./families/index.ts";
import { answeringGraphs, DecoderGenerator } from "./generator.ts";
import { continueGraph, lossGraph } from "./graphs.ts";
import { runMemory } from "./memory.ts";
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

/**
 * What a decoder's config.json says, also where it stands inside that of a model with several kinds of input.
 * @throws MODEL_CONFIG, MODEL_UNSUPPORTED
 */
export function decoderConfig(
  folder: string,
  json: JsonObject,
  where: string,
): { architecture: Architecture; config: DecoderConfig } {
  const whole = new ConfigReader(json, where);
  const config = whole.nested("text_config") ?? whole;
  const modelType = config.text("model_type");
  const family = families[modelType];
  if (!family) throw config.unsupported("model_type", modelType, Object.keys(families).join(", "));
  const architecture = family(config);
  const decoder: DecoderConfig = { ...specialTokens(folder, config, whole), ...factsOf(architecture) };
  return { architecture, config: decoder };
}

export class DecoderModel implements LanguageModel {
  readonly folder: string;
  readonly config: DecoderConfig;
  readonly weights: Weights;
  readonly architecture: Architecture;
  readonly network: Decoder;
  readonly textScale: number;
  readonly caseKind = "causal";
  readonly ports = portNames;
  readonly keyValueSizes: KeyValueSizes;
  readonly stock: StockFacts;
  private readonly embeddingName: string;

  /**
   * @param json what config.json says
   * @throws MODEL_CONFIG, MODEL_UNSUPPORTED; MODEL_TENSOR where the weights hold what config.json has no place for; missing tensors
   * show when a graph is built
   */
  constructor(folder: string, json: JsonObject, where: string, weights: Weights) {
    const { architecture, config } = decoderConfig(folder, json, where);
    const named = namesIn(weights, architecture);
    requireNothingElse(weights, architecture, named);
    this.folder = folder;
    this.weights = weights;
    this.architecture = architecture;
    this.textScale = architecture.embedding.textScale;
    this.embeddingName = named(architecture.embedding.table);
    this.config = config;
    this.stock = stockFacts(architecture);
    this.keyValueSizes = keyValueSizes(architecture);
    this.network = new Decoder(architecture, ({ name, rows }: WeightPart, shape) => {
      const stored = named(name);
      return rows
        ? weights.rowsTensor(stored, [rows.of, ...shape.slice(1)], rows.begin, shape[0]!)
        : weights.tensor(stored, shape);
    });
  }

  /** @throws MODEL_MISSING, MODEL_CONFIG, SAFETENSORS_INVALID, and those of the constructor */
  static open(folder: string, blocks?: BlockFile, decoded?: DecodedFile): DecoderModel {
    const { json, path } = readConfig(folder);
    const weights = Weights.open(folder, decoded);
    return new DecoderModel(folder, json, path, blocks ? weights.withBlocks(blocks) : weights);
  }

  requirePorts(): void {
    // It offers all there are.
  }

  readEmbeddings(begin = 0, count?: number): Float32Array {
    const { vocabularySize, embeddingSize } = this.architecture;
    const { textScale } = this;
    const rows = this.weights.readRows(this.embeddingName, [vocabularySize, embeddingSize], begin, count);
    return textScale === 1 ? rows : rows.map((value) => value * textScale);
  }

  /** A prompt is read once for all rows of a group, unless each has its own. */
  groups(lengths: readonly number[], { ports, promptLength }: PortUse, maxTokens: number): number[][] {
    const ofRow = ports.includes("rowPrompts");
    const cost = ofRow ? { once: 0, perRow: promptLength } : { once: promptLength, perRow: 0 };
    return groupByLength(lengths, cost, maxTokens);
  }

  trainedLength({ source, target }: TokenizedExample): number {
    return source.length + target.length - 1;
  }

  async lossFunction({
    ports = ["prompt"],
    longestTarget: _,
    dropout,
    gradientCheckpointing,
    ...options
  }: LossOptions): Promise<LossFunction> {
    this.requireNoDropout(dropout);
    const graph = lossGraph(this.network, { ports, gradientCheckpointing });
    return new DecoderLoss(this, ports, await Session.create(graph, options));
  }

  async forTraining({
    ports = ["prompt"],
    longestTarget: _,
    dropout,
    gradientCheckpointing,
    ...options
  }: LossOptions): Promise<Trainable> {
    this.requireNoDropout(dropout);
    const loss = () => lossGraph(this.network, { ports, gradientCheckpointing });
    const sessions = new GraphSessions({ loss, ...answeringGraphs(this.network, ports) }, options);
    const generator = new DecoderGenerator(this.network, this.config, sessions);
    return { loss: new DecoderLoss(this, ports, await sessions.get("loss", loss)), generator };
  }

  private requireNoDropout(dropout: boolean | undefined): void {
    if (!dropout) return;
    throw new UlptError("OPTION_INVALID", `A ${this.config.modelType} is not trained with dropout.`, {
      where: "training.dropout",
      expected: "0, or a T5",
      hint: "Leave training.dropout out: decoder-only models are rarely trained with it.",
    });
  }

  readingGraphs(): Model[] {
    return [continueGraph(this.network, { output: "logits", cache: false })];
  }

  runMemory(parts: RunParts): RunMemory {
    return runMemory(this.network, parts);
  }

  generator(options: SessionOptions): DecoderGenerator {
    const sessions = new GraphSessions(answeringGraphs(this.network, ["prompt"]), options);
    return new DecoderGenerator(this.network, this.config, sessions);
  }

  referenceLogitsShape({ ids, prompt }: ReferenceBatch): readonly number[] {
    const [batch, length] = ids.shape as [number, number];
    return [batch, prompt.shape[0]! + length, this.architecture.vocabularySize];
  }

  async reference(batch: ReferenceBatch, options: SessionOptions): Promise<ReferenceOutputs> {
    const { prompt } = batch;
    const { feeds, rows } = referenceFeeds(this.network, batch);
    const session = await Session.create(lossGraph(this.network, { logits: true }), options);
    try {
      const outputs = await session.run<"loss" | "logits" | "d_prompt">({
        ...feeds,
        prompt: floats(prompt.data, prompt.shape),
      });
      return {
        loss: Number(outputs.loss.data[0]),
        logits: { data: outputs.logits.data as Float32Array, rows },
        dPrompt: outputs.d_prompt.data as Float32Array,
      };
    } finally {
      await session.release();
    }
  }
}

export interface DecoderConfig extends ModelConfig {
  endTokens: readonly number[];
  continues: { endTokens: readonly number[]; beginToken: number };
}

class DecoderLoss implements LossFunction {
  private readonly model: DecoderModel;
  private readonly ports: readonly PortName[];
  private readonly session: Session;

  constructor(model: DecoderModel, ports: readonly PortName[], session: Session) {
    this.model = model;
    this.ports = ports;
    this.session = session;
  }

  async run(
    values: PortValues,
    examples: readonly TokenizedExample[],
    maxTokens: number,
    _masks?: DropoutMasks,
    signal?: AbortSignal,
  ): Promise<BatchLoss> {
    const { model } = this;
    const use = portUseFor(this.ports, values, examples.length);
    const leading = leadingTokens(
      values,
      examples.map(({ source }) => source),
    );
    const labels = examples.reduce((sum, { target }) => sum + target.length, 0);
    const lengths = examples.map(model.trainedLength);
    const options = { ...use, leading, padToken: model.config.padToken, labelWeight: 1 / labels };
    const sum = new SummedLoss(values, examples.length);
    for (const group of model.groups(lengths, use, maxTokens)) {
      signal?.throwIfAborted();
      const rows = group.map((index) => examples[index]!);
      const feeds = collate(model.network, rows, options);
      const reach = leading.length + feeds.input_ids!.shape[1]!;
      sum.add(await this.session.run({ ...feeds, ...portFeeds(values, group, reach) }), group);
    }
    return sum;
  }

  release(): Promise<void> {
    return this.session.release();
  }
}

/** Families whose whole input Transformers scaled before version 5.4, a prompt too; since then their table scales its rows. */
const scaledInputsBefore54: ReadonlySet<string> = new Set(["gemma", "gemma2"]);

function stockFacts({ modelType, layers, numHeads, embedding }: Architecture): StockFacts {
  const formerFactor = scaledInputsBefore54.has(modelType) ? embedding.textScale : 1;
  return { task: "CAUSAL_LM", numLayers: layers.length, numHeads, formerFactor };
}

function keyValueSizes({ layers, numKeyValueHeads, headSize }: Architecture): KeyValueSizes {
  return { layers: layers.length, keyValueHeads: numKeyValueHeads, headSize };
}

function factsOf({ modelType, vocabularySize, embeddingSize, maxPositions }: Architecture) {
  return { modelType, vocabularySize, hiddenSize: embeddingSize, maxPositions };
}

/**
 * What begins and ends a text, by config.json and generation_config.json, and what fills rows up, which nothing ever sees.
 * @param whole what config.json says where the text model's is a part of it
 */
function specialTokens(folder: string, config: ConfigReader, whole: ConfigReader) {
  const path = join(folder, "generation_config.json");
  const generation = existsSync(path) ? new ConfigReader(readJsonObject(path), path) : undefined;
  const endTokens = [...new Set([generation, config, whole].flatMap((reader) => reader?.tokens("eos_token_id") ?? []))];
  const [padToken = endTokens[0] ?? 0] = config.tokens("pad_token_id");
  const endToken = endTokens[0] ?? padToken;
  const [beginToken] = [config, whole, generation].flatMap((reader) => reader?.tokens("bos_token_id") ?? []);
  return { endTokens, endToken, beginToken, padToken, continues: { endTokens, beginToken: beginToken ?? endToken } };
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
    // GPTQ's earlier tools write a bias beside every matrix, and zeros where the model has none.
    const beside = name.endsWith(".bias") && wanted.has(name.replace(/bias$/, "weight"));
    if (beside && weights.isZeroVector(name)) continue;
    if (name.endsWith("lm_head.weight") || name === "embed_out.weight") continue; // a copy of the table that a tied head does not read
    const quantized = quantizedPartError(weights.folder, [name]);
    if (quantized) throw quantized;
    throw new UlptError("MODEL_TENSOR", `The weights hold a tensor for which config.json has no place.`, {
      where: `${weights.folder}, tensor "${name}"`,
      expected: `the tensors of a ${architecture.modelType} with ${architecture.layers.length} layers`,
      hint: "The weights and config.json must be of one model; a variant of the family with parts of its own is not supported.",
    });
  }
}
