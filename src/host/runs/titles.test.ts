import { describe, expect, it } from "vitest";
import { untranslated as t } from "../window/translate.ts";
import { type CheckpointFacts, checkpointTitle, runsTitle } from "./titles.ts";

const r2: CheckpointFacts = { experiment: "sst2", run: "ulpt-r2-seed0", method: "ulpt", rank: 2, seed: 0, step: 300 };
const later = { ...r2, step: 400 };
const r16 = { ...later, run: "ulpt-r16-seed0", rank: 16 };
const otherSeed = { ...r2, run: "ulpt-r2-seed1", seed: 1 };
const again = { ...r2, run: "ulpt-r2-seed0-2" };
const vanilla = { ...r2, run: "vanilla-seed0", method: "vanilla", rank: null };
const elsewhere = { ...r16, experiment: "agnews" };

describe("the title of a comparison", () => {
  it.each([
    [r2, later, "sst2 r=2 · step 300 ↔ 400"],
    [r2, r16, "sst2 · r=2 step 300 ↔ r=16 step 400"],
    [later, r16, "sst2 · r=2 ↔ r=16 · step 400"],
    [r2, otherSeed, "sst2 · r=2 seed 0 ↔ r=2 seed 1 · step 300"],
    [r2, again, "sst2 · ulpt-r2-seed0 ↔ ulpt-r2-seed0-2 · step 300"],
    [r2, vanilla, "sst2 · r=2 ↔ vanilla · step 300"],
    [r2, elsewhere, "sst2 r=2 step 300 ↔ agnews r=16 step 400"],
  ])("says what differs, and no more", (left, right, title) => {
    expect(checkpointTitle(left, right, t)).toBe(title);
  });

  it("names two runs", () => {
    expect(runsTitle(r2, r16, t)).toBe("sst2 · r=2 ↔ r=16");
    expect(runsTitle(r2, otherSeed, t)).toBe("sst2 · r=2 seed 0 ↔ r=2 seed 1");
    expect(runsTitle(r2, elsewhere, t)).toBe("sst2 r=2 ↔ agnews r=16");
  });
});
