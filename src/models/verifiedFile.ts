/**
 * @file A safetensors file that is made of a model's weights and kept beside the Hub's cache: its metadata say of what it was made and
 * have the hash of its content, so that one that is cut off, changed or of other weights is known when it is opened.
 */
import { createHash, type Hash } from "node:crypto";
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { UlptError } from "../errors.ts";
import { asWriteError, removeQuietly, writeFully } from "../formats/atomic.ts";
import { filePieces } from "../formats/filePieces.ts";
import { removeAbandoned, temporaryName } from "../formats/maker.ts";
import { readHeader, readTensorBytes, type TensorEntry } from "../formats/safetensors.ts";

/** A tensor of the weights that is kept as it is. */
export interface KeptTensor {
  path: string;
  entry: TensorEntry;
}

export interface TensorSizes {
  dtype: string;
  shape: readonly number[];
  bytes: number;
}

/** The head of a file, and every tensor's place. */
export interface FileLayout {
  head: Buffer;
  /** What its metadata say beside the hash of its content; `weights` is the hash of what it is made of. */
  facts: Readonly<Record<string, string>>;
  entries: ReadonlyMap<string, TensorEntry>;
  size: number;
}

/** Stands in the header for the hash of the content, which covers the header with it. */
const noHash = "0".repeat(64);
/** Where tensors begin: a multiple of so many bytes. */
const alignment = 64;

export function layoutOf(
  facts: Readonly<Record<string, string>>,
  tensors: ReadonlyMap<string, TensorSizes>,
): FileLayout {
  const header: Record<string, unknown> = { __metadata__: { ...facts, content: noHash } };
  const places = new Map<string, number>();
  let end = 0;
  for (const [name, { dtype, shape, bytes }] of tensors) {
    header[name] = { dtype, shape, data_offsets: [end, end + bytes] };
    places.set(name, end);
    end += bytes;
  }
  const text = JSON.stringify(header);
  const length = alignment * Math.ceil((8 + Buffer.byteLength(text)) / alignment);
  const head = Buffer.alloc(length, " ");
  head.writeBigUInt64LE(BigInt(length - 8));
  head.write(text, 8);
  const entries = [...tensors].map(([name, { dtype, shape, bytes }]): [string, TensorEntry] => [
    name,
    { name, dtype, shape, offset: length + places.get(name)!, byteLength: bytes },
  ]);
  return { head, facts, entries: new Map(entries), size: length + end };
}

/**
 * What is wrong with the file at `path`, for people; undefined where it is whole, and the one that `layout` is of. Reads all of it.
 * @throws the signal's reason when aborted
 */
export async function faultIn(
  path: string,
  { head, facts, size }: FileLayout,
  signal?: AbortSignal,
): Promise<string | undefined> {
  let header: ReturnType<typeof readHeader>;
  try {
    header = readHeader(path);
  } catch (error) {
    if (error instanceof UlptError) return `are damaged (${error.message})`;
    throw error;
  }
  const { content: written = "" } = header.metadata;
  if (header.metadata.weights !== facts.weights) return "are those of other weights";
  if (Object.entries(facts).some(([key, fact]) => header.metadata[key] !== fact)) return "were made by another recipe";
  const hash = createHash("sha256");
  let position = 0;
  for await (const bytes of filePieces(path)) {
    signal?.throwIfAborted();
    // Of the head, what this version would write: then a changed header cannot lead to other bytes.
    if (position < head.length) {
      const expected = withHash(head, written).subarray(position, Math.min(head.length, position + bytes.length));
      if (!expected.equals(bytes.subarray(0, expected.length))) return "have been changed";
      hash.update(head.subarray(position, position + expected.length));
      hash.update(bytes.subarray(expected.length));
    } else hash.update(bytes);
    position += bytes.length;
  }
  if (position !== size) return "have been cut off, or added to";
  return hash.digest("hex") === written ? undefined : "have been changed";
}

/** The head of the file with the hash of its content, which has as many characters as what stands for it. */
function withHash(head: Buffer, hash: string): Buffer {
  const copy = Buffer.from(head);
  copy.write(
    hash.padEnd(noHash.length).slice(0, noHash.length),
    head.indexOf(`"content":"${noHash}"`) + '"content":"'.length,
  );
  return copy;
}

export interface WriteOptions {
  signal?: AbortSignal | undefined;
  /** Bytes of the file so far, and in all. */
  onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * Writes the head, lets `fill` write the tensors in their order, and puts the file in its place once it is whole and on the disk.
 * @throws DISK_FULL, RUN_UNWRITABLE; what `fill` throws; the signal's reason when aborted, and nothing stays
 */
export async function writeVerified(
  path: string,
  { head, size }: FileLayout,
  options: WriteOptions,
  fill: (writer: Writer) => Promise<void>,
): Promise<void> {
  const folder = dirname(path);
  const temporary = join(folder, temporaryName(basename(path), "quantize"));
  try {
    mkdirSync(folder, { recursive: true });
    removeAbandoned(folder);
    const writer = new Writer(openSync(temporary, "wx"), size, options);
    try {
      await writer.add(head);
      await fill(writer);
      writer.finish(head);
    } finally {
      closeSync(writer.descriptor);
    }
    renameSync(temporary, path);
  } catch (error) {
    removeQuietly(temporary);
    throw asWriteError(error, path);
  }
}

export class Writer {
  readonly descriptor: number;
  private readonly hash: Hash = createHash("sha256");
  private readonly size: number;
  private readonly options: WriteOptions;
  private done = 0;

  constructor(descriptor: number, size: number, options: WriteOptions) {
    this.descriptor = descriptor;
    this.size = size;
    this.options = options;
  }

  async add(bytes: Uint8Array): Promise<void> {
    await this.breathe();
    writeFully(this.descriptor, bytes);
    this.hash.update(bytes);
    this.done += bytes.byteLength;
    this.options.onProgress?.(this.done, this.size);
  }

  /** Lets signals and timers through. @throws the signal's reason when aborted */
  async breathe(): Promise<void> {
    await new Promise(setImmediate);
    this.options.signal?.throwIfAborted();
  }

  /** Puts the hash of all that was written into the head, and the file onto the disk. */
  finish(head: Buffer): void {
    const whole = withHash(head, this.hash.digest("hex"));
    for (let done = 0; done < whole.length; )
      done += writeSync(this.descriptor, whole, done, whole.length - done, done);
    fsyncSync(this.descriptor);
  }
}

/** So many bytes of a tensor are read at a time. */
const copiedBytes = 2 ** 24;

export async function copyTensor(path: string, entry: TensorEntry, writer: Writer): Promise<void> {
  for (let start = 0; start < entry.byteLength; start += copiedBytes) {
    await writer.add(readTensorBytes(path, entry, start, Math.min(copiedBytes, entry.byteLength - start)));
  }
}

export function bytesOf({ buffer, byteOffset, byteLength }: Float32Array | Int8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
