import { describe, expect, it } from "vitest";
import { backoff, pause, retryAfter } from "./pauses.ts";
import { defaultPatience } from "./site.ts";

describe("pauses between attempts", () => {
  it("double up to a longest one, and are shortened by up to a quarter by chance", () => {
    const patience = { ...defaultPatience, firstDelay: 100, longestDelay: 1000 };
    expect([1, 2, 3, 4, 5, 9].map((attempt) => backoff(attempt, patience, () => 0))).toEqual([
      100, 200, 400, 800, 1000, 1000,
    ]);
    expect(backoff(2, patience, () => 1)).toBe(150);
  });

  it("are as long as Retry-After says, in seconds or until a date", () => {
    expect(retryAfter("7")).toBe(7000);
    const now = Date.parse("2024-05-01T00:00:00Z");
    expect(retryAfter("Wed, 01 May 2024 00:00:30 GMT", now)).toBe(30_000);
    expect(retryAfter("Tue, 30 Apr 2024 00:00:00 GMT", now)).toBe(0);
    expect(retryAfter("soon")).toBeUndefined();
    expect(retryAfter(null)).toBeUndefined();
  });

  it("end at once with the reason of the signal", async () => {
    const controller = new AbortController();
    const pausing = pause(3_600_000, controller.signal);
    const reason = new Error("stopped by the user");
    controller.abort(reason);
    await expect(pausing).rejects.toBe(reason);
    await expect(pause(3_600_000, controller.signal)).rejects.toBe(reason);
  });
});
