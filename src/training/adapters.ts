/** @file Prompts that go to other tools as the embeddings they are, and adapters of PEFT that become prompts of ours. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { UlptError } from "../errors.ts";
import type { MethodSettings } from "../experiment/methods/registry.ts";
import { forwardSlashes } from "../experiment/recorded.ts";
import { encodeNpy } from "../formats/npy.ts";
import { type AdapterTask, encodeAdapter, type PromptAdapter, readPromptAdapter } from "../formats/peftAdapter.ts";
import { encodeSafetensors } from "../formats/safetensors.ts";
import type { TensorValue } from "../graph/session.ts";
import type { LanguageModel } from "../models/languageModel.ts";
import {
  type PromptTask,
  type SharedFormat,
  type SharedPrompt,
  writePrompt,
  writeSharedPrompt,
} from "../runs/prompts.ts";
import { requireFinite } from "../runs/tensorFile.ts";
import { markdownBlock, markdownText } from "../words/surfaces.ts";
import type { Exported } from "./export.ts";
import type { LoadedModel } from "./loadedModel.ts";
import type { Prompted } from "./prompted.ts";

/** Since this version Transformers takes what stands beside a text's embeddings as it is, in Gemma 1 and 2 too. */
const sinceTransformers = ">=5.4";

/** The method whose parameters are E itself, wherever it started: these settings only rebuild a prompt from its numbers. */
const settingsOfNumbers: MethodSettings<"vanilla"> = {
  name: "vanilla",
  initialization: { from: "random", standardDeviation: 1 },
};

/** A prompt, and what it was made for. */
export interface PromptToShare {
  /** E `[n, d]` */
  embeddings: TensorValue;
  /** The model as the experiment names it, and its commit if it is of the Hub. */
  source: { model: string; revision: string | undefined };
  task: PromptTask;
}

export interface SharedExport extends Exported {
  format: SharedFormat;
  /** Where other tools compute something else with it, a sentence each. */
  remarks: string[];
}

/**
 * E `[n, d]` of a prompt that is nothing else.
 * @throws OPTION_INVALID for one that other tools have no place for
 */
export async function plainPrompt({ use, values }: Prompted, path: string): Promise<TensorValue> {
  const others = use.ports.filter((port) => port !== "prompt");
  const { prompt } = others.length > 0 ? {} : await values([]);
  if (prompt) return prompt;
  throw new UlptError("OPTION_INVALID", "This prompt is more than embeddings in front of every text.", {
    where: path,
    expected: `a prompt alone; this one also uses the model's ${others.join(", ")}`,
    hint: "Export it without a format: ULPT Lab uses it as it is.",
  });
}

/**
 * Writes E to the workspace's prompts: as an adapter folder of PEFT (`NAME.peft`), or as the tensor `prompt_embeds` (`.safetensors`,
 * `.npy`). A name that is taken gets the suffix -2, -3, …
 * @throws RUN_UNWRITABLE, DISK_FULL; OPTION_INVALID where PEFT would put the prompt elsewhere than it was trained
 */
export function sharePrompt(
  format: SharedFormat,
  prompt: PromptToShare,
  name: string,
  workspace: string,
  model: LanguageModel,
): SharedExport {
  if (format === "peft") requireFirst(prompt.task);
  const remarks = remarksOn(format, prompt, model);
  return { format, ...writeSharedPrompt(workspace, name, encode(format, prompt, model, remarks)), remarks };
}

/** @throws OPTION_INVALID */
function requireFirst({ promptPosition = "first" }: PromptTask): void {
  if (promptPosition === "first") return;
  throw new UlptError(
    "OPTION_INVALID",
    "PEFT puts a prompt before all tokens; this one was trained to stand behind the first.",
    {
      where: "promptPosition",
      expected: '"first", with which outputs in PEFT are equal',
      hint: "Write its embeddings (--safetensors, --npy) and put them behind the begin-of-sequence token's, or train a prompt that stands first.",
    },
  );
}

function encode(format: SharedFormat, prompt: PromptToShare, model: LanguageModel, remarks: string[]): SharedPrompt {
  const { embeddings, source } = prompt;
  const [n, d] = embeddings.shape as [number, number];
  const tensor = { shape: [n, d] as [number, number], data: embeddings.data as Float32Array };
  if (format === "npy") return { extension: ".prompt_embeds.npy", content: encodeNpy(tensor) };
  if (format === "safetensors") {
    const content = encodeSafetensors({ prompt_embeds: tensor }, { format: "pt", ...versionNote(model) });
    return { extension: ".prompt_embeds.safetensors", content };
  }
  const { task, numLayers, numHeads } = model.stock;
  const revision = source.revision ?? null;
  const facts = { task, numLayers, numHeads, baseModel: baseModel(source), revision, ...versionNote(model) };
  const { "adapter_config.json": config, ...weights } = encodeAdapter(facts, tensor);
  const files = { "README.md": readme(prompt, n, task, remarks), ...weights, "adapter_config.json": config! };
  return { extension: ".peft", files };
}

/** What tells apart the two readings of one file, where there are two. */
function versionNote({ stock }: LanguageModel): { transformers?: string } {
  return stock.formerFactor === 1 ? {} : { transformers: sinceTransformers };
}

/** As `from_pretrained` takes it, without the commit. */
function baseModel({ model, revision }: PromptToShare["source"]): string {
  return revision === undefined ? forwardSlashes(model) : model.replace(/@.*$/, "");
}

function remarksOn(format: SharedFormat, { task }: PromptToShare, { stock }: LanguageModel): string[] {
  const { formerFactor } = stock;
  const version =
    formerFactor === 1
      ? []
      : [
          `It is for Transformers 5.4 or later: earlier versions multiply a prompt for this model by ${formerFactor} (√d), and their outputs differ.`,
        ];
  const chat = task.chat
    ? [
        `Texts must be written with the tokenizer's chat template, as they were in training${task.promptPosition === "after-bos" ? "" : " (the prompt stands before all of it)"}.`,
      ]
    : [];
  const behind =
    task.promptPosition === "after-bos"
      ? ["It stands behind the embedding of the begin-of-sequence token, before all others of a text."]
      : [];
  if (format !== "peft") return [...version, ...chat, ...behind];
  return [
    ...version,
    ...chat,
    "Outputs are equal where texts are padded on the right or alone: of texts padded on the left PEFT puts the prompt before the padding.",
    "Outputs are equal in float32: of a base model in bfloat16 or float16 PEFT rounds the prompt, too.",
    "PEFT loads it to be used, not to be trained on: is_trainable=True is an error.",
  ];
}

const autoClass: Record<AdapterTask, string> = {
  SEQ_2_SEQ_LM: "AutoModelForSeq2SeqLM",
  CAUSAL_LM: "AutoModelForCausalLM",
};

/** What PEFT's own adapters have beside them: a page that says what it is and how it is used. */
function readme({ source, task }: PromptToShare, n: number, adapterTask: AdapterTask, remarks: string[]): string {
  const name = JSON.stringify(baseModel(source));
  const revision = source.revision === undefined ? "" : `, revision=${JSON.stringify(source.revision)}`;
  const auto = autoClass[adapterTask];
  return [
    "---",
    "library_name: peft",
    ...(source.revision === undefined ? [] : [`base_model: ${name}`]),
    "---",
    "",
    `A soft prompt of ${n} tokens for ${markdownText(baseModel(source))}, trained with ULPT Lab.`,
    "",
    markdownBlock(
      [
        "from peft import PeftModel",
        `from transformers import ${auto}`,
        `model = PeftModel.from_pretrained(${auto}.from_pretrained(${name}${revision}), "THIS FOLDER")`,
      ].join("\n"),
    ),
    "",
    `It was trained on texts of this form, cut to ${task.maxSourceLength} tokens:`,
    "",
    markdownBlock(task.template),
    "",
    ...remarks.map((remark) => `- ${markdownText(remark)}`),
    "",
  ].join("\n");
}

export interface ImportOptions {
  name: string;
  workspace: string;
  /** As it is to be recorded, and the folder that a path starts at, relative to the workspace. */
  model: string;
  directory: string;
  /** Commit of the model on the Hub. */
  modelRevision: string | undefined;
  task: PromptTask;
  /** The version of Transformers with which the adapter was trained. */
  transformers: string | undefined;
}

export interface Imported extends Exported {
  kind: string;
  promptLength: number;
  hiddenSize: number;
  /** What a reader should know of it, a sentence each. */
  remarks: string[];
}

/**
 * Makes an exported prompt of the PEFT adapter in `folder`, as vanilla prompt tuning would have trained it.
 * @throws PROMPT_INVALID, SAFETENSORS_INVALID, NOT_FINITE, MODEL_MISMATCH where it is of another model; ADAPTER_VERSION where the
 *   version of Transformers decides what it means, and nobody said it; OPTION_INVALID where what was said is none; RUN_UNWRITABLE,
 *   DISK_FULL
 */
export async function importAdapter(folder: string, options: ImportOptions, context: LoadedModel): Promise<Imported> {
  const adapter = readPromptAdapter(folder);
  const { model } = context;
  requireModel(adapter, model);
  const { shape } = adapter.prompt;
  const data = meantNumbers(adapter, options.transformers, model);
  const [promptLength, hiddenSize] = shape;
  const written = writePrompt(options.workspace, options.name, {
    tensors: { prompt_embeddings: { shape, data } },
    metadata: {
      method: settingsOfNumbers.name,
      promptLength,
      hiddenSize,
      settings: settingsOfNumbers,
      seed: 0,
      model: options.model,
      directory: forwardSlashes(options.directory),
      ...(options.modelRevision === undefined ? {} : { modelRevision: options.modelRevision }),
      modelSha256: await context.sha256(),
      embeddingSha256: context.embeddingSha256(),
      tokenizerSha256: context.tokenizerSha256(),
      task: options.task,
      metrics: {},
      provenance: {
        imported: {
          kind: `PEFT ${adapter.kind}`,
          from: basename(resolve(folder)),
          sha256: createHash("sha256").update(readFileSync(adapter.path)).digest("hex"),
        },
        created: new Date().toISOString(),
        ulpt: packageJson.version,
      },
    },
  });
  return { ...written, kind: adapter.kind, promptLength, hiddenSize, remarks: remarksOnImport(adapter, options) };
}

function remarksOnImport({ baseModel: made, others }: PromptAdapter, { model }: ImportOptions): string[] {
  const lastPart = (path: string) => path.replace(/@.*$/, "").split(/[\\/]/).filter(Boolean).at(-1);
  return [
    ...(made !== undefined && lastPart(made) !== lastPart(model)
      ? [`The adapter says that it was made for ${made}: with other weights than those it means nothing.`]
      : []),
    ...(others.length > 0
      ? [`Further adapters in the folder were left alone: ${others.slice(0, 10).join(", ")}.`]
      : []),
  ];
}

/** @throws MODEL_MISMATCH */
function requireModel({ prompt, task, path, baseModel: made }: PromptAdapter, { stock, config }: LanguageModel): void {
  const mismatch = (message: string, expected: string) =>
    new UlptError("MODEL_MISMATCH", message, {
      where: path,
      expected,
      hint: `Name the model that the adapter was made for${made === undefined ? "" : `: it says ${JSON.stringify(made)}`}.`,
    });
  const [, width] = prompt.shape;
  if (width !== config.hiddenSize) {
    const message = `The adapter's prompt is ${width} numbers wide, the model's embeddings are ${config.hiddenSize}.`;
    throw mismatch(message, `a prompt of [n, ${config.hiddenSize}]`);
  }
  if (task !== undefined && task !== stock.task) {
    throw mismatch(`The adapter is for ${task}, and a ${config.modelType} is none of these.`, stock.task);
  }
}

/** E as what enters the first layer. @throws ADAPTER_VERSION, OPTION_INVALID, NOT_FINITE */
function meantNumbers({ prompt, transformers, path }: PromptAdapter, said: string | undefined, model: LanguageModel) {
  const isFormer = said === undefined ? undefined : isBefore54(said);
  const { formerFactor } = model.stock;
  if (formerFactor === 1) return prompt.data;
  if (isFormer === undefined && transformers !== sinceTransformers) {
    throw new UlptError("ADAPTER_VERSION", "What the adapter's numbers mean depends on the version of Transformers.", {
      where: path,
      expected: `--transformers VERSION, with which it was trained: before 5.4 a prompt of a ${model.config.modelType} was multiplied by √d`,
      hint: "Say the version, such as --transformers 4.57 or --transformers 5.4.",
    });
  }
  if (!isFormer) return prompt.data;
  const data = prompt.data.map((value) => value * formerFactor);
  const words = { what: "The adapter", damaged: "", diverged: "Take an earlier checkpoint of it." };
  requireFinite(data, path, words);
  return data;
}

/** @throws OPTION_INVALID */
function isBefore54(version: string): boolean {
  const [, major, minor] = /^(\d{1,3})(?:\.(\d{1,3}))?(?:\.\w+)*$/.exec(version) ?? [];
  const isClear = major !== undefined && (minor !== undefined || major !== "5");
  if (isClear) return Number(major) < 5 || (Number(major) === 5 && Number(minor) < 4);
  throw new UlptError("OPTION_INVALID", `${JSON.stringify(version)} is no version of Transformers.`, {
    where: "--transformers",
    expected: "a version like 4.57 or 5.4",
    hint: "`pip show transformers` tells it.",
  });
}
