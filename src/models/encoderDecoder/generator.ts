/** @file A frozen T5 without gradients: encode once, then generate or score given answers. */
import type { Model } from "../../graph/emit.ts";
import { floats, ints, type TensorValue } from "../../graph/session.ts";
import { generateRows } from "../generation.ts";
import type { GraphSessions } from "../graphSessions.ts";
import type { GenerationOptions, Generator, Prefilled } from "../languageModel.ts";
import { portFeeds } from "../portParts.ts";
import { type PortValues, portsOf, portUse, requireRows } from "../ports.ts";
import { collateSources, collateTargets } from "./batches.ts";
import { cacheNames, decoderStepGraph, encoderGraph, projectionGraph, scoreGraph } from "./graphs.ts";
import type { EncoderDecoderModel } from "./model.ts";
import { type EncoderDecoderPort, offeredPorts } from "./ports.ts";
import type { T5 } from "./t5.ts";

type Floats = Extract<TensorValue, { dtype: "float32" }>;
type Feeds = Record<string, TensorValue>;

/** The prompt counted. */
interface EncodedText {
  /** `[batch, length, d]` */
  memory: TensorValue;
  /** `[batch, length]` */
  memory_mask: TensorValue;
}

/**
 * So many tokens of an answer are written before the keys and values of its text are computed for those that follow. That takes as much
 * work as d_kv steps save by it; how long an answer gets nobody knows, so it begins halfway.
 */
export function usualAbsorbedSteps({ headSize }: { headSize: number }): number {
  return Math.ceil(headSize / 2);
}

/** The graphs that answer texts with values at these ports, and texts alone, by the names of their sessions. */
export function answeringGraphs(
  network: T5,
  ports: readonly EncoderDecoderPort[],
  longestTarget: number,
): Record<string, () => Model> {
  const short = longestTarget < network.config.headSize;
  return {
    [encoderName(ports)]: () => encoderGraph(network, ports),
    [encoderName([])]: () => encoderGraph(network, []),
    decoder: () => decoderStepGraph(network, { projected: false }),
    projection: () => projectionGraph(network),
    "decoder of projections": () => decoderStepGraph(network, { projected: true }),
    [scorerName(short)]: () => scoreGraph(network, short),
  };
}

function encoderName(ports: readonly EncoderDecoderPort[]): string {
  return ["encoder", ...ports].join(" ");
}

function scorerName(short: boolean): string {
  return short ? "scorer of short targets" : "scorer";
}

export class EncoderDecoderGenerator implements Generator {
  private readonly model: EncoderDecoderModel;
  private readonly sessions: GraphSessions;

  /** See `usualAbsorbedSteps`. */
  readonly absorbedSteps: number;

  /** @param sessions of the graphs that `answeringGraphs` names, and maybe others */
  constructor(model: EncoderDecoderModel, sessions: GraphSessions, absorbedSteps = usualAbsorbedSteps(model.config)) {
    this.model = model;
    this.sessions = sessions;
    this.absorbedSteps = absorbedSteps;
  }

  async prefill(ports: PortValues = {}, sources: readonly (readonly number[])[]): Promise<Prefilled> {
    requireRows(ports, sources.length);
    const names = offeredPorts(portsOf(ports), this.model.config.modelType);
    const { promptLength } = portUse(ports);
    const inputs = collateSources(sources, this.model.config.padToken);
    const { network } = this.model;
    const encoder = await this.sessions.get(encoderName(names), () => encoderGraph(network, names));
    const reach = inputs.input_ids!.shape[1]!;
    const { memory } = await encoder.run<"memory">({ ...inputs, ...portFeeds(ports, [...sources.keys()], reach) });
    return new EncodedTexts(this, this.model, sources.length, {
      memory,
      memory_mask: prependOnes(inputs.attention_mask as Floats, promptLength),
    });
  }

  /** One step behind an encoded text, or behind the keys and values that `project` computed of it. */
  async step(projected: boolean, feeds: Feeds): Promise<Feeds> {
    const name = projected ? "decoder of projections" : "decoder";
    const decoder = await this.sessions.get(name, () => decoderStepGraph(this.model.network, { projected }));
    return decoder.run<string>(feeds);
  }

  /** The keys and values of an encoded text in every layer, by their names. */
  async project({ memory }: EncodedText): Promise<Feeds> {
    const projection = await this.sessions.get("projection", () => projectionGraph(this.model.network));
    return projection.run<string>({ memory });
  }

  /** Two graphs: see `CrossAttention` for what short answers save. */
  async losses(feeds: Feeds, longest: number): Promise<Float32Array> {
    const short = longest < this.model.config.headSize;
    const scorer = await this.sessions.get(scorerName(short), () => scoreGraph(this.model.network, short));
    const outputs = await scorer.run<"negative_log_likelihood">(feeds);
    return outputs.negative_log_likelihood.data as Float32Array;
  }

  release(): Promise<void> {
    return this.sessions.release();
  }
}

/** Encoded inputs, ready to be decoded any number of times. */
class EncodedTexts implements Prefilled {
  readonly batch: number;
  private readonly generator: EncoderDecoderGenerator;
  private readonly model: EncoderDecoderModel;
  private readonly text: EncodedText;
  private projections: Promise<Feeds> | undefined;

  constructor(generator: EncoderDecoderGenerator, model: EncoderDecoderModel, batch: number, text: EncodedText) {
    this.generator = generator;
    this.model = model;
    this.batch = batch;
    this.text = text;
  }

  generate(options: GenerationOptions): Promise<number[][]> {
    const { startToken, endToken, padToken, numDecoderLayers, numHeads, headSize } = this.model.config;
    const { batch } = this;
    const layers = Array.from({ length: numDecoderLayers }, (_, layer) => cacheNames(layer));
    const empty = floats(new Float32Array(0), [batch, numHeads, 0, headSize]);
    let cache: Feeds = {};
    for (const { past } of layers) cache[past.key] = cache[past.value] = empty;
    const logits = async (step: number, tokens: readonly number[]) => {
      const read = step === 0 ? new Array<number>(batch).fill(startToken) : tokens;
      const projected = step >= this.generator.absorbedSteps;
      const text = projected ? await this.projected() : { ...this.text };
      const outputs = await this.generator.step(projected, { ...text, token: ints(read, [batch, 1]), ...cache });
      cache = {};
      for (const { past, present } of layers) {
        cache[past.key] = outputs[present.key]!;
        cache[past.value] = outputs[present.value]!;
      }
      return outputs.logits!.data as Float32Array;
    };
    const before = Array.from({ length: batch }, () => []);
    return generateRows({ before, endTokens: [endToken], padToken, logits }, options);
  }

  /** The text as the later tokens of an answer take it, computed once. */
  private async projected(): Promise<Feeds> {
    const { memory_mask } = this.text;
    this.projections ??= this.generator.project(this.text);
    return { memory_mask, ...(await this.projections) };
  }

  async score(targets: readonly (readonly number[])[]): Promise<number[]> {
    const feeds = { ...this.text, ...collateTargets(targets, this.model.config, 1) };
    const values = await this.generator.losses(feeds, Math.max(...targets.map(({ length }) => length)));
    let position = 0;
    return targets.map(({ length }) => {
      let sum = 0;
      for (let i = 0; i < length; i++) sum += values[position++]!;
      return sum;
    });
  }
}

/** mask `[batch, length]` → `[batch, count + length]` with ones in front */
function prependOnes({ data, shape }: Floats, count: number): Floats {
  const [batch, length] = shape as [number, number];
  const out = new Float32Array(batch * (count + length)).fill(1);
  for (let row = 0; row < batch; row++) {
    out.set(data.subarray(row * length, (row + 1) * length), row * (count + length) + count);
  }
  return { dtype: "float32", data: out, shape: [batch, count + length] };
}
