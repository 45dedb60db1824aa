import { closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { errorOf, expectError } from "../../test/support/errors.ts";
import { temporaryFolder } from "../../test/support/folder.ts";
import { encodeSafetensors, ownBounds, readFloats, readHeader, readIntegers, readTensorBytes } from "./safetensors.ts";

const folder = temporaryFolder();
let files = 0;

function write(bytes: Uint8Array): string {
  const path = folder(`${files++}.safetensors`);
  writeFileSync(path, bytes);
  return path;
}

/** A file of the given header and this many bytes of tensors. */
function withHeader(header: unknown, dataBytes = 0): string {
  const text = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return write(Buffer.concat([length, text, Buffer.alloc(dataBytes)]));
}

const tensors = {
  a: { shape: [2, 3], data: Float32Array.of(1, -2.5, 0, -0, 1e-45, Number.POSITIVE_INFINITY) },
  b: { shape: [2], data: BigInt64Array.of(-1n, 2n ** 62n) },
  c: { shape: [], data: Float64Array.of(Math.PI) },
  d: { shape: [0, 4], data: new Float32Array(0) },
  e: { shape: [3], data: Uint8Array.of(1, 2, 255) },
};

describe("a file written", () => {
  it("reads back the same tensors and metadata", () => {
    const path = write(encodeSafetensors(tensors, { format: "pt", "with ünicode": '"quotes"' }));
    const header = readHeader(path);
    expect({ ...header.metadata }).toEqual({ format: "pt", "with ünicode": '"quotes"' });
    expect([...header.tensors.keys()]).toEqual(["a", "b", "c", "d", "e"]);
    const entry = (name: string) => header.tensors.get(name)!;
    expect(Buffer.from(readFloats(path, entry("a")).buffer)).toEqual(Buffer.from(tensors.a.data.buffer));
    expect(entry("a").shape).toEqual([2, 3]);
    expect(readIntegers(path, entry("b"))).toEqual(tensors.b.data);
    expect([...readFloats(path, entry("c"))]).toEqual([Math.fround(Math.PI)]);
    expect(readFloats(path, entry("d"))).toHaveLength(0);
    expect([...readTensorBytes(path, entry("e"))]).toEqual([1, 2, 255]);
  });

  it("is the same bytes whatever the order of its content", () => {
    const reversed = Object.fromEntries(Object.entries(tensors).reverse());
    const one = encodeSafetensors(tensors, { x: "1", y: "2" });
    const other = encodeSafetensors(reversed as typeof tensors, { y: "2", x: "1" });
    expect(Buffer.from(one).equals(Buffer.from(other))).toBe(true);
  });

  it("begins its tensors at a multiple of eight bytes", () => {
    for (const name of ["a", "ab", "abc", "äöü", "abcdefgh"]) {
      const bytes = encodeSafetensors({ [name]: { shape: [1], data: Float32Array.of(7) } });
      expect((8 + Number(Buffer.from(bytes).readBigUInt64LE())) % 8).toBe(0);
      const path = write(bytes);
      expect([...readFloats(path, readHeader(path).tensors.get(name)!)]).toEqual([7]);
    }
  });

  it("writes part of a larger buffer as that part", () => {
    const all = Float32Array.of(1, 2, 3, 4);
    const path = write(encodeSafetensors({ a: { shape: [2], data: all.subarray(1, 3) } }));
    expect([...readFloats(path, readHeader(path).tensors.get("a")!)]).toEqual([2, 3]);
  });

  it("must have as many elements as its shape says", () => {
    expect(() => encodeSafetensors({ a: { shape: [3], data: Float32Array.of(1) } })).toThrow(RangeError);
  });
});

describe("parts of a tensor", () => {
  it("are read by element, and not beyond its end", () => {
    const path = write(encodeSafetensors(tensors));
    const entry = readHeader(path).tensors.get("a")!;
    expect([...readFloats(path, entry, 1, 2)]).toEqual([-2.5, 0]);
    expect([...readFloats(path, entry, 4)]).toEqual([Math.fround(1e-45), Number.POSITIVE_INFINITY]);
    expect(() => readFloats(path, entry, 4, 3)).toThrow(RangeError);
    expect(() => readFloats(path, entry, -1, 1)).toThrow(RangeError);
  });
});

describe("half floats", () => {
  const half = (dtype: string, ...words: number[]) => {
    const bytes = Buffer.alloc(2 * words.length);
    for (const [i, word] of words.entries()) bytes.writeUInt16LE(word, 2 * i);
    const header = { h: { dtype, shape: [words.length], data_offsets: [0, bytes.length] } };
    const text = Buffer.from(JSON.stringify(header));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(text.length));
    const path = write(Buffer.concat([length, text, bytes]));
    return [...readFloats(path, readHeader(path).tensors.get("h")!)];
  };

  it("F16: normal, subnormal, signed zero, infinities and NaN", () => {
    const values = half("F16", 0x3c00, 0xc000, 0x3555, 0x7bff, 0x0001, 0x03ff, 0x0400, 0x8000, 0x7c00, 0xfc00, 0x7e00);
    const expected = [1, -2, 0.333251953125, 65504, 2 ** -24, 1023 * 2 ** -24, 2 ** -14, -0, Infinity, -Infinity, NaN];
    expect(values).toEqual(expected);
  });

  it("BF16: the upper half of a float32", () => {
    const values = half("BF16", 0x3f80, 0xc000, 0x3eab, 0x7f7f, 0x0001, 0x8000, 0x7f80, 0xff80, 0x7fc0);
    const expected = [1, -2, 0.333984375, 3.3895313892515355e38, 2 ** -133, -0, Infinity, -Infinity, NaN];
    expect(values).toEqual(expected);
  });
});

describe("a damaged file is refused, and named", () => {
  it("however short it was cut", async () => {
    const whole = encodeSafetensors({ a: { shape: [3], data: Float32Array.of(1, 2, 3) } }, { k: "v" });
    for (let length = 0; length < whole.length; length++) {
      const path = write(whole.subarray(0, length));
      await expectError(() => readHeader(path), "SAFETENSORS_INVALID", path);
    }
    expect(readHeader(write(whole)).tensors.size).toBe(1);
  });

  const entry = { dtype: "F32", shape: [2], data_offsets: [0, 8] };
  it.each<[string, unknown, number, string]>([
    ["a header that is not JSON", "{", 0, ""],
    ["a header that is empty", "", 0, ""],
    ["a header that is a list", [], 0, ""],
    ["a header that is null", null, 0, ""],
    ["an entry that is no object", { a: 3 }, 0, '"a"'],
    ["an entry that is null", { a: null }, 0, '"a"'],
    ["a dtype that is none", { a: { ...entry, dtype: "f32 " } }, 8, '"a"'],
    ["a dtype that is a property of every object", { a: { ...entry, dtype: "constructor" } }, 8, '"a"'],
    ["a dtype that is no text", { a: { ...entry, dtype: 1 } }, 8, '"a"'],
    ["a missing shape", { a: { dtype: "F32", data_offsets: [0, 8] } }, 8, '"a"'],
    ["a negative size", { a: { ...entry, shape: [-2] } }, 8, '"a"'],
    ["a size that is no whole number", { a: { ...entry, shape: [0.5] } }, 8, '"a"'],
    ["sizes whose product overflows", { a: { ...entry, shape: [2 ** 52, 2 ** 52] } }, 8, '"a"'],
    ["missing offsets", { a: { dtype: "F32", shape: [2] } }, 8, '"a"'],
    ["three offsets", { a: { ...entry, data_offsets: [0, 4, 8] } }, 8, '"a"'],
    ["an offset that is text", { a: { ...entry, data_offsets: ["0", 8] } }, 8, '"a"'],
    ["a negative offset", { a: { ...entry, data_offsets: [-8, 0] } }, 8, '"a"'],
    ["offsets in the wrong order", { a: { ...entry, data_offsets: [8, 0] } }, 8, '"a"'],
    ["bytes beyond the end of the file", { a: { ...entry, data_offsets: [8, 16] } }, 8, '"a"'],
    ["fewer bytes than the shape takes", { a: { ...entry, data_offsets: [0, 4] } }, 8, '"a"'],
    ["more bytes than the shape takes", { a: { ...entry, data_offsets: [0, 16] } }, 16, '"a"'],
    ["tensors that overlap", { a: entry, b: { ...entry, data_offsets: [4, 12] } }, 12, ""],
    ["tensors of the same bytes", { a: entry, b: entry }, 8, ""],
    [
      "a tensor within another",
      { a: { ...entry, shape: [4], data_offsets: [0, 16] }, b: { ...entry, data_offsets: [4, 12] } },
      16,
      "",
    ],
    ["metadata that is no object", { __metadata__: "x" }, 0, ""],
    ["metadata that is no text", { __metadata__: { a: 1 } }, 0, ""],
  ])("%s", async (_, header, dataBytes, tensor) => {
    const path = withHeader(header, dataBytes);
    const error = await expectError(() => readHeader(path), "SAFETENSORS_INVALID", path);
    expect(error.where).toContain(tensor);
  });

  it("a header longer than the file, up to the largest length there is", async () => {
    for (const claimed of [9n, 2n ** 32n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n]) {
      const bytes = Buffer.alloc(16);
      bytes.writeBigUInt64LE(claimed);
      const path = write(bytes);
      const error = await expectError(() => readHeader(path), "SAFETENSORS_INVALID", path);
      expect(error.message).toContain(String(claimed));
    }
  });

  it("a huge header, without reading it", async () => {
    const path = folder("huge.safetensors");
    const descriptor = openSync(path, "w");
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(100_000_001n);
    writeSync(descriptor, length);
    ftruncateSync(descriptor, 200_000_000); // sparse: takes no space
    closeSync(descriptor);
    const error = await expectError(() => readHeader(path), "SAFETENSORS_INVALID", path);
    expect(error.expected).toContain("33554432");
  });

  it("a file that is not there, and a folder in its place", async () => {
    const missing = folder("missing.safetensors");
    expect((await expectError(() => readHeader(missing), "SAFETENSORS_INVALID", missing)).message).toMatch(/not exist/);
    mkdirSync(folder("directory.safetensors"));
    const directory = folder("directory.safetensors");
    await expectError(() => readHeader(directory), "SAFETENSORS_INVALID", directory);
  });

  it("a file that became shorter after its header was read", async () => {
    const bytes = encodeSafetensors(tensors);
    const path = write(bytes);
    const header = readHeader(path);
    writeFileSync(path, bytes.subarray(0, bytes.length - 4));
    await expectError(() => readTensorBytes(path, header.tensors.get("e")!), "SAFETENSORS_INVALID", path);
  });

  it("a tensor of another type than is asked for", async () => {
    const path = write(encodeSafetensors(tensors));
    const { tensors: entries } = readHeader(path);
    await expectError(() => readFloats(path, entries.get("b")!), "SAFETENSORS_INVALID", '"b"');
    await expectError(() => readIntegers(path, entries.get("a")!), "SAFETENSORS_INVALID", '"a"');
  });
});

describe("names that mean something to JavaScript", () => {
  it("are names like any other", async () => {
    const entry = { dtype: "F32", shape: [1], data_offsets: [0, 4] };
    const path = withHeader(`{"__proto__": ${JSON.stringify(entry)}, "__metadata__": {"__proto__": "x"}}`, 4);
    const header = readHeader(path);
    expect([...header.tensors.keys()]).toEqual(["__proto__"]);
    expect(Object.keys(header.metadata)).toEqual(["__proto__"]);
    const error = await errorOf(() =>
      readHeader(withHeader({ a: { dtype: "toString", shape: [], data_offsets: [0, 0] } })),
    );
    expect(error.message).toContain('"toString" is none');
  });
});

describe("a header that is larger than any of its kind", () => {
  const entry = { dtype: "F32", shape: [0], data_offsets: [0, 0] };
  const of = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`t${i}`, entry]));

  it.each([
    ["claims too many bytes", () => withHeader(" ".repeat(2 ** 25 + 1)), "at most 33554432"],
    ["nests too deep", () => withHeader(`{"__metadata__": ${"[".repeat(100_000)}`), undefined],
  ])("is refused: %s", async (_, path, expected) => {
    expect((await expectError(() => readHeader(path()), "SAFETENSORS_INVALID", ".safetensors")).expected).toBe(
      expected,
    );
  });

  it("is refused sooner for files of our own, which the editor reads", async () => {
    const many = withHeader(of(1_001));
    expect(readHeader(many).tensors.size).toBe(1_001);
    const error = await expectError(() => readHeader(many, ownBounds), "SAFETENSORS_INVALID", many);
    expect(error.message).toContain("1001 tensors");
    await expectError(() => readHeader(withHeader(of(20_000)), ownBounds), "SAFETENSORS_INVALID", ".safetensors");
  });

  it("is not even looked for in a file that is too large for its kind", async () => {
    const path = folder("sparse.safetensors");
    const file = openSync(path, "w");
    ftruncateSync(file, 2 ** 31);
    closeSync(file);
    const error = await expectError(() => readHeader(path, ownBounds), "SAFETENSORS_INVALID", path);
    expect(error.message).toContain("2147483648 bytes");
  });
});
