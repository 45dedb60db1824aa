/**
 * @file Exported prompts: `<workspace>/prompts/<name>.prompt.safetensors`, a few KB that hold the trained parameters and all
 * that is needed to use them, with the model, elsewhere. Somebody else may have made the file: it is checked before it is used.
 */
import { rmSync } from "node:fs";
import { basename, join } from "node:path";
import { z } from "zod";
import { messageOf, UlptError } from "../errors.ts";
import { methodRecord, recordedMethod } from "../experiment/methods/registry.ts";
import { promptPositions } from "../experiment/schema.ts";
import { ownBounds, readHeader } from "../formats/safetensors.ts";
import { type CheckpointTensor, refusedAs } from "./checkpoints.ts";
import { pathOf, promptsFolder } from "./layout.ts";
import { frozenRecords, integer, json, jsonRecord, migrateMetadata, positive, presentOnly } from "./metadata.ts";
import { safeName, suffixedName } from "./names.ts";
import { removeAbandonedOwn } from "./owner.ts";
import { createOwnFile, createOwnFolder, makeOwnFolders, writeOwnFile } from "./ownFiles.ts";
import { issueText, quantization } from "./schema.ts";
import { encodeTensorFile, fileVersion, float32Only, readSharedTensorFile, tensorFileVersion } from "./tensorFile.ts";

export const promptExtension = ".prompt.safetensors";

/** The largest real prompt is some megabytes: vanilla, 100 tokens of a model 16384 wide. */
const maxFileBytes = 64 * 2 ** 20;
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "expected a SHA-256");

/** How a text becomes what the model reads, and what the answers are. */
const promptTask = z.object({
  template: z.string(),
  /** Whether sources are messages of a chat; left out where they are not. */
  chat: z.union([z.boolean(), z.object({ system: z.string().optional(), template: z.string().optional() })]).optional(),
  /** Where the prompt stands; left out where that is first. */
  promptPosition: z.enum(promptPositions).optional(),
  target: z.string(),
  /** The valid answers, where the experiment named them. */
  labels: z.array(z.string()).optional(),
  maxSourceLength: z.int().min(1),
  maxNewTokens: z.int().min(1).nullable(),
});
export type PromptTask = z.infer<typeof promptTask>;

const trained = z.object({
  experiment: z.string(),
  run: z.string(),
  step: z.int().min(0),
  /** When it was exported. */
  created: z.iso.datetime(),
  checkpointSha256: sha256,
  /** Version of ULPT Lab that exported it. */
  ulpt: z.string(),
});

/** Of a prompt that another tool trained. */
const imported = z.object({
  imported: z.object({
    /** What it is there: `PEFT PROMPT_TUNING` */
    kind: z.string(),
    /** Name of the folder that it came from. */
    from: z.string(),
    /** Of the file with its numbers. */
    sha256,
  }),
  created: z.iso.datetime(),
  ulpt: z.string(),
});

const provenance = z.union([trained, imported]);
export type Provenance = z.infer<typeof provenance>;

const promptMetadata = z.object({
  format: z.literal("ulpt-prompt"),
  version: fileVersion,
  method: z.string(),
  promptLength: positive,
  rank: positive.optional(),
  hiddenSize: positive,
  /** What the method makes from seeds. */
  frozen: json(frozenRecords).optional(),
  /** What rebuilds the method. */
  settings: json(recordedMethod),
  /** Seed of the starting values. */
  seed: integer,
  /** The frozen model as the experiment named it, and the folder that its path starts at, relative to the workspace. */
  model: z.string().min(1).refine(isNoShare, "a network share is not opened"),
  directory: z.string().refine(isNoShare, "a network share is not opened"),
  /** Commit of the model on the Hub. */
  modelRevision: z.string().optional(),
  /** Of the model's weight files. */
  modelSha256: sha256,
  /** How those were quantised in training; left out of float32. */
  quantization: json(quantization).optional(),
  /** Of the embedding table as little-endian float32: equal for every file layout of the same model. */
  embeddingSha256: sha256,
  /** Of tokenizer.json. */
  tokenizerSha256: sha256,
  task: json(promptTask),
  metrics: jsonRecord,
  provenance: json(provenance),
});
/** What an exported prompt says about itself. In the file every value is a string. */
export type PromptMetadata = z.infer<typeof promptMetadata>;

/** Opening `\\server\share` sends the user's credentials there. */
function isNoShare(path: string): boolean {
  return !/^[\\/]{2}/.test(path);
}

export interface NewPrompt {
  tensors: Readonly<Record<string, CheckpointTensor>>;
  metadata: Omit<PromptMetadata, "format" | "version">;
}

export interface PromptFile {
  path: string;
  /** Of the file, without its extension. */
  name: string;
  bytes: number;
  sha256: string;
  metadata: PromptMetadata;
  /** How many numbers were trained. */
  parameters: number;
  tensors: Record<string, CheckpointTensor>;
  /** Whether a hash says that it is what was written: older versions wrote none. */
  checked: boolean;
}

/** `prompts/review.prompt.safetensors` → `review` */
export function promptName(path: string): string {
  return withoutExtension(basename(path));
}

function withoutExtension(name: string): string {
  const extension = [promptExtension, ".safetensors"].find((end) => name.endsWith(end)) ?? "";
  return name.slice(0, name.length - extension.length);
}

/**
 * Writes a prompt to the workspace's prompts. The name becomes a safe one, and one that is taken gets the suffix -2, -3, …
 * What killed exports left there is cleared away.
 * @throws UlptError RUN_UNWRITABLE, DISK_FULL; RUN_INVALID where the folder is a link
 */
export function writePrompt(workspace: string, name: string, prompt: NewPrompt): { path: string; bytes: number } {
  const metadata = z.encode(promptMetadata, { ...prompt.metadata, format: "ulpt-prompt", version: tensorFileVersion });
  const bytes = encodeTensorFile(prompt.tensors, presentOnly(metadata));
  const path = takeFreeName(workspace, name, "prompt", promptExtension, (free) =>
    createOwnFile(free, bytes, { tag: "prompt" }),
  );
  return { path, bytes: bytes.length };
}

/** A prompt as another tool reads it: the ending of its name, and its content or, for a folder, that of its files by name. */
export type SharedPrompt =
  | { extension: ".prompt_embeds.safetensors" | ".prompt_embeds.npy"; content: Uint8Array }
  | { extension: ".peft"; files: Readonly<Record<string, Uint8Array | string>> };

/** A folder that PEFT loads, or the tensor `prompt_embeds` as safetensors or for NumPy. */
export const sharedFormats = ["peft", "safetensors", "npy"] as const;
export type SharedFormat = (typeof sharedFormats)[number];

/** As `writePrompt`, for other tools. Of a folder the files appear in their order, so that the last says that it is whole. */
export function writeSharedPrompt(
  workspace: string,
  name: string,
  prompt: SharedPrompt,
): { path: string; bytes: number } {
  const { extension } = prompt;
  if ("content" in prompt) {
    const { content } = prompt;
    const path = takeFreeName(workspace, name, "sharedPrompt", extension, (free) =>
      createOwnFile(free, content, { tag: "prompt" }),
    );
    return { path, bytes: content.length };
  }
  const path = takeFreeName(workspace, name, "sharedPrompt", extension, createOwnFolder);
  try {
    let bytes = 0;
    for (const [file, content] of Object.entries(prompt.files)) {
      writeOwnFile(join(path, file), content, { tag: "prompt" });
      bytes += Buffer.byteLength(content);
    }
    return { path, bytes };
  } catch (error) {
    rmSync(path, { recursive: true, force: true });
    throw error;
  }
}

/** The first path among the workspace's prompts, with -2, -3, … where one is taken, that `take` could take. */
function takeFreeName(
  workspace: string,
  name: string,
  kind: "prompt" | "sharedPrompt",
  extension: string,
  take: (path: string) => boolean,
): string {
  const folder = promptsFolder(workspace);
  makeOwnFolders(folder);
  removeAbandonedOwn(folder);
  const safe = safeName(withoutExtension(name));
  for (let number = 1; ; number++) {
    const path = pathOf(folder, kind, (number === 1 ? safe : suffixedName(safe, number)) + extension);
    if (take(path)) return path;
  }
}

/** A prompt file that is not what it says. */
export function invalidPrompt(path: string, message: string, cause?: unknown): UlptError {
  return new UlptError("PROMPT_INVALID", message, {
    where: path,
    expected: "a prompt that this version of ULPT Lab exported",
    hint: "Export it again, or update ULPT Lab if a newer version wrote it.",
    cause,
  });
}

/** Whether the file at `path` says that it is an exported prompt. */
export function isPromptFile(path: string): boolean {
  try {
    return readHeader(path, ownBounds).metadata.format === "ulpt-prompt";
  } catch {
    return path.endsWith(promptExtension);
  }
}

const words = {
  what: "The prompt",
  damaged: "Export it again, or fetch it again from whoever has it.",
  diverged: "Export an earlier checkpoint, or train with a lower learning rate.",
};

/** Reads and validates an exported prompt. @throws UlptError PROMPT_INVALID; NOT_FINITE where its training diverged */
export function readPrompt(path: string): PromptFile {
  try {
    const file = readSharedTensorFile(path, words, maxFileBytes);
    if (!file) throw invalidPrompt(path, "The file does not exist.");
    const parsed = promptMetadata.safeParse(migrateMetadata(file.metadata));
    if (!parsed.success) {
      throw invalidPrompt(path, `The file is no prompt of this version: ${issueText(parsed.error)}.`, parsed.error);
    }
    const metadata = parsed.data;
    const tensors = float32Only(path, file.tensors);
    requireConsistent(path, metadata);
    return {
      path,
      name: promptName(path),
      bytes: file.bytes,
      sha256: file.sha256,
      metadata,
      parameters: Object.values(tensors).reduce((total, { data }) => total + data.length, 0),
      tensors,
      checked: file.checked,
    };
  } catch (error) {
    if (!(error instanceof UlptError)) throw invalidPrompt(path, messageOf(error), error);
    if (error.code === "PROMPT_INVALID" || error.code === "NOT_FINITE") throw error;
    throw refusedAs("PROMPT_INVALID", error);
  }
}

/** The facts agree with each other; whether the tensors are those of the method, whoever makes the prompt of them finds out. */
function requireConsistent(path: string, { method, settings, promptLength, rank }: PromptMetadata): void {
  if (method !== settings.name) throw invalidPrompt(path, "The method and its settings disagree.");
  if (rank !== ("rank" in settings ? settings.rank : undefined)) {
    throw invalidPrompt(path, "The rank and the settings disagree.");
  }
  const [problem] = methodRecord(settings.name).problems(settings, { promptLength });
  if (problem) throw invalidPrompt(path, `Its ${problem.setting.join(".")} ${problem.message}.`);
}
