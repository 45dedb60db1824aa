import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import vectors from "../../test/vectors/projection.json";
import { normal, normalOf, normalQuantile, portableLog } from "./normal.ts";
import { Stream } from "./philox.ts";

const sha256 = (array: Float32Array | Float64Array): string =>
  createHash("sha256")
    .update(new Uint8Array(array.buffer as ArrayBuffer))
    .digest("hex");

/** The distance between neighbouring float64 numbers at x. */
function ulp(x: number): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, Math.abs(x));
  view.setBigUint64(0, view.getBigUint64(0) + 1n);
  return view.getFloat64(0) - Math.abs(x);
}

describe("portableLog", () => {
  it("is within 2 ulp of Math.log over all of float64", () => {
    const stream = new Stream(1, "log");
    let worst = 0;
    for (let i = 0; i < 100_000; i++) {
      const x = (1 + stream.uniform()) * 2 ** (stream.below(2045) - 1022);
      worst = Math.max(worst, Math.abs(portableLog(x) - Math.log(x)) / ulp(Math.log(x)));
    }
    expect(worst).toBeLessThanOrEqual(2);
  });

  it("is within 2 ulp of Math.log near 1, where the result is small", () => {
    const stream = new Stream(2, "log");
    let worst = 0;
    for (let i = 0; i < 100_000; i++) {
      const x = 1 + stream.symmetric() * 2 ** -stream.below(45);
      worst = Math.max(worst, Math.abs(portableLog(x) - Math.log(x)) / ulp(Math.log(x)));
    }
    expect(worst).toBeLessThanOrEqual(2);
  });

  it("knows the edges", () => {
    expect(portableLog(1)).toBe(0);
    expect(portableLog(0)).toBe(Number.NEGATIVE_INFINITY);
    expect(portableLog(Number.POSITIVE_INFINITY)).toBe(Number.POSITIVE_INFINITY);
    expect(portableLog(-1)).toBeNaN();
    expect(portableLog(Number.NaN)).toBeNaN();
    expect(portableLog(Number.MIN_VALUE)).toBeCloseTo(-1074 * Math.LN2, 12);
  });
});

describe("normalQuantile", () => {
  it("gives quantiles to 15 digits, the first three as Wichura 1988 prints them", () => {
    const known: [p: number, x: number][] = [
      [0.25, -0.6744897501960817],
      [0.001, -3.090232306167813],
      [1e-20, -9.26234008979841],
      [0.5, 0],
      [0.975, 1.959963984540054],
      [0.995, 2.5758293035489004],
      [0.9, 1.2815515655446004],
    ];
    for (const [p, x] of known) expect(Math.abs(normalQuantile(p) - x)).toBeLessThanOrEqual(2e-15 * Math.abs(x));
  });

  it("knows the edges", () => {
    expect(normalQuantile(0)).toBe(Number.NEGATIVE_INFINITY);
    expect(normalQuantile(1)).toBe(Number.POSITIVE_INFINITY);
    for (const p of [-0.1, 1.1, Number.NaN]) expect(normalQuantile(p)).toBeNaN();
  });

  it("joins its three pieces without a step", () => {
    const joints = [0.075, Math.exp(-25)];
    for (const p of joints) {
      const below = normalQuantile(p * (1 - 1e-12));
      const above = normalQuantile(p * (1 + 1e-12));
      expect(above).toBeGreaterThan(below);
      expect(above - below).toBeLessThan(1e-11);
    }
  });
});

describe("normal", () => {
  it("gives the published numbers, to the bit", () => {
    for (const { seed, name, first, count, sha256F32, sha256F64 } of vectors.normals) {
      const stream = new Stream(BigInt(seed), name);
      const values = Float64Array.from({ length: count }, () => normal(stream));
      expect([...values.subarray(0, first.length)]).toEqual(first);
      expect(sha256(values)).toBe(sha256F64);
      expect(sha256(Float32Array.from(values))).toBe(sha256F32);
    }
  });

  it("takes two words for each number", () => {
    const stream = new Stream(1, "n");
    for (let i = 1; i <= 100; i++) {
      normal(stream);
      expect(stream.position).toBe(2 * i);
    }
  });

  it("has the moments of N(0, 1)", () => {
    const stream = new Stream(2, "n");
    const count = 400_000;
    const moments = [0, 0, 0, 0];
    for (let i = 0; i < count; i++) {
      const x = normal(stream);
      for (let power = 0; power < 4; power++) moments[power]! += x ** (power + 1) / count;
    }
    // Five standard errors: √(1, 2, 15, 96) / √count.
    const [mean, square, cube, fourth] = moments as [number, number, number, number];
    expect(Math.abs(mean)).toBeLessThan((5 * 1) / Math.sqrt(count));
    expect(Math.abs(square - 1)).toBeLessThan((5 * Math.SQRT2) / Math.sqrt(count));
    expect(Math.abs(cube)).toBeLessThan((5 * Math.sqrt(15)) / Math.sqrt(count));
    expect(Math.abs(fourth - 3)).toBeLessThan((5 * Math.sqrt(96)) / Math.sqrt(count));
  });

  it("is odd to the bit, and finite at the ends of its interval", () => {
    const end = 1 - 2 ** -53;
    expect(normalOf(end)).toBeGreaterThan(8.2);
    expect(normalOf(end)).toBeLessThan(8.3);
    const stream = new Stream(3, "n");
    for (const x of [end, ...Array.from({ length: 1000 }, () => stream.symmetric())]) {
      expect(normalOf(-x)).toBe(-normalOf(x));
    }
  });
});
