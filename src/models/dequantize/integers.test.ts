import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { expectError } from "../../../test/support/errors.ts";
import { temporaryFolder } from "../../../test/support/folder.ts";
import { awq, fourBit, gptq } from "../../../test/support/quantizers.ts";
import {
  eightBit,
  encodeRaw,
  lossOf,
  type Matrix,
  openDecoded,
  type Quantized,
  type RawTensor,
  raw,
  requantize,
} from "../../../test/support/requantize.ts";
import { causalModel } from "../../../test/support/workspace.ts";
import { readHeader } from "../../formats/safetensors.ts";
import { openModel } from "../model.ts";
import { contentOf } from "./decodedFile.ts";
import { readScheme } from "./scheme.ts";

const folder = temporaryFolder();
let folders = 0;

const bitsandbytes = (bits: 4 | 8) => ({ quant_method: "bitsandbytes", [`_load_in_${bits}bit`]: true });
const forms: [string, Record<string, unknown>, (matrix: Matrix) => Quantized, number][] = [
  ["nf4", { ...bitsandbytes(4), _load_in_8bit: false }, fourBit(false), 0.2],
  ["nf4, quantised twice", bitsandbytes(4), fourBit(true), 0.2],
  ["bitsandbytes int8", { quant_method: "bitsandbytes", load_in_8bit: true }, eightBit, 0.02],
  ["GPTQ of 4 bits", { quant_method: "gptq", bits: 4, group_size: 32 }, gptq(4, 32), 0.2],
  [
    "GPTQ of 4 bits in the order of activations",
    { quant_method: "gptq", bits: 4, group_size: 64, desc_act: true },
    gptq(4, 64, { shuffled: true }),
    0.2,
  ],
  [
    "GPTQ of 8 bits, second format",
    { quant_method: "gptq", bits: 8, group_size: 128, checkpoint_format: "gptq_v2" },
    gptq(8, 128, { less: 0 }),
    0.02,
  ],
  ["GPTQ in one group", { quant_method: "gptq", bits: 8, group_size: -1 }, gptq(8, 1024), 0.02],
  ["AWQ", { quant_method: "awq", bits: 4, group_size: 32, version: "gemm", zero_point: true }, awq, 0.2],
];

describe("a model whose matrices are quantised", () => {
  let own = 0;
  beforeAll(async () => {
    own = await lossOf(openModel(causalModel));
  });
  it.each(forms)(
    "in %s has the loss of the numbers that this means, and nearly its own",
    async (_, config, encode, error) => {
      const to = { to: folder(`model${folders}`), plain: folder(`plain${folders++}`) };
      requantize(causalModel, to, config, encode);
      const loss = await lossOf(await openDecoded(to.to, folder("cache")));
      expect(loss).toBe(await lossOf(openModel(to.plain)));
      expect(Math.abs(loss / own - 1)).toBeLessThan(error);
    },
  );
});

describe("a bias beside a quantised matrix that the model has none for", () => {
  /** As AutoGPTQ writes one beside every matrix. */
  const withBias = (value: number) => {
    const to = { to: folder(`model${folders}`), plain: folder(`plain${folders++}`) };
    const encode = gptq(4, 32);
    requantize(causalModel, to, { quant_method: "gptq", bits: 4, group_size: 32 }, (matrix) => {
      const { tensors, values } = encode(matrix);
      const bias = new Uint16Array(matrix.rows).fill(value, -1); // of half floats
      return { tensors: { ...tensors, bias: raw("F16", [matrix.rows], bias) }, values };
    });
    return to;
  };

  it("is left aside where all of it is zero", async () => {
    const to = withBias(0);
    const loss = await lossOf(await openDecoded(to.to, folder("cache")));
    expect(loss).toBe(await lossOf(openModel(to.plain)));
  });

  it("is refused where one number of it is not", async () => {
    const to = withBias(0x3c00); // 1
    await expectError(() => openDecoded(to.to, folder("cache")), "MODEL_TENSOR", ".bias");
  });
});

/** The numbers of the matrix "x" of such tensors, as `[rows][columns]`. */
function decode(config: Record<string, unknown>, tensors: Record<string, RawTensor>): number[][] {
  const path = folder(`${folders++}.safetensors`);
  writeFileSync(
    path,
    encodeRaw(Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [`x.${name}`, tensor]))),
  );
  const scheme = readScheme({ quantization_config: config }, "config.json")!;
  const stored = new Map([...readHeader(path).tensors].map(([name, entry]) => [name, { path, entry }]));
  const { matrices } = contentOf(folder(), stored, scheme);
  const [{ rows, columns, open }] = matrices as [(typeof matrices)[number]];
  const rowsOf = open();
  return Array.from({ length: rows }, (_, row) => [...rowsOf(row, 1)].slice(0, columns));
}

describe("worked out by hand", () => {
  it("the first of two numbers of four bits is the upper half of a byte, and blocks go on from row to row", () => {
    const state = Uint8Array.from(Buffer.from('{"blocksize": 4, "shape": [2, 3]}'));
    const tensors = {
      weight: raw("U8", [3, 1], Uint8Array.of(0xf0, 0x7e, 0x01)),
      "weight.absmax": raw("F32", [2], Float32Array.of(2, 10)),
      "weight.quant_map": raw(
        "F32",
        [16],
        Float32Array.from({ length: 16 }, (_, code) => code / 16),
      ),
      "weight.quant_state.bitsandbytes__nf4": raw("U8", [state.length], state),
    };
    expect(decode(bitsandbytes(4), tensors)).toEqual([
      [1.875, 0, 0.875],
      [1.75, 0, 0.625],
    ]);
  });

  it("GPTQ's first format keeps zeros one less than they are, its second as they are", () => {
    const tensors = {
      qweight: raw(
        "I32",
        [1, 8],
        Int32Array.from({ length: 8 }, (_, output) => 0x76543210 + output),
      ),
      qzeros: raw("I32", [1, 1], Int32Array.of(0x33333333)),
      scales: raw("F16", [1, 8], new Uint16Array(8).fill(0x3800)),
    };
    const config = { quant_method: "gptq", bits: 4, group_size: 8 };
    expect(decode(config, tensors)[0]).toEqual([-2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5]);
    expect(decode(config, tensors)[3]![0]).toBe(-0.5);
    expect(decode({ ...config, checkpoint_format: "gptq_v2" }, tensors)[0]![0]).toBe(-1.5);
  });

  it("AWQ has columns 0, 2, 4, 6, 1, 3, 5 and 7 in a word, from its lowest bits", () => {
    const tensors = {
      qweight: raw("I32", [1, 1], Int32Array.of(0x76543210)),
      qzeros: raw("I32", [1, 1], Int32Array.of(0)),
      scales: raw("F16", [1, 8], new Uint16Array(8).fill(0x3c00)),
    };
    const config = { quant_method: "awq", bits: 4, group_size: 1 };
    expect(decode(config, tensors).flat()).toEqual([0, 4, 1, 5, 2, 6, 3, 7]);
  });
});

describe("what is damaged or not read", () => {
  const hand = () => ({
    qweight: raw("I32", [1, 8], new Int32Array(8)),
    qzeros: raw("I32", [1, 1], new Int32Array(1)),
    scales: raw("F16", [1, 8], new Uint16Array(8)),
    g_idx: raw("I32", [8], new Int32Array(8)),
  });
  const config = { quant_method: "gptq", bits: 4, group_size: 8 };

  it("scales of zero give zeros", () => {
    expect(
      decode(config, hand())
        .flat()
        .every((value) => Math.abs(value) === 0),
    ).toBe(true);
  });

  it.each<[string, Record<string, RawTensor>, string]>([
    ["a group that is not there", { g_idx: raw("I32", [8], Int32Array.of(0, 0, 1, 0, 0, 0, 0, 0)) }, "x.g_idx"],
    ["a group below zero", { g_idx: raw("I32", [8], Int32Array.of(0, 0, 0, 0, 0, 0, 0, -1)) }, "x.g_idx"],
    ["groups of other inputs", { g_idx: raw("I32", [4], new Int32Array(4)) }, "x.g_idx"],
    ["zeros of another shape", { qzeros: raw("I32", [2, 1], new Int32Array(2)) }, "x.qzeros"],
    ["scales of another type", { scales: raw("I32", [1, 8], new Int32Array(8)) }, "x.scales"],
    ["a scale that is infinite", { scales: raw("F16", [1, 8], new Uint16Array(8).fill(0x7c00)) }, "x.scales"],
    ["words that are a vector", { qweight: raw("I32", [8], new Int32Array(8)) }, "x.qweight"],
  ])("%s is refused by the tensor's name", async (_, change, where) => {
    await expectError(() => decode(config, { ...hand(), ...change }), "MODEL_TENSOR", where);
  });

  it.each<[string, string, Uint8Array<ArrayBuffer>]>([
    ["of more numbers than there are", '{"blocksize": 64, "shape": [4000000, 4000000]}', new Uint8Array(4)],
    ["that is no JSON", "{", new Uint8Array(4)],
    ["of no size", '{"blocksize": 0, "shape": [2, 4]}', new Uint8Array(4)],
  ])("a state %s is refused before anything is allocated", async (_, text, bytes) => {
    const state = Uint8Array.from(Buffer.from(text));
    const tensors = {
      weight: raw("U8", [4, 1], bytes),
      "weight.quant_state.bitsandbytes__nf4": raw("U8", [state.length], state),
    };
    await expectError(() => decode(bitsandbytes(4), tensors), "MODEL_TENSOR", "x.weight");
  });

  it("a matrix of eight bits in a GPU's own layout is refused", async () => {
    const tensors = {
      weight: raw("I8", [1, 2], new Int8Array(2)),
      SCB: raw("F32", [1], new Float32Array(1)),
      weight_format: raw("U8", [], Uint8Array.of(2)),
    };
    await expectError(() => decode(bitsandbytes(8), tensors), "MODEL_TENSOR", "x.weight_format");
  });

  it("a model that is GGUF is refused by that name, as a file, in a folder and beside a config.json", async () => {
    const path = folder("gguf");
    mkdirSync(path);
    writeFileSync(join(path, "model.Q4_K_M.gguf"), "GGUF");
    for (const open of [() => openModel(path), () => openModel(join(path, "model.Q4_K_M.gguf"))]) {
      expect((await expectError(open, "MODEL_MISSING", path)).message).toContain("GGUF");
    }
    copyFileSync(join(causalModel, "config.json"), join(path, "config.json"));
    expect((await expectError(() => openModel(path), "MODEL_MISSING", path)).message).toContain("GGUF");
  });

  it.each<[Record<string, unknown>, string]>([
    [{ ...config, bits: 3 }, "3 bits"],
    [{ ...config, checkpoint_format: "marlin" }, "marlin"],
    [{ quant_method: "awq", bits: 4, version: "gemv" }, "gemv"],
    [{ quant_method: "bitsandbytes" }, "load_in_4bit"],
  ])("%j is refused by name", async (quantization_config, words) => {
    const error = await expectError(
      () => readScheme({ quantization_config }, "config.json"),
      "MODEL_UNSUPPORTED",
      "quantization_config",
    );
    expect(error.message).toContain(words);
  });
});
