import { describe, expect, it } from "vitest";
import { Random } from "../../test/support/random.ts";
import { solveLeastSquares } from "./leastSquares.ts";

const random = new Random(1);
const numbers = (count: number) => Float64Array.from(random.normals(count));

/** [rows, inner] · [inner, columns] */
function product(a: Float64Array, b: Float64Array, inner: number): number[] {
  const columns = b.length / inner;
  return Array.from({ length: (a.length / inner) * columns }, (_, index) => {
    let sum = 0;
    for (let k = 0; k < inner; k++)
      sum += a[Math.floor(index / columns) * inner + k]! * b[k * columns + (index % columns)]!;
    return sum;
  });
}

/** (X·A − B)·Aᵀ, which is 0 exactly where ‖X·A − B‖ is least. */
function slope(x: Float64Array, a: Float64Array, b: Float64Array, width: number): number[] {
  const rank = a.length / width;
  const rest = product(x, a, rank).map((value, i) => value - b[i]!);
  const transposed = Float64Array.from({ length: a.length }, (_, i) => a[(i % rank) * width + Math.floor(i / rank)]!);
  return product(Float64Array.from(rest), transposed, width);
}

describe("least squares", () => {
  it.each([
    ["fewer rows than columns", 3, 20],
    ["as many", 8, 8],
    ["more rows than columns", 12, 5],
  ])("leaves a rest at right angles to every row: %s", (_, rank, width) => {
    const [a, b] = [numbers(rank * width), numbers(4 * width)];
    const x = solveLeastSquares(a, b, width);
    expect(x).toHaveLength(4 * rank);
    for (const value of slope(x, a, b, width)) expect(Math.abs(value)).toBeLessThan(1e-10);
  });

  it("gives back what was multiplied", () => {
    const [x, a] = [numbers(4 * 5), numbers(5 * 30)];
    const found = solveLeastSquares(a, Float64Array.from(product(x, a, 5)), 30);
    for (const [i, value] of found.entries()) expect(value).toBeCloseTo(x[i]!, 10);
  });

  it("takes the shortest of the best where rows are the same", () => {
    const row = numbers(10);
    const a = Float64Array.from([...row, ...row]);
    const found = solveLeastSquares(
      a,
      row.map((value) => 3 * value),
      10,
    );
    expect(found[0]).toBeCloseTo(1.5, 10);
    expect(found[1]).toBeCloseTo(1.5, 10);
  });
});
