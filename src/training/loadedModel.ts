/** @file A frozen model opened for use without training: fingerprints and sessions are made when first asked for, then kept. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { UlptError } from "../errors.ts";
import type { Device } from "../graph/devices.ts";
import type { TensorValue } from "../graph/session.ts";
import type { Generator, LanguageModel } from "../models/languageModel.ts";
import { openModel } from "../models/model.ts";
import { openTokenizer, type Tokenizer, tokenizerFile } from "../models/tokenizer.ts";
import { openTaskTokenizer, type TaskTexts } from "./taskTokenizer.ts";

/** So many rows of the embedding table are read at a time. */
const blockRows = 4096;

export class LoadedModel {
  readonly model: LanguageModel;
  readonly tokenizer: Tokenizer;
  readonly device: Device;
  private weightsSha256: Promise<string> | undefined;
  private tableSha256: string | undefined;
  private readonly generator: Generator;
  private readonly tokenizers = new Map<string, Tokenizer>();

  private constructor(model: LanguageModel, tokenizer: Tokenizer, device: Device) {
    this.model = model;
    this.tokenizer = tokenizer;
    this.device = device;
    this.generator = model.generator({ device });
  }

  /** @throws MODEL_MISSING, MODEL_CONFIG, MODEL_UNSUPPORTED, SAFETENSORS_INVALID, TOKENIZER_MISSING, TOKENIZER_INVALID */
  static open(folder: string, device: Device): LoadedModel {
    const model = openModel(folder);
    return new LoadedModel(model, openTokenizer(folder, model.config), device);
  }

  /** As the texts of a task are written. @throws CHAT_TEMPLATE */
  tokenizerFor({ chat, cleanUpSpaces }: TaskTexts): Tokenizer {
    const key = JSON.stringify([chat, cleanUpSpaces]);
    const known = this.tokenizers.get(key);
    if (known) return known;
    const tokenizer = openTaskTokenizer(this.model.folder, this.model.config, { chat, cleanUpSpaces });
    this.tokenizers.set(key, tokenizer);
    return tokenizer;
  }

  /** Of the weight files, as run.json and checkpoints name the model. */
  sha256(): Promise<string> {
    this.weightsSha256 ??= this.model.weights.sha256();
    return this.weightsSha256;
  }

  /** Of the embedding table as float32, whatever files and dtype hold it. */
  embeddingSha256(): string {
    this.tableSha256 ??= hashEmbeddings(this.model);
    return this.tableSha256;
  }

  tokenizerSha256(): string {
    return createHash("sha256")
      .update(readFileSync(tokenizerFile(this.model.folder)))
      .digest("hex");
  }

  /** @throws MODEL_MISMATCH unless these are the weights with which `where` was trained */
  async requireWeights(sha256: string, where: string): Promise<void> {
    const found = await this.sha256();
    if (found !== sha256) throw this.mismatch("weights", sha256, found, where);
  }

  /** @throws MODEL_MISMATCH unless embedding table and tokenizer are those of the prompt at `where` */
  requireVocabulary(expected: { embeddingSha256: string; tokenizerSha256: string }, where: string): void {
    const table = this.embeddingSha256();
    if (table !== expected.embeddingSha256)
      throw this.mismatch("embedding table", expected.embeddingSha256, table, where);
    const tokenizer = this.tokenizerSha256();
    if (tokenizer !== expected.tokenizerSha256) {
      throw this.mismatch("tokenizer", expected.tokenizerSha256, tokenizer, where);
    }
  }

  private mismatch(part: string, expected: string, found: string, where: string): UlptError {
    return new UlptError("MODEL_MISMATCH", `The model has another ${part} than the one this prompt was trained with.`, {
      where,
      expected: `sha256 ${expected}, but ${this.model.folder} has ${found}`,
      hint: "Restore the model it was trained with: with another one a prompt means nothing.",
    });
  }

  /** Greedy answers to tokenised sources, as tokens; `prompt` is E `[n, d]`, or undefined for the model alone. */
  async answer(
    sources: readonly (readonly number[])[],
    prompt: TensorValue | undefined,
    maxNewTokens: number,
  ): Promise<number[][]> {
    const texts = await this.generator.prefill(prompt && { prompt }, sources);
    return texts.generate({ maxNewTokens });
  }

  async release(): Promise<void> {
    await this.generator.release();
  }
}

function hashEmbeddings(model: LanguageModel): string {
  const { vocabularySize } = model.config;
  const hash = createHash("sha256");
  for (let begin = 0; begin < vocabularySize; begin += blockRows) {
    const block = model.readEmbeddings(begin, Math.min(blockRows, vocabularySize - begin));
    hash.update(new Uint8Array(block.buffer));
  }
  return hash.digest("hex");
}
