/**
 * @file Whether this processor's products of signed with unsigned bytes overflow. Where it has no instructions of their own for them
 * (VNNI, AMX; processors by ARM have) the engine adds two products in 16 bits, which large factors do not fit in.
 */
import { emit } from "./emit.ts";
import { multiplyColumns, signedByte } from "./raw.ts";
import { floats, Session } from "./session.ts";
import { constant, input } from "./tensor.ts";

let overflow: Promise<boolean> | undefined;

/** Tried once, with the largest factors there are. */
export function signedProductsOverflow(): Promise<boolean> {
  overflow ??= tryProducts();
  return overflow;
}

const [inputs, outputs] = [64, 32];

async function tryProducts(): Promise<boolean> {
  const x = input("x", "float32", [1, inputs]);
  const packed = signedByte(constant(new Float32Array(inputs * outputs).fill(127), [inputs, outputs]));
  const scales = constant(new Float32Array(outputs).fill(1));
  const y = multiplyColumns(x, { kind: "columns", outputs, packed, scales, overflows: false });
  const session = await Session.create(emit([x], { y }), { device: "cpu", threads: 1 });
  try {
    const found = await session.run<"y">({ x: floats(new Float32Array(inputs).fill(127), [1, inputs]) });
    return (found.y.data as Float32Array).some((value) => value !== inputs * 127 * 127);
  } finally {
    await session.release();
  }
}
