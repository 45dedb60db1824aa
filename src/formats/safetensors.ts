/**
 * @file The safetensors container (https://huggingface.co/docs/safetensors): eight bytes of header length, a JSON header,
 * then raw little-endian tensors. A file is untrusted input: every size and offset is checked before it is used.
 */
import { closeSync, readSync } from "node:fs";
import { messageOf, systemErrorCode, UlptError } from "../errors.ts";
import { parseJson } from "../json.ts";
import { longestPointer, refuseLfsPointer } from "./lfsPointer.ts";
import { openUnwaiting } from "./regularFile.ts";

const bytesPerElement = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
  F8_E4M3: 1,
} as const;

export type Dtype = keyof typeof bytesPerElement;

export interface TensorEntry {
  name: string;
  /** One of `Dtype`, or of a type that is not read here, such as F8_E5M2: other tensors of its file can be used all the same. */
  dtype: string;
  shape: readonly number[];
  /** Where its bytes begin, counted from the start of the file. */
  offset: number;
  byteLength: number;
}

export interface SafetensorsHeader {
  path: string;
  tensors: ReadonlyMap<string, TensorEntry>;
  metadata: Readonly<Record<string, string>>;
}

/** How large a file may be of which the header is read, so that reading it takes a moment and little memory. */
export interface HeaderBounds {
  headerBytes: number;
  tensors: number;
  fileBytes: number;
}

/** Files of models: hundreds of thousands of tensors would not be one of these; the reference implementation takes 100 MB. */
const modelBounds: HeaderBounds = { headerBytes: 2 ** 25, tensors: 200_000, fileBytes: Number.MAX_SAFE_INTEGER };

/** Files that this project writes, checkpoints and prompts: a handful of small tensors. The extension host reads them. */
export const ownBounds: HeaderBounds = { headerBytes: 2 ** 20, tensors: 1_000, fileBytes: 2 ** 30 };

function invalid(where: string, message: string, expected?: string): UlptError {
  return new UlptError("SAFETENSORS_INVALID", message, {
    where,
    expected,
    hint: "The file is damaged or incomplete: download or export it again.",
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Names of types, those of later versions of the format too. */
const dtypeName = /^[A-Z][A-Z0-9_]{0,31}$/;

function isDtype(dtype: string): dtype is Dtype {
  return Object.hasOwn(bytesPerElement, dtype);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** Reads and checks the header of the safetensors file at `path`; no tensor is read. @throws SAFETENSORS_INVALID */
export function readHeader(path: string, bounds = modelBounds): SafetensorsHeader {
  return withFile(path, (descriptor, fileSize) =>
    headerOf(path, fileSize, bounds, (position, length) => readBytes(descriptor, path, position, length)),
  );
}

/** As `readHeader`, of a file that was read whole; `path` is for errors. The offsets of its tensors are those in `content`. */
export function parseSafetensors(content: Buffer, path: string, bounds: HeaderBounds): SafetensorsHeader {
  return headerOf(path, content.length, bounds, (position, length) => content.subarray(position, position + length));
}

function headerOf(
  path: string,
  fileSize: number,
  bounds: HeaderBounds,
  read: (position: number, length: number) => Buffer,
): SafetensorsHeader {
  if (fileSize > bounds.fileBytes)
    throw invalid(path, `The file has ${fileSize} bytes.`, `at most ${bounds.fileBytes} for a file of its kind`);
  refuseLfsPointer(read(0, Math.min(fileSize, longestPointer)), path, "SAFETENSORS_INVALID");
  if (fileSize < 8) throw invalid(path, `The file has ${fileSize} bytes, too few for a safetensors header.`);
  const headerLength = read(0, 8).readBigUInt64LE();
  if (headerLength > BigInt(fileSize - 8)) {
    throw invalid(
      path,
      `The header claims ${headerLength} bytes, but the file has only ${fileSize - 8} after its length.`,
    );
  }
  if (headerLength > BigInt(bounds.headerBytes)) {
    throw invalid(path, `The header claims ${headerLength} bytes.`, `at most ${bounds.headerBytes}`);
  }
  const length = Number(headerLength);
  const header = parseHeader(read(8, length).toString("utf8"), 8 + length, fileSize, path);
  if (header.tensors.size > bounds.tensors)
    throw invalid(path, `The header names ${header.tensors.size} tensors.`, `at most ${bounds.tensors}`);
  return header;
}

function parseHeader(text: string, dataStart: number, fileSize: number, path: string): SafetensorsHeader {
  let json: unknown;
  try {
    json = parseJson(text);
  } catch (error) {
    throw invalid(path, `The header is not JSON (${messageOf(error)}).`);
  }
  if (!isRecord(json)) throw invalid(path, "The header is not a JSON object.");

  const metadata: Record<string, string> = Object.create(null);
  const tensors = new Map<string, TensorEntry>();
  for (const [name, value] of Object.entries(json)) {
    if (name === "__metadata__") {
      if (!isRecord(value)) throw invalid(path, "__metadata__ is not an object.", "an object of strings");
      for (const [key, entry] of Object.entries(value)) {
        if (typeof entry !== "string") throw invalid(path, `__metadata__.${key} is not a string.`);
        metadata[key] = entry;
      }
    } else {
      tensors.set(name, parseEntry(name, value, dataStart, fileSize, path));
    }
  }
  rejectOverlaps(tensors, path);
  return { path, tensors, metadata };
}

function parseEntry(name: string, value: unknown, dataStart: number, fileSize: number, path: string): TensorEntry {
  const where = `${path}, tensor "${name}"`;
  if (!isRecord(value)) throw invalid(where, "The tensor's entry is not an object.");
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== "string" || !dtypeName.test(dtype)) {
    throw invalid(where, `The dtype ${JSON.stringify(dtype)} is none.`, Object.keys(bytesPerElement).join(", "));
  }
  if (!Array.isArray(shape) || !shape.every(isCount)) {
    throw invalid(where, `The shape ${JSON.stringify(shape)} is not a list of sizes.`);
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    throw invalid(where, `data_offsets ${JSON.stringify(offsets)} is not a pair of byte positions.`);
  }
  const [begin, end] = offsets as [number, number];
  if (end < begin || dataStart + end > fileSize) {
    throw invalid(
      where,
      `Its bytes ${begin} to ${end} are out of range: the file holds ${fileSize - dataStart} bytes of tensors.`,
    );
  }
  const byteLength = end - begin;
  if (isDtype(dtype)) {
    const needed = shape.reduce((product: number, size: number) => product * size, bytesPerElement[dtype]);
    if (needed !== byteLength) {
      throw invalid(where, `${dtype} ${JSON.stringify(shape)} takes ${needed} bytes, but ${byteLength} are given.`);
    }
  }
  return { name, dtype, shape, offset: dataStart + begin, byteLength };
}

function rejectOverlaps(tensors: ReadonlyMap<string, TensorEntry>, path: string): void {
  const ordered = [...tensors.values()].filter((entry) => entry.byteLength > 0).sort((a, b) => a.offset - b.offset);
  for (const [index, entry] of ordered.entries()) {
    const previous = ordered[index - 1];
    if (previous && previous.offset + previous.byteLength > entry.offset) {
      throw invalid(path, `The tensors "${previous.name}" and "${entry.name}" overlap.`);
    }
  }
}

/** The raw bytes of one tensor, or of `length` bytes at `start` within it. */
export function readTensorBytes(
  path: string,
  entry: TensorEntry,
  start = 0,
  length = entry.byteLength - start,
): Buffer {
  if (start < 0 || length < 0 || start + length > entry.byteLength) {
    throw new RangeError(`Bytes ${start} to ${start + length} lie outside of tensor "${entry.name}".`);
  }
  return withFile(path, (descriptor) => readBytes(descriptor, path, entry.offset + start, length));
}

/** How a float tensor is read: bytes of an element, and the element at an index. @throws SAFETENSORS_INVALID */
function floatFormat(path: string, { name, dtype }: TensorEntry) {
  const read = isDtype(dtype) ? floatReaders[dtype] : undefined;
  if (isDtype(dtype) && read) return { size: bytesPerElement[dtype], read };
  throw invalid(`${path}, tensor "${name}"`, `${dtype} is not a float type that is read here.`, "F32, F16 or BF16");
}

/** The elements of a float tensor (F64, F32, F16, BF16, F8_E4M3) as float32; for part of it give `start` and `count` in elements. */
export function readFloats(path: string, entry: TensorEntry, start = 0, count?: number): Float32Array {
  const { size } = floatFormat(path, entry);
  const elements = count ?? entry.byteLength / size - start;
  return decodeFloats(readTensorBytes(path, entry, start * size, elements * size), path, entry);
}

/** The elements of a float tensor, or of a part of it, out of their bytes. */
export function decodeFloats(bytes: Buffer, path: string, entry: TensorEntry): Float32Array {
  const { size, read } = floatFormat(path, entry);
  const elements = bytes.byteLength / size;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const out = new Float32Array(elements);
  if (entry.dtype === "F32") new Uint8Array(out.buffer).set(bytes);
  else for (let i = 0; i < elements; i++) out[i] = read(view, i);
  return out;
}

/** The elements of an I64 tensor. */
export function readIntegers(path: string, entry: TensorEntry): BigInt64Array {
  if (entry.dtype !== "I64") throw invalid(`${path}, tensor "${entry.name}"`, `${entry.dtype} is not I64.`, "I64");
  const bytes = readTensorBytes(path, entry);
  return new BigInt64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

const floatReaders: Partial<Record<Dtype, (view: DataView, index: number) => number>> = {
  F64: (view, index) => view.getFloat64(index * 8, true),
  F32: (view, index) => view.getFloat32(index * 4, true),
  F16: (view, index) => halfToNumber(view.getUint16(index * 2, true)),
  BF16: (view, index) => {
    scratch.setUint32(0, view.getUint16(index * 2, true) << 16);
    return scratch.getFloat32(0);
  },
  F8_E4M3: (view, index) => eightBitsToNumber(view.getUint8(index)),
};

const scratch = new DataView(new ArrayBuffer(4));

function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Of four bits of exponent and three of fraction, without infinities: "FP8 Formats for Deep Learning" (arXiv 2209.05433), table 1. */
function eightBitsToNumber(bits: number): number {
  const sign = bits & 0x80 ? -1 : 1;
  const exponent = (bits >> 3) & 0xf;
  const fraction = bits & 7;
  if (exponent === 15 && fraction === 7) return Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -9;
  return sign * (1 + fraction / 8) * 2 ** (exponent - 7);
}

/** A tensor to be written; a Uint16Array holds the bits of bfloat16 numbers. */
export interface TensorData {
  shape: readonly number[];
  data: Float32Array | Float64Array | BigInt64Array | Int32Array | Uint32Array | Uint16Array | Uint8Array;
}

/** The bytes of a safetensors file. The same content always gives the same bytes: tensors and metadata are sorted by name. */
export function encodeSafetensors(
  tensors: Readonly<Record<string, TensorData>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const header: Record<string, unknown> = {};
  const metadataKeys = Object.keys(metadata).sort();
  if (metadataKeys.length) header.__metadata__ = Object.fromEntries(metadataKeys.map((key) => [key, metadata[key]]));
  const names = Object.keys(tensors).sort();
  let end = 0;
  for (const name of names) {
    const { shape, data } = tensors[name]!;
    const elements = shape.reduce((product, size) => product * size, 1);
    if (elements !== data.length) throw new RangeError(`"${name}": ${data.length} elements for shape [${shape}].`);
    header[name] = { dtype: dtypeOf(data), shape, data_offsets: [end, end + data.byteLength] };
    end += data.byteLength;
  }
  let text = JSON.stringify(header);
  text += " ".repeat((8 - (Buffer.byteLength(text) % 8)) % 8); // tensors begin at a multiple of eight bytes
  const headerBytes = Buffer.from(text, "utf8");
  const out = Buffer.alloc(8 + headerBytes.length + end);
  out.writeBigUInt64LE(BigInt(headerBytes.length));
  headerBytes.copy(out, 8);
  let position = 8 + headerBytes.length;
  for (const name of names) {
    const { data } = tensors[name]!;
    out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), position);
    position += data.byteLength;
  }
  return out;
}

function dtypeOf(data: TensorData["data"]): Dtype {
  if (data instanceof Float32Array) return "F32";
  if (data instanceof Float64Array) return "F64";
  if (data instanceof BigInt64Array) return "I64";
  if (data instanceof Int32Array) return "I32";
  if (data instanceof Uint32Array) return "U32";
  if (data instanceof Uint16Array) return "BF16";
  return "U8";
}

/** Opens a file to read tensors out of it; whoever asks closes the descriptor. @throws SAFETENSORS_INVALID */
export function openTensors(path: string): { descriptor: number; size: number } {
  let opened: ReturnType<typeof openUnwaiting>;
  try {
    opened = openUnwaiting(path);
  } catch (error) {
    const missing = systemErrorCode(error) === "ENOENT";
    throw new UlptError("SAFETENSORS_INVALID", missing ? "The file does not exist." : messageOf(error), {
      where: path,
      expected: "a readable safetensors file",
      hint: "Check the path.",
      cause: error,
    });
  }
  const { descriptor, size } = opened;
  if (size !== undefined) return { descriptor, size };
  closeSync(descriptor);
  throw invalid(path, "It is not a file.");
}

function withFile<T>(path: string, use: (descriptor: number, size: number) => T): T {
  const { descriptor, size } = openTensors(path);
  try {
    return use(descriptor, size);
  } finally {
    closeSync(descriptor);
  }
}

/** @throws SAFETENSORS_INVALID where the file ends before them */
export function readBytes(descriptor: number, path: string, position: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const read = readSync(descriptor, buffer, done, Math.min(length - done, 2 ** 30), position + done);
    if (read === 0) throw invalid(path, `The file ends at byte ${position + done}, ${length - done} bytes too early.`);
    done += read;
  }
  return buffer;
}
