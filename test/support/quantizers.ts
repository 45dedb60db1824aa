/** @file Matrices as GPTQ, AWQ and bitsandbytes store them, and the numbers that this means; rounded simply, which no tool does. */
import { type Matrix, type Quantized, type RawTensor, raw } from "./requantize.ts";

/** bfloat16 by cutting off: the bits, and the number that they are. */
function cut(value: number): { bits: number; value: number } {
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0]! >>> 16;
  return { bits, value: new Float32Array(Uint32Array.of(bits << 16).buffer)[0]! };
}

/** Four or eight bits of each number, the first lowest, into words of 32. */
function pack(numbers: readonly number[], bits: number): Int32Array {
  const perWord = 32 / bits;
  const words = new Uint32Array(numbers.length / perWord);
  numbers.forEach((number, index) => {
    words[Math.floor(index / perWord)]! += number * 2 ** (bits * (index % perWord));
  });
  return new Int32Array(words.buffer);
}

interface Grouped {
  /** Of output o and input i, at i · outputs + o. */
  numbers: number[];
  /** Of group g and output o, at g · outputs + o. */
  zeros: number[];
  scales: RawTensor;
  values: Float32Array;
}

/** Rounds to integers between 0 and 2^bits − 1, a scale and a zero for each group of inputs and each output. */
function grouped(
  { rows, columns, data }: Matrix,
  bits: number,
  groups: number,
  groupOf: (input: number) => number,
): Grouped {
  const most = 2 ** bits - 1;
  const numbers: number[] = [];
  const zeros: number[] = [];
  const scaleBits = new Uint16Array(groups * rows);
  const values = new Float32Array(data.length);
  for (let group = 0; group < groups; group++) {
    for (let output = 0; output < rows; output++) {
      const inputs = Array.from({ length: columns }, (_, input) => input).filter((input) => groupOf(input) === group);
      const members = inputs.map((input) => data[output * columns + input]!);
      const [low, high] = [Math.min(...members, 0), Math.max(...members, 0)];
      const scale = cut(((high - low) / most) * 1.01);
      const zero = Math.max(1, Math.round(-low / scale.value));
      scaleBits[group * rows + output] = scale.bits;
      zeros[group * rows + output] = zero;
      for (const input of inputs) {
        const number = Math.min(most, Math.max(0, Math.round(data[output * columns + input]! / scale.value) + zero));
        numbers[input * rows + output] = number;
        values[output * columns + input] = scale.value * (number - zero);
      }
    }
  }
  return { numbers, zeros, scales: raw("BF16", [groups, rows], scaleBits), values };
}

/** Words along the inputs, of zeros along the outputs. `less` is taken from zeros. */
export function gptq(bits: number, size: number, { less = 1, shuffled = false } = {}) {
  return (matrix: Matrix): Quantized => {
    const { rows, columns } = matrix;
    const groups = Math.ceil(columns / size);
    const groupOf = (input: number) => (shuffled ? (input * 5 + 3) % groups : Math.floor(input / size));
    const { numbers, zeros, scales, values } = grouped(matrix, bits, groups, groupOf);
    const perWord = 32 / bits;
    const ordered: number[] = [];
    for (let word = 0; word < columns / perWord; word++) {
      for (let output = 0; output < rows; output++) {
        for (let place = 0; place < perWord; place++) ordered.push(numbers[(word * perWord + place) * rows + output]!);
      }
    }
    const tensors = {
      qweight: raw("I32", [columns / perWord, rows], pack(ordered, bits)),
      qzeros: raw(
        "I32",
        [groups, rows / perWord],
        pack(
          zeros.map((zero) => zero - less),
          bits,
        ),
      ),
      scales,
      ...(shuffled && {
        g_idx: raw(
          "I32",
          [columns],
          Int32Array.from({ length: columns }, (_, input) => groupOf(input)),
        ),
      }),
    };
    return { tensors, values };
  };
}

/** Words along the outputs, in each of which columns lie in this order. */
export function awq(matrix: Matrix): Quantized {
  const { rows, columns } = matrix;
  const groups = columns / 32;
  const { numbers, zeros, scales, values } = grouped(matrix, 4, groups, (input) => Math.floor(input / 32));
  const order = [0, 2, 4, 6, 1, 3, 5, 7];
  const interleave = (flat: readonly number[]) =>
    flat.map((_, index) => flat[index - (index % 8) + order[index % 8]!]!);
  const tensors = {
    qweight: raw("I32", [columns, rows / 8], pack(interleave(numbers), 4)),
    qzeros: raw("I32", [groups, rows / 8], pack(interleave(zeros), 4)),
    scales,
  };
  return { tensors, values };
}

/** QLoRA, appendix E. */
const nf4 = Float32Array.of(
  -1.0,
  -0.6961928009986877,
  -0.5250730514526367,
  -0.39491748809814453,
  -0.28444138169288635,
  -0.18477343022823334,
  -0.09105003625154495,
  0.0,
  0.07958029955625534,
  0.16093020141124725,
  0.24611230194568634,
  0.33791524171829224,
  0.44070982933044434,
  0.5626170039176941,
  0.7229568362236023,
  1.0,
);

/** Blocks of 64 numbers; with `nested` their largest sizes are a code of 256 steps times that of 256 blocks, around an offset. */
export function fourBit(nested: boolean) {
  return ({ rows, columns, data }: Matrix): Quantized => {
    const blocks = Math.ceil(data.length / 64);
    const largest = Float32Array.from({ length: blocks }, (_, block) =>
      data.subarray(64 * block, 64 * (block + 1)).reduce((most, value) => Math.max(most, Math.abs(value)), 0),
    );
    const offset = largest.reduce((sum, value) => sum + value, 0) / blocks;
    const steps = Float32Array.from({ length: 256 }, (_, step) => (step - 128) / 128);
    const outer = Float32Array.from({ length: Math.ceil(blocks / 256) }, (_, part) =>
      largest
        .subarray(256 * part, 256 * (part + 1))
        .reduce((most, value) => Math.max(most, Math.abs(value - offset)), 1e-9),
    );
    const codes = Uint8Array.from(largest, (value, block) =>
      Math.min(255, Math.round(((value - offset) / outer[Math.floor(block / 256)]!) * 128) + 128),
    );
    const sizes = nested
      ? Float32Array.from(codes, (code, block) => Math.fround(steps[code]! * outer[Math.floor(block / 256)]!) + offset)
      : largest;
    const numbers = Array.from(data, (value, index) => {
      const distances = nf4.map((code) => Math.abs(code * sizes[Math.floor(index / 64)]! - value));
      return distances.indexOf(Math.min(...distances));
    });
    const values = Float32Array.from(numbers, (number, index) => nf4[number]! * sizes[Math.floor(index / 64)]!);
    const bytes = Uint8Array.from(
      { length: data.length / 2 },
      (_, byte) => 16 * numbers[2 * byte]! + numbers[2 * byte + 1]!,
    );
    const state = {
      quant_type: "nf4",
      blocksize: 64,
      dtype: "bfloat16",
      shape: [rows, columns],
      ...(nested && { nested_blocksize: 256, nested_dtype: "float32", nested_offset: offset }),
    };
    const json = Uint8Array.from(Buffer.from(JSON.stringify(state)));
    const tensors = {
      weight: raw("U8", [bytes.length, 1], bytes),
      "weight.absmax": nested ? raw("U8", [blocks], codes) : raw("F32", [blocks], largest),
      "weight.quant_map": raw("F32", [16], nf4),
      "weight.quant_state.bitsandbytes__nf4": raw("U8", [json.length], json),
      ...(nested && {
        "weight.nested_absmax": raw("F32", [outer.length], outer),
        "weight.nested_quant_map": raw("F32", [256], steps),
      }),
    };
    return { tensors, values };
  };
}
