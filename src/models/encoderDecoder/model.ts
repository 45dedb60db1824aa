/** @file A frozen T5 from a folder: its configuration, its weights and the network over them, behind what is asked of any model. */
import { UlptError } from "../../errors.ts";
import type { Model } from "../../graph/emit.ts";
import { floats, ints, Session, type SessionOptions, type TensorValue } from "../../graph/session.ts";
import { groupByLength, type TokenizedExample } from "../batch.ts";
import { readConfig } from "../config.ts";
import type { DecodedFile } from "../dequantize/decodedFile.ts";
import { GraphSessions } from "../graphSessions.ts";
import type {
  BatchLoss,
  DropoutMasks,
  LanguageModel,
  LossFunction,
  LossOptions,
  ReferenceBatch,
  ReferenceOutputs,
  RunMemory,
  RunParts,
  StockFacts,
  Trainable,
} from "../languageModel.ts";
import { portFeeds, SummedLoss } from "../portParts.ts";
import { type PortName, type PortUse, type PortValues, portUseFor } from "../ports.ts";
import type { BlockFile } from "../quantize/blockFile.ts";
import { Weights } from "../weights.ts";
import { collate } from "./batches.ts";
import { parseConfig, type T5Config } from "./config.ts";
import { answeringGraphs, EncoderDecoderGenerator } from "./generator.ts";
import { encoderGraph, lossGraph, scoreGraph } from "./graphs.ts";
import { runMemory } from "./memory.ts";
import { type EncoderDecoderPort, encoderDecoderPorts, offeredPorts } from "./ports.ts";
import { T5 } from "./t5.ts";

const embeddingNames = ["shared.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight"];

/** @throws MODEL_UNSUPPORTED for weights that are a part of a model, or of a model inside another */
function requireBothStacks(weights: Weights): void {
  const names = [...weights.names];
  const has = (stack: string) => names.some((name) => name.startsWith(`${stack}.block.`));
  if (has("encoder") && has("decoder")) return;
  const wrapped = names.find(
    (name) => /(?:^|\.)(?:encoder|decoder)\.block\./.test(name) && !/^(?:en|de)coder\./.test(name),
  );
  if (wrapped === undefined && !has("encoder") && !has("decoder")) return; // what is missing is said when a graph asks for it
  const only = has("encoder") ? "an encoder" : "a decoder";
  const message =
    wrapped === undefined
      ? `The weights hold only ${only}, which is half of such a model.`
      : `The weights are of a model inside another, such as an adapter's: they begin with ${JSON.stringify(wrapped.slice(0, wrapped.search(/(?:en|de)coder\.block/)))}.`;
  throw new UlptError("MODEL_UNSUPPORTED", message, {
    where: wrapped === undefined ? weights.folder : `${weights.folder}, tensor "${wrapped}"`,
    expected: "the encoder and the decoder of a T5, under the names that Transformers gives them",
    hint: "Choose the whole model; an adapter can be merged into it with Transformers and PEFT.",
  });
}

export class EncoderDecoderModel implements LanguageModel {
  readonly folder: string;
  readonly config: T5Config;
  readonly weights: Weights;
  readonly network: T5;
  readonly textScale = 1;
  readonly caseKind = "seq2seq";
  readonly ports = encoderDecoderPorts;
  readonly keyValueSizes = undefined;
  readonly stock: StockFacts;
  /** The name under which the weights hold the shared embedding table `[V, d]`. */
  private readonly embeddingName: string;

  /**
   * @param json what config.json says
   * @throws MODEL_CONFIG, MODEL_UNSUPPORTED; MODEL_TENSOR where the weights have more blocks than config.json; missing tensors show
   * when a graph is built
   */
  constructor(folder: string, json: unknown, where: string, weights: Weights) {
    const written = parseConfig(json, where);
    requireBothStacks(weights);
    weights.requireNoBlockBeyond(written);
    // A v1.1 model saved by Transformers 5 calls itself tied, and holds its own head all the same.
    const ownHead = !written.scaledHead && weights.has("lm_head.weight");
    this.folder = folder;
    this.weights = weights;
    this.config = { ...written, tiedHead: written.tiedHead && !ownHead };
    // Checkpoints differ in which of the tied names they keep.
    this.embeddingName = embeddingNames.find((name) => weights.has(name)) ?? embeddingNames[0]!;
    const { numEncoderLayers: numLayers, numHeads } = written;
    this.stock = { task: "SEQ_2_SEQ_LM", numLayers, numHeads, formerFactor: 1 };
    this.network = new T5(this.config, (name, shape, alias) =>
      weights.tensor(name === "shared.weight" ? this.embeddingName : name, shape, alias),
    );
  }

  /** @throws MODEL_MISSING, MODEL_CONFIG, SAFETENSORS_INVALID, and those of the constructor */
  static open(folder: string, blocks?: BlockFile, decoded?: DecodedFile): EncoderDecoderModel {
    const { json, path } = readConfig(folder);
    const weights = Weights.open(folder, decoded);
    return new EncoderDecoderModel(folder, json, path, blocks ? weights.withBlocks(blocks) : weights);
  }

  requirePorts(ports: readonly PortName[]): void {
    offeredPorts(ports, this.config.modelType);
  }

  readEmbeddings(begin = 0, count?: number): Float32Array {
    const { vocabularySize, hiddenSize } = this.config;
    return this.weights.readRows(this.embeddingName, [vocabularySize, hiddenSize], begin, count);
  }

  /** The encoder reads the prompt again with every row. */
  groups(lengths: readonly number[], { promptLength }: PortUse, maxTokens: number): number[][] {
    return groupByLength(lengths, { once: 0, perRow: promptLength }, maxTokens);
  }

  trainedLength({ source }: TokenizedExample): number {
    return source.length;
  }

  async lossFunction({
    ports: wanted = ["prompt"],
    longestTarget,
    dropout,
    gradientCheckpointing,
    ...options
  }: LossOptions): Promise<LossFunction> {
    const ports = offeredPorts(wanted, this.config.modelType);
    const graph = this.lossGraph(ports, longestTarget, { dropout, gradientCheckpointing });
    return new EncoderDecoderLoss(this, ports, await Session.create(graph, options));
  }

  async forTraining({
    ports: wanted = ["prompt"],
    longestTarget,
    dropout,
    gradientCheckpointing,
    ...options
  }: LossOptions): Promise<Trainable> {
    const ports = offeredPorts(wanted, this.config.modelType);
    const loss = () => this.lossGraph(ports, longestTarget, { dropout, gradientCheckpointing });
    const sessions = new GraphSessions({ loss, ...answeringGraphs(this.network, ports, longestTarget) }, options);
    const generator = new EncoderDecoderGenerator(this, sessions);
    return { loss: new EncoderDecoderLoss(this, ports, await sessions.get("loss", loss)), generator };
  }

  private lossGraph(
    ports: readonly EncoderDecoderPort[],
    longestTarget: number,
    training: Pick<LossOptions, "dropout" | "gradientCheckpointing">,
  ): Model {
    return lossGraph(this.network, { ports, shortTargets: longestTarget < this.config.headSize, ...training });
  }

  readingGraphs(): Model[] {
    return [encoderGraph(this.network, []), ...[true, false].map((short) => scoreGraph(this.network, short))];
  }

  runMemory(parts: RunParts): RunMemory {
    return runMemory(this.network, parts);
  }

  generator(options: SessionOptions): EncoderDecoderGenerator {
    const sessions = new GraphSessions(answeringGraphs(this.network, ["prompt"], 1), options);
    return new EncoderDecoderGenerator(this, sessions);
  }

  async reference(batch: ReferenceBatch, options: SessionOptions): Promise<ReferenceOutputs> {
    const { ids, mask, labels, prompt } = batch;
    const { startToken, padToken, headSize } = this.config;
    const [rows, length] = labels.shape as [number, number];
    const decoderIds = new BigInt64Array(labels.data.length);
    for (const [index, label] of labels.data.entries()) {
      const column = index % length;
      if (column === 0) decoderIds[index] = BigInt(startToken);
      if (column < length - 1) decoderIds[index + 1] = label < 0n ? BigInt(padToken) : label;
    }
    const isLabel = Array.from(labels.data, (label) => label >= 0n);
    const weight = 1 / isLabel.filter(Boolean).length;
    const graph = lossGraph(this.network, { logits: true, shortTargets: length < headSize });
    const session = await Session.create(graph, options);
    try {
      const outputs = await session.run<"loss" | "logits" | "d_prompt">({
        prompt: floats(prompt.data, prompt.shape),
        input_ids: ints(ids.data, ids.shape),
        attention_mask: floats(Float32Array.from(mask.data, Number), ids.shape),
        decoder_input_ids: ints(decoderIds, [rows, length]),
        label_positions: ints(Array.from(labels.data.keys())),
        label_ids: ints(labels.data.map((label) => (label < 0n ? 0n : label))),
        label_weights: floats(Float32Array.from(isLabel, (counts) => (counts ? weight : 0))),
      });
      return {
        loss: Number(outputs.loss.data[0]),
        logits: { data: outputs.logits.data as Float32Array, rows: Array.from(labels.data.keys()) },
        dPrompt: outputs.d_prompt.data as Float32Array,
      };
    } finally {
      await session.release();
    }
  }

  referenceLogitsShape({ labels }: ReferenceBatch): readonly number[] {
    return [...labels.shape, this.config.vocabularySize];
  }
}

class EncoderDecoderLoss implements LossFunction {
  private readonly model: EncoderDecoderModel;
  private readonly ports: readonly PortName[];
  private readonly session: Session;

  constructor(model: EncoderDecoderModel, ports: readonly PortName[], session: Session) {
    this.model = model;
    this.ports = ports;
    this.session = session;
  }

  async run(
    values: PortValues,
    examples: readonly TokenizedExample[],
    maxTokens: number,
    masks?: DropoutMasks,
    signal?: AbortSignal,
  ): Promise<BatchLoss> {
    const use = portUseFor(this.ports, values, examples.length);
    const labels = examples.reduce((sum, { target }) => sum + target.length, 0);
    const lengths = examples.map(this.model.trainedLength);
    const sum = new SummedLoss(values, examples.length);
    const groups = this.model.groups(lengths, use, maxTokens);
    for (const [part, group] of groups.entries()) {
      signal?.throwIfAborted();
      const rows = group.map((index) => examples[index]!);
      const texts = collate(rows, this.model.config, 1 / labels);
      const feeds = { ...texts, ...portFeeds(values, group, texts.input_ids!.shape[1]!) };
      const masked = masks ? this.maskFeeds(texts, use.promptLength, masks, part) : {};
      sum.add(await this.session.run({ ...feeds, ...masked }), group);
    }
    return sum;
  }

  private maskFeeds(
    { input_ids, decoder_input_ids }: Record<string, TensorValue>,
    promptLength: number,
    masks: DropoutMasks,
    part: number,
  ): Record<string, TensorValue> {
    const [rows, source] = input_ids!.shape as [number, number];
    const { sites, largest } = this.model.network.maskSizes({
      rows,
      length: promptLength + source,
      targetLength: decoder_input_ids!.shape[1]!,
    });
    return { dropout_table: masks.table(largest), dropout_places: masks.places(part, sites) };
  }

  release(): Promise<void> {
    return this.session.release();
  }
}
