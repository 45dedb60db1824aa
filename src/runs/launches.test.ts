import { closeSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createLaunch, isRunning, type Launch, launchesFolder, listLaunches, recordLaunch } from "./launches.ts";

let workspace: string;
beforeEach(() => {
  workspace = mkdtempSync(join(tmpdir(), "ulpt-launches-"));
});
afterEach(() => rmSync(workspace, { recursive: true, force: true }));

/** A launch by a process that is gone. */
function endedLaunch(): Launch {
  const created = createLaunch(workspace);
  closeSync(created.descriptor);
  return recordLaunch(created, { pid: 2 ** 30, args: ["train", "e.ulpt.json"], experiment: "e" });
}

describe("a launch", () => {
  it("is found again as it was recorded", () => {
    const recorded = endedLaunch();
    expect(recorded).toMatchObject({ host: hostname(), args: ["train", "e.ulpt.json"], experiment: "e" });
    expect(listLaunches(workspace)).toEqual([recorded]);
  });

  it("runs as long as its process does", () => {
    const ended = endedLaunch();
    expect(isRunning(ended)).toBe(false);
    const created = createLaunch(workspace);
    closeSync(created.descriptor);
    expect(isRunning(recordLaunch(created, { pid: process.pid, args: [] }))).toBe(true);
  });

  it("is not taken for another process that got its pid", () => {
    const reused: Launch = { ...endedLaunch(), pid: process.pid, processStart: "1" };
    if (process.platform === "linux") expect(isRunning(reused)).toBe(false);
    expect(isRunning({ ...reused, processStart: null, host: "elsewhere" })).toBe(false);
  });

  it("cannot be recorded where the workspace cannot be written", () => {
    writeFileSync(join(workspace, ".ulpt"), "");
    expect(() => createLaunch(workspace)).toThrow(expect.objectContaining({ code: "RUN_UNWRITABLE" }));
  });
});

describe("listLaunches", () => {
  it("leaves out what is no record, and one that names a file elsewhere", () => {
    const recorded = endedLaunch();
    const folder = launchesFolder(workspace);
    writeFileSync(join(folder, "broken.json"), "{");
    writeFileSync(join(folder, "outside.json"), JSON.stringify({ ...recorded, log: "/etc/passwd" }));
    expect(listLaunches(workspace)).toEqual([recorded]);
  });

  it("forgets old ones with their logs", () => {
    const recorded = endedLaunch();
    const folder = launchesFolder(workspace);
    for (let number = 0; number < 60; number++) {
      const id = `2020-${String(number).padStart(2, "0")}`;
      const log = join(folder, `${id}.log`);
      writeFileSync(log, "");
      writeFileSync(join(folder, `${id}.json`), JSON.stringify({ ...recorded, id, log }));
    }
    const kept = listLaunches(workspace);
    expect(kept).toHaveLength(50);
    expect(kept.at(-1)).toEqual(recorded);
    expect(existsSync(join(folder, "2020-00.log"))).toBe(false);
  });

  it("finds none where there is no folder", () => {
    expect(listLaunches(join(workspace, "nowhere"))).toEqual([]);
  });
});
