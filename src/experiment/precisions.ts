/** In what the matrices of the frozen model are kept and multiplied. */
export const precisions = ["float32", "int8", "int4", "float16"] as const;
