/** @file Learning-rate schedules. */

export interface Schedule {
  name: "linear" | "constant";
  warmupSteps: number;
}

/**
 * The factor on the learning rate of step `step` (from 0) of `totalSteps`: up from 0 over the warm-up, then, if linear, down to 0 at
 * the end; as `get_linear_schedule_with_warmup` and `get_constant_schedule_with_warmup` in Transformers.
 */
export function scheduleFactor({ name, warmupSteps }: Schedule, step: number, totalSteps: number): number {
  if (step < warmupSteps) return step / Math.max(1, warmupSteps);
  if (name === "constant") return 1;
  return Math.max(0, (totalSteps - step) / Math.max(1, totalSteps - warmupSteps));
}
