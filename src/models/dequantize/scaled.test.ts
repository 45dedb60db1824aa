import { cpSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { expectError } from "../../../test/support/errors.ts";
import { temporaryFolder } from "../../../test/support/folder.ts";
import {
  encodeRaw,
  lossOf,
  type Matrix,
  openDecoded,
  type Quantized,
  type RawTensor,
  raw,
  requantize,
} from "../../../test/support/requantize.ts";
import { causalModel, embeddedModel } from "../../../test/support/workspace.ts";
import { readFloats, readHeader } from "../../formats/safetensors.ts";
import { openModel, outlineModel, readModelConfig } from "../model.ts";
import { quantizedWeights } from "../quantize/quantize.ts";
import { recipeOf } from "../quantize/recipe.ts";
import { decodedWeights } from "./dequantize.ts";

const folder = temporaryFolder();
let folders = 0;
const fresh = () => ({ to: folder(`model${folders}`), plain: folder(`plain${folders++}`) });

/** Every finite number of the type, by its bits: sign, four of exponent with a bias of 7, three of fraction. */
const numbers = Array.from({ length: 256 }, (_, bits) => {
  const text = bits.toString(2).padStart(8, "0");
  const exponent = Number.parseInt(text.slice(1, 5), 2);
  const fraction = Number.parseInt(text.slice(5), 2) / 8;
  if (text.endsWith("1111111")) return Number.NaN;
  return (text[0] === "1" ? -1 : 1) * (exponent ? 2 ** (exponent - 7) * (1 + fraction) : 2 ** -6 * fraction);
});

/** Those that are not negative, in their order. */
const ascending = numbers.slice(0, 0x7f);

/** The bits of the number next to a value. */
function nearest(value: number): number {
  const size = Math.abs(value);
  let [from, above] = [0, 0x7e];
  while (above - from > 1) {
    const middle = (from + above) >> 1;
    if (ascending[middle]! <= size) from = middle;
    else above = middle;
  }
  const best = ascending[above]! - size < size - ascending[from]! ? above : from;
  return value < 0 ? best | 0x80 : best;
}

/** In blocks of so many rows and columns, the largest number of each being 448. */
function encode(
  { rows, columns, data }: Matrix,
  [height, width]: readonly [number, number],
  scaleName: string,
  shape: number[],
) {
  const across = Math.ceil(columns / width);
  const scales = new Float32Array(Math.ceil(rows / height) * across);
  const place = (index: number) =>
    Math.floor(Math.floor(index / columns) / height) * across + Math.floor((index % columns) / width);
  data.forEach((value, index) => {
    scales[place(index)] = Math.max(scales[place(index)]!, Math.abs(value) / 448);
  });
  const bytes = Uint8Array.from(data, (value, index) => nearest(value / scales[place(index)]!));
  const values = Float32Array.from(bytes, (byte, index) => numbers[byte]! * scales[place(index)]!);
  const tensors = { weight: raw("F8_E4M3", [rows, columns], bytes), [scaleName]: raw("F32", shape, scales) };
  return { tensors, values } satisfies Quantized;
}

const block = [32, 48] as const;
const inBlocks = (matrix: Matrix): Quantized =>
  encode(matrix, block, "weight_scale_inv", [Math.ceil(matrix.rows / 32), Math.ceil(matrix.columns / 48)]);
const byRow = (matrix: Matrix): Quantized => encode(matrix, [1, matrix.columns], "weight_scale", [matrix.rows, 1]);
const whole = (matrix: Matrix): Quantized => {
  const { tensors, values } = encode(matrix, [matrix.rows, matrix.columns], "weight_scale", []);
  return { values, tensors: { ...tensors, input_scale: raw("F32", [], Float32Array.of(0.5)) } };
};

const fp8 = { quant_method: "fp8", activation_scheme: "dynamic" };
const compressed = (weights: object, format = "float-quantized") => ({
  quant_method: "compressed-tensors",
  format,
  config_groups: { group_0: { targets: ["Linear"], weights: { num_bits: 8, type: "float", ...weights } } },
});

const forms: [string, object, (matrix: Matrix) => Quantized][] = [
  ["fp8 in blocks", { ...fp8, weight_block_size: block }, inBlocks],
  ["fp8 with a scale for a tensor", fp8, whole],
  ["fbgemm_fp8", { quant_method: "fbgemm_fp8" }, byRow],
  ["compressed-tensors", compressed({ strategy: "channel" }), byRow],
  ["compressed-tensors with a scale for a tensor", compressed({ strategy: "tensor" }, "naive-quantized"), whole],
  ["fp8 with a vector of scales", fp8, (matrix) => encode(matrix, [1, matrix.columns], "weight_scale", [matrix.rows])],
];

let model: ReturnType<typeof fresh>;
let stored: Record<string, RawTensor>;
beforeAll(() => {
  model = fresh();
  stored = requantize(causalModel, model, { ...forms[0]![1] }, forms[0]![2]);
});

describe("a model whose matrices are quantised", () => {
  it.each<[string, string, (typeof forms)[number][]]>([
    ["T5", embeddedModel, forms.slice(0, 1)],
    ["Llama", causalModel, forms],
  ])("has the loss of the numbers that this means, and nearly its own: %s", async (_name, from, inForms) => {
    const own = await lossOf(openModel(from));
    for (const [form, config, encoder] of inForms) {
      const to = fresh();
      requantize(from, to, { ...config }, encoder);
      const loss = await lossOf(await openDecoded(to.to, folder("cache")));
      expect(loss, form).toBe(await lossOf(openModel(to.plain)));
      expect(Math.abs(loss / own - 1), form).toBeLessThan(0.03);
    }
  });
});

/** A model in blocks of which `change` has changed the stored tensors. */
function damaged(change: (tensors: Record<string, RawTensor>) => void): string {
  const path = folder(`damaged${folders++}`);
  cpSync(model.to, path, { recursive: true });
  const tensors = structuredClone(stored);
  change(tensors);
  writeFileSync(join(path, "model.safetensors"), encodeRaw(tensors));
  return path;
}

function configure(path: string, quantization_config: Record<string, unknown>): void {
  const file = join(path, "config.json");
  const json = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
  writeFileSync(file, JSON.stringify({ ...json, quantization_config }));
}

const query = "model.layers.1.self_attn.q_proj.weight";
const scale = `${query}_scale_inv`;

describe("numbers of eight bits", () => {
  it("are what the format says, subnormal ones too", async () => {
    mkdirSync(folder("numbers"));
    const path = folder("numbers", "all.safetensors");
    const bytes = Uint8Array.from(numbers, (_, index) => index);
    writeFileSync(path, encodeRaw({ all: raw("F8_E4M3", [256], bytes) }));
    const found = readFloats(path, readHeader(path).tensors.get("all")!);
    expect([...found]).toEqual(numbers);
    expect([found[0x01], found[0x08], found[0x38], found[0x7e], found[0xfe]]).toEqual([2 ** -9, 2 ** -6, 1, 448, -448]);
  });

  it("with scales of zero are zeros", async () => {
    const path = damaged((tensors) => tensors[scale]!.bytes.fill(0));
    const opened = await openDecoded(path, folder("cache"));
    const rows = opened.weights.readRows(query, [128, 128]);
    expect(rows.every((value) => value === 0)).toBe(true);
  });
});

describe("damaged weights are refused by the name of the tensor", () => {
  it.each<[string, (tensors: Record<string, RawTensor>) => void, string, string]>([
    ["without scales", (tensors) => delete tensors[scale], "weight_scale", "[4,3]"],
    [
      "scales of another shape",
      (tensors) => (tensors[scale] = raw("F32", [2, 2], new Float32Array(4))),
      scale,
      "[4,3] or",
    ],
    ["scales of another type", (tensors) => (tensors[scale] = raw("I32", [4, 3], new Int32Array(12))), scale, "F32 or"],
    ["a scale that is NaN", (tensors) => tensors[scale]!.bytes.fill(0xff), scale, "finite"],
    ["a number that is NaN", (tensors) => (tensors[query]!.bytes[5] = 0x7f), query, "finite"],
    [
      "a matrix of another shape than config.json's",
      (tensors) => {
        tensors[query] = raw("F8_E4M3", [64, 256], tensors[query]!.bytes as Uint8Array<ArrayBuffer>);
        tensors[scale] = raw("F32", [2, 6], new Float32Array(12));
      },
      query,
      "[128,128]",
    ],
    [
      "a vector",
      (tensors) => (tensors[query] = raw("F8_E4M3", [16384], tensors[query]!.bytes as Uint8Array<ArrayBuffer>)),
      query,
      "matrix",
    ],
  ])("%s", async (_, change, where, expected) => {
    const path = damaged(change);
    const cache = folder(`refused${folders}`);
    const error = await expectError(() => openDecoded(path, cache), "MODEL_TENSOR", where);
    expect(error.where).toContain(path);
    expect(error.expected).toContain(expected);
  });

  it.each(["F8_E5M2", "F8_E4M3FNUZ"])("numbers that are %s, by that name", async (dtype) => {
    const path = damaged((tensors) => (tensors[query] = { ...tensors[query]!, dtype }));
    const error = await expectError(() => openDecoded(path, folder("cache")), "MODEL_UNSUPPORTED", query);
    expect(error.message).toContain(dtype);
  });

  it("a file that was cut off", async () => {
    const path = damaged(() => {});
    const file = join(path, "model.safetensors");
    truncateSync(file, readFileSync(file).length - 100);
    await expectError(() => openDecoded(path, folder("cache")), "SAFETENSORS_INVALID", file);
  });
});

describe("a scheme that is not read", () => {
  it.each<[string, Record<string, unknown>, string]>([
    ["hqq", { quant_method: "hqq" }, "hqq"],
    ["no name", {}, "no name"],
    ["the name of an object's own property", { quant_method: "constructor" }, "constructor"],
    ["another type of number", { ...fp8, fmt: "e5m2" }, "e5m2"],
    ["packed", compressed({}, "pack-quantized"), "pack-quantized"],
    ["integers", compressed({ num_bits: 4, type: "int" }), "int of 4 bits"],
  ])("%s is refused by it, also before there are weights", async (_, config, name) => {
    const to = damaged(() => {});
    configure(to, config);
    for (const open of [() => readModelConfig(to), () => outlineModel(to), () => openDecoded(to, folder("cache"))]) {
      const error = await expectError(open, "MODEL_UNSUPPORTED", "quantization_config");
      expect(error.message).toContain(name);
      expect(error.hint).toBeTruthy();
    }
  });

  it("or a block that is none is an error of config.json", async () => {
    const to = damaged(() => {});
    configure(to, { ...fp8, weight_block_size: [0, 128] });
    await expectError(() => openDecoded(to, folder("cache")), "MODEL_CONFIG", "weight_block_size");
  });
});

describe("the decoded weights", () => {
  const open = async (cache: string) => {
    const warnings: string[] = [];
    const decoded = await decodedWeights(model.to, { folder: cache, onWarning: (text) => warnings.push(text) });
    return { ...decoded!, warnings };
  };

  it("are kept, verified, made again where they were changed, and lie under the hash of what they are made of", async () => {
    const cache = folder("kept");
    const first = await open(cache);
    const [name, ...others] = readdirSync(cache);
    expect(others).toEqual([]);
    expect(name).toContain(first.weightsSha256);
    const path = join(cache, name!);
    const bytes = readFileSync(path);
    expect(await open(cache)).toEqual(first);
    const changed = Buffer.from(bytes);
    changed[bytes.length - 1]! ^= 1;
    writeFileSync(path, changed);
    const again = await open(cache);
    expect(again.warnings.join()).toContain("made again");
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  it("are quantised as any weights are, under the hash of their own numbers", async () => {
    const cache = folder("twice");
    const { file, sha256 } = await open(cache);
    const decoded = openModel(model.to, undefined, file);
    const recipe = recipeOf("int8", "cpu")!;
    const blocks = await quantizedWeights(decoded, sha256, recipe, { folder: cache });
    const plain = openModel(model.plain);
    const same = await quantizedWeights(plain, "0".repeat(64), recipe, { folder: cache });
    expect(await lossOf(openModel(model.to, blocks, file))).toBe(await lossOf(openModel(model.plain, same)));
  });
});
