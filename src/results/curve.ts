/**
 * @file The losses of a run as columns to draw: thinned so that every spike survives, smoothed, against step, time or examples.
 * They grow with the run; what was given out once is repeated only where it changed.
 */
import type { StepEvent } from "../runs/schema.ts";

export const axes = ["step", "seconds", "examples"] as const;
export type Axis = (typeof axes)[number];

/** Parallel columns, by step. A loss that is no number (a diverged run) is NaN. */
export interface LossColumns {
  step: Float64Array;
  /** Time at work, over all attempts: the pauses between them do not count. */
  seconds: Float64Array;
  examples: Float64Array;
  loss: Float64Array;
  smoothed: Float64Array;
  /** Norm of all gradients together, before it is limited. */
  gradientNorm: Float64Array;
  learningRate: Float64Array;
}

/** How far a reader has been told; opaque. */
export interface CurveCursor {
  readonly generation: number;
  readonly settled: number;
}

/** `columns` replace everything from the point `from` on. */
export interface CurveChange {
  from: number;
  columns: LossColumns;
  cursor: CurveCursor;
}

export interface CurveOptions {
  /** Most points drawn; at least 4. */
  maxPoints?: number;
  /** 0 (none) to below 1. */
  smoothing?: number;
}

const names = ["step", "seconds", "examples", "loss", "smoothed", "gradientNorm", "learningRate", "work"] as const;

/** A loss as it was recorded. */
export interface LossPoint {
  step: number;
  seconds: number;
  examples: number;
  loss: number;
  smoothed: number;
}

/** The losses of one run. */
export class LossCurve {
  /** The first step whose loss is no number. */
  divergedAt: number | undefined;

  private readonly raw = {
    step: column(),
    seconds: column(),
    examples: column(),
    loss: column(),
    smoothed: column(),
    gradientNorm: column(),
    learningRate: column(),
    /** Seconds that the steps so far took, without what lay between them. */
    work: column(),
  };
  private readonly maxPoints: number;
  private readonly thinned = new Thinning((index) => badness(this.raw.loss.at(index)));
  private smoothing: number;
  private average = { sum: 0, weight: 0 };
  private generation = 0;

  constructor({ maxPoints = 2000, smoothing = 0 }: CurveOptions = {}) {
    this.maxPoints = maxPoints;
    this.smoothing = smoothing;
  }

  /** Losses recorded, before thinning. */
  get length(): number {
    return this.raw.step.length;
  }

  /** The last loss, as it was recorded; undefined before the first. */
  get last(): LossPoint | undefined {
    const index = this.length - 1;
    if (index < 0) return undefined;
    const { step, seconds, examples, loss, smoothed } = this.raw;
    return {
      step: step.at(index),
      seconds: seconds.at(index),
      examples: examples.at(index),
      loss: loss.at(index),
      smoothed: smoothed.at(index),
    };
  }

  /** Seconds that the steps took, without what lay between them. */
  get secondsOfSteps(): number {
    return this.length === 0 ? 0 : this.raw.work.at(this.length - 1);
  }

  /** Examples seen up to a step. */
  examplesAt(step: number): number {
    const index = lowerBound(this.raw.step, step + 1) - 1;
    return index < 0 ? 0 : this.raw.examples.at(index);
  }

  /** Takes in a step that ended after so many seconds at work. False for one that is known, or comes late: nothing changes. */
  push(event: StepEvent, secondsAtWork: number): boolean {
    const { step, seconds, examples, loss, gradientNorm, learningRate, work } = this.raw;
    if (this.length && event.step <= step.at(this.length - 1)) return false;
    work.push(this.secondsOfSteps + event.seconds);
    step.push(event.step);
    seconds.push(secondsAtWork);
    examples.push(event.examples);
    loss.push(event.loss);
    gradientNorm.push(event.gradientNorm);
    learningRate.push(event.learningRate);
    if (!Number.isFinite(event.loss)) this.divergedAt ??= event.step;
    if (this.thinned.grow(this.length, this.maxPoints)) this.resmooth();
    else this.raw.smoothed.push(this.nextSmoothed(event.loss));
    return true;
  }

  /** Forgets what came after `step`. */
  cutAfter(step: number): void {
    const kept = lowerBound(this.raw.step, step + 1);
    if (kept === this.length) return;
    for (const name of names) this.raw[name].truncate(kept);
    this.thinned.clear();
    for (let count = 1; count <= kept; count++) this.thinned.grow(count, this.maxPoints);
    const firstBad = this.raw.loss.findIndex((loss) => !Number.isFinite(loss));
    this.divergedAt = firstBad < 0 ? undefined : this.raw.step.at(firstBad);
    this.resmooth();
  }

  /** Changes the smoothing of the whole curve. */
  smooth(smoothing: number): void {
    if (smoothing === this.smoothing) return;
    this.smoothing = smoothing;
    this.resmooth();
  }

  /** What has to be drawn that the reader of `cursor` has not seen; without one, everything. */
  changeSince(cursor?: CurveCursor): CurveChange {
    const from = cursor && cursor.generation === this.generation ? cursor.settled : 0;
    const { settled } = this.thinned;
    return {
      from,
      columns: this.columnsOf(this.thinned.chosen(from)),
      cursor: { generation: this.generation, settled },
    };
  }

  /** The curve between `min` and `max` on an axis in all the detail that `maxPoints` allow, and one point on each side. */
  between(axis: Axis, min: number, max: number, maxPoints = this.maxPoints): LossColumns {
    const values = this.raw[axis];
    const start = Math.max(0, lowerBound(values, min) - 1);
    const end = Math.min(this.length, lowerBound(values, max) + 2);
    return this.columnsOf(thin((index) => badness(this.raw.loss.at(index)), start, end, maxPoints));
  }

  private resmooth(): void {
    this.generation += 1;
    this.average = { sum: 0, weight: 0 };
    this.raw.smoothed.truncate(0);
    for (let index = 0; index < this.length; index++) {
      this.raw.smoothed.push(this.nextSmoothed(this.raw.loss.at(index)));
    }
  }

  /**
   * An exponential moving average without the bias of its start at 0 (Kingma and Ba 2015, section 3). It counts in drawn
   * points, not in steps, so that one setting looks alike on a thousand steps and on a million.
   */
  private nextSmoothed(loss: number): number {
    if (!Number.isFinite(loss)) return Number.NaN;
    const decay = this.smoothing ** (1 / this.thinned.size);
    this.average.sum = decay * this.average.sum + (1 - decay) * loss;
    this.average.weight = decay * this.average.weight + (1 - decay);
    return this.average.sum / this.average.weight;
  }

  private columnsOf(indices: readonly number[]): LossColumns {
    const pick = (name: keyof LossColumns) => Float64Array.from(indices, (index) => this.raw[name].at(index));
    return {
      step: pick("step"),
      seconds: pick("seconds"),
      examples: pick("examples"),
      loss: pick("loss"),
      smoothed: pick("smoothed"),
      gradientNorm: pick("gradientNorm"),
      learningRate: pick("learningRate"),
    };
  }
}

/** What is no number is worse than any number, so that thinning keeps it. */
function badness(loss: number): number {
  return Number.isFinite(loss) ? loss : Number.POSITIVE_INFINITY;
}

/**
 * Which of a growing list of values to draw: of each bucket of 2^k neighbours the least and the greatest. Where the
 * buckets become too many they are merged in pairs, which needs only the values already chosen.
 */
class Thinning {
  /** Values in a bucket. */
  size = 1;
  private readonly valueAt: (index: number) => number;
  private length = 0;
  /** Of each bucket its chosen indices, ascending; the last bucket may still grow. */
  private buckets: number[][] = [];
  /** How many indices the buckets before the last hold: those do not change any more. */
  settled = 0;

  constructor(valueAt: (index: number) => number) {
    this.valueAt = valueAt;
  }

  clear(): void {
    this.size = 1;
    this.length = this.settled = 0;
    this.buckets = [];
  }

  /** Takes in the value that made the list `length` long. True where the buckets were merged: all may have changed. */
  grow(length: number, maxPoints: number): boolean {
    const index = length - 1;
    this.length = length;
    const bucket = Math.floor(index / this.size);
    const open = this.buckets[bucket];
    if (open) this.buckets[bucket] = this.extremes([...open, index]);
    else {
      this.settled += this.buckets.at(-1)?.length ?? 0;
      this.buckets.push([index]);
    }
    let merged = false;
    while (this.pointsAtMost() > maxPoints) {
      this.merge();
      merged = true;
    }
    return merged;
  }

  chosen(from: number): number[] {
    return from === this.settled ? [...(this.buckets.at(-1) ?? [])] : this.buckets.flat().slice(from);
  }

  private pointsAtMost(): number {
    return Math.ceil(this.length / this.size) * Math.min(this.size, 2);
  }

  private merge(): void {
    this.size *= 2;
    const merged: number[][] = [];
    for (let pair = 0; pair < this.buckets.length; pair += 2) {
      merged.push(this.extremes([...this.buckets[pair]!, ...(this.buckets[pair + 1] ?? [])]));
    }
    this.buckets = merged;
    this.settled = merged.slice(0, -1).reduce((sum, bucket) => sum + bucket.length, 0);
  }

  private extremes(candidates: readonly number[]): number[] {
    if (candidates.length < 2) return [...candidates];
    let least = candidates[0]!;
    let greatest = least;
    for (const index of candidates) {
      if (this.valueAt(index) < this.valueAt(least)) least = index;
      if (this.valueAt(index) > this.valueAt(greatest)) greatest = index;
    }
    // All alike: the first and the last keep the line's length.
    if (least === greatest) greatest = candidates.at(-1)!;
    return least < greatest ? [least, greatest] : [greatest, least];
  }
}

/** What `Thinning` would choose of the values from `start` to before `end`, at once. */
function thin(valueAt: (index: number) => number, start: number, end: number, maxPoints: number): number[] {
  let size = 1;
  while (Math.ceil((end - start) / size) * Math.min(size, 2) > maxPoints) size *= 2;
  const chosen: number[] = [];
  for (let first = start; first < end; first += size) {
    const last = Math.min(end, first + size) - 1;
    let least = first;
    let greatest = first;
    for (let index = first + 1; index <= last; index++) {
      if (valueAt(index) < valueAt(least)) least = index;
      if (valueAt(index) > valueAt(greatest)) greatest = index;
    }
    if (least === greatest) greatest = last;
    if (least === greatest) chosen.push(least);
    else chosen.push(Math.min(least, greatest), Math.max(least, greatest));
  }
  return chosen;
}

interface Column {
  readonly length: number;
  at(index: number): number;
  push(value: number): void;
  truncate(length: number): void;
  findIndex(test: (value: number) => boolean): number;
}

/** A growing list of numbers at 8 bytes each. */
function column(): Column {
  let values = new Float64Array(64);
  let length = 0;
  return {
    get length() {
      return length;
    },
    at: (index) => values[index]!,
    push(value) {
      if (length === values.length) {
        const larger = new Float64Array(2 * length);
        larger.set(values);
        values = larger;
      }
      values[length++] = value;
    },
    truncate(newLength) {
      length = newLength;
    },
    findIndex: (test) => values.subarray(0, length).findIndex(test),
  };
}

/** The first index whose value is not below `value`, in an ascending column. */
function lowerBound(values: Column, value: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values.at(middle) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
