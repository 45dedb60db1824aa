/** @file Random test data that is the same in every run. */
import { normal } from "../../src/random/normal.ts";
import { Stream } from "../../src/random/philox.ts";

export class Random {
  private readonly stream: Stream;

  constructor(seed: number) {
    this.stream = new Stream(seed, "test");
  }

  /** A whole number in `from … to`, both included. */
  integer(from: number, to: number): number {
    return from + this.stream.below(to - from + 1);
  }

  boolean(): boolean {
    return this.integer(0, 1) === 1;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.stream.below(items.length)]!;
  }

  normals(count: number, deviation = 1, mean = 0): Float32Array {
    return Float32Array.from({ length: count }, () => mean + deviation * normal(this.stream));
  }

  integers(count: number, from: number, to: number): number[] {
    return Array.from({ length: count }, () => this.integer(from, to));
  }
}
