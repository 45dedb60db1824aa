/** @file Compares a model on this machine with a reference case from another implementation (format: README, "verify"). */
import { existsSync } from "node:fs";
import { basename } from "node:path";
import { z } from "zod";
import { messageOf, UlptError } from "../errors.ts";
import { mostConfigBytes } from "../formats/modelFolder.ts";
import { readRegularFile } from "../formats/regularFile.ts";
import { readFloats, readHeader, readIntegers, type SafetensorsHeader } from "../formats/safetensors.ts";
import type { Device } from "../graph/devices.ts";
import { floats } from "../graph/session.ts";
import { parseJson } from "../json.ts";
import type { LanguageModel, ModelConfig } from "./languageModel.ts";

const caseSchema = z.object({
  kind: z.enum(["seq2seq", "causal"]),
  loss: z.number().optional(),
  /** Whether the prompt is multiplied as the text's embeddings are, as Transformers up to 5.3 does for Gemma 1 and 2. */
  prompt_scaled: z.boolean().optional(),
  max_new_tokens: z.number().int().positive().optional(),
});

/** Errors are the largest absolute difference over the largest absolute reference value. */
export interface Verification {
  case: string;
  loss?: number;
  lossRelErr?: number;
  logitsErr?: number;
  dPromptErr?: number;
  greedyMatch?: boolean;
}

/** `ulpt verify` fails above this. */
export const verificationTolerance = 1e-4;

export function verificationPassed(result: Verification): boolean {
  const errors = [result.lossRelErr, result.logitsErr, result.dPromptErr].filter((error) => error !== undefined);
  return errors.every((error) => error <= verificationTolerance) && result.greedyMatch !== false;
}

/**
 * @param caseFile `NAME.json` or `NAME.safetensors`; both must be there
 * @throws DATA_SYNTAX, DATA_FIELD_MISSING, SAFETENSORS_INVALID; MODEL_MISMATCH for a case that this model cannot compute
 */
export async function verifyCase(model: LanguageModel, caseFile: string, device: Device): Promise<Verification> {
  const stem = caseFile.replace(/\.(json|safetensors)$/, "");
  const description = readCase(`${stem}.json`);
  const tensors = readHeader(`${stem}.safetensors`);
  const name = basename(stem);
  if (description.kind !== model.caseKind) {
    throw new UlptError("MODEL_MISMATCH", `The case is one of a ${description.kind} model.`, {
      where: `${stem}.json, field "kind"`,
      expected: `"${model.caseKind}", for a model of the type ${model.config.modelType}`,
      hint: "Give --model the folder that the case was made with, or --case a case of this model.",
    });
  }
  const promptScale = description.prompt_scaled ? model.textScale : 1;
  return tensors.tensors.has("generated")
    ? verifyGreedy(model, name, tensors, { device, promptScale })
    : verifyLoss(model, name, tensors, description.loss, { device, promptScale });
}

function readCase(path: string): z.infer<typeof caseSchema> {
  const invalid = (message: string) =>
    new UlptError("DATA_SYNTAX", message, {
      where: path,
      expected:
        'a reference case: {"kind": "seq2seq" or "causal", "loss": …} beside a .safetensors file of the same name',
      hint: "Give --case the path of NAME.json or NAME.safetensors.",
    });
  if (!existsSync(path)) throw invalid("The reference case does not exist.");
  let json: unknown;
  try {
    json = parseJson(readRegularFile(path, mostConfigBytes, "DATA_SYNTAX").toString("utf8"));
  } catch (error) {
    throw invalid(`The reference case cannot be read: ${messageOf(error)}`);
  }
  const parsed = caseSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const { path: field, message } = parsed.error.issues[0]!;
  throw invalid(`The file is no reference case: ${field.length ? `field "${field.join(".")}": ` : ""}${message}.`);
}

/** The tensors of a case that every kind of it has, checked against the model before an engine meets them. */
class CaseTensors {
  readonly ids;
  readonly mask;
  readonly prompt;
  private readonly config: ModelConfig;
  private readonly header: SafetensorsHeader;

  /** @throws DATA_FIELD_MISSING, DATA_SYNTAX, MODEL_MISMATCH */
  constructor(header: SafetensorsHeader, config: ModelConfig) {
    this.header = header;
    this.config = config;
    this.ids = this.tokens("input_ids", [undefined, undefined]);
    this.mask = caseIntegers(header, "attention_mask");
    this.requireShape("attention_mask", this.mask.shape, this.ids.shape);
    this.prompt = this.floats("prompt", [undefined, config.hiddenSize]);
  }

  get batch(): number {
    return this.ids.shape[0]!;
  }

  /** Token ids of the vocabulary; a negative label is one without a loss. */
  tokens(name: string, shape: Shape) {
    const tensor = caseIntegers(this.header, name);
    this.requireShape(name, tensor.shape, shape);
    const { vocabularySize } = this.config;
    const unknown = tensor.data.find((id) => id >= vocabularySize || (id < 0n && name !== "labels"));
    if (unknown !== undefined) {
      const expected = `tokens from 0 to ${vocabularySize - 1}, as config.json says`;
      throw this.otherModel(name, `Its "${name}" holds the token ${unknown}.`, expected);
    }
    return tensor;
  }

  floats(name: string, shape: Shape) {
    const tensor = caseFloats(this.header, name);
    this.requireShape(name, tensor.shape, shape);
    return tensor;
  }

  /** Sizes that `wanted` leaves open may be any. */
  private requireShape(name: string, shape: readonly number[], wanted: Shape): void {
    const fits = shape.length === wanted.length && wanted.every((size, i) => size === undefined || size === shape[i]);
    if (fits) return;
    const expected = `[${wanted.map((size) => size ?? "any").join(", ")}]`;
    throw this.otherModel(
      name,
      `Its "${name}" has the shape [${shape.join(", ")}].`,
      `${expected}, by config.json and the case's other tensors`,
    );
  }

  private otherModel(name: string, message: string, expected: string): UlptError {
    return new UlptError("MODEL_MISMATCH", `The case is not one of this model. ${message}`, {
      where: `${this.header.path}, tensor "${name}"`,
      expected,
      hint: "Give --model the folder that the case was made with, or --case a case of this model.",
    });
  }
}

/** A size is undefined where it may be any. */
type Shape = readonly (number | undefined)[];

interface Options {
  device: Device;
  /** What the case's prompt is multiplied with before it enters the model. */
  promptScale: number;
}

function scaled(values: Float32Array, factor: number): Float32Array {
  return factor === 1 ? values : values.map((value) => value * factor);
}

async function verifyLoss(
  model: LanguageModel,
  name: string,
  header: SafetensorsHeader,
  expectedLoss: number | undefined,
  { device, promptScale }: Options,
): Promise<Verification> {
  if (expectedLoss === undefined) {
    throw new UlptError("DATA_FIELD_MISSING", "The case has no loss.", {
      where: header.path.replace(/safetensors$/, "json"),
      expected: '"loss": a number',
      hint: "Make the case again as the README says.",
    });
  }
  const tensors = new CaseTensors(header, model.config);
  const { ids, mask, prompt, batch } = tensors;
  const labels = tensors.tokens("labels", [batch, undefined]);
  const whole = { ids, mask, labels, prompt };
  const logits = tensors.floats("logits", model.referenceLogitsShape(whole)).data;
  const dPrompt = tensors.floats("d_prompt", prompt.shape).data;
  const entering = { ...prompt, data: scaled(prompt.data, promptScale) };
  const outputs = await model.reference({ ...whole, prompt: entering }, { device });
  return {
    case: name,
    loss: outputs.loss,
    lossRelErr: Math.abs(outputs.loss - expectedLoss) / Math.abs(expectedLoss),
    logitsErr: relativeError(outputs.logits.data, rowsOf(logits, outputs.logits.rows, model.config.vocabularySize)),
    dPromptErr: relativeError(scaled(outputs.dPrompt, promptScale), dPrompt),
  };
}

/** Rows of `[…, width]`. */
function rowsOf(values: Float32Array, rows: readonly number[], width: number): Float32Array {
  const picked = new Float32Array(rows.length * width);
  for (const [index, row] of rows.entries()) {
    picked.set(values.subarray(row * width, (row + 1) * width), index * width);
  }
  return picked;
}

async function verifyGreedy(
  model: LanguageModel,
  name: string,
  header: SafetensorsHeader,
  { device, promptScale }: Options,
): Promise<Verification> {
  const tensors = new CaseTensors(header, model.config);
  const { ids, mask, prompt, batch } = tensors;
  const expected = tensors.tokens("generated", [batch, undefined]);
  const length = ids.shape[1]!;
  const maxNewTokens = expected.shape[1]!;
  const generator = model.generator({ device });
  try {
    const sources = Array.from({ length: batch }, (_, row) =>
      Array.from(ids.data.subarray(row * length, (row + 1) * length), Number).filter(
        (_, i) => mask.data[row * length + i],
      ),
    );
    const texts = await generator.prefill({ prompt: floats(scaled(prompt.data, promptScale), prompt.shape) }, sources);
    const rows = await texts.generate({ maxNewTokens, endTokens: [] });
    return { case: name, greedyMatch: rows.flat().every((id, index) => BigInt(id) === expected.data[index]) };
  } finally {
    await generator.release();
  }
}

function caseTensor(header: SafetensorsHeader, name: string) {
  const entry = header.tensors.get(name);
  if (!entry) {
    throw new UlptError("DATA_FIELD_MISSING", `The case has no tensor "${name}".`, {
      where: header.path,
      hint: "Make the case again with all the tensors that the README names.",
    });
  }
  return entry;
}

function caseIntegers(header: SafetensorsHeader, name: string) {
  const entry = caseTensor(header, name);
  return { data: readIntegers(header.path, entry), shape: entry.shape };
}

function caseFloats(header: SafetensorsHeader, name: string) {
  const entry = caseTensor(header, name);
  return { data: readFloats(header.path, entry), shape: entry.shape };
}

/** max |value − reference| / max |reference|; infinite if the counts differ or a value is not finite */
export function relativeError(value: Float32Array, reference: Float32Array): number {
  if (value.length !== reference.length) return Number.POSITIVE_INFINITY;
  let difference = 0;
  let largest = 0;
  for (const [index, expected] of reference.entries()) {
    const gap = Math.abs(value[index]! - expected);
    if (Number.isNaN(gap)) return Number.POSITIVE_INFINITY;
    difference = Math.max(difference, gap);
    largest = Math.max(largest, Math.abs(expected));
  }
  return difference / largest;
}
