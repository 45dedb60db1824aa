import { describe, expect, it } from "vitest";
import { errorOf } from "../../test/support/errors.ts";
import { symbol } from "./dims.ts";
import { emit } from "./emit.ts";
import * as raw from "./raw.ts";
import { floats, ints, physicalCores, Session } from "./session.ts";
import { input } from "./tensor.ts";

const n = symbol("n");
const x = input("x", "float32", [n, 2]);
const ids = input("ids", "int64", [n]);

describe("a session", () => {
  it("serves inputs of any size and keeps dtypes and shapes", async () => {
    const session = await Session.create(emit([x, ids], { rows: raw.gather(x, ids), twice: raw.add(ids, ids) }), {
      device: "cpu",
    });
    for (const count of [1, 4, 2]) {
      const data = Float32Array.from({ length: 2 * count }, (_, i) => 10 - i);
      const order = Array.from({ length: count }, (_, i) => count - 1 - i);
      const { rows, twice } = await session.run<"rows" | "twice">({ x: floats(data, [count, 2]), ids: ints(order) });
      expect(rows).toMatchObject({ dtype: "float32", shape: [count, 2] });
      expect([...rows.data]).toEqual(order.flatMap((row) => [10 - 2 * row, 9 - 2 * row]));
      const doubled = BigInt64Array.from(order, (row) => BigInt(2 * row));
      expect(twice).toEqual({ dtype: "int64", shape: [count], data: doubled });
    }
    await session.release();
  });

  it("computes the same bits again", async () => {
    const session = await Session.create(emit([x], { y: raw.softmax(raw.exp(x)) }), { device: "cpu" });
    const feeds = {
      x: floats(
        Float32Array.from({ length: 64 }, (_, i) => Math.sin(i)),
        [32, 2],
      ),
    };
    const first = (await session.run<"y">(feeds)).y.data;
    const second = (await session.run<"y">(feeds)).y.data;
    await session.release();
    expect(second).toEqual(first);
  });

  it("says that an input is of the wrong type or missing", async () => {
    const session = await Session.create(emit([x], { y: raw.exp(x) }), { device: "cpu" });
    expect((await errorOf(() => session.run({ x: ints([1, 2], [1, 2]) }))).code).toBe("DEVICE_FAILED");
    expect((await errorOf(() => session.run({}))).code).toBe("DEVICE_FAILED");
    await session.release();
  });

  it("says that an id is outside of its table", async () => {
    const session = await Session.create(emit([x, ids], { y: raw.gather(x, ids) }), { device: "cpu" });
    const feeds = { x: floats(Float32Array.of(1, 2), [1, 2]), ids: ints([7]) };
    const error = await errorOf(() => session.run(feeds));
    expect(error).toMatchObject({ code: "DEVICE_FAILED", where: "cpu" });
    expect(error.message).toMatch(/7/);
    expect(error.hint).not.toMatch(/--set|ulpt devices/); // another device is no way out of a fault on the cpu
    await session.release();
  });

  it("cannot be run after it was released", async () => {
    const session = await Session.create(emit([x], { y: raw.exp(x) }), { device: "cpu" });
    await session.release();
    expect((await errorOf(() => session.run({ x: floats(Float32Array.of(1, 2), [1, 2]) }))).code).toBe("DEVICE_FAILED");
  });

  it("on a provider that is not there is refused, with the provider's name and what to do", async () => {
    const device = process.platform === "darwin" ? "dml" : "coreml";
    const error = await errorOf(() => Session.create(emit([x], { y: raw.exp(x) }), { device }));
    expect(error.code).toBe("DEVICE_MISSING");
    expect(error.message).toContain(device);
    expect(error.expected).toMatch(/^cpu/); // what is available
  });
});

describe("threads", () => {
  it("are at least one and no more than the processors", () => {
    expect(physicalCores()).toBeGreaterThanOrEqual(1);
    expect(Number.isInteger(physicalCores())).toBe(true);
  });
});
