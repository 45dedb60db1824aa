/** @file Which of several scores cost no more than they must. */
import { gain } from "../metrics/kinds.ts";

export interface Costed {
  cost: number;
  score: number;
}

/** Whether no other is as cheap and better, or cheaper and as good; in their order. */
export function paretoFront(points: readonly Costed[], metric: string | null): boolean[] {
  const beats = (a: Costed, b: Costed) => {
    const gained = gain(metric, a.score, b.score);
    return a.cost <= b.cost && gained >= 0 && (a.cost < b.cost || gained > 0);
  };
  return points.map((point) => !points.some((other) => beats(other, point)));
}
