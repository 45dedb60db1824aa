/**
 * @file Matrices of small integers packed into words of 32 bits, with a scale and a zero for each group of inputs and each output, as
 * GPTQ (AutoGPTQ, GPTQModel) and AWQ (AutoAWQ, "gemm") store them: `W[o, i] = scales[g, o] · (q[i, o] − zeros[g, o])`.
 */
import { readTensorBytes } from "../../formats/safetensors.ts";
import { tensorError } from "../tensorError.ts";
import type { KeptTensor } from "../verifiedFile.ts";
import type { Scheme } from "./scheme.ts";
import { type DecodedMatrix, floatDtypes, readFinite, type StoredTensors } from "./stored.ts";

type PackedScheme = Extract<Scheme, { kind: "packed" }>;

/** AWQ: where in a word the columns 0 to 7 lie, counted in numbers from its lowest bits. */
const interleaved = [0, 4, 1, 5, 2, 6, 3, 7];

/** @throws MODEL_TENSOR where parts are missing, or do not fit */
export function packedMatrices(stored: StoredTensors, scheme: PackedScheme): DecodedMatrix[] {
  return stored.withSuffix(".qweight").map((layer) => packedMatrix(stored, layer, scheme));
}

function packedMatrix(stored: StoredTensors, layer: string, scheme: PackedScheme): DecodedMatrix {
  const { method, bits, groupSize, zeroOffset, ordered } = scheme;
  const perWord = 32 / bits;
  const { tensor: packed, rows: high, columns: wide } = stored.needMatrix(`${layer}.qweight`, ["I32", "U32"]);
  const [inputs, outputs] = method === "gptq" ? [high * perWord, wide] : [high, wide * perWord];
  const groups = groupSize === undefined ? 1 : Math.ceil(inputs / groupSize);
  const zeros = stored.need(`${layer}.qzeros`, ["I32", "U32"], [groups, Math.ceil(outputs / perWord)]);
  const scales = stored.need(`${layer}.scales`, floatDtypes, [groups, outputs]);
  const name = `${layer}.g_idx`;
  const hasIndex = method === "gptq" && (ordered || stored.get(name) !== undefined);
  const index = hasIndex ? stored.need(name, ["I32"], [inputs]) : undefined;
  const places = method === "awq" ? interleaved : Array.from({ length: perWord }, (_, place) => place);
  const open = () => {
    const factors = readFinite(scales);
    const groupOf = index
      ? readGroups(index, groups)
      : Int32Array.from({ length: inputs }, (_, input) => Math.floor(input / (groupSize ?? inputs)));
    const [words, zeroWords] = [readWords(packed), readWords(zeros)];
    const mask = 2 ** bits - 1;
    const acrossZeros = Math.ceil(outputs / perWord);
    const numberAt = (input: number, output: number) =>
      method === "gptq"
        ? words[Math.floor(input / perWord) * outputs + output]! >>> (bits * (input % perWord))
        : words[input * wide + Math.floor(output / perWord)]! >>> (bits * places[output % perWord]!);
    return (begin: number, count: number) => {
      const values = new Float32Array(count * inputs);
      for (let row = 0; row < count; row++) {
        const output = begin + row;
        const shift = bits * places[output % perWord]!;
        for (let input = 0; input < inputs; input++) {
          const group = groupOf[input]!;
          const zeroWord = zeroWords[group * acrossZeros + Math.floor(output / perWord)]!;
          const zero = (((zeroWord >>> shift) & mask) + zeroOffset) & mask; // one less than none is all ones
          values[row * inputs + input] = factors[group * outputs + output]! * ((numberAt(input, output) & mask) - zero);
        }
      }
      return values;
    };
  };
  return {
    name: `${layer}.weight`,
    rows: outputs,
    columns: inputs,
    parts: [packed, zeros, scales, ...(index ? [index] : [])],
    open,
  };
}

function readWords({ path, entry }: KeptTensor): Int32Array {
  const { buffer, byteOffset, byteLength } = readTensorBytes(path, entry);
  return new Int32Array(buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer);
}

/** The group of each input. */
function readGroups(index: KeptTensor, groups: number): Int32Array {
  const groupOf = readWords(index);
  const bad = groupOf.findIndex((group) => group < 0 || group >= groups);
  if (bad < 0) return groupOf;
  const message = `Input ${bad}, counted from 0, is in group ${groupOf[bad]}.`;
  throw tensorError(index.path, index.entry.name, message, `groups 0 to ${groups - 1}`);
}
