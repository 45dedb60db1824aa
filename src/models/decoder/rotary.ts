/**
 * @file Rotary position embedding: the frequencies of each kind of scaling, after `modeling_rope_utils.py` of Transformers, and
 * the tables of cosines and sines that the graphs take. Rounded to float32 where Transformers is.
 */

export interface Rotary {
  /** How many numbers of each head are turned. */
  size: number;
  /** Whether the numbers of a pair lie side by side, and not half a head apart. */
  neighbours: boolean;
  /** Angle per position of each pair `[size/2]`, and a factor of cosine and sine; some kinds depend on the length of what is read. */
  frequencies(length: number): { angles: Float32Array; factor: number };
}

export interface RotaryOptions {
  size: number;
  theta: number;
  neighbours?: boolean;
}

const { fround } = Math;

/** `theta^(−2i/size)` */
function baseAngles({ size, theta }: RotaryOptions): Float32Array {
  return Float32Array.from({ length: size / 2 }, (_, i) => 1 / fround(theta ** fround((2 * i) / size)));
}

function fixed({ size, neighbours = false }: RotaryOptions, angles: Float32Array, factor = 1): Rotary {
  return { size, neighbours, frequencies: () => ({ angles, factor }) };
}

export function plainRotary(options: RotaryOptions): Rotary {
  return fixed(options, baseAngles(options));
}

/** Positions divided by `factor`. */
export function linearRotary(options: RotaryOptions, factor: number): Rotary {
  return fixed(
    options,
    baseAngles(options).map((angle) => angle / factor),
  );
}

/** Beyond `maxPositions` the base grows with the length ("NTK-aware"). */
export function dynamicRotary(options: RotaryOptions, factor: number, maxPositions: number): Rotary {
  const { size, theta, neighbours = false } = options;
  return {
    size,
    neighbours,
    frequencies(length) {
      const reach = Math.max(length, maxPositions);
      const grown = theta * ((factor * reach) / maxPositions - (factor - 1)) ** (size / (size - 2));
      return { angles: baseAngles({ ...options, theta: grown }), factor: 1 };
    },
  };
}

export interface Llama3Scaling {
  factor: number;
  lowFrequencyFactor: number;
  highFrequencyFactor: number;
  originalMaxPositions: number;
}

/** Llama 3.1: long waves are stretched, short ones kept, those between interpolated. */
export function llama3Rotary(options: RotaryOptions, scaling: Llama3Scaling): Rotary {
  const { factor, lowFrequencyFactor, highFrequencyFactor, originalMaxPositions } = scaling;
  const angles = baseAngles(options).map((angle) => {
    const wavelength = (2 * Math.PI) / angle;
    if (wavelength > originalMaxPositions / lowFrequencyFactor) return angle / factor;
    if (wavelength < originalMaxPositions / highFrequencyFactor) return angle;
    const smooth =
      (originalMaxPositions / wavelength - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor);
    return (1 - smooth) * (angle / factor) + smooth * angle;
  });
  return fixed(options, angles);
}

export interface YarnScaling {
  factor: number;
  originalMaxPositions: number;
  attentionFactor?: number | undefined;
  mscale?: number | undefined;
  mscaleAllDim?: number | undefined;
  betaFast: number;
  betaSlow: number;
  truncate: boolean;
}

/** YaRN (Peng et al. 2023). */
export function yarnRotary(options: RotaryOptions, scaling: YarnScaling): Rotary {
  const { size, theta } = options;
  const { factor, originalMaxPositions, mscale, mscaleAllDim, betaFast, betaSlow, truncate } = scaling;
  const correction = (turns: number) =>
    (size * Math.log(originalMaxPositions / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const [first, last] = [correction(betaFast), correction(betaSlow)];
  const low = Math.max(truncate ? Math.floor(first) : first, 0);
  const high = Math.min(truncate ? Math.ceil(last) : last, size - 1);
  const span = high === low ? 0.001 : high - low;
  const angles = baseAngles(options).map((angle, i) => {
    const kept = 1 - Math.min(Math.max((i - low) / span, 0), 1);
    return (angle / factor) * (1 - kept) + angle * kept;
  });
  const temperature = (scale: number) => (factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1);
  const inferred = mscale && mscaleAllDim ? temperature(mscale) / temperature(mscaleAllDim) : temperature(1);
  return fixed(options, angles, scaling.attentionFactor ?? inferred);
}

export interface LongScaling {
  short: readonly number[];
  long: readonly number[];
  originalMaxPositions: number;
  attentionFactor: number;
}

/** LongRoPE (Ding et al. 2024): a divisor for each pair, one list for texts up to the original length, one for longer ones. */
export function longRotary(options: RotaryOptions, scaling: LongScaling): Rotary {
  const { size, neighbours = false } = options;
  const base = baseAngles(options);
  const divided = (divisors: readonly number[]) => base.map((angle, i) => angle / divisors[i]!);
  const [short, long] = [divided(scaling.short), divided(scaling.long)];
  return {
    size,
    neighbours,
    frequencies: (length) => ({
      angles: length > scaling.originalMaxPositions ? long : short,
      factor: scaling.attentionFactor,
    }),
  };
}

/**
 * Cosines and sines at each position, `[positions, size]` each.
 * @param length of the longest sequence among them
 */
export function rotaryTables(
  rotary: Rotary,
  positions: ArrayLike<number>,
  length: number,
): { cos: Float32Array; sin: Float32Array } {
  const { size, neighbours } = rotary;
  const { angles, factor } = rotary.frequencies(length);
  const half = size / 2;
  const cos = new Float32Array(positions.length * size);
  const sin = new Float32Array(positions.length * size);
  for (let row = 0; row < positions.length; row++) {
    for (let i = 0; i < half; i++) {
      const angle = fround(positions[row]! * angles[i]!);
      const [c, s] = [Math.cos(angle) * factor, Math.sin(angle) * factor];
      const [first, second] = neighbours ? [2 * i, 2 * i + 1] : [i, i + half];
      cos[row * size + first] = cos[row * size + second] = c;
      sin[row * size + first] = sin[row * size + second] = s;
    }
  }
  return { cos, sin };
}
