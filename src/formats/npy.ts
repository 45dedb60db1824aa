/** @file Arrays in NumPy's file format, version 1.0 (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html). */

const magic = Buffer.from("\x93NUMPY\x01\x00", "latin1");
/** The header ends at a multiple of so many bytes, so that the numbers can be mapped into memory. */
const alignment = 64;

/** The bytes that `numpy.save` writes for a float32 array of this shape in row-major order. */
export function encodeNpy({ shape, data }: { shape: readonly number[]; data: Float32Array }): Uint8Array {
  const elements = shape.reduce((product, size) => product * size, 1);
  if (elements !== data.length) throw new RangeError(`${data.length} elements for shape [${shape}].`);
  const tuple = shape.length === 1 ? `(${shape},)` : `(${shape.join(", ")})`;
  const dictionary = `{'descr': '<f4', 'fortran_order': False, 'shape': ${tuple}, }`;
  const unpadded = magic.length + 2 + dictionary.length + 1;
  const header = `${dictionary}${" ".repeat((alignment - (unpadded % alignment)) % alignment)}\n`;
  const length = Buffer.alloc(2);
  length.writeUInt16LE(header.length);
  const numbers = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return Buffer.concat([magic, length, Buffer.from(header, "latin1"), numbers]);
}
