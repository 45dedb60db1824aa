/** @file The embedded models: what each is made of and what it is pretrained on. */
import type { Stream } from "../../src/random/philox.ts";
import type { CardTexts } from "./card.ts";
import { llamaCard, t5Card } from "./cardTexts.ts";
import { type Conversation, causalExample, pretrainingExample } from "./instructions.ts";
import { llamaConfig, llamaNetwork, embeddedShape as llamaShape } from "./llamaNetwork.ts";
import type { TrainableNetwork, TrainingExample } from "./network.ts";
import type { PretrainingOptions } from "./pretrainer.ts";
import { t5Config, t5Network, embeddedShape as t5Shape } from "./t5Network.ts";
import { llamaVocabulary, t5Vocabulary, type Vocabulary } from "./vocabulary.ts";

export interface EmbeddedModel {
  /** Of its folder in examples/sample/models. */
  readonly name: string;
  /** `config.json` */
  readonly config: Record<string, unknown>;
  /** `generation_config.json`, where there is one. */
  readonly generationConfig?: Record<string, unknown>;
  readonly vocabulary: Vocabulary;
  readonly training: Pick<PretrainingOptions, "steps" | "batchSize" | "learningRate" | "easyShare">;
  readonly card: CardTexts;
  network(config: Record<string, unknown>): TrainableNetwork;
  /** One example at `progress` through the curriculum, from 0 to 1: its text, and as the network takes it. */
  example(stream: Stream, progress: number): Conversation & { tokens: TrainingExample };
}

const t5Ended = (text: string) => [...t5Vocabulary.encode(text), t5Vocabulary.end];

export const tinyNotesT5: EmbeddedModel = {
  name: "tiny-notes-t5",
  config: t5Config(t5Shape, t5Vocabulary.size),
  vocabulary: t5Vocabulary,
  training: { steps: 15_000, batchSize: 32, learningRate: 1e-3, easyShare: 0.2 },
  card: t5Card(t5Shape),
  network: t5Network,
  example(stream, progress) {
    const example = pretrainingExample(stream, progress);
    const tokens = { source: t5Ended(example.source), target: t5Ended(example.target) };
    return { ...example, further: [], tokens };
  },
};

export const tinyNotesLlama: EmbeddedModel = {
  name: "tiny-notes-llama",
  config: llamaConfig(llamaShape, llamaVocabulary.size),
  generationConfig: { pad_token_id: 0, bos_token_id: 1, eos_token_id: 1, max_new_tokens: 16 },
  vocabulary: llamaVocabulary,
  training: { steps: 7_000, batchSize: 8, learningRate: 1e-3, easyShare: 0 },
  card: llamaCard(llamaShape),
  network: llamaNetwork,
  example(stream, progress) {
    const conversation = causalExample(stream, progress);
    return { ...conversation, tokens: llamaTokens(conversation) };
  },
};

function llamaTokens({ source, target, further }: Conversation): TrainingExample {
  const given = (text: string) => llamaVocabulary.encode(text).map((id) => ({ id, given: true }));
  // A report names each fact, as it was asked to, and then tells it: "topic food price 7".
  const answer = (text: string) => {
    const ids = llamaVocabulary.encode(text);
    const named = ids.map((id, index) => ({ id, given: ids.length > 1 && index % 2 === 0 }));
    return [...named, { id: llamaVocabulary.end, given: false }];
  };
  const written = [...answer(target), ...further.flatMap((turn) => [...given(turn.source), ...answer(turn.target)])];
  return {
    source: llamaVocabulary.encode(source),
    target: written.map(({ id }) => id),
    given: written.map((token) => token.given),
  };
}

export const embeddedModels: readonly EmbeddedModel[] = [tinyNotesT5, tinyNotesLlama];

export function modelNamed(name: string): EmbeddedModel {
  const model = embeddedModels.find((one) => one.name === name);
  if (!model) throw new RangeError(`--model must be one of ${embeddedModels.map((one) => one.name).join(", ")}`);
  return model;
}
