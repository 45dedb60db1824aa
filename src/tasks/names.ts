/** @file What people call parts of a task. */

export const splitNames = ["train", "validation", "test"] as const;
export type SplitName = (typeof splitNames)[number];

/** Of tasks of the registry whose published form is known to be wrong somewhere. */
export const variantNames = ["fixed", "faithful"] as const;
export type VariantName = (typeof variantNames)[number];
