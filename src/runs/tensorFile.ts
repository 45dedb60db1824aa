/**
 * @file The safetensors files that ULPT Lab writes: checkpoints, training states, exported prompts. Each carries a hash of
 * itself, so that one flipped bit is found, and each is read whole: what is checked is what is used. All who load one of them
 * come through here, so here it is seen that its numbers are numbers.
 */
import { createHash } from "node:crypto";
import { UlptError } from "../errors.ts";
import {
  decodeFloats,
  encodeSafetensors,
  ownBounds,
  parseSafetensors,
  type SafetensorsHeader,
  type TensorData,
  type TensorEntry,
} from "../formats/safetensors.ts";
import { integer } from "./metadata.ts";
import { readOwnFile, readPlainFile } from "./ownFiles.ts";

/** Version of the files that are written. Those of version 1 have no hash, those of version 2 tell of what is frozen otherwise. */
export const tensorFileVersion = 3;
const hashedSince = 2;

/** The version as their metadata has it. */
export const fileVersion = integer.refine(
  (version) => version >= 1 && version <= tensorFileVersion,
  `expected version ${tensorFileVersion} or an older one`,
);

export interface OwnTensor {
  shape: readonly number[];
  data: Float32Array | Float64Array | BigInt64Array;
}

export interface Float32Tensor extends OwnTensor {
  data: Float32Array;
}

export interface TensorFile {
  metadata: Readonly<Record<string, string>>;
  tensors: Record<string, OwnTensor>;
  bytes: number;
  /** Of the file. */
  sha256: string;
  /** Whether its hash was checked: an older version wrote none. */
  checked: boolean;
}

const hashKey = "sha256";
const noHash = "0".repeat(64);

/** `"sha256":"…"` in a header. Within a value its quotes are escaped, so that this is nothing else. */
function hashField(sha256: string): string {
  return `"${hashKey}":"${sha256}"`;
}

/** The bytes of a file: its metadata's `sha256` is that of the file with zeros in its place. */
export function encodeTensorFile(
  tensors: Readonly<Record<string, TensorData>>,
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const bytes = Buffer.from(encodeSafetensors(tensors, { ...metadata, [hashKey]: noHash }));
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  bytes.write(hashField(sha256), bytes.indexOf(hashField(noHash)), "latin1");
  return bytes;
}

/** What to say of a file that cannot be used. */
export interface TensorFileWords {
  /** `The checkpoint` */
  what: string;
  /** What to do where it is damaged. */
  damaged: string;
  /** What to do where its training diverged. */
  diverged: string;
}

/**
 * Reads a file that lies in a run of ours; null where there is none.
 * @throws UlptError CHECKPOINT_INVALID where its hash is not that of its content, NOT_FINITE where a number is none,
 *   SAFETENSORS_INVALID, RUN_INVALID; the system's errors
 */
export function readTensorFile(path: string, words: TensorFileWords): TensorFile | null {
  const content = readOwnFile(path, ownBounds.fileBytes);
  return content && decode(content, path, words);
}

/** As `readTensorFile`, of a file that may lie anywhere. */
export function readSharedTensorFile(path: string, words: TensorFileWords, maxBytes: number): TensorFile | null {
  const content = readPlainFile(path, maxBytes);
  return content && decode(content, path, words);
}

function decode(content: Buffer, path: string, words: TensorFileWords): TensorFile {
  const header = parseSafetensors(content, path, ownBounds);
  const sha256 = createHash("sha256").update(content).digest("hex");
  const checked = checkHash(content, header, words);
  const tensors: Record<string, OwnTensor> = Object.create(null);
  for (const [name, entry] of header.tensors) {
    const data = elementsOf(content, path, entry);
    requireFinite(data, `${path}, tensor "${name}"`, words);
    tensors[name] = { shape: entry.shape, data };
  }
  return { metadata: header.metadata, tensors, bytes: content.length, sha256, checked };
}

/** Whether there is a hash, which then is right. @throws UlptError CHECKPOINT_INVALID */
function checkHash(
  content: Buffer,
  { path, metadata }: SafetensorsHeader,
  { what, damaged }: TensorFileWords,
): boolean {
  const recorded = metadata[hashKey];
  const version = Number(metadata.version);
  if (version > tensorFileVersion) return false; // a newer one, which is said by whoever reads the metadata
  if (recorded === undefined && !(version >= hashedSince)) return false;
  const position = content.indexOf(hashField(recorded ?? ""));
  const hash = createHash("sha256");
  if (position >= 0) {
    hash.update(content.subarray(0, position)).update(hashField(noHash));
    hash.update(content.subarray(position + hashField(noHash).length));
  }
  const found = hash.digest("hex");
  if (found === recorded) return true;
  throw new UlptError("CHECKPOINT_INVALID", `${what} is damaged: its content is not what was written.`, {
    where: path,
    expected: `content with sha256 ${recorded ?? "in its metadata"}`,
    hint: damaged,
  });
}

function elementsOf(content: Buffer, path: string, entry: TensorEntry): OwnTensor["data"] {
  const bytes = content.subarray(entry.offset, entry.offset + entry.byteLength);
  if (entry.dtype !== "F64" && entry.dtype !== "I64") return decodeFloats(bytes, path, entry);
  const aligned = new Uint8Array(bytes).buffer; // a copy: eight bytes begin at a multiple of eight
  return entry.dtype === "F64" ? new Float64Array(aligned) : new BigInt64Array(aligned);
}

/** The tensors of a file that holds parameters only, which are float32. @throws UlptError SAFETENSORS_INVALID */
export function float32Only(path: string, tensors: TensorFile["tensors"]): Record<string, Float32Tensor> {
  const parameters: Record<string, Float32Tensor> = Object.create(null);
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    if (!(data instanceof Float32Array)) {
      throw new UlptError("SAFETENSORS_INVALID", "The tensor holds no float32 numbers.", {
        where: `${path}, tensor "${name}"`,
        expected: "F32, F16 or BF16",
        hint: "Something other than ULPT Lab wrote the file.",
      });
    }
    parameters[name] = { shape, data };
  }
  return parameters;
}

/** @throws UlptError NOT_FINITE */
export function requireFinite(data: OwnTensor["data"], where: string, { what, diverged }: TensorFileWords): void {
  if (data instanceof BigInt64Array || data.every(Number.isFinite)) return;
  throw new UlptError("NOT_FINITE", `${what} has numbers that are not finite: its training diverged.`, {
    where,
    expected: "finite numbers",
    hint: diverged,
  });
}
