/**
 * @file What a shared library of Linux says of itself: its name, the libraries that it needs, and where it looks for them. Reads the
 * dynamic section of 64-bit little-endian ELF files for x86-64 (System V ABI, chapter 5) and nothing else of them.
 */
import { closeSync, openSync, readSync } from "node:fs";

export interface SharedLibrary {
  /** What others call it (DT_SONAME). */
  name: string | undefined;
  /** Names of the libraries that it needs (DT_NEEDED), in their order. */
  needs: string[];
}

const header = {
  bytes: 64,
  magic: "7f454c460201",
  type: 16,
  machine: 18,
  programs: 32,
  programSize: 54,
  programCount: 56,
};
const [sharedObject, x86_64] = [3, 62];
const program = { bytes: 56, load: 1, dynamic: 2, offset: 8, address: 16, fileBytes: 32 };
const tag = { end: 0, needed: 1, strings: 5, stringsBytes: 10, name: 14 };
/** More than any library has; sizes in a file are not to be trusted. */
const most = { programs: 256, dynamicBytes: 2 ** 16, nameBytes: 4096 };

/** Undefined where the file is not there, is cut short, or is no library for Linux on x86-64. */
export function readSharedLibrary(path: string): SharedLibrary | undefined {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    return undefined;
  }
  try {
    return parse((offset, bytes) => readAt(file, offset, bytes));
  } catch {
    return undefined; // cut short, or a folder
  } finally {
    closeSync(file);
  }
}

type Read = (offset: number, bytes: number) => Buffer;

function readAt(file: number, offset: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  return buffer.subarray(0, readSync(file, buffer, 0, bytes, offset));
}

interface Segment {
  type: number;
  offset: number;
  address: number;
  bytes: number;
}

function parse(read: Read): SharedLibrary | undefined {
  const head = read(0, header.bytes);
  if (head.toString("hex", 0, 6) !== header.magic) return undefined;
  if (head.readUInt16LE(header.type) !== sharedObject || head.readUInt16LE(header.machine) !== x86_64) return undefined;
  const count = head.readUInt16LE(header.programCount);
  if (head.readUInt16LE(header.programSize) !== program.bytes || count > most.programs) return undefined;
  const table = read(number(head, header.programs), count * program.bytes);
  const segments = Array.from({ length: count }, (_, index): Segment => {
    const at = index * program.bytes;
    const [offset, address, bytes] = [program.offset, program.address, program.fileBytes].map((field) =>
      number(table, at + field),
    ) as [number, number, number];
    return { type: table.readUInt32LE(at), offset, address, bytes };
  });
  const dynamic = segments.find(({ type }) => type === program.dynamic);
  if (!dynamic || dynamic.bytes > most.dynamicBytes) return undefined;
  const entries = dynamicEntries(read(dynamic.offset, dynamic.bytes));
  const valueUnder = (wanted: number) => entries.find((entry) => entry.tag === wanted)?.value;
  const strings = offsetOf(valueUnder(tag.strings), segments);
  if (strings === undefined) return undefined;
  const name = valueUnder(tag.name);
  const text = (at: number) => textAt(read, strings + at);
  return {
    name: name === undefined ? undefined : text(name),
    needs: entries.filter((entry) => entry.tag === tag.needed).map(({ value }) => text(value)),
  };
}

/** Throws a RangeError for what no file is as long as. */
function number(buffer: Buffer, at: number): number {
  const value = Number(buffer.readBigUInt64LE(at));
  if (!Number.isSafeInteger(value)) throw new RangeError("An offset beyond any file.");
  return value;
}

function dynamicEntries(section: Buffer): { tag: number; value: number }[] {
  const entries = [];
  for (let at = 0; at + 16 <= section.length; at += 16) {
    const kind = Number(section.readBigUInt64LE(at));
    if (kind === tag.end) break;
    entries.push({ tag: kind, value: Number(section.readBigUInt64LE(at + 8)) });
  }
  return entries;
}

/** Where in the file what is loaded to an address stands. */
function offsetOf(address: number | undefined, segments: readonly Segment[]): number | undefined {
  if (address === undefined) return undefined;
  const segment = segments.find(
    (one) => one.type === program.load && address >= one.address && address < one.address + one.bytes,
  );
  return segment && segment.offset + address - segment.address;
}

function textAt(read: Read, offset: number): string {
  const bytes = read(offset, most.nameBytes);
  const end = bytes.indexOf(0);
  if (end < 0) throw new RangeError("A name without an end.");
  return bytes.toString("utf8", 0, end);
}
