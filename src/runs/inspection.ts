/**
 * @file What a prompt looks like from inside: facts, and for each of its tokens norm, nearest words, coordinates and how far
 * it moved. The runtime computes it (`training/inspect.ts`); an editor shows it. A checkpoint's is kept as one JSON file.
 */
import { createHash } from "node:crypto";
import { basename, dirname } from "node:path";
import { z } from "zod";
import { messageOf, UlptError } from "../errors.ts";
import { promptPositions } from "../experiment/schema.ts";
import { parseJson } from "../json.ts";
import { checkpointStep, inspectionPath, runOfCheckpoint } from "./layout.ts";
import { frozenRecords } from "./metadata.ts";
import { makeOwnFolder, readOwnFile, readPlainFile, writeOwnFile } from "./ownFiles.ts";

/** Raised when an inspection would say something else about the same file: kept ones are then computed again. */
const inspectionVersion = 3;

/** Up to this rank every coordinate of a token is told; above it, the largest. */
export const coordinatesShown = 16;
export const largestCoordinates = 8;
export const nearestShown = 3;

const count = z.int().min(0);
const real = z.number();
const indexed = z.object({ index: count, value: real });

const nearest = z.object({
  id: count,
  /** As in the vocabulary: `▁great`. */
  token: z.string(),
  /** Cosine similarity. */
  similarity: real,
});
export type NearestToken = z.infer<typeof nearest>;

const inspectedToken = z.object({
  /** ‖E_i‖ */
  norm: real,
  /** The words of the vocabulary in the most similar direction, best first; none for a row of zeros. */
  nearest: z.array(nearest),
  /** The token's row of the parameter with a row for each, as ULPT's Z; null for methods that have none. */
  coordinates: z
    .discriminatedUnion("kind", [
      z.object({ kind: z.literal("all"), norm: real, values: z.array(real) }),
      z.object({ kind: z.literal("largest"), norm: real, values: z.array(indexed) }),
    ])
    .nullable(),
  /** Since step 0; null of a prompt that another tool trained. */
  moved: z
    .object({
      /** ‖E_i − E_i(0)‖ */
      distance: real,
      /** Of E_i and E_i(0); null where one of them is zero. */
      cosine: real.nullable(),
      /** Nearest word at step 0. */
      nearestBefore: nearest.omit({ similarity: true }).nullable(),
      nearestChanged: z.boolean(),
    })
    .nullable(),
});
export type InspectedToken = z.infer<typeof inspectedToken>;

const vectorSummary = z.object({
  mean: real,
  /** Of the values themselves, not of a sample. */
  deviation: real,
  minimum: real,
  maximum: real,
  /** The dimensions farthest from where they began (a scale: 1, a shift: 0), farthest first. */
  top: z.array(indexed),
});
export type VectorSummary = z.infer<typeof vectorSummary>;

const inspection = z.object({
  version: z.literal(inspectionVersion),
  /** SHA-256 of the file. */
  sha256: z.string(),
  bytes: count,
  /** Whether the file carries a hash of itself, which is then right: older versions wrote none. */
  checked: z.boolean(),
  /** Of an exported prompt its name, else null. */
  prompt: z.string().nullable(),
  /** Of a prompt that another tool trained: what it is there, and the name that it had. Experiment and run are empty then. */
  imported: z.object({ kind: z.string(), from: z.string() }).nullable().default(null),
  experiment: z.string(),
  run: z.string(),
  step: count,
  method: z.string(),
  /** Null for methods that have none. */
  rank: z.int().min(1).nullable(),
  /** n */
  promptLength: z.int().min(1),
  promptPosition: z.enum(promptPositions).default("first"),
  /** d */
  hiddenSize: z.int().min(1),
  /** How many numbers are trained; all of the prompt's would be n·d. */
  parameters: count,
  model: z.object({ source: z.string(), sha256: z.string() }),
  /** What the method makes from seeds. */
  frozen: frozenRecords,
  /** Numbers by name, such as `score` (a fraction) and `loss`. */
  metrics: z.record(z.string(), real),
  /** One for each vector among the model's embeddings that the method has, which are mostly the tokens of the prompt, in order. */
  tokens: z.array(inspectedToken),
  /** Parameters that are vectors over the dimensions, by name. */
  vectors: z.record(z.string(), vectorSummary),
  /** Null of a prompt that another tool trained. */
  sinceStart: z
    .object({
      meanDistance: real,
      largestDistance: real,
      /** The token that moved the farthest. */
      farthest: count,
      meanCosine: real.nullable(),
      nearestChanged: count,
    })
    .nullable(),
  /** The vectors of the tokens, row-major float32 `[tokens, d]` little-endian in base64: what distances between two inspections are computed from. */
  embeddings: z.base64(),
});
export type Inspection = z.infer<typeof inspection>;

export function newInspection(
  content: Omit<Inspection, "version" | "imported" | "promptPosition"> & Partial<Inspection>,
): Inspection {
  return { imported: null, promptPosition: "first", ...content, version: inspectionVersion };
}

/** The vectors of its tokens, row by row. `[tokens, d]` */
export function embeddingsOf({ embeddings, tokens, hiddenSize }: Inspection): Float32Array {
  const bytes = Buffer.from(embeddings, "base64");
  const values = new Float32Array(tokens.length * hiddenSize);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0; i < values.length; i++) values[i] = view.getFloat32(4 * i, true);
  return values;
}

/** As `Inspection.embeddings` holds them. */
export function encodeEmbeddings(values: Float32Array): string {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeFloatLE(value, 4 * i);
  return bytes.toString("base64");
}

/** Far above any checkpoint or prompt, and any inspection of one. */
const maxFileBytes = 2 ** 30;
const maxInspectionBytes = 256 * 2 ** 20;

/** Size and SHA-256 of a checkpoint or prompt file. @throws UlptError CHECKPOINT_INVALID */
export function fingerprint(path: string): { bytes: number; sha256: string } {
  const content = readFingerprinted(path);
  if (content) return { bytes: content.length, sha256: createHash("sha256").update(content).digest("hex") };
  throw new UlptError("CHECKPOINT_INVALID", "The file does not exist.", {
    where: path,
    expected: "a checkpoint or an exported prompt",
    hint: "It may have been deleted: choose another one.",
  });
}

function readFingerprinted(path: string): Buffer | null {
  try {
    return readPlainFile(path, maxFileBytes);
  } catch (error) {
    const { expected, hint } = error instanceof UlptError ? error : { expected: undefined, hint: undefined };
    throw new UlptError("CHECKPOINT_INVALID", messageOf(error), {
      where: path,
      expected: expected ?? "a checkpoint or an exported prompt",
      hint: hint ?? "Check the path and its permissions.",
      cause: error,
    });
  }
}

/** Where the inspection of a checkpoint is kept; undefined of a file that is none by its name. */
function keptPath(checkpoint: string): string | undefined {
  const step = checkpointStep(basename(checkpoint));
  return step === undefined ? undefined : inspectionPath(runOfCheckpoint(checkpoint), step);
}

/** The kept inspection of a checkpoint whose content has this SHA-256; undefined where there is none that can be used. */
export function readInspection(checkpoint: string, sha256: string): Inspection | undefined {
  try {
    const path = keptPath(checkpoint);
    const content = path && readOwnFile(path, maxInspectionBytes);
    if (!content) return undefined;
    const { data } = inspection.safeParse(parseJson(content.toString("utf8")));
    const usable = data?.sha256 === sha256 && holdsEmbeddings(data);
    return usable ? data : undefined;
  } catch {
    return undefined;
  }
}

function holdsEmbeddings({ embeddings, tokens, hiddenSize }: Inspection): boolean {
  return Buffer.byteLength(embeddings, "base64") === 4 * tokens.length * hiddenSize;
}

/** Keeps the inspection of a checkpoint. Whether that works or not: it can be computed again. */
export function keepInspection(checkpoint: string, content: Inspection): void {
  const path = keptPath(checkpoint);
  if (path === undefined) return;
  try {
    makeOwnFolder(dirname(path)); // a run that was deleted stays deleted
    writeOwnFile(path, `${JSON.stringify(content)}\n`, { tag: "inspection" });
  } catch {}
}
