/**
 * @file The generator behind numpy's `default_rng(seed)`, and its permutation. Nothing of ours is drawn from it: it is here so
 * that data sets can be split as `train_test_split` of Hugging Face datasets splits them, which the paper's code uses for GSM8K.
 *
 * Sources: O'Neill, "PCG: A Family of Simple Fast Space-Efficient Statistically Good Algorithms for Random Number Generation",
 * HMC-CS-2014-0905 (PCG XSL-RR 128/64), and "Developing a seed_seq Alternative", 2015, on which numpy's `SeedSequence` is built
 * (NEP 19 and numpy's documentation of it). What numpy draws is held by its stream of `default_rng`; the tests have its numbers.
 */

const poolSize = 4;

/** A 32-bit word with its high half folded into its low one. */
function fold(word: number): number {
  return (word ^ (word >>> 16)) >>> 0;
}

/** The hash of O'Neill's seed_seq_fe: each word is multiplied by the next power of `multiplier`. */
function hasher(constant: number, multiplier: number): (word: number) => number {
  let power = constant;
  return (word) => {
    const mixed = word ^ power;
    power = Math.imul(power, multiplier);
    return fold(Math.imul(mixed, power));
  };
}

/**
 * `np.random.SeedSequence(seed).generate_state(count)`: `count` words of 32 bits.
 * @throws RangeError for a seed that is no whole number from 0 to 2⁵³ − 1
 */
export function seedSequence(seed: number, count: number): Uint32Array {
  if (!Number.isSafeInteger(seed) || seed < 0) throw new RangeError(`a seed of ${seed}`);
  const entropy = [seed >>> 0, Math.floor(seed / 2 ** 32)];
  const hash = hasher(0x43b0d7e5, 0x931e8875);
  const pool = Uint32Array.from({ length: poolSize }, (_, i) => hash(entropy[i] ?? 0));
  for (let from = 0; from < poolSize; from++) {
    for (let to = 0; to < poolSize; to++) {
      if (from === to) continue;
      pool[to] = fold(Math.imul(0xca01f9dd, pool[to]!) - Math.imul(0x4973f715, hash(pool[from]!)));
    }
  }
  const draw = hasher(0x8b51f9dd, 0x58f38ded);
  return Uint32Array.from({ length: count }, (_, i) => draw(pool[i % poolSize]!));
}

const multiplier = 0x2360ed051fc65da44385df649fccf645n;

export class Pcg64 {
  private state: bigint;
  private readonly increment: bigint;
  /** The high half of a word of which `uint32` has given the low one. */
  private half: number | undefined;

  /** Seeds as `np.random.PCG64(seed)` does. @throws RangeError for a seed that is no whole number from 0 to 2⁵³ − 1 */
  constructor(seed: number) {
    const words = seedSequence(seed, 8);
    // 64-bit words, the low half of each first; 128-bit numbers of two of them, the high half first.
    const word = (i: number) => (BigInt(words[2 * i + 1]!) << 32n) | BigInt(words[2 * i]!);
    const [start, stream] = [(word(0) << 64n) | word(1), (word(2) << 64n) | word(3)];
    this.increment = BigInt.asUintN(128, (stream << 1n) | 1n);
    this.state = BigInt.asUintN(128, this.increment + start);
    this.step();
  }

  /** An integer uniform in [0, 2⁶⁴): the halves of the state combined, rotated by its six highest bits (XSL-RR). */
  uint64(): bigint {
    this.step();
    const word = BigInt.asUintN(64, (this.state >> 64n) ^ this.state);
    const rotation = this.state >> 122n;
    return BigInt.asUintN(64, (word >> rotation) | (word << (64n - rotation)));
  }

  /** An integer uniform in [0, 2³²): the low half of a 64-bit word, then its high half. */
  uint32(): number {
    const { half } = this;
    if (half !== undefined) {
      this.half = undefined;
      return half;
    }
    const word = this.uint64();
    this.half = Number(word >> 32n);
    return Number(BigInt.asUintN(32, word));
  }

  /**
   * An integer uniform in [0, `last`], as numpy's `random_interval` draws it: words under the mask of its bits until one fits.
   * @param last below 2³²
   */
  upTo(last: number): number {
    if (last === 0) return 0;
    const mask = 0xffffffff >>> Math.clz32(last);
    for (;;) {
      const value = (this.uint32() & mask) >>> 0;
      if (value <= last) return value;
    }
  }

  private step(): void {
    this.state = BigInt.asUintN(128, this.state * multiplier + this.increment);
  }
}

/**
 * `np.random.default_rng(seed).permutation(n)`: for i = n − 1 … 1, element i changes places with element `upTo(i)`.
 * @throws RangeError for an n that is no whole number below 2³², and for a seed that is none from 0 to 2⁵³ − 1
 */
export function numpyPermutation(n: number, seed: number): Uint32Array {
  if (!Number.isInteger(n) || n < 0 || n >= 2 ** 32) throw new RangeError(`a permutation of ${n}`);
  const generator = new Pcg64(seed);
  const order = Uint32Array.from({ length: n }, (_, index) => index);
  for (let i = n - 1; i > 0; i--) {
    const j = generator.upTo(i);
    const element = order[i]!;
    order[i] = order[j]!;
    order[j] = element;
  }
  return order;
}
