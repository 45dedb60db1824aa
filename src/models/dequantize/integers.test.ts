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
import { causalModel, embeddedModel } from "../../../test/support/workspace.ts";
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

  /** As bitsandbytes' fp4 code book: sign, then 0, 1/192, 2/3, 1, 1/3, 1/2, 1/6 and 1/4. */
  const fp4 = [0, 1 / 192, 2 / 3, 1, 1 / 3, 1 / 2, 1 / 6, 1 / 4].flatMap((size, code) => [[code, size] as const]);

  it("fp4 looks up its own code book; bytes may be stored as wider numbers", () => {
    const state = Uint8Array.from(Buffer.from('{"quant_type": "fp4", "blocksize": 4, "shape": [2, 4]}'));
    const codes = new Float32Array(16);
    for (const [code, size] of fp4) [codes[code], codes[code + 8]] = [size, -size];
    const parts = {
      "weight.absmax": raw("F32", [2], Float32Array.of(6, 0.5)),
      "weight.quant_map": raw("F32", [16], codes),
      "weight.quant_state.bitsandbytes__fp4": raw("U8", [state.length], state),
    };
    const bytes = Uint8Array.of(0x2b, 0x46, 0x7d, 0x0f);
    const wanted = [
      [4, -6, 2, 1],
      [0.125, -0.25, 0, -0.125],
    ];
    const found = decode(bitsandbytes(4), { weight: raw("U8", [4, 1], bytes), ...parts });
    for (const [row, values] of wanted.entries())
      for (const [column, value] of values.entries()) expect(found[row]![column]).toBeCloseTo(value, 6);
    expect(decode(bitsandbytes(4), { weight: raw("BF16", [2, 1], bytes), ...parts })).toEqual(found);
    expect(decode(bitsandbytes(4), { weight: raw("F32", [1, 1], bytes), ...parts })).toEqual(found);
  });

  it("GPTQ of 8 bits in the order of activations takes each input's scale and zero from the group that it names", () => {
    const tensors = {
      qweight: raw(
        "I32",
        [1, 4],
        Int32Array.from([0, 1, 2, 3], (output) => 0x04030201 + output),
      ),
      qzeros: raw("I32", [2, 1], Int32Array.of(0x03020100, 0x00000000)),
      scales: raw("F32", [2, 4], Float32Array.of(1, 2, 4, 8, 0.5, 0.5, 0.5, 0.5)),
      g_idx: raw("I32", [4], Int32Array.of(1, 0, 0, 1)),
    };
    // Of output o: (input's number − zero − 1) · scale, and only the first number has the output added.
    expect(decode({ quant_method: "gptq", bits: 8, group_size: 2, desc_act: true }, tensors)).toEqual([
      [0, 1, 2, 1.5],
      [0.5, 0, 2, 1.5],
      [1, -4, 0, 1.5],
      [1.5, -16, -8, 1.5],
    ]);
  });

  it("GPTQ's first format keeps a zero of none as all ones", () => {
    const tensors = {
      qweight: raw("I32", [1, 8], new Int32Array(8).fill(0x76543210)),
      qzeros: raw("I32", [1, 1], Int32Array.of(-1)),
      scales: raw("F32", [1, 8], new Float32Array(8).fill(1)),
    };
    expect(decode({ quant_method: "gptq", bits: 4, group_size: 8 }, tensors)[0]).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it("AWQ takes each input's zeros and scales from its group, zeros in the order of the columns' words", () => {
    const tensors = {
      qweight: raw("I32", [4, 1], new Int32Array(4).fill(0x77777777)),
      qzeros: raw("I32", [2, 1], Int32Array.of(0x76543210, 0)),
      scales: raw(
        "F32",
        [2, 8],
        Float32Array.from({ length: 16 }, (_, place) => (place < 8 ? 1 : 2)),
      ),
    };
    const found = decode({ quant_method: "awq", bits: 4, group_size: 2 }, tensors);
    expect(found.map(([first]) => first)).toEqual([7, 3, 6, 2, 5, 1, 4, 0]);
    for (const [one, two, ...others] of found) expect([two, ...others]).toEqual([one, 14, 14]);
  });

  it("eight bits of bitsandbytes are parts of 127 of their row's largest size, its outliers' too", () => {
    const tensors = {
      weight: raw("I8", [2, 3], Int8Array.of(127, -127, 0, 64, 1, -128)),
      SCB: raw("F32", [2], Float32Array.of(2, 12.7)),
      weight_format: raw("U8", [], Uint8Array.of(0)),
    };
    const [first, second] = decode({ load_in_8bit: true, llm_int8_threshold: 6 }, tensors);
    expect(first).toEqual([2, -2, 0]);
    for (const [place, value] of [6.4, 0.1, -12.8].entries()) expect(second![place]).toBeCloseTo(value, 5);
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

/** The form of nf4, without its numbers. */
const packedOnly = ({ rows, columns, data }: Matrix): Quantized => {
  const weight = raw("U8", [(rows * columns) / 2, 1], new Uint8Array((rows * columns) / 2));
  return { tensors: { weight, "weight.absmax": raw("F32", [1], new Float32Array(1)) }, values: data };
};

describe("weights that are quantised while config.json does not say so", () => {
  it.each([
    ["GPTQ", gptq(4, 32)],
    ["bitsandbytes int8", eightBit],
    ["nf4", packedOnly],
  ])("are refused as such, and not as those of another model: %s", async (_, encode) => {
    for (const from of [causalModel, embeddedModel]) {
      const to = { to: folder(`model${folders}`), plain: folder(`plain${folders++}`) };
      requantize(from, to, {}, encode);
      copyFileSync(join(from, "config.json"), join(to.to, "config.json"));
      const error = await expectError(() => openModel(to.to).readingGraphs(), "MODEL_UNSUPPORTED", to.to);
      expect(error.message).toContain("quantised");
    }
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
    [{ ...config, bits: 2 }, "2 bits"],
    [{ ...config, bits: 3 }, "3 bits"],
    [{ ...config, dynamic: { "+:.*down_proj.*": { bits: 8 } } }, "in some layers otherwise"],
    [{ ...config, checkpoint_format: "marlin" }, "marlin"],
    [{ quant_method: "awq", bits: 4, version: "gemv" }, "gemv"],
    [{ quant_method: "awq", bits: 4, version: "gemv_fast" }, "gemv_fast"],
    [{ quant_method: "auto-round", bits: 4 }, "auto-round"],
    [{ load_in_4bit: true, load_in_8bit: true }, "both"],
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
