import { expect, it } from "vitest";
import { pack, unpack } from "./packing.ts";
import type { HostMessage, RunView } from "./panel.ts";

it("gives back what was packed, with the runs as one text on the way", () => {
  const runs = [{ id: "a", bestScore: 0.5, testScore: null, warnings: [] }] as unknown as RunView[];
  const columns = { step: Float64Array.of(1), loss: Float64Array.of(Number.NaN) };
  const delta = { type: "delta", seq: 2, runs, series: [{ id: "a", from: 0, columns }] } as unknown as HostMessage;
  expect(typeof (pack(delta) as { runs: unknown }).runs).toBe("string");
  expect(unpack(pack(delta))).toEqual(delta);
  const others: HostMessage[] = [
    { type: "delta", seq: 3 },
    { type: "problem", message: "gone" },
  ];
  for (const message of others) expect(unpack(pack(message))).toEqual(message);
});
