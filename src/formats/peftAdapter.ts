/**
 * @file Adapter folders of PEFT that hold a prompt: `adapter_config.json` and `adapter_model.safetensors` with one tensor,
 * `prompt_embeddings`. Of the many kinds of adapters only those are read whose file holds the prompt's embeddings as they are.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { messageOf, UlptError } from "../errors.ts";
import { parseJson } from "../json.ts";
import { readRegularFile } from "./regularFile.ts";
import {
  encodeSafetensors,
  type HeaderBounds,
  readFloats,
  readHeader,
  type SafetensorsHeader,
  type TensorEntry,
} from "./safetensors.ts";

export const adapterConfigFile = "adapter_config.json";
export const adapterWeightsFile = "adapter_model.safetensors";
const pickleFile = "adapter_model.bin";
const tensorName = "prompt_embeddings";

/** What PEFT calls models that read a text apart from the answer, and models that go on with it. */
export const adapterTasks = ["SEQ_2_SEQ_LM", "CAUSAL_LM"] as const;
export type AdapterTask = (typeof adapterTasks)[number];

/** Kinds whose file holds E itself: P-tuning saves what its network made of its parameters. */
export const promptAdapters = ["PROMPT_TUNING", "P_TUNING"] as const;
export type PromptAdapterKind = (typeof promptAdapters)[number];

/** An adapter's numbers: a prompt is some megabytes at most, its configuration some hundred bytes. */
const bounds: HeaderBounds = { headerBytes: 2 ** 20, tensors: 10_000, fileBytes: 2 ** 28 };
const maxConfigBytes = 2 ** 20;

export interface AdapterFacts {
  task: AdapterTask;
  /** As `from_pretrained` takes it: an id of the Hub, or a path. */
  baseModel: string;
  /** Commit of the base model. */
  revision: string | null;
  numLayers: number;
  numHeads: number;
  /** What Transformers the numbers are for, where that matters: `>=5.4`. It stands beside the tensors, where PEFT does not look. */
  transformers?: string | undefined;
}

/** The files of an adapter that `PeftModel.from_pretrained` loads. `data` is E `[n, d]` as float32. */
export function encodeAdapter(
  facts: AdapterFacts,
  { shape, data }: { shape: readonly [number, number]; data: Float32Array },
): Record<string, Uint8Array | string> {
  const [numVirtualTokens, tokenDim] = shape;
  // In the order in which PEFT sorts them; keys of later versions than 0.3 would be warned about, or refused.
  const config = {
    base_model_name_or_path: facts.baseModel,
    inference_mode: true,
    num_attention_heads: facts.numHeads,
    num_layers: facts.numLayers,
    // PEFT makes room for a second prompt in front of a decoder, and never uses it.
    num_transformer_submodules: 1,
    num_virtual_tokens: numVirtualTokens,
    peft_type: "PROMPT_TUNING",
    // TEXT would make PEFT look for a tokenizer.
    prompt_tuning_init: "RANDOM",
    prompt_tuning_init_text: null,
    revision: facts.revision,
    task_type: facts.task,
    token_dim: tokenDim,
    tokenizer_name_or_path: null,
  };
  const metadata = { format: "pt", ...(facts.transformers === undefined ? {} : { transformers: facts.transformers }) };
  return {
    [adapterConfigFile]: JSON.stringify(config, null, 2),
    [adapterWeightsFile]: encodeSafetensors({ [tensorName]: { shape, data } }, metadata),
  };
}

const size = z
  .number()
  .int()
  .positive()
  .max(1 << 24);

const adapterConfig = z.object({
  peft_type: z.string(),
  task_type: z.string().nullish(),
  num_virtual_tokens: size,
  token_dim: size.nullish(),
  num_transformer_submodules: z.number().int().min(1).max(2).nullish(),
  base_model_name_or_path: z.string().nullish(),
  revision: z.string().nullish(),
});

/** The model that the adapter in `folder` says it was made for, as far as its configuration can be read. */
export function adapterBaseModel(folder: string): string | undefined {
  try {
    const { base_model_name_or_path: name } = adapterConfig.parse(readConfig(join(folder, adapterConfigFile)));
    return name ?? undefined;
  } catch {
    return undefined;
  }
}

export interface PromptAdapter {
  kind: PromptAdapterKind;
  /** Undefined where the adapter does not say. */
  task: AdapterTask | undefined;
  baseModel: string | undefined;
  revision: string | undefined;
  /** E `[n, d]` */
  prompt: { shape: [number, number]; data: Float32Array };
  /** As `AdapterFacts.transformers`. */
  transformers: string | undefined;
  /** Its file of weights. */
  path: string;
  /** Subfolders that hold further adapters, which `PeftModel.from_pretrained` does not load either. */
  others: readonly string[];
}

function refused(message: string, where: string, expected: string, hint: string, cause?: unknown): UlptError {
  return new UlptError("PROMPT_INVALID", message, { where, expected, hint, cause });
}

/**
 * Reads the adapter in `folder`.
 * @throws UlptError PROMPT_INVALID where it is none or none that holds a prompt, SAFETENSORS_INVALID, NOT_FINITE
 */
export function readPromptAdapter(folder: string): PromptAdapter {
  const others = requireAdapter(folder);
  const configPath = join(folder, adapterConfigFile);
  const json = readConfig(configPath);
  const kind = requirePrompt(json, configPath);
  const parsed = adapterConfig.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const where = `${configPath}, field "${issue!.path.join(".")}"`;
    const hint = "Save the adapter again with PEFT's save_pretrained.";
    throw refused(`The adapter's configuration cannot be used: ${issue!.message}.`, where, "what PEFT writes", hint);
  }
  const config = parsed.data;
  const task = requireTask(config.task_type ?? undefined, configPath);
  const path = requireWeights(folder);
  const header = readHeader(path, bounds);
  const entry = requireOneTensor(header);
  const [rows, width] = requireShape(entry, header, config, task);
  const stored = readFloats(path, entry, 0, rows * width);
  if (!stored.every(Number.isFinite)) {
    throw new UlptError("NOT_FINITE", "The adapter has numbers that are not finite: its training diverged.", {
      where: `${path}, tensor "${tensorName}"`,
      expected: "finite numbers",
      hint: "Take an earlier checkpoint of it, or train it with a lower learning rate.",
    });
  }
  return {
    kind,
    task,
    baseModel: config.base_model_name_or_path ?? undefined,
    revision: config.revision ?? undefined,
    prompt: { shape: [rows, width], data: stored },
    transformers: header.metadata.transformers,
    path,
    others,
  };
}

/** Whether the folder holds an adapter; the names of the adapters in its subfolders. @throws PROMPT_INVALID */
function requireAdapter(folder: string): string[] {
  const expected = `a folder with ${adapterConfigFile} and ${adapterWeightsFile}`;
  const stat = statSync(folder, { throwIfNoEntry: false });
  if (!stat) throw refused("The folder does not exist.", folder, expected, "Check the path.");
  if (!stat.isDirectory()) throw refused("It is not a folder.", folder, expected, "Name the folder that it lies in.");
  const others = readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, adapterConfigFile)))
    .sort();
  if (existsSync(join(folder, adapterConfigFile))) return others;
  if (others.length > 0) {
    const names = others.slice(0, 10).join(", ");
    const many = others.length === 1 ? "an adapter in a folder of its own" : `${others.length} adapters`;
    throw refused(`The folder holds ${many}: ${names}.`, folder, expected, "Name one of its folders.");
  }
  const hint = existsSync(join(folder, "config.json"))
    ? "This is a model: an adapter is what PEFT's save_pretrained writes."
    : "Check the path: an adapter is what PEFT's save_pretrained writes.";
  throw refused(`The folder holds no adapter: it has no ${adapterConfigFile}.`, folder, expected, hint);
}

function readConfig(path: string): unknown {
  const hint = "Save the adapter again with PEFT's save_pretrained, or download the file again.";
  const bytes = readRegularFile(path, maxConfigBytes, "PROMPT_INVALID");
  try {
    return parseJson(bytes.toString("utf8"));
  } catch (error) {
    throw refused(`${adapterConfigFile} is not JSON: ${messageOf(error)}.`, path, "what PEFT writes", hint, error);
  }
}

/** @throws PROMPT_INVALID for an adapter of another kind, by its name */
function requirePrompt(json: unknown, path: string): PromptAdapterKind {
  const written = typeof json === "object" && json !== null && "peft_type" in json ? json.peft_type : undefined;
  const kind = promptAdapters.find((name) => name === written);
  if (kind) return kind;
  const message =
    typeof written === "string"
      ? `The adapter is of the kind ${written}, which is no prompt in front of a text.`
      : "The configuration does not say of which kind the adapter is.";
  throw refused(
    message,
    `${path}, field "peft_type"`,
    promptAdapters.join(" or "),
    "Choose an adapter of prompt tuning or P-tuning; of another kind, merge it into its model with PEFT and train prompts for that.",
  );
}

function requireTask(written: string | undefined, path: string): AdapterTask | undefined {
  const task = adapterTasks.find((name) => name === written);
  if (task || written === undefined) return task;
  throw refused(
    `The adapter is for the task type ${written}, whose models do not write text.`,
    `${path}, field "task_type"`,
    adapterTasks.join(" or "),
    "Choose an adapter of a model that answers in text.",
  );
}

/** The file of its weights. @throws PROMPT_INVALID */
function requireWeights(folder: string): string {
  const path = join(folder, adapterWeightsFile);
  if (existsSync(path)) return path;
  const pickle = join(folder, pickleFile);
  if (existsSync(pickle)) {
    throw refused(
      `${pickleFile} is a pickle, which can run any program of whoever made it: it is never opened.`,
      pickle,
      adapterWeightsFile,
      "Load it with PEFT where you trust it, and save it with save_pretrained(…, safe_serialization=True).",
    );
  }
  const hint = "Download it again, or save it again with PEFT's save_pretrained.";
  throw refused("The adapter has no weights.", folder, adapterWeightsFile, hint);
}

/** @throws PROMPT_INVALID where there is no prompt, or more than a prompt */
function requireOneTensor({ path, tensors }: SafetensorsHeader): TensorEntry {
  const entry = tensors.get(tensorName);
  const more = [...tensors.keys()].find((name) => name !== tensorName);
  const expected = `one tensor, "${tensorName}"`;
  if (!entry) {
    const found = more === undefined ? "no tensors" : `"${more}"${tensors.size > 1 ? ", …" : ""}`;
    const hint = "Save the adapter again with PEFT's save_pretrained.";
    throw refused(`The adapter's weights hold no prompt, but ${found}.`, path, expected, hint);
  }
  if (more !== undefined) {
    const hint = "Choose an adapter that leaves its model as it is (without modules_to_save).";
    throw refused("The adapter holds more than a prompt.", `${path}, tensor "${more}"`, expected, hint);
  }
  if (!["F32", "F16", "BF16"].includes(entry.dtype)) {
    const hint = "Save the adapter again in float32.";
    throw refused(
      `The prompt's numbers are ${entry.dtype}.`,
      `${path}, tensor "${tensorName}"`,
      "F32, F16 or BF16",
      hint,
    );
  }
  return entry;
}

/**
 * n and d of the prompt. For models that read a text apart PEFT also saves a second prompt behind the first, which it never uses.
 * @throws PROMPT_INVALID
 */
function requireShape(
  { shape }: TensorEntry,
  { path }: SafetensorsHeader,
  { num_virtual_tokens: n, token_dim: d, num_transformer_submodules: submodules }: z.infer<typeof adapterConfig>,
  task: AdapterTask | undefined,
): [number, number] {
  const [rows, width] = shape;
  const copies = submodules ? [submodules] : task === "CAUSAL_LM" ? [1] : [1, 2];
  const fits = shape.length === 2 && copies.some((count) => rows === count * n) && width! > 0 && (!d || d === width);
  if (fits) return [n, width!];
  const wanted = copies.map((count) => `[${count * n}, ${d ?? "d"}]`).join(" or ");
  const hint = "The configuration and the weights must be of one adapter: save or download both again.";
  throw refused(`The prompt has the shape [${shape}].`, `${path}, tensor "${tensorName}"`, wanted, hint);
}
