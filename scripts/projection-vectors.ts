/**
 * @file The published test vectors of the random streams and the projection P̃, for reimplementations in other languages.
 *
 *   tsx scripts/projection-vectors.ts          writes test/vectors/projection.json
 *   tsx scripts/projection-vectors.ts --check  fails if the file is not what this code produces
 *
 * A change of any value here is a change of the algorithm: it needs a new generator name, not a new file.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { generateProjection, type ProjectionSpec, projectionGenerator } from "../src/prompts/projection.ts";
import { normal } from "../src/random/normal.ts";
import { philox4x32, Stream, type Words2, type Words4 } from "../src/random/philox.ts";
import { permutation } from "../src/random/shuffle.ts";

const FIRST = 8;
const NORMALS = 10_000;

/** The counters and keys of Random123's `kat_vectors`, philox4x32 10. */
const knownAnswers: readonly { counter: Words4; key: Words2 }[] = [
  { counter: [0, 0, 0, 0], key: [0, 0] },
  { counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff], key: [0xffffffff, 0xffffffff] },
  { counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], key: [0xa4093822, 0x299f31d0] },
];

const streams: readonly { seed: bigint; name: string; at: number }[] = [
  { seed: 0n, name: "", at: 0 },
  { seed: 42n, name: "ulpt/projection", at: 0 },
  { seed: 42n, name: "ulpt/projection", at: 2 ** 40 + 3 },
  { seed: 2n ** 64n - 1n, name: "größe/初期化", at: 0 },
];

const specs: readonly ProjectionSpec[] = [
  { distribution: "xavier-uniform", seed: 42, rank: 2, hiddenSize: 768, groups: 1 },
  { distribution: "xavier-uniform", seed: 2n ** 64n - 1n, rank: 64, hiddenSize: 512, groups: 4 },
  { distribution: "xavier-uniform", seed: 1, rank: 256, hiddenSize: 768, groups: 1 },
  { distribution: "normal", seed: 42, rank: 2, hiddenSize: 768, groups: 1 },
  { distribution: "normal", seed: 7, rank: 256, hiddenSize: 768, groups: 1 },
  { distribution: "normal-scaled", seed: 42, rank: 16, hiddenSize: 768, groups: 1 },
  { distribution: "normal-scaled", seed: 3, rank: 3, hiddenSize: 5, groups: 2 },
  { distribution: "kaiming-uniform", seed: 42, rank: 2, hiddenSize: 2048, groups: 1 },
  { distribution: "kaiming-uniform", seed: 2n ** 53n, rank: 7, hiddenSize: 3, groups: 1 },
  { distribution: "rademacher", seed: 42, rank: 2, hiddenSize: 768, groups: 1 },
  { distribution: "rademacher", seed: 9, rank: 64, hiddenSize: 512, groups: 2 },
  { distribution: "orthogonal", seed: 42, rank: 2, hiddenSize: 768, groups: 1 },
  { distribution: "orthogonal", seed: 5, rank: 16, hiddenSize: 64, groups: 3 },
  { distribution: "orthogonal", seed: 6, rank: 32, hiddenSize: 32, groups: 1 },
];

const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, "0");
const times = <T>(count: number, draw: () => T): T[] => Array.from({ length: count }, draw);
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** Little-endian bytes of the values, 4 or 8 each. */
function bytesOf(values: readonly number[], size: 4 | 8): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.length * size));
  for (const [i, value] of values.entries()) {
    if (size === 4) view.setFloat32(i * size, value, true);
    else view.setFloat64(i * size, value, true);
  }
  return new Uint8Array(view.buffer);
}

/** The IEEE bits of a float32 or float64, most significant digit first. */
const floatBits = (value: number, size: 4 | 8): string =>
  Buffer.from(bytesOf([value], size))
    .reverse()
    .toString("hex");

function streamVector({ seed, name, at }: { seed: bigint; name: string; at: number }) {
  return {
    seed: String(seed),
    name,
    at,
    words: times(
      FIRST,
      (
        (stream) => () =>
          hex(stream.uint32())
      )(new Stream(seed, name).at(at)),
    ),
  };
}

function normalVector(seed: number, name: string) {
  const stream = new Stream(seed, name);
  const values = times(NORMALS, () => normal(stream));
  return {
    seed: String(seed),
    name,
    first: values.slice(0, FIRST),
    firstBits: values.slice(0, FIRST).map((value) => floatBits(value, 8)),
    count: NORMALS,
    sha256F32: sha256(bytesOf(values, 4)),
    sha256F64: sha256(bytesOf(values, 8)),
  };
}

function projectionVector(spec: ProjectionSpec) {
  const { data, sha256 } = generateProjection(spec);
  const first = [...data.subarray(0, FIRST)];
  return { ...spec, seed: String(spec.seed), first, firstBits: first.map((value) => floatBits(value, 4)), sha256 };
}

const vectors = {
  about:
    "Test vectors of src/random/philox.ts, src/random/normal.ts and src/prompts/projection.ts, which describe the algorithm. Seeds are decimal, words and bits hexadecimal. Written by scripts/projection-vectors.ts.",
  generator: projectionGenerator,
  philox4x32: knownAnswers.map(({ counter, key }) => ({
    counter: counter.map(hex),
    key: key.map(hex),
    words: philox4x32(counter, key).map(hex),
  })),
  streams: streams.map(streamVector),
  permutations: [
    { seed: "1", name: "order", n: 10, order: [...permutation(10, new Stream(1, "order"))] },
    { seed: "2", name: "order", n: 10, order: [...permutation(10, new Stream(2, "order"))] },
  ],
  normals: [normalVector(1, "normals"), normalVector(42, "Z")],
  projections: specs.map(projectionVector),
};

const file = new URL("../test/vectors/projection.json", import.meta.url);
const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
if (process.argv.includes("--check")) {
  if (!same(JSON.parse(readFileSync(file, "utf8")), vectors)) {
    console.error("test/vectors/projection.json is not what this code produces: the projection's bits have changed.");
    process.exit(1);
  }
} else {
  mkdirSync(new URL(".", file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(vectors, null, 2)}\n`);
}
