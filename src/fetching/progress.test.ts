import { describe, expect, it } from "vitest";
import { type FetchProgress, ProgressMeter } from "./progress.ts";

function meterOf(total: number) {
  const reports: FetchProgress[] = [];
  const clock = { time: 0 };
  const meter = new ProgressMeter(
    total,
    (progress) => reports.push(progress),
    () => clock.time,
  );
  return { meter, reports, clock };
}

describe("ProgressMeter", () => {
  it("counts what was here before as done, and not towards the rate", () => {
    const { meter, reports, clock } = meterOf(10_000);
    meter.set("a", 4000);
    expect(reports.at(-1)).toEqual({
      file: "a",
      bytes: 4000,
      totalBytes: 10_000,
      bytesPerSecond: 0,
      secondsLeft: undefined,
    });
    clock.time = 1000;
    meter.set("b", 2000, 2000);
    expect(reports.at(-1)).toEqual({
      file: "b",
      bytes: 6000,
      totalBytes: 10_000,
      bytesPerSecond: 2000,
      secondsLeft: 2,
    });
  });

  it("reports four times a second and, always, the end", () => {
    const { meter, reports, clock } = meterOf(1000);
    for (let bytes = 1; bytes <= 999; bytes++) {
      clock.time = bytes;
      meter.set("a", bytes, 1);
    }
    expect(reports).toHaveLength(4);
    meter.set("a", 1000, 1);
    meter.set("a", 1000);
    expect(reports).toHaveLength(5);
    expect(reports.at(-1)).toMatchObject({ bytes: 1000, secondsLeft: 0 });
  });

  it("says at once that another file has begun", () => {
    const { meter, reports, clock } = meterOf(1000);
    meter.set("a", 10, 10);
    clock.time = 1;
    meter.set("b", 10, 10);
    expect(reports.map(({ file }) => file)).toEqual(["a", "b"]);
  });

  it("takes the rate from the last seconds, so that a change shows", () => {
    const { meter, reports, clock } = meterOf(1e9);
    let bytes = 0;
    for (let second = 1; second <= 20; second++) {
      clock.time = second * 1000;
      const received = second <= 10 ? 1000 : 10;
      bytes += received;
      meter.set("a", bytes, received);
    }
    expect(reports.at(-1)?.bytesPerSecond).toBe(10);
  });

  it("takes back the bytes of a file that begins again", () => {
    const { meter, reports, clock } = meterOf(100);
    meter.set("a", 60);
    clock.time = 1000;
    meter.set("a", 0);
    expect(reports.at(-1)?.bytes).toBe(0);
  });
});
