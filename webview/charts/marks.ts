/** @file What tells runs apart besides their colour. */

/** Lengths of dashes and gaps. */
export const dashes = [[], [7, 3], [2, 3], [9, 3, 2, 3]] as const satisfies readonly (readonly number[])[];

export const pointStyles = ["circle", "rect", "triangle", "rectRot", "crossRot", "star"] as const;
export type PointStyle = (typeof pointStyles)[number];

export interface Marks {
  color: number;
  dash: readonly number[];
  point: PointStyle;
}

/** Runs of one colour have different dashes, and neighbours in the list different points as well. */
export function marksOf({ color, variant }: { color: number; variant: number }): Marks {
  const index = ((color % 6) + 6) % 6;
  return {
    color: index,
    dash: dashes[variant % dashes.length]!,
    point: pointStyles[(index + variant) % pointStyles.length]!,
  };
}
