/**
 * @file The 32-bit Mersenne Twister of Matsumoto and Nishimura ("Mersenne Twister", ACM TOMACS 8, 1998; mt19937ar.c), and
 * torch's permutation over it. Nothing of ours is drawn from it: it is here so that data sets can be split as the paper's code
 * splits them.
 */
const size = 624;
const middle = 397;

export class MersenneTwister {
  private readonly state = new Uint32Array(size);
  private next = size;

  /** Seeds as `init_genrand` does. @param seed its low 32 bits count */
  constructor(seed: number) {
    const { state } = this;
    state[0] = seed;
    for (let i = 1; i < size; i++) {
      const previous = state[i - 1]!;
      state[i] = Math.imul(1812433253, previous ^ (previous >>> 30)) + i;
    }
  }

  /** An integer uniform in [0, 2³²). */
  uint32(): number {
    if (this.next === size) this.twist();
    let y = this.state[this.next++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  private twist(): void {
    const { state } = this;
    for (let i = 0; i < size; i++) {
      const y = (state[i]! & 0x80000000) | (state[(i + 1) % size]! & 0x7fffffff);
      state[i] = state[(i + middle) % size]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.next = 0;
  }
}

/** Above this torch draws 64-bit words. */
const longestPermutation = Math.floor((2 ** 32 - 1) / 20);

/**
 * `torch.randperm(n, generator=torch.Generator().manual_seed(seed))` on the CPU: for i = 0 … n − 2, element i changes places
 * with element i + (word mod (n − i)) (ATen, `randperm_cpu`).
 * @throws RangeError for an n that torch permutes in another way
 */
export function torchPermutation(n: number, seed: number): Uint32Array {
  if (!Number.isInteger(n) || n < 0 || n >= longestPermutation) throw new RangeError(`a permutation of ${n}`);
  const generator = new MersenneTwister(seed);
  const order = Uint32Array.from({ length: n }, (_, index) => index);
  for (let i = 0; i < n - 1; i++) {
    const j = i + (generator.uint32() % (n - i));
    const element = order[i]!;
    order[i] = order[j]!;
    order[j] = element;
  }
  return order;
}
