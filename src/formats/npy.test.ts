import { describe, expect, it } from "vitest";
import { encodeNpy } from "./npy.ts";

describe("an array for NumPy", () => {
  it("is written as numpy.save writes it, byte for byte", () => {
    const bytes = Buffer.from(encodeNpy({ shape: [2, 3], data: Float32Array.of(1, -0, 0.5, 1e-40, 3, -2.25) }));
    // numpy.save(file, numpy.array([[1, -0.0, 0.5], [1e-40, 3, -2.25]], dtype="float32")) of NumPy 2.4
    const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }".padEnd(117);
    expect(bytes.subarray(0, 128).toString("latin1")).toBe(`\x93NUMPY\x01\x00\x76\x00${header}\n`);
    expect(bytes.subarray(128).toString("hex")).toBe("0000803f000000800000003fc2160100000040400000" + "10c0");
  });

  it("has its numbers at a multiple of 64 bytes, whatever its shape", () => {
    for (const shape of [[1], [1, 1], [1, 1, 1], [100, 1], [1000, 1]]) {
      const elements = shape.reduce((product, size) => product * size, 1);
      const bytes = Buffer.from(encodeNpy({ shape, data: new Float32Array(elements).fill(7) }));
      const start = 10 + bytes.readUInt16LE(8);
      expect([start % 64, bytes.length - start, bytes.readFloatLE(start)]).toEqual([0, 4 * elements, 7]);
      expect(bytes.toString("latin1", 10, start)).toContain(shape.length === 1 ? "(1,)" : `(${shape.join(", ")})`);
    }
  });

  it("is refused where there are not as many numbers as its shape says", () => {
    expect(() => encodeNpy({ shape: [2, 3], data: new Float32Array(5) })).toThrow(RangeError);
  });
});
