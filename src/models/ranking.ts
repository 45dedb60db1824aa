/** @file Scores from the highest down, found as far as they are asked for: a vocabulary is large, and few of its tokens matter. */

/** Indices of scores by falling scores, of equals the first index first. */
export class Ranking {
  private readonly scores: Float32Array;
  /** Its first `ranked` indices are in their places; none behind them comes before them. */
  private readonly order: Uint32Array;
  private ranked = 0;

  constructor(scores: Float32Array) {
    this.scores = scores;
    this.order = new Uint32Array(scores.length);
    for (let i = 0; i < scores.length; i++) this.order[i] = i;
  }

  get size(): number {
    return this.order.length;
  }

  /** The first `count`, in their order; the array is overwritten by no later call. */
  first(count: number): Uint32Array {
    if (count > this.ranked) {
      this.select(count);
      this.order.subarray(this.ranked, count).sort((a, b) => (this.isBefore(a, b) ? -1 : 1));
      this.ranked = count;
    }
    return this.order.subarray(0, count);
  }

  /** Brings the next indices up to `count` before all others, in any order (quickselect, Hoare 1961). */
  private select(count: number): void {
    const { order } = this;
    let [low, high] = [this.ranked, order.length - 1];
    while (low < high) {
      const place = this.partition(low, high);
      if (place === count) return;
      if (place < count) low = place + 1;
      else high = place - 1;
    }
  }

  /** Moves what comes before a middling index to its left; returns where that then is. */
  private partition(low: number, high: number): number {
    const { order, scores } = this;
    this.swap(this.median(low, (low + high) >>> 1, high), high);
    const pivot = order[high]!;
    const score = scores[pivot]!;
    let place = low;
    for (let i = low; i < high; i++) {
      const index = order[i]!;
      const other = scores[index]!;
      if (other > score || (other === score && index < pivot)) {
        order[i] = order[place]!;
        order[place++] = index;
      }
    }
    this.swap(place, high);
    return place;
  }

  /** Of three places the one whose index comes between the others'. */
  private median(a: number, b: number, c: number): number {
    const before = (i: number, j: number) => this.isBefore(this.order[i]!, this.order[j]!);
    const [first, second] = before(a, b) ? [a, b] : [b, a];
    if (before(c, first)) return first;
    return before(c, second) ? c : second;
  }

  private swap(i: number, j: number): void {
    const { order } = this;
    const kept = order[i]!;
    order[i] = order[j]!;
    order[j] = kept;
  }

  private isBefore(a: number, b: number): boolean {
    const { scores } = this;
    return scores[a]! > scores[b]! || (scores[a] === scores[b] && a < b);
  }
}
