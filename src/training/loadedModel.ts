/** @file A frozen model opened for use without training: fingerprints and sessions are made when first asked for, then kept. */
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { UlptError } from "../errors.ts";
import type { Device } from "../graph/devices.ts";
import { AnswerText } from "../models/answerText.ts";
import type { Generator, LanguageModel } from "../models/languageModel.ts";
import { openModel } from "../models/model.ts";
import type { Precision } from "../models/quantize/recipe.ts";
import type { Sampling } from "../models/sampling.ts";
import { openTokenizer, type Tokenizer, tokenizerSha256 } from "../models/tokenizer.ts";
import { openInPrecision, type PrecisionOptions } from "./precision.ts";
import type { Prompted } from "./prompted.ts";
import { openTaskTokenizer, type TaskTexts } from "./taskTokenizer.ts";

/** So many rows of the embedding table are read at a time. */
const blockRows = 4096;

/** So many prompts used last stay ready, with what the generator keeps of them. */
const keptPrompts = 4;

export interface AnswerOptions {
  maxNewTokens: number;
  /** Texts that end an answer and are no part of it. */
  stop?: readonly string[] | undefined;
  /** Draws tokens; the most probable one where it is left out. */
  sampling?: Sampling | undefined;
  /** Called with each piece of a row's answer as it comes: nothing takes it back, and joined they are the answer. */
  onPiece?: ((row: number, piece: string) => void) | undefined;
  /** Aborts between two tokens. */
  signal?: AbortSignal | undefined;
}

export class LoadedModel {
  readonly model: LanguageModel;
  readonly tokenizer: Tokenizer;
  readonly device: Device;
  readonly precision: Precision;
  private weightsSha256: Promise<string> | undefined;
  private tableSha256: string | undefined;
  private readonly generator: Generator;
  private readonly tokenizers = new Map<string, Tokenizer>();
  private readonly prompts = new Map<string, { stamp: string; prompt: Prompted }>();

  private constructor(model: LanguageModel, tokenizer: Tokenizer, device: Device, precision: Precision) {
    this.model = model;
    this.tokenizer = tokenizer;
    this.device = device;
    this.precision = precision;
    this.generator = model.generator({ device });
  }

  /**
   * Of weights that are plain numbers; `openInPrecision` decodes others.
   * @throws MODEL_MISSING, MODEL_CONFIG, MODEL_UNSUPPORTED, SAFETENSORS_INVALID, TOKENIZER_MISSING, TOKENIZER_INVALID
   */
  static open(folder: string, device: Device): LoadedModel {
    const model = openModel(folder);
    return new LoadedModel(model, openTokenizer(folder, model.config), device, "float32");
  }

  /** As `open`, in a precision. @throws as `openInPrecision`, too */
  static async openInPrecision(folder: string, options: PrecisionOptions): Promise<LoadedModel> {
    const { model, sha256 } = await openInPrecision(folder, options);
    const tokenizer = openTokenizer(folder, model.config);
    const loaded = new LoadedModel(model, tokenizer, options.device, options.precision);
    if (sha256 !== undefined) loaded.weightsSha256 = Promise.resolve(sha256);
    return loaded;
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
    return tokenizerSha256(this.model.folder);
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

  /**
   * The prompt out of these files, made once: the same tensors as long as they are the same, so that what the generator keeps of a
   * prompt serves later requests. @throws what `make` throws
   */
  async keptPrompt(files: readonly string[], make: () => Promise<Prompted>): Promise<Prompted> {
    const key = files.join("\n");
    const stamp = files.map(fileStamp).join("\n");
    const known = this.prompts.get(key);
    const prompt = known?.stamp === stamp ? known.prompt : await make();
    this.prompts.delete(key);
    this.prompts.set(key, { stamp, prompt }); // the order of a map is that of insertion: the last is the latest
    const [oldest] = this.prompts.keys();
    if (this.prompts.size > keptPrompts) this.prompts.delete(oldest!);
    return prompt;
  }

  /**
   * Answers to tokenised sources, as `tokenizer` writes them.
   * @param prompt undefined for the model alone
   * @throws the signal's reason when aborted
   */
  async answer(
    sources: readonly (readonly number[])[],
    prompt: Prompted | undefined,
    tokenizer: Tokenizer,
    { maxNewTokens, stop = [], sampling, onPiece, signal }: AnswerOptions,
  ): Promise<string[]> {
    signal?.throwIfAborted();
    const texts = await this.generator.prefill(await prompt?.values(sources), sources);
    const answers = sources.map(() => new AnswerText(tokenizer, stop));
    const give = (row: number, piece: string) => {
      if (piece !== "") onPiece?.(row, piece);
    };
    const onToken = (row: number, soFar: readonly number[]) => {
      const answer = answers[row]!;
      give(row, answer.take(soFar));
      return answer.isStopped;
    };
    const isFollowed = onPiece !== undefined || stop.length > 0;
    const tokens = await texts.generate({
      maxNewTokens,
      signal,
      ...(sampling && { sampling }),
      ...(isFollowed && { onToken }),
    });
    return answers.map((answer, row) => {
      const { piece, text } = answer.finish(tokens[row]!);
      give(row, piece);
      return text;
    });
  }

  async release(): Promise<void> {
    await this.generator.release();
  }
}

/** Changes when a file is replaced or written to; undefined where there is none. */
function fileStamp(path: string): string | undefined {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat && [stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join();
}

/** Of the embedding table as little-endian float32, whatever files and dtype hold it. Hex. */
export function hashEmbeddings(model: LanguageModel): string {
  const { vocabularySize } = model.config;
  const hash = createHash("sha256");
  for (let begin = 0; begin < vocabularySize; begin += blockRows) {
    const block = model.readEmbeddings(begin, Math.min(blockRows, vocabularySize - begin));
    hash.update(new Uint8Array(block.buffer));
  }
  return hash.digest("hex");
}
