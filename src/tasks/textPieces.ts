/**
 * @file A text file as pieces of its text, one after the other, so that a file may be far larger than memory: inflated where it is
 * compressed, checked to be UTF-8, without its byte order mark. Whoever wrote the file is not trusted: what it inflates to is limited.
 */
import { isUtf8 } from "node:buffer";
import { createReadStream, type Stats } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline, type Readable } from "node:stream";
import { constants, createGunzip } from "node:zlib";
import { messageOf, systemErrorCode, UlptError } from "../errors.ts";
import { refuseLfsPointer } from "../formats/lfsPointer.ts";
import { encodingName, firstInvalidByte } from "./utf8.ts";

/** Bytes that are read at a time. */
const pieceBytes = 2 ** 18;
/** A file may inflate to this many bytes; a larger one to no more than so many times its own size. */
const inflatedBytes = 2 ** 30;
const inflatedRatio = 200;

const lineFeed = 0x0a;

export interface TextReading {
  compressed: boolean;
  /** Ends within the file, which `onCut` is told, once this many bytes of text have come. */
  mostBytes?: number | undefined;
  onCut?: (() => void) | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * @throws UlptError DATA_UNREADABLE; DATA_ENCODING where it is not UTF-8; DATA_SYNTAX where it is no text at all, or cannot be
 *   inflated; the signal's reason when aborted
 */
export async function* textPieces(path: string, reading: TextReading): AsyncGenerator<string> {
  const { compressed, mostBytes, onCut, signal } = reading;
  const { size } = await statFile(path);
  const limit = Math.max(inflatedBytes, inflatedRatio * size);
  let carried: Buffer = Buffer.alloc(0);
  let bytesBefore = 0;
  let linesBefore = 0;
  let total = 0;
  for await (const chunk of chunksOf(path, compressed)) {
    signal?.throwIfAborted();
    const isFirst = total === 0;
    total += chunk.length;
    if (compressed && total > limit) throw inflatesTooFar(path, size);
    const bytes = carried.length > 0 ? Buffer.concat([carried, chunk]) : chunk;
    if (isFirst) requireText(bytes, path, compressed);
    const whole = bytes.subarray(0, wholeCharacters(bytes));
    if (!isUtf8(whole)) throw notUtf8(whole, path, bytesBefore, linesBefore);
    carried = Buffer.from(bytes.subarray(whole.length));
    const text = whole.toString("utf8");
    yield isFirst && text.startsWith("\ufeff") ? text.slice(1) : text;
    bytesBefore += whole.length;
    for (let at = whole.indexOf(lineFeed); at >= 0; at = whole.indexOf(lineFeed, at + 1)) linesBefore++;
    if (mostBytes !== undefined && total >= mostBytes) {
      onCut?.();
      return;
    }
  }
  if (carried.length > 0) throw notUtf8(carried, path, bytesBefore, linesBefore);
}

/** @throws UlptError DATA_UNREADABLE for what is no file: a folder, or a device that never ends */
export async function statFile(path: string): Promise<Stats> {
  let status: Stats;
  try {
    status = await stat(path);
  } catch (cause) {
    throw unreadable(cause, path);
  }
  if (status.isFile()) return status;
  const what = status.isDirectory() ? "a folder" : "no regular file";
  throw new UlptError("DATA_UNREADABLE", `The data file is ${what}.`, {
    where: path,
    expected: "a file that can be read",
    hint: "Correct the path in the experiment; it is relative to the experiment file.",
  });
}

/** What to tell somebody whose data file cannot be opened. */
export function unreadable(cause: unknown, path: string): UlptError {
  const message =
    systemErrorCode(cause) === "ENOENT"
      ? "The data file does not exist."
      : `The data file cannot be read: ${messageOf(cause)}.`;
  return new UlptError("DATA_UNREADABLE", message, {
    where: path,
    expected: "a file that can be read",
    hint: "Correct the path in the experiment; it is relative to the experiment file.",
    cause,
  });
}

async function* chunksOf(path: string, compressed: boolean): AsyncGenerator<Buffer> {
  const file = createReadStream(path, { highWaterMark: pieceBytes });
  // Who stops listening has both closed; what goes wrong with the file arrives at the end of the pipe.
  const content: Readable = compressed ? pipeline(file, createGunzip({ chunkSize: pieceBytes }), () => {}) : file;
  try {
    for await (const chunk of content) yield chunk as Buffer;
  } catch (cause) {
    if (systemErrorCode(cause)?.startsWith("Z_")) throw damagedGzip(path, cause);
    throw cause instanceof UlptError ? cause : unreadable(cause, path);
  }
}

function damagedGzip(path: string, cause: unknown): UlptError {
  const isCut = (cause as { errno?: unknown }).errno === constants.Z_BUF_ERROR;
  const message = isCut
    ? "The compressed file ends too early."
    : "The file is not compressed with gzip, or is damaged.";
  return new UlptError("DATA_SYNTAX", message, {
    where: path,
    expected: "a complete gzip file, as its ending .gz says",
    hint: "Download or write the file again; a file that is not compressed must not end in .gz.",
    cause,
  });
}

function inflatesTooFar(path: string, size: number): UlptError {
  return new UlptError("DATA_SYNTAX", "The compressed file inflates without an end.", {
    where: path,
    expected: `at most ${inflatedRatio} times its own ${size.toLocaleString("en-US")} bytes, as text does`,
    hint: "If it is yours: inflate it with gunzip, and use the file that comes out.",
  });
}

const signatures: readonly { bytes: readonly number[]; name: string; hint: string }[] = [
  { bytes: [0x1f, 0x8b], name: "compressed with gzip", hint: "Let its name end in .gz." },
  {
    bytes: [0x50, 0x4b, 0x03, 0x04],
    name: "a zip archive or a workbook of a spreadsheet",
    hint: "Unpack it, or export the sheet as CSV in UTF-8.",
  },
  { bytes: [0x50, 0x41, 0x52, 0x31], name: "a parquet file", hint: "Let its name end in .parquet." },
];

/** @throws UlptError DATA_SYNTAX for a file whose first bytes say that it is something else, DATA_ENCODING for UTF-16 */
function requireText(bytes: Buffer, path: string, compressed: boolean): void {
  refuseLfsPointer(bytes, path, "DATA_SYNTAX");
  const other = signatures.find((signature) => signature.bytes.every((byte, index) => bytes[index] === byte));
  if (other) {
    const what = compressed ? "What it inflates to" : "The file";
    throw new UlptError("DATA_SYNTAX", `${what} is ${other.name}, not text.`, {
      where: path,
      expected: "text encoded as UTF-8",
      hint: other.hint,
    });
  }
  const encoding = encodingName(bytes, 0);
  if (encoding?.startsWith("UTF-")) throw wrongEncoding(`is ${encoding}`, path, 1, 0);
}

/** How many of the bytes are whole characters: a piece may end within one. */
function wholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

function notUtf8(bytes: Buffer, path: string, bytesBefore: number, linesBefore: number): UlptError {
  const at = firstInvalidByte(bytes);
  let line = linesBefore + 1;
  for (let i = 0; i < at; i++) if (bytes[i] === lineFeed) line++;
  const encoding = encodingName(bytes, at);
  return wrongEncoding(`is not UTF-8${encoding ? `: it looks like ${encoding}` : ""}`, path, line, bytesBefore + at);
}

function wrongEncoding(what: string, path: string, line: number, byte: number): UlptError {
  return new UlptError("DATA_ENCODING", `The data file ${what}.`, {
    where: `${path}:${line} (byte ${byte})`,
    expected: "text encoded as UTF-8",
    hint: 'Save it as UTF-8: in VS Code, "Save with Encoding" from the encoding in the status bar; elsewhere, `iconv -t UTF-8 -f` with its encoding.',
  });
}
