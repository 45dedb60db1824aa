import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/folder.ts";
import { Random } from "../../test/support/random.ts";
import { tinyT5, writeModel } from "../../test/support/tinyT5.ts";
import { openModel } from "./model.ts";
import { nearestTokens } from "./nearest.ts";

const folder = temporaryFolder();
const width = 16;

/** The same by plain loops in float64. */
function reference(table: Float32Array, vector: Float32Array, count: number): { id: number; similarity: number }[] {
  const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  const rows = Array.from({ length: table.length / width }, (_, id) => table.subarray(id * width, (id + 1) * width));
  return rows
    .map((row, id) => ({ id, similarity: dot(row, vector) / Math.sqrt(dot(row, row) * dot(vector, vector)) }))
    .sort((a, b) => b.similarity - a.similarity)
    .slice(0, count);
}

describe("nearestTokens", () => {
  it("finds the tokens in the most similar direction, best first, whatever the vectors' lengths", async () => {
    const model = openModel(writeModel(folder("plain"), tinyT5(new Random(1), { vocab_size: 300 })));
    const vectors = new Random(2).normals(5 * width);
    for (let i = 0; i < width; i++) {
      vectors[i]! *= 1e-20;
      vectors[width + i]! *= 1e18;
    }
    const found = await nearestTokens(model, vectors, 4);
    const table = model.readEmbeddings();
    for (const [row, neighbours] of found.entries()) {
      const expected = reference(table, vectors.subarray(row * width, (row + 1) * width), 4);
      expect(neighbours.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
      for (const [i, { similarity }] of neighbours.entries()) {
        expect(similarity).toBeCloseTo(expected[i]!.similarity, 5);
      }
    }
  });

  it("finds a token's own embedding, the first of equal ones, also in the last block of a large table", async () => {
    const vocabulary = 2 ** 22 / width + 3; // one block and three rows
    const tiny = tinyT5(new Random(3), { vocab_size: vocabulary });
    const table = tiny.weights["shared.weight"]!.data;
    table.copyWithin(7 * width, 5 * width, 6 * width); // token 7 is token 5 again
    const model = openModel(writeModel(folder("large"), tiny));
    const vectors = Float32Array.of(
      ...table.subarray(5 * width, 6 * width),
      ...table.subarray((vocabulary - 1) * width).map((value) => 3 * value),
    );
    const [own, last] = await nearestTokens(model, vectors, 2);
    expect(own!.map(({ id }) => id)).toEqual([5, 7]);
    expect(last![0]).toMatchObject({ id: vocabulary - 1, similarity: expect.closeTo(1, 5) });
  });

  it("takes no token that is refused, no direction for zeros, and an embedding of zeros for like nothing", async () => {
    const tiny = tinyT5(new Random(4));
    const table = tiny.weights["shared.weight"]!.data;
    table.fill(0, 2 * width, 3 * width);
    const model = openModel(writeModel(folder("zeros"), tiny));
    const vectors = new Float32Array(2 * width);
    vectors.set(table.subarray(9 * width, 10 * width));
    const [found, none] = await nearestTokens(model, vectors, 40, (id) => id !== 9);
    expect(found!.map(({ id }) => id)).not.toContain(9);
    expect(found!).toHaveLength(39);
    expect(found!.find(({ id }) => id === 2)!.similarity).toBe(0);
    expect(none).toEqual([]);
  });
});
