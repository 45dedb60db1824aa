/** @file Frozen tensors of methods: made from a seed when they are first needed, known by their hash, never stored. */
import { normal } from "../random/normal.ts";
import { Stream } from "../random/philox.ts";
import { sha256OfFloats } from "./projection.ts";

/** Where the numbers of a frozen tensor come from. */
export interface Origin {
  seed: number;
  /** Names the algorithm: what it makes of a seed never changes. */
  generator: string;
  /** What the numbers follow, for people: `xavier-uniform` */
  distribution: string;
}

/** The numbers, row by row, and their hash. */
export interface Content {
  data: Float32Array;
  sha256: string;
}

export class FrozenTensor {
  readonly shape: readonly number[];
  readonly origin: Origin;
  private readonly make: () => Content;
  private made: Content | undefined;

  constructor(shape: readonly number[], origin: Origin, make: () => Content) {
    this.shape = shape;
    this.origin = origin;
    this.make = make;
  }

  /** Row by row. */
  get data(): Float32Array {
    return this.content.data;
  }

  /** Hex, of the numbers as little-endian float32. */
  get sha256(): string {
    return this.content.sha256;
  }

  /** Makes it now. @throws UlptError OPTION_INVALID for sizes that it cannot have */
  prepare(): void {
    this.made ??= this.make();
  }

  private get content(): Content {
    this.prepare();
    return this.made!;
  }
}

/** Numbers of N(0, 1) from a stream of the tensor's own. */
export function frozenNormal(name: string, shape: readonly number[], seed: number): FrozenTensor {
  const count = shape.reduce((product, size) => product * size, 1);
  const origin = { seed, generator: "philox4x32-10/normal-1", distribution: "normal" };
  return new FrozenTensor(shape, origin, () => {
    const stream = new Stream(seed, `ulpt/frozen/${name}`);
    const data = Float32Array.from({ length: count }, () => normal(stream));
    return { data, sha256: sha256OfFloats(data) };
  });
}
