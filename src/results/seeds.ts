/** @file What a seed does to the score: the seed of the projection told from the seed of everything else. */
import { type DrawnRun, groupBesideSeeds, type KnownRun } from "./equality.ts";

/** The deviation between runs that differ in one seed alone, pooled over the values of the other. */
export interface SeedDeviation {
  deviation: number;
  degrees: number;
}

export interface SeedSpread<R> {
  runs: R[];
  /** Of runs with the same seed and other projections; null where there are none. */
  projection: SeedDeviation | null;
  /** Of runs with the same projection and other seeds: order of the rows, starting values, dropout. */
  data: SeedDeviation | null;
}

/** For each group of runs that are equal beside their seeds, in which the two can be told apart. */
export function seedSpreads<R extends KnownRun>(
  runs: readonly R[],
  of: (run: R) => { seed: number; score: number },
): SeedSpread<R>[] {
  return groupBesideSeeds(runs).flatMap((members) => {
    const drawn = members.filter((member) => member.drawn !== "");
    const spread = {
      runs: drawn.map(({ run }) => run),
      projection: pooled(drawn, ({ run }) => String(of(run).seed), of),
      data: pooled(drawn, (member) => member.drawn, of),
    };
    return spread.projection || spread.data ? [spread] : [];
  });
}

/** The deviation within runs of one key: √(Σ squares of what differs from the key's mean / Σ (runs of the key − 1)). */
function pooled<R>(
  members: readonly DrawnRun<R>[],
  keyOf: (member: DrawnRun<R>) => string,
  of: (run: R) => { score: number },
): SeedDeviation | null {
  const cells = new Map<string, number[]>();
  for (const member of members) {
    const key = keyOf(member);
    cells.set(key, [...(cells.get(key) ?? []), of(member.run).score]);
  }
  let [squares, degrees] = [0, 0];
  for (const scores of cells.values()) {
    const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length;
    squares += scores.reduce((sum, score) => sum + (score - mean) ** 2, 0);
    degrees += scores.length - 1;
  }
  return degrees === 0 ? null : { deviation: Math.sqrt(squares / degrees), degrees };
}
