import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/folder.ts";
import { machine } from "../formats/maker.ts";
import { heartbeatLimit } from "./owner.ts";
import { claimAgain, claimPlanned, giveUpPlanned } from "./sweepClaims.ts";

const folder = temporaryFolder();
/** No process has it: numbers end well below. */
const noPid = 2 ** 31 - 2;

let sweep: { directory: string };
let sweeps = 0;

beforeEach(() => {
  sweep = { directory: folder(`sweep-${++sweeps}`) };
  mkdirSync(sweep.directory);
});

describe("the claim to make a run of a sweep", () => {
  it("is one process's, until it gives it up", () => {
    expect(claimPlanned(sweep, "ulpt-r1")).toBe(true);
    expect(claimPlanned(sweep, "ulpt-r1")).toBe(false);
    expect(claimPlanned(sweep, "ulpt-r2")).toBe(true);
    giveUpPlanned(sweep, "ulpt-r1");
    expect(claimPlanned(sweep, "ulpt-r1")).toBe(true);
  });

  it("goes to another where its process is gone, of another machine after a while", () => {
    const path = join(sweep.directory, "claims", "ulpt-r1");
    mkdirSync(join(sweep.directory, "claims"));
    writeFileSync(path, `${machine} ${noPid}\n`);
    expect(claimAgain(sweep, "ulpt-r1")).toBe(true);
    expect(claimAgain(sweep, "ulpt-r1")).toBe(false); // this process lives

    writeFileSync(path, `0123abcd ${noPid}\n`);
    expect(claimAgain(sweep, "ulpt-r1")).toBe(false);
    const old = new Date(Date.now() - heartbeatLimit - 1000);
    utimesSync(path, old, old);
    expect(claimAgain(sweep, "ulpt-r1")).toBe(true);
  });

  it("cannot name a path", () => {
    expect(() => claimPlanned(sweep, "../ulpt-r1")).toThrow("is the name of no claimedRun");
  });
});
