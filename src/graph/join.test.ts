import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/folder.ts";
import { decodeGraph } from "../../test/support/onnx.ts";
import { symbol } from "./dims.ts";
import { emit, type Model } from "./emit.ts";
import { joinModels } from "./join.ts";
import * as ops from "./ops.ts";
import * as raw from "./raw.ts";
import { floats, ints, Session, type TensorValue } from "./session.ts";
import { input, type StoredDtype, type Tensor, weight } from "./tensor.ts";

const folder = temporaryFolder();
const [n, m] = [symbol("n"), symbol("m")];
const options = { device: "cpu", threads: 1 } as const;
let models: Record<"product" | "rows" | "sum", Model>;
let together: Record<"product" | "rows" | "sum", Session>;

/** A weight `[2, 3]` with the numbers 1 to 6, or 1.5 times as much. */
function stored(name: string, dtype: StoredDtype): Tensor {
  const numbers = Float32Array.from({ length: 6 }, (_, i) => (dtype === "float32" ? 1 : 1.5) * (i + 1));
  const halves = Uint16Array.from(new Uint32Array(numbers.buffer), (bits) => bits >>> 16);
  const bytes = new Uint8Array((dtype === "float32" ? numbers : halves).buffer);
  const path = folder(name);
  writeFileSync(path, bytes);
  return weight({ name, path, offset: 0, byteLength: bytes.length, stored: dtype }, [2, 3]);
}

const product: Record<string, TensorValue> = { x: floats(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9), [3, 3]) };
const rows: Record<string, TensorValue> = { ids: ints([1, 0, 1]) };

beforeAll(async () => {
  const x = input("x", "float32", [n, 3]);
  const wide = input("x", "float32", [n, m]); // the same input, of which another graph knows less
  const ids = input("ids", "int64", [n]);
  const plain = stored("plain", "float32");
  const short = stored("short", "bfloat16");
  models = {
    product: emit([x], { y: ops.linear(x, short), z: ops.linear(x, plain) }),
    rows: emit([ids], { y: raw.add(raw.gather(short, ids), raw.gather(plain, ids)) }),
    sum: emit([wide], { y: raw.add(wide, wide) }),
  };
  together = await Session.createTogether(models, options);
});
afterAll(() => Promise.all(Object.values(together).map((session) => session.release())));

describe("graphs in one session", () => {
  it("compute what they compute alone, in any order, with outputs of the same names", async () => {
    for (const [name, feeds] of [...Array(2)].flatMap(
      () =>
        [
          ["product", product],
          ["rows", rows],
          ["sum", product],
        ] as const,
    )) {
      const alone = await Session.create(models[name], options);
      expect(await together[name].run(feeds)).toEqual(await alone.run(feeds));
      await alone.release();
    }
  });

  it("have each weight once, and convert it once", () => {
    const { node, initializer } = decodeGraph(joinModels(models).bytes);
    expect(initializer.map(({ name }) => name).sort()).toEqual(["plain", "short"]);
    expect(node.map(({ op_type }) => op_type).sort()).toEqual(["Cast", "If", "If", "If"]);
  });

  it("go on after one of them was released, even twice", async () => {
    const { product: one, sum: other } = await Session.createTogether(
      { product: models.product, sum: models.sum },
      options,
    );
    await one.release();
    await one.release();
    expect([...(await other.run<"y">({ x: floats(Float32Array.of(1, 2), [1, 2]) })).y.data]).toEqual([2, 4]);
    await other.release();
  });

  it("with inputs of one name and different kinds are refused", () => {
    const x = input("x", "int64", [n]);
    const other = emit([x], { y: raw.add(x, x) });
    expect(() => joinModels({ product: models.product, other })).toThrow('"x"');
  });
});
