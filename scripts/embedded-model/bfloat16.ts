/** @file Numbers as bfloat16, in which most models are kept: the upper half of a float32. */

/** The bits of the nearest bfloat16 of each finite number; of two equally near, the one that ends in 0. */
export function bfloat16Bits(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(words, (word) => (word + 0x7fff + ((word >>> 16) & 1)) >>> 16);
}

/** The nearest numbers that a bfloat16 can be. */
export function roundedToBfloat16(values: Float32Array): Float32Array {
  return new Float32Array(Uint32Array.from(bfloat16Bits(values), (bits) => bits << 16).buffer);
}
