import { describe, expect, it } from "vitest";
import { Dropout } from "./dropout.ts";

const largest = 50_000;
const tableOf = (dropout: Dropout, size = largest) => dropout.masks(0).table(size).data as Float32Array;
const bytesOf = ({ buffer, byteOffset }: Float32Array, length: number) => Buffer.from(buffer, byteOffset, 4 * length);
const placesOf = (dropout: Dropout, step: number, part: number) =>
  [...(dropout.masks(step).places(part, 6).data as BigInt64Array)].map(Number);

describe("the masks of dropout", () => {
  it("leave out the share that they are told, and make up for it in the rest", () => {
    const table = tableOf(new Dropout(0.1, 1));
    let zeros = 0;
    for (const value of table) if (value === 0) zeros += 1;
    expect(Math.abs(zeros / table.length - 0.1)).toBeLessThan(0.001);
    expect([...new Set(table)].toSorted()).toEqual([0, Math.fround(1 / 0.9)]);
  });

  it("of a step and a part are those of the seed, whatever came before", () => {
    const [first, second] = [new Dropout(0.1, 1), new Dropout(0.1, 1)];
    for (const size of [10, 700, largest]) tableOf(first, size); // grows by and by
    for (let step = 0; step < 5; step++) placesOf(first, step, 0);
    const [grown, whole] = [tableOf(first), tableOf(second)];
    expect(bytesOf(grown, whole.length).equals(bytesOf(whole, whole.length))).toBe(true);
    expect(placesOf(second, 7, 1)).toEqual(placesOf(first, 7, 1));
    expect(placesOf(new Dropout(0.1, 2), 7, 1)).not.toEqual(placesOf(first, 7, 1));
  });

  it("begin elsewhere for each site, part and step, and end within the table", () => {
    const dropout = new Dropout(0.1, 1);
    const { length } = tableOf(dropout);
    const all = [0, 1, 2].flatMap((step) => [0, 1].flatMap((part) => placesOf(dropout, step, part)));
    expect(new Set(all).size).toBe(36);
    for (const place of all) expect(place + largest).toBeLessThanOrEqual(length);
  });
});
