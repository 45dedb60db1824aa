/** @file `ulpt cost`: what a prompt costs a model, on paper and measured. */
import { statSync } from "node:fs";
import type { Device } from "../graph/devices.ts";
import type { ModelDimensions } from "../models/dimensions.ts";
import type { LanguageModel } from "../models/languageModel.ts";
import { readDimensions } from "../models/model.ts";
import type { Cost, MeasuredCost } from "../results/cost.ts";
import { reckonCost } from "../training/cost.ts";
import { type MeasurementOptions, measureCost, newTokens } from "../training/costMeasurement.ts";
import { openInPrecision } from "../training/precision.ts";
import { locateModel } from "../training/sources.ts";
import { visibleLine } from "../words/surfaces.ts";
import { accessOf } from "./data.ts";
import { resolveDevice } from "./devices.ts";
import { formatBytes, formatCount, formatPercent } from "./format.ts";
import { openHub } from "./hub.ts";
import { table } from "./table.ts";
import { say, sayJson } from "./terminal.ts";

export interface CostCommandOptions {
  promptLength: number;
  rank: readonly number[];
  /** Whether to time the model, which needs its weights. */
  measure: boolean;
  textLength: readonly number[];
  device?: Device | "auto" | undefined;
  json: boolean;
}

/** @param name a config.json, a model folder or a model of the Hub, of which only what is needed is downloaded */
export async function showCost(name: string, options: CostCommandOptions, signal: AbortSignal): Promise<void> {
  const { promptLength, rank: ranks, measure, json } = options;
  const place = await locate(name, options, signal);
  const dimensions = readDimensions(place);
  const cost = reckonCost(dimensions, { promptLength, ranks });
  if (json) sayJson({ type: "cost", ...cost });
  else say(costText(cost));
  if (!measure) return;
  const { device } = await resolveDevice(options.device ?? "auto");
  const { model } = await openInPrecision(place, { precision: "float32", device, hub: openHub(), signal });
  const measured = await measureFitting(model, {
    promptLength,
    ranks,
    device,
    textLengths: options.textLength,
    signal,
  });
  if (json) sayJson({ type: "measurement", ...measured });
  else say(`\n${measurementText(measured)}`);
}

/** Measures with the texts that the model has positions for. @throws the signal's reason when aborted */
export async function measureFitting(model: LanguageModel, options: MeasurementOptions): Promise<MeasuredCost> {
  const { promptLength, textLengths: wanted } = options;
  const dimensions = readDimensions(model.folder);
  const textLengths = wanted.filter((length) => fits(length, promptLength, dimensions));
  const measured = await measureCost(model, { ...options, textLengths });
  return { ...measured, leftOut: wanted.filter((length) => !textLengths.includes(length)) };
}

async function locate(name: string, { measure, json }: CostCommandOptions, signal: AbortSignal): Promise<string> {
  const isFile = statSync(name, { throwIfNoEntry: false })?.isFile() ?? false;
  if (isFile && !measure) return name;
  const { folder } = await locateModel(name, {
    directory: process.cwd(),
    hub: openHub(),
    part: measure ? "all" : "tokenizer",
    ...accessOf({ json }, signal),
  });
  return folder;
}

function fits(textLength: number, promptLength: number, { maxPositions }: ModelDimensions): boolean {
  return maxPositions === undefined || promptLength + textLength + newTokens <= maxPositions;
}

function costText({ modelType, parameters, hiddenSize, promptLength, methods, keyValues }: Cost): string {
  const reference = methods.find(({ isReference }) => isReference)!;
  const rows = methods.map(({ method, rank, weights, parameters: trained, bytes }) => [
    weights ? `LoRA r=${rank} on ${weights.join(", ")}` : rank === undefined ? method : `${method} r=${rank}`,
    formatCount(trained),
    formatPercent(trained / reference.parameters),
    formatPercent(trained / parameters, 5),
    formatBytes(bytes),
    formatBytes(1e6 * bytes),
  ]);
  const head = ["method", "trained", `of ${reference.method}`, "of the model", "bytes*", "of a million customers"];
  return [
    visibleLine(
      `${modelType}: ${formatCount(parameters)} parameters, hidden size ${formatCount(hiddenSize)}, a prompt of ${promptLength} tokens`,
    ),
    table(head, [1, 2, 3, 4, 5], rows),
    "* the trained numbers in float32; a file has a header of 1 to 2 KB beside them.",
    keyValuesText(keyValues, promptLength),
  ].join("\n");
}

function keyValuesText(
  { kind, layers, keyValueHeads, headSize, tokens, bytes }: Cost["keyValues"],
  promptLength: number,
): string {
  const each = `2 × ${keyValueHeads} heads × ${headSize}`;
  const whole = tokens === layers * promptLength;
  const sum = whole
    ? `${layers} layers × ${each} × ${promptLength} tokens`
    : `${each} × ${formatCount(tokens)} tokens in ${layers} layers, some of which see only a window`;
  const shared =
    kind === "decoder"
      ? "They are computed once and serve every text."
      : "They are those of cross-attention, and every text has its own: the encoder reads the prompt with it.";
  return `keys and values of the prompt: ${formatBytes(bytes.float16)} in fp16, ${formatBytes(bytes.float32)} in fp32 (${sum}). ${shared}`;
}

function measurementText({ machine, repeats, newTokens: written, ranks, texts, leftOut }: MeasuredCost): string {
  const made = ranks.map(({ method, rank, projection, prompt }) => [
    rank === undefined ? method : `${method} r=${rank}`,
    milliseconds(projection),
    milliseconds(prompt),
  ]);
  const read = texts.map(({ textLength, without, first, later }) => [
    String(textLength),
    ...[without.prefill, first.prefill, later.prefill, without.perToken, later.perToken].map(milliseconds),
  ]);
  const { processor, cores, platform, device, onnxruntime, node } = machine;
  const readHead = ["text", "no prompt", "with it, first", "again", "a token, no prompt", "a token, with it"];
  return [
    visibleLine(
      `measured on ${processor}, ${cores} cores, ${platform}, device ${device}, onnxruntime ${onnxruntime}, Node ${node}`,
    ),
    table(["method", "projection from its seed, ms", "prompt from it, ms"], [0, 1, 2], made),
    table(readHead, [0, 1, 2, 3, 4, 5], read),
    `Times in ms, medians of ${repeats}, one text of so many tokens at a time; ${written} tokens written behind it.`,
    "no prompt, first, again: until the first token, without a prompt, with one never read before, with one read before.",
    ...(leftOut.length > 0 ? [`left out, being beyond the model's positions: ${leftOut.join(", ")}`] : []),
  ].join("\n");
}

function milliseconds(value: number): string {
  return value < 10 ? value.toFixed(2) : value.toFixed(1);
}
