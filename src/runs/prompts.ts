/**
 * @file Exported prompts: `<workspace>/prompts/<name>.prompt.safetensors`, a few KB that hold the trained parameters and all
 * that is needed to use them, with the model, elsewhere. Somebody else may have made the file: it is checked before it is used.
 */
import { createHash } from "node:crypto";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { z } from "zod";
import { messageOf, systemErrorCode, UlptError } from "../errors.ts";
import { recordedMethod } from "../experiment/recorded.ts";
import { asWriteError, writeFileAtomic } from "../formats/atomic.ts";
import { encodeSafetensors, ownBounds, readFloats, readHeader } from "../formats/safetensors.ts";
import type { CheckpointTensor } from "./checkpoints.ts";
import { integer, json, jsonRecord, positive, presentOnly, projectionMetadata } from "./metadata.ts";
import { safeName, suffixedName } from "./names.ts";
import { issueText } from "./schema.ts";

export const promptExtension = ".prompt.safetensors";
const promptVersion = 1;

/** The largest real prompt is some megabytes: vanilla, 100 tokens of a model 16384 wide. */
const maxFileBytes = 64 * 2 ** 20;
/** Frozen projections that a file may ask for, in numbers: 512 MB. */
const maxProjectionSize = 2 ** 27;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "expected a SHA-256");

/** How a text becomes what the model reads, and what the answers are. */
const promptTask = z.object({
  template: z.string(),
  target: z.string(),
  /** The valid answers, where the experiment named them. */
  labels: z.array(z.string()).optional(),
  maxSourceLength: z.int().min(1),
  maxNewTokens: z.int().min(1).nullable(),
});
export type PromptTask = z.infer<typeof promptTask>;

const provenance = z.object({
  experiment: z.string(),
  run: z.string(),
  step: z.int().min(0),
  /** When it was exported. */
  created: z.iso.datetime(),
  checkpointSha256: sha256,
  /** Version of ULPT Lab that exported it. */
  ulpt: z.string(),
});
export type Provenance = z.infer<typeof provenance>;

const promptMetadata = z.object({
  format: z.literal("ulpt-prompt"),
  version: integer.refine((version) => version === promptVersion, `expected version ${promptVersion}`),
  method: z.string(),
  promptLength: positive,
  rank: positive.optional(),
  hiddenSize: positive,
  ...projectionMetadata,
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
}

export function promptsFolder(workspace: string): string {
  return join(workspace, "prompts");
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
 * @throws UlptError RUN_UNWRITABLE, DISK_FULL
 */
export function writePrompt(workspace: string, name: string, prompt: NewPrompt): { path: string; bytes: number } {
  const metadata = z.encode(promptMetadata, { ...prompt.metadata, format: "ulpt-prompt", version: promptVersion });
  const bytes = encodeSafetensors(prompt.tensors, presentOnly(metadata));
  const folder = promptsFolder(workspace);
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw asWriteError(error, folder);
  }
  const path = reserveFile(folder, safeName(withoutExtension(name)));
  try {
    writeFileAtomic(path, bytes, { tag: "prompt" });
  } catch (error) {
    rmSync(path, { force: true }); // the reserved name
    throw error;
  }
  return { path, bytes: bytes.length };
}

/** Creating a file that exists fails, so a prompt that is there is never overwritten. */
function reserveFile(folder: string, name: string): string {
  for (let number = 1; ; number++) {
    const path = join(folder, (number === 1 ? name : suffixedName(name, number)) + promptExtension);
    try {
      closeSync(openSync(path, "wx"));
      return path;
    } catch (error) {
      if (systemErrorCode(error) !== "EEXIST") throw asWriteError(error, path);
    }
  }
}

function invalid(path: string, message: string, cause?: unknown): UlptError {
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

/** Reads and validates an exported prompt. @throws UlptError PROMPT_INVALID */
export function readPrompt(path: string): PromptFile {
  try {
    const bytes = statSync(path).size;
    if (bytes > maxFileBytes) throw invalid(path, `The file has ${bytes} bytes, too many for a prompt.`);
    const header = readHeader(path, ownBounds);
    const parsed = promptMetadata.safeParse(header.metadata);
    if (!parsed.success) {
      throw invalid(path, `The file is no prompt of this version: ${issueText(parsed.error)}.`, parsed.error);
    }
    const metadata = parsed.data;
    const tensors: Record<string, CheckpointTensor> = Object.create(null);
    for (const [name, entry] of header.tensors) tensors[name] = { shape: entry.shape, data: readFloats(path, entry) };
    requireConsistent(path, metadata, tensors);
    return {
      path,
      name: promptName(path),
      bytes,
      sha256: createHash("sha256").update(readFileSync(path)).digest("hex"),
      metadata,
      parameters: Object.values(tensors).reduce((total, { data }) => total + data.length, 0),
      tensors,
    };
  } catch (error) {
    if (error instanceof UlptError && error.code === "PROMPT_INVALID") throw error;
    const missing = systemErrorCode(error) === "ENOENT";
    const where = error instanceof UlptError ? error.where : undefined;
    throw invalid(where ?? path, missing ? "The file does not exist." : messageOf(error), error);
  }
}

/** The facts agree with each other and with the tensors, and ask for no more memory than a real prompt. */
function requireConsistent(path: string, metadata: PromptMetadata, tensors: PromptFile["tensors"]): void {
  const { settings, promptLength, hiddenSize, rank } = metadata;
  if (metadata.method !== settings.name) throw invalid(path, "The method and its settings disagree.");
  const shapes: Record<string, number[]> = {};
  if (settings.name === "ulpt") {
    const { groups } = settings.projection;
    if (rank !== settings.rank) throw invalid(path, "The rank and the settings disagree.");
    if (promptLength % groups !== 0) throw invalid(path, `${groups} groups do not divide ${promptLength} tokens.`);
    if (groups * rank * hiddenSize > maxProjectionSize) {
      throw invalid(path, `Its projection of ${groups} × ${rank} × ${hiddenSize} numbers is too large.`);
    }
    shapes.z = [promptLength, rank];
    if (settings.scale) shapes.scale = [hiddenSize];
    if (settings.shift) shapes.shift = [hiddenSize];
  } else {
    shapes.prompt_embeddings = [promptLength, hiddenSize];
  }
  const text = (all: Readonly<Record<string, readonly number[]>>) =>
    Object.keys(all)
      .sort()
      .map((name) => `${name} [${all[name]}]`)
      .join(", ");
  const found = text(Object.fromEntries(Object.entries(tensors).map(([name, { shape }]) => [name, shape])));
  if (found !== text(shapes)) throw invalid(path, `It holds ${found || "no tensors"}, expected ${text(shapes)}.`);
}
