/**
 * @file Random numbers that are the same on every machine: Philox4x32-10, and named, seekable streams of its words.
 *
 * Philox4x32-10 is the counter-based generator of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as
 * 1, 2, 3" (SC 2011; Random123): a bijection of 128-bit counters, chosen by a 64-bit key. Everything here is exact integer
 * arithmetic, so there is nothing that a compiler, an engine or a processor could round differently.
 *
 * A stream is (seed, name) → words w_0, w_1, …:
 *
 *     key     = (seed mod 2³², ⌊seed / 2³²⌋)                                0 ≤ seed < 2⁶⁴
 *     c2, c3  = bytes 0–3 and 4–7 of SHA-256(UTF-8(name)), little-endian    the stream's part of the counter
 *     block b = philox4x32((b mod 2³², ⌊b / 2³²⌋, c2, c3), key)
 *     w_i     = word i mod 4 of block ⌊i / 4⌋
 *
 * Known-answer vectors: `test/vectors/projection.json`.
 */
import { createHash } from "node:crypto";
import { UlptError } from "../errors.ts";

export type Words2 = readonly [number, number];
export type Words4 = readonly [number, number, number, number];

// Multipliers 0xD2511F53 and 0xCD9E8D57 in 16-bit halves, for the high word of a 32 × 32-bit product.
const M0 = 0xd2511f53 | 0;
const M0_HIGH = 0xd251;
const M0_LOW = 0x1f53;
const M1 = 0xcd9e8d57 | 0;
const M1_HIGH = 0xcd9e;
const M1_LOW = 0x8d57;
// What the key grows by between rounds: the golden ratio and √3 − 1.
const W0 = 0x9e3779b9 | 0;
const W1 = 0xbb67ae85 | 0;
const ROUNDS = 10;

const WORDS = 4;
const TWO_32 = 2 ** 32;
const TWO_52 = 2 ** 52;

/** Bits 32–63 of a · (bHigh · 2¹⁶ + bLow), as an int32. No sum below exceeds 32 bits before its last addition. */
function multiplyHigh(a: number, bHigh: number, bLow: number): number {
  const aHigh = a >>> 16;
  const aLow = a & 0xffff;
  const middle = (Math.imul(aHigh, bLow) + (Math.imul(aLow, bLow) >>> 16)) | 0;
  const carry = (Math.imul(aLow, bHigh) + (middle & 0xffff)) | 0;
  return (Math.imul(aHigh, bHigh) + (middle >>> 16) + (carry >>> 16)) | 0;
}

/** Writes the four words of one block to `out`. The counter and key words may be given signed or unsigned. */
function writeBlock(
  out: Uint32Array,
  c0: number,
  c1: number,
  c2: number,
  c3: number,
  key0: number,
  key1: number,
): void {
  let x0 = c0 | 0;
  let x1 = c1 | 0;
  let x2 = c2 | 0;
  let x3 = c3 | 0;
  let k0 = key0 | 0;
  let k1 = key1 | 0;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(x0, M0_HIGH, M0_LOW);
    const high1 = multiplyHigh(x2, M1_HIGH, M1_LOW);
    const low0 = Math.imul(x0, M0);
    const low1 = Math.imul(x2, M1);
    x0 = high1 ^ x1 ^ k0;
    x1 = low1;
    x2 = high0 ^ x3 ^ k1;
    x3 = low0;
    k0 = (k0 + W0) | 0;
    k1 = (k1 + W1) | 0;
  }
  out[0] = x0;
  out[1] = x1;
  out[2] = x2;
  out[3] = x3;
}

/** Philox4x32-10: the block of four uint32 words that `key` assigns to `counter`. */
export function philox4x32(counter: Words4, key: Words2): [number, number, number, number] {
  const out = new Uint32Array(WORDS);
  writeBlock(out, ...counter, ...key);
  return [out[0]!, out[1]!, out[2]!, out[3]!];
}

/** `seed` as the key's (low, high) words; UlptError OPTION_INVALID unless it is a whole number in [0, 2⁶⁴). */
function keyOf(seed: number | bigint): Words2 {
  const whole = typeof seed === "bigint" || Number.isSafeInteger(seed);
  if (!whole || seed < 0 || seed >= 2n ** 64n) {
    throw new UlptError("OPTION_INVALID", `The seed ${seed} cannot be used.`, {
      where: "seed",
      expected: "a whole number from 0 to 2^64 − 1, exact (above 2^53 − 1: a bigint)",
    });
  }
  const bits = BigInt(seed);
  return [Number(bits & 0xffffffffn), Number(bits >> 32n)];
}

/**
 * The random words named `name` under `seed`, read in order from a position that can be set. Streams of different names
 * or seeds share no block, so what one consumer draws never shifts what another sees.
 */
export class Stream {
  readonly #key: Words2;
  readonly #c2: number;
  readonly #c3: number;
  /** The block last computed, and which of its words comes next. */
  readonly #words = new Uint32Array(WORDS);
  #cursor = WORDS;
  /** The block that will be computed next. */
  #block = 0;

  constructor(seed: number | bigint, name: string) {
    this.#key = keyOf(seed);
    const digest = createHash("sha256").update(name, "utf8").digest();
    this.#c2 = digest.readUInt32LE(0);
    this.#c3 = digest.readUInt32LE(4);
  }

  /** Index of the word that comes next. `at(position)` on a new stream of the same seed and name continues this one. */
  get position(): number {
    return (this.#block - 1) * WORDS + this.#cursor;
  }

  /** Moves to word `index`, an integer in [0, 2⁵³), and returns this stream. */
  at(index: number): this {
    if (!Number.isSafeInteger(index) || index < 0) throw new RangeError(`no word ${index} in a stream`);
    this.#block = Math.floor(index / WORDS);
    this.#cursor = WORDS;
    const within = index % WORDS;
    if (within > 0) {
      this.#nextBlock();
      this.#cursor = within;
    }
    return this;
  }

  #nextBlock(): void {
    const block = this.#block++;
    writeBlock(this.#words, block, block / TWO_32, this.#c2, this.#c3, this.#key[0], this.#key[1]);
    this.#cursor = 0;
  }

  /** One word: an integer uniform in [0, 2³²). */
  uint32(): number {
    if (this.#cursor === WORDS) this.#nextBlock();
    return this.#words[this.#cursor++]!;
  }

  /** Two words a, b: the integer ⌊a / 2⁵⌋ · 2²⁶ + ⌊b / 2⁶⌋, uniform in [0, 2⁵³). */
  uint53(): number {
    const high = this.uint32() >>> 5;
    const low = this.uint32() >>> 6;
    return high * 0x4000000 + low;
  }

  /** Two words: `uint53()` · 2⁻⁵³, in [0, 1). */
  uniform(): number {
    return this.uint53() * 2 ** -53;
  }

  /**
   * Two words: (`uint53()` − 2⁵² + ½) · 2⁻⁵², in (−1, 1). Every value is exact in float64, none is 0, and x is as likely
   * as −x.
   */
  symmetric(): number {
    return (this.uint53() - TWO_52 + 0.5) * 2 ** -52;
  }

  /**
   * An integer uniform in [0, n), 1 ≤ n ≤ 2³², without bias: ⌊w·n / 2³²⌋ of a word w, drawing again while
   * w·n mod 2³² < 2³² mod n (Lemire, "Fast random integer generation in an interval", 2019). One word, rarely more.
   */
  below(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > TWO_32) throw new RangeError(`below(${n}): n must be in 1 … 2^32`);
    if (n === TWO_32) return this.uint32();
    let word = this.uint32();
    let rest = Math.imul(word, n) >>> 0;
    if (rest < n) {
      const biased = TWO_32 % n;
      while (rest < biased) {
        word = this.uint32();
        rest = Math.imul(word, n) >>> 0;
      }
    }
    return multiplyHigh(word, n >>> 16, n & 0xffff) >>> 0;
  }
}
