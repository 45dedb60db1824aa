/**
 * @file Matrices as bitsandbytes stores them: four bits that look up a code book, times the largest size of their block (QLoRA,
 * arXiv 2305.14314, section 3), or eight bits times the largest size of their row (LLM.int8(), arXiv 2208.07339).
 */
import { z } from "zod";
import { readTensorBytes } from "../../formats/safetensors.ts";
import { parseJson } from "../../json.ts";
import { tensorError } from "../tensorError.ts";
import type { KeptTensor } from "../verifiedFile.ts";
import { type DecodedMatrix, readFinite, type StoredTensors } from "./stored.ts";

const size = z.number().int().positive().max(Number.MAX_SAFE_INTEGER);
const stateSchema = z.object({
  blocksize: size,
  shape: z.tuple([size, size]),
  nested_blocksize: size.optional(),
  nested_offset: z.number().optional(),
});

/** What describes a matrix is a small JSON text, kept as the bytes of a tensor. */
const longestState = 2 ** 16;

function readState({ path, entry }: KeptTensor): z.infer<typeof stateSchema> {
  const expected = "JSON with blocksize and shape [rows, columns]";
  if (entry.byteLength > longestState)
    throw tensorError(path, entry.name, `It has ${entry.byteLength} bytes.`, `at most ${longestState}`);
  try {
    return stateSchema.parse(parseJson(readTensorBytes(path, entry).toString("utf8")));
  } catch {
    throw tensorError(path, entry.name, "It does not say how the matrix was quantised.", expected);
  }
}

/** @throws MODEL_TENSOR where parts are missing, or do not fit */
export function fourBitMatrices(stored: StoredTensors): DecodedMatrix[] {
  return ["nf4", "fp4"].flatMap((type) => {
    const suffix = `.quant_state.bitsandbytes__${type}`;
    return stored.withSuffix(suffix).map((name) => fourBitMatrix(stored, name, `${name}${suffix}`));
  });
}

function fourBitMatrix(stored: StoredTensors, name: string, stateName: string): DecodedMatrix {
  const state = stored.need(stateName, ["U8"]);
  const { shape, blocksize, nested_blocksize, nested_offset = 0 } = readState(state);
  const [rows, columns] = shape;
  const numbers = rows * columns;
  const packed = stored.need(name, ["U8", "BF16", "F16", "F32"]);
  const bytes = Math.ceil(numbers / 2);
  if (packed.entry.byteLength !== bytes) {
    const found = `It has ${packed.entry.byteLength} bytes.`;
    throw tensorError(packed.path, name, found, `${bytes}, half a byte for each number of [${shape}]`);
  }
  const blocks = Math.ceil(numbers / blocksize);
  const codes = stored.need(`${name}.quant_map`, ["F32"], [16]);
  const isNested = nested_blocksize !== undefined;
  const scales = stored.need(`${name}.absmax`, [isNested ? "U8" : "F32"], [blocks]);
  const outer = isNested && {
    codes: stored.need(`${name}.nested_quant_map`, ["F32"], [256]),
    scales: stored.need(`${name}.nested_absmax`, ["F32"], [Math.ceil(blocks / nested_blocksize)]),
  };
  const scalesOf = () =>
    outer ? nestedScales(scales, outer, { blockSize: nested_blocksize, offset: nested_offset }) : readFinite(scales);
  return {
    name,
    rows,
    columns,
    parts: [packed, state, codes, scales, ...(outer ? Object.values(outer) : [])],
    open: () => fourBitRows(packed, readFinite(codes), scalesOf(), { columns, blockSize: blocksize }),
  };
}

/** Sizes of blocks that are quantised themselves, around their mean. */
function nestedScales(
  { path, entry }: KeptTensor,
  outer: { codes: KeptTensor; scales: KeptTensor },
  { blockSize, offset }: { blockSize: number; offset: number },
): Float32Array {
  const [codes, scales] = [readFinite(outer.codes), readFinite(outer.scales)];
  return Float32Array.from(
    readTensorBytes(path, entry),
    (code, block) => Math.fround(codes[code]! * scales[Math.floor(block / blockSize)]!) + offset,
  );
}

/** The first of two numbers is the upper half of their byte. */
function fourBitRows(
  { path, entry }: KeptTensor,
  codes: Float32Array,
  scales: Float32Array,
  { columns, blockSize }: { columns: number; blockSize: number },
): (begin: number, count: number) => Float32Array {
  return (begin, count) => {
    const [first, end] = [begin * columns, (begin + count) * columns];
    const start = Math.floor(first / 2);
    const bytes = readTensorBytes(path, entry, start, Math.ceil(end / 2) - start);
    return Float32Array.from({ length: end - first }, (_, index) => {
      const place = first + index;
      const byte = bytes[Math.floor(place / 2) - start]!;
      return codes[place % 2 === 0 ? byte >> 4 : byte & 15]! * scales[Math.floor(place / blockSize)]!;
    });
  };
}

/** What an eight-bit number is divided by. */
const largestByte = 127;

/** @throws MODEL_TENSOR where parts are missing, or do not fit */
export function eightBitMatrices(stored: StoredTensors): DecodedMatrix[] {
  return stored.withSuffix(".SCB").map((layer) => {
    const name = `${layer}.weight`;
    const { tensor, rows, columns } = stored.needMatrix(name, ["I8"]);
    const scales = stored.need(`${layer}.SCB`, ["F32"], [rows]);
    const format = stored.get(`${layer}.weight_format`);
    return {
      name,
      rows,
      columns,
      parts: [tensor, scales, ...(format ? [format] : [])],
      open: () => {
        if (format) requireRowMajor(format);
        return eightBitRows(tensor, readFinite(scales), columns);
      },
    };
  });
}

/** Other layouts are those of a GPU's matrix units. */
function requireRowMajor({ path, entry }: KeptTensor): void {
  const layout = entry.byteLength === 1 ? readTensorBytes(path, entry)[0] : undefined;
  if (layout === 0) return;
  throw tensorError(path, entry.name, "The matrix is laid out for one kind of GPU.", "0: row by row");
}

function eightBitRows(
  { path, entry }: KeptTensor,
  scales: Float32Array,
  columns: number,
): (begin: number, count: number) => Float32Array {
  return (begin, count) => {
    const bytes = new Int8Array(readTensorBytes(path, entry, begin * columns, count * columns));
    return Float32Array.from(bytes, (value, index) => {
      return (value * scales[begin + Math.floor(index / columns)]!) / largestByte;
    });
  };
}
