import { expect, it } from "vitest";
import { byteText, durationText, roughDurationText } from "./numbers.ts";

it("writes sizes in thousands", () => {
  expect([0, 999, 1234, 2_345_678, 3_456_000_000, 1.84e12].map(byteText)).toEqual([
    ...["0 B", "999 B", "1.2 KB", "2.3 MB", "3.5 GB", "1.8 TB"],
  ]);
});

it("writes times with two units, and never sixty of one", () => {
  expect([0.25, 9.96, 59.6, 75, 3599.6, 4000, Number.POSITIVE_INFINITY].map(durationText)).toEqual([
    ...["0.3s", "10s", "1m 00s", "1m 15s", "1h 00m", "1h 07m", "–"],
  ]);
});

it("writes what is left of something long in minutes, and of something short in tens of seconds", () => {
  expect([3, 44, 59, 700, 3599, 4000].map(roughDurationText)).toEqual(["10s", "50s", "1m", "12m", "1h 00m", "1h 07m"]);
});
