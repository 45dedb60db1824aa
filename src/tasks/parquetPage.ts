/**
 * @file One page of a column of a Parquet file. The library decodes it, and believes every number it finds: a run of two thousand
 * million values in six bytes, levels that are longer than their page. So each is checked here against the bytes that are there,
 * before anything is looped over or allocated by it; what is checked is handed on without compression.
 */
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { decompress as decompressZstd } from "fzstd";
import type { DecodedArray, PageHeader } from "hyparquet";
import { readPage } from "hyparquet/src/column.js";
import { decompressPage } from "hyparquet/src/datapage.js";
import { deltaBinaryUnpack } from "hyparquet/src/delta.js";
import { readRleBitPackedHybrid } from "hyparquet/src/encoding.js";
import { getMaxDefinitionLevel, getMaxRepetitionLevel, isFlatColumn } from "hyparquet/src/schema.js";
import { readVarInt } from "hyparquet/src/thrift.js";
import { compressors as libraryCompressors } from "hyparquet-compressors";

/** How the library is told to decode a column: its types, compression and parsers. */
export type ColumnDecoder = Parameters<typeof readPage>[2];

/** Bytes of a page that is not compressed. Writers make pages of a megabyte, and those of one value as long as the value. */
const mostPageBytes = 2 ** 28;

/** None of them gives more bytes than it is asked for, however many its input could make. */
export const compressors: NonNullable<ColumnDecoder["compressors"]> = {
  ...libraryCompressors,
  GZIP: (input, length) => gunzipSync(input, { maxOutputLength: Math.max(1, length) }),
  BROTLI: (input, length) => brotliDecompressSync(input, { maxOutputLength: Math.max(1, length) }),
  ZSTD(input, length) {
    const announced = zstdLength(input);
    if (announced !== undefined && announced !== BigInt(length))
      throw new Error(`a page of ${length} bytes is compressed as one of ${announced}`);
    return decompressZstd(input, new Uint8Array(length));
  },
};

/** The length of the content of a zstd frame, where its header says it (RFC 8878, 3.1.1.1). */
function zstdLength(input: Uint8Array): bigint | undefined {
  if (input.length < 18) return undefined;
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const descriptor = view.getUint8(4);
  const isSingle = (descriptor & 0x20) !== 0;
  const at = 5 + (isSingle ? 0 : 1) + [0, 1, 2, 4][descriptor & 3]!;
  switch (descriptor >> 6) {
    case 0:
      return isSingle ? BigInt(view.getUint8(at)) : undefined;
    case 1:
      return BigInt(view.getUint16(at, true) + 256);
    case 2:
      return BigInt(view.getUint32(at, true));
    default:
      return view.getBigUint64(at, true);
  }
}

/** What may be in a page, from what the file says elsewhere. */
export interface PageBounds {
  /** Of the page's values, nulls counted. */
  values: number;
}

/**
 * The values of a page of data, or of a dictionary, whose header has been read and whose payload is `bytes`.
 * @param open rows begun in the page before, which the values of a page of the first version may go on with
 * @throws Error for what contradicts itself, or the bytes; whatever a parser throws
 */
export function decodePage(
  bytes: Uint8Array,
  header: PageHeader,
  decoder: ColumnDecoder,
  {
    dictionary,
    open,
    bounds,
  }: { dictionary: DecodedArray | undefined; open: DecodedArray | undefined; bounds: PageBounds },
): DecodedArray | undefined {
  requireSize("uncompressed page", header.uncompressed_page_size, mostPageBytes);
  const [plain, plainHeader] = uncompressed(bytes, header, decoder);
  requireSound(plain, plainHeader, decoder, bounds);
  const uncompressedDecoder: ColumnDecoder = { ...decoder, codec: "UNCOMPRESSED" };
  const view = new DataView(plain.buffer, plain.byteOffset, plain.byteLength);
  const { data } = readPage({ view, offset: 0 }, plainHeader, uncompressedDecoder, dictionary, open, 0);
  if (data && header.type !== "DICTIONARY_PAGE" && isFlatColumn(decoder.schemaPath)) requireFlat(data, header);
  return data;
}

/** A column that does not nest has a value or null for each row; what is neither was looked up in vain. */
function requireFlat(data: DecodedArray, { data_page_header: v1, data_page_header_v2: v2 }: PageHeader): void {
  const count = v1?.num_values ?? v2?.num_values;
  if (data.length !== count) throw new Error(`a page has ${data.length} values, its header says ${count}`);
  if (Array.isArray(data) && data.includes(undefined))
    throw new Error("a page names a value that its dictionary lacks");
}

/** The page as it is before compression, in memory of its own, with the header that then belongs to it. */
function uncompressed(
  bytes: Uint8Array,
  header: PageHeader,
  decoder: ColumnDecoder,
): [Uint8Array<ArrayBuffer>, PageHeader] {
  const { data_page_header_v2: v2, uncompressed_page_size: size } = header;
  // Levels of the second version are never compressed.
  const levels = v2 ? levelBytes(v2, Math.min(bytes.length, size)) : 0;
  const isCompressed = decoder.codec !== "UNCOMPRESSED" && v2?.is_compressed !== false;
  const rest = bytes.subarray(levels);
  const values =
    isCompressed && rest.length > 0 ? decompressPage(rest, size - levels, decoder.codec, decoder.compressors) : rest;
  if (values.length !== size - levels)
    throw new Error(`a page has ${levels + values.length} bytes, its header says ${size}`);
  const plain = new Uint8Array(size);
  plain.set(bytes.subarray(0, levels));
  plain.set(values, levels);
  return [
    plain,
    { ...header, compressed_page_size: size, ...(v2 && { data_page_header_v2: { ...v2, is_compressed: false } }) },
  ];
}

type HeaderV2 = NonNullable<PageHeader["data_page_header_v2"]>;

function levelBytes(v2: HeaderV2, most: number): number {
  requireSize("repetition levels", v2.repetition_levels_byte_length, most);
  requireSize("definition levels", v2.definition_levels_byte_length, most - v2.repetition_levels_byte_length);
  return v2.repetition_levels_byte_length + v2.definition_levels_byte_length;
}

function requireSize(what: string, size: number, most: number): void {
  if (Number.isInteger(size) && size >= 0 && size <= most) return;
  throw new Error(`the header of a page says ${size} for its ${what}, where at most ${most} are possible`);
}

function requireSound(plain: Uint8Array, header: PageHeader, decoder: ColumnDecoder, bounds: PageBounds): void {
  const { dictionary_page_header: dictionary, data_page_header: v1, data_page_header_v2: v2 } = header;
  const reader = { view: new DataView(plain.buffer, plain.byteOffset, plain.byteLength), offset: 0 };
  if (header.type === "DICTIONARY_PAGE") {
    requireSize("values", dictionary?.num_values ?? 0, 8 * plain.length);
    return;
  }
  const levels = {
    repetition: getMaxRepetitionLevel(decoder.schemaPath),
    definition: getMaxDefinitionLevel(decoder.schemaPath),
  };
  if (header.type === "DATA_PAGE_V2" && v2) {
    requireSize("values", v2.num_values, bounds.values);
    requireSize("nulls", v2.num_nulls, v2.num_values);
    requireSize("rows", v2.num_rows, v2.num_values);
    const [first, second] = [v2.repetition_levels_byte_length, v2.definition_levels_byte_length];
    if (levels.repetition > 0) requireRuns(reader, first, bitWidth(levels.repetition), v2.num_values);
    reader.offset = first;
    if (levels.definition > 0) requireRuns(reader, second, bitWidth(levels.definition), v2.num_values);
    reader.offset = first + second;
    const present = v2.num_values - v2.num_nulls;
    const isBehindLength = v2.encoding === "RLE";
    requireValues(reader, decoder, { encoding: v2.encoding, isBehindLength, most: present, present: () => present });
  } else if (header.type === "DATA_PAGE" && v1) {
    requireSize("values", v1.num_values, bounds.values);
    if (levels.repetition > 0) requireLevels(reader, levels.repetition, v1.num_values);
    const definitions = reader.offset;
    if (levels.definition > 0) requireLevels(reader, levels.definition, v1.num_values);
    const present = () => presentValues(reader.view, definitions, levels.definition, v1.num_values);
    const isBehindLength = decoder.type === "BOOLEAN";
    requireValues(reader, decoder, { encoding: v1.encoding, isBehindLength, most: v1.num_values, present });
  }
}

interface Reader {
  view: DataView;
  offset: number;
}

function bitWidth(most: number): number {
  return 32 - Math.clz32(most);
}

/** Levels of the first version stand behind their length; the reader moves behind them. */
function requireLevels(reader: Reader, most: number, values: number): void {
  const length = reader.view.getUint32(reader.offset, true);
  reader.offset += 4;
  requireRuns(reader, length, bitWidth(most), values);
}

/** How many values of a page of the first version are not null. */
function presentValues(view: DataView, offset: number, most: number, values: number): number {
  if (most === 0) return values;
  const levels = new Array<number>(values);
  readRleBitPackedHybrid({ view, offset }, bitWidth(most), levels);
  return levels.reduce((count, level) => (level === most ? count + 1 : count), 0);
}

/**
 * Walks the runs of a hybrid encoding, each in a step: they must lie in `length` bytes and hold no more than `values`. Fewer are
 * the library's to notice. The reader moves behind the bytes.
 */
function requireRuns(reader: Reader, length: number, width: number, values: number): void {
  const { view } = reader;
  const end = reader.offset + length;
  if (end > view.byteLength)
    throw new Error(`a page has ${view.byteLength - reader.offset} bytes for levels of ${length}`);
  if (width > 32) throw new Error(`a page has values of ${width} bits`);
  for (let seen = 0; seen < values && reader.offset < end; ) {
    const run = readVarInt(reader);
    const left = values - seen;
    const count = run & 1 ? 8 * (run >>> 1) : run >>> 1;
    // Values that are packed come in groups of eight, and some writers fill a block with them.
    if (count > left + (run & 1 ? packedSlack : 0))
      throw new Error(`a page has a run of ${count} values where ${left} are left`);
    const bytes = run & 1 ? Math.ceil((Math.min(count, left) * width) / 8) : Math.ceil(width / 8);
    if (reader.offset + bytes > end) throw new Error("a run of values is longer than its page");
    reader.offset += run & 1 ? (count * width) / 8 : bytes;
    seen += count;
  }
  reader.offset = end;
}

const packedSlack = 512;

interface Values {
  encoding: string;
  /** Whether runs of values have their length in bytes before them. */
  isBehindLength: boolean;
  /** So many at most, nulls not counted. */
  most: number;
  /** How many there are. */
  present: () => number;
}

function requireValues(reader: Reader, { element }: ColumnDecoder, values: Values): void {
  const left = Math.max(0, reader.view.byteLength - reader.offset);
  switch (values.encoding) {
    case "PLAIN_DICTIONARY":
    case "RLE_DICTIONARY":
    case "RLE":
      requireHybrid(reader, values);
      break;
    case "BYTE_STREAM_SPLIT":
      requireSize("bytes of a value", element.type_length ?? 8, Math.max(16, left));
      break;
    case "DELTA_BINARY_PACKED":
    case "DELTA_LENGTH_BYTE_ARRAY":
      requireDelta(reader);
      break;
    case "DELTA_BYTE_ARRAY":
      requirePrefixes(reader, values.present());
      break;
    default: // of the others each value has its bytes
  }
}

function requireHybrid(reader: Reader, { isBehindLength, most }: Values): void {
  const { view } = reader;
  if (reader.offset >= view.byteLength) return; // no values, or too few bytes: the library says so
  if (isBehindLength) {
    const length = view.getUint32(reader.offset, true);
    reader.offset += 4;
    requireRuns(reader, length, 1, most);
  } else {
    const width = view.getUint8(reader.offset++);
    requireRuns(reader, view.byteLength - reader.offset, width, most);
  }
}

/** The sizes of blocks: the library walks by them, and with some it would never arrive. */
function requireDelta({ view, offset }: Reader): void {
  if (offset >= view.byteLength) return;
  const reader = { view, offset };
  const [block, parts] = [readVarInt(reader), readVarInt(reader)];
  const isSound = block > 0 && parts > 0 && block % parts === 0 && (block / parts) % 8 === 0 && block <= mostDeltaBlock;
  if (!isSound) throw new Error(`a page has blocks of ${block} differences in ${parts} parts`);
}

const mostDeltaBlock = 2 ** 20;

/** Texts that begin like the one before are written out in full: a few bytes could stand for more than there is memory. */
function requirePrefixes(reader: Reader, count: number): void {
  if (count === 0) return;
  requireDelta(reader);
  const prefixes = new Int32Array(count);
  deltaBinaryUnpack(reader, count, prefixes);
  requireDelta(reader);
  const suffixes = new Int32Array(count);
  deltaBinaryUnpack(reader, count, suffixes);
  let [total, before] = [0, 0];
  for (const [i, prefix] of prefixes.entries()) {
    const suffix = suffixes[i]!;
    if (prefix < 0 || prefix > before || suffix < 0) throw new Error("a page has texts of impossible lengths");
    before = prefix + suffix;
    total += before;
    if (total > mostPageBytes) throw new Error(`the texts of a page have more than ${mostPageBytes} bytes`);
  }
}
