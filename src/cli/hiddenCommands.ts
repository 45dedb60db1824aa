/** @file Commands by which ulpt starts itself anew; none of them is listed. */

/** Tries one device. */
export const probeCommand = "probe-device";
/** Takes a few steps, and says what memory they took. */
export const memoryCommand = "bench-memory";
/** Says what a compute node is like; run by the job of `ulpt cluster`. */
export const answerCommand = "cluster-answer";
