/** @file The names of the distributions that a random projection can be drawn from; `src/prompts/projection.ts` draws them. */
export const projectionDistributions = [
  "xavier-uniform",
  "normal",
  "normal-scaled",
  "kaiming-uniform",
  "rademacher",
  "orthogonal",
] as const;
export type ProjectionDistribution = (typeof projectionDistributions)[number];
