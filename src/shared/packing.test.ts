import { expect, it } from "vitest";
import { pack, unpack } from "./packing.ts";
import type { HostMessage, RunView } from "./panel.ts";

const travel = (message: HostMessage) => unpack(structuredClone(pack(message)));

it("gives back what was packed, with the runs as one text on the way", () => {
  const runs = [{ id: "a", bestScore: 0.5, testScore: null, warnings: [] }] as unknown as RunView[];
  const columns = { step: Float64Array.of(1), loss: Float64Array.of(Number.NaN) };
  const delta = { type: "delta", seq: 2, runs, series: [{ id: "a", from: 0, columns }] } as unknown as HostMessage;
  expect(typeof (pack(delta) as { runs: unknown }).runs).toBe("string");
  expect(travel(delta)).toEqual(delta);
  const others: HostMessage[] = [
    { type: "delta", seq: 3 },
    { type: "delta", seq: 4, runs: [] },
    { type: "problem", message: "gone" },
  ];
  for (const message of others) expect(travel(message)).toEqual(message);
});

it("gives back runs of several kinds in their order, whatever they have alike", () => {
  const runs = Array.from({ length: 40 }, (_, index) => ({
    id: `run ${index}`,
    state: index % 2 ? "finished" : "running",
    method: "ulpt",
    testScore: index % 3 ? null : index / 40,
    warnings: index === 7 ? ["it diverged"] : [],
    settings: index < 30 ? { "training.steps": "60", seed: String(index) } : { other: "1" },
    ...(index % 11 ? {} : { reading: false }),
  })) as unknown as RunView[];
  const message = { type: "delta", seq: 2, runs } as HostMessage;
  expect(travel(message)).toEqual(message);
});

it("says once what thousands of runs have alike", () => {
  const alike = { state: "finished", method: "ulpt", promptLength: 20, testInterval: null, settings: { steps: "800" } };
  const runs = Array.from({ length: 1000 }, (_, index) => ({ id: `${index}`, ...structuredClone(alike) }));
  const { runs: text } = pack({ type: "delta", seq: 2, runs: runs as unknown as RunView[] }) as { runs: string };
  expect(text.length).toBeLessThan(10 * runs.length);
});
