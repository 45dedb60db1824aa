import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { machine } from "../formats/maker.ts";
import { launchesFolder } from "../runs/layout.ts";
import {
  createLaunch,
  failureOf,
  forgetLaunch,
  isRunning,
  type LocalLaunch,
  listLaunches,
  recordLaunch,
} from "./records.ts";
import { type LaunchState, writeLaunchState } from "./state.ts";

let workspace: string;
beforeEach(() => {
  workspace = mkdtempSync(join(tmpdir(), "ulpt-launches-"));
});
afterEach(() => rmSync(workspace, { recursive: true, force: true }));

/** A launch by a process that is gone. */
function endedLaunch(): LocalLaunch {
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
    const reused: LocalLaunch = { ...endedLaunch(), pid: process.pid, processStart: "1" };
    if (process.platform === "linux") expect(isRunning(reused)).toBe(false);
    expect(isRunning({ ...reused, processStart: null, host: "elsewhere" })).toBe(false);
  });

  it("cannot be recorded where the workspace cannot be written", () => {
    writeFileSync(join(workspace, ".ulpt"), "");
    expect(() => createLaunch(workspace)).toThrow(expect.objectContaining({ code: "RUN_UNWRITABLE" }));
  });
});

describe("a launch that failed before its first run", () => {
  const error = { code: "MODEL_MISSING", message: "There is no model.", hint: "Check the path." };

  function saying(state: Omit<LaunchState, "version">): LocalLaunch {
    const launch = endedLaunch();
    writeLaunchState(launch.state, { version: 1, ...state });
    return launch;
  }

  it("has the error that its process left, or none where that was killed", () => {
    expect(failureOf(saying({ begun: false, end: { error } }))).toEqual({ error });
    expect(failureOf(endedLaunch())).toEqual({ error: null });
  });

  it("is none that has begun a run, did what it was to, was stopped, or goes on", () => {
    expect(failureOf(saying({ begun: true, end: { error } }))).toBeUndefined();
    expect(failureOf(saying({ begun: false, end: {} }))).toBeUndefined();
    expect(failureOf(saying({ begun: false, end: { error: { ...error, code: "STOPPED" } } }))).toBeUndefined();
    const created = createLaunch(workspace);
    closeSync(created.descriptor);
    expect(failureOf(recordLaunch(created, { pid: process.pid, args: [] }))).toBeUndefined();
  });

  it("is none of which nothing can be read: an older version wrote no state", () => {
    const launch = endedLaunch();
    writeFileSync(launch.state, "{");
    expect(failureOf(launch)).toBeUndefined();
    rmSync(launch.state);
    expect(failureOf(launch)).toBeUndefined();
  });

  it("is forgotten with all its files", () => {
    const launch = endedLaunch();
    forgetLaunch(workspace, launch.id);
    expect(readdirSync(launchesFolder(workspace))).toEqual([]);
  });
});

describe("the folder of launches", () => {
  it.skipIf(process.platform === "win32")("is neither written nor read where it is a link", () => {
    const outside = join(workspace, "outside");
    mkdirSync(outside);
    mkdirSync(join(workspace, ".ulpt"));
    symlinkSync(outside, launchesFolder(workspace));
    const refusal = { code: "RUN_INVALID", where: launchesFolder(workspace), hint: expect.any(String) };
    expect(() => createLaunch(workspace)).toThrow(expect.objectContaining(refusal));
    expect(listLaunches(workspace)).toEqual([]);
    expect(readdirSync(outside)).toEqual([]);
  });

  it("loses what a process left that was killed as it wrote there", () => {
    const folder = launchesFolder(workspace);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `.x.json.launch.${machine}.4194305.0000abcd.tmp`), "");
    closeSync(createLaunch(workspace).descriptor);
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });
});

describe("listLaunches", () => {
  it("takes a record that names no launcher for one of this machine: an older version wrote it", () => {
    const recorded = endedLaunch();
    const path = join(launchesFolder(workspace), `${recorded.id}.json`);
    const { launcher, ...older } = JSON.parse(readFileSync(path, "utf8"));
    expect(launcher).toBe("local");
    writeFileSync(path, JSON.stringify(older));
    expect(listLaunches(workspace)).toEqual([recorded]);
  });

  it("leaves out what is no record", () => {
    const recorded = endedLaunch();
    const folder = launchesFolder(workspace);
    writeFileSync(join(folder, "2020-01-01T00-00-00-000Z-abcd.json"), "{");
    writeFileSync(join(folder, "2020-01-01T00-00-00-000Z-abcd.log"), "");
    for (const name of ["outside.json", "..json", ".json"]) writeFileSync(join(folder, name), JSON.stringify(recorded));
    const large = "2020-01-01T00-00-00-000Z-abce";
    writeFileSync(join(folder, `${large}.json`), `${JSON.stringify(recorded)}${" ".repeat(2 ** 20)}`);
    writeFileSync(join(folder, `${large}.log`), "");
    expect(listLaunches(workspace)).toEqual([recorded]);
  });

  it("takes names and paths from the folder, whatever a record says", () => {
    const recorded = endedLaunch();
    const victim = join(workspace, "precious");
    for (const ending of ["json", "log"]) writeFileSync(`${victim}.${ending}`, "mine");
    const path = join(launchesFolder(workspace), `${recorded.id}.json`);
    writeFileSync(path, JSON.stringify({ ...recorded, id: "../../precious", log: `${victim}.log` }));
    expect(listLaunches(workspace)).toEqual([recorded]);
    writeFileSync(path, JSON.stringify({ ...recorded, experiment: ".." }));
    expect(listLaunches(workspace)).toEqual([]);
    for (const ending of ["json", "log"]) expect(readFileSync(`${victim}.${ending}`, "utf8")).toBe("mine");
  });

  it("changes nothing; the next launch forgets old ones with their logs, and nothing else", () => {
    const recorded = endedLaunch();
    const folder = launchesFolder(workspace);
    const victim = join(workspace, "precious.json");
    writeFileSync(victim, "mine");
    const id = (number: number) => `2020-01-01T00-00-${String(number).padStart(2, "0")}-000Z-abcd`;
    for (let number = 0; number < 60; number++) {
      writeFileSync(join(folder, `${id(number)}.log`), "");
      writeFileSync(join(folder, `${id(number)}.json`), JSON.stringify({ ...recorded, id: "../../precious" }));
    }
    const before = readdirSync(folder);
    expect(listLaunches(workspace)).toHaveLength(61);
    expect(readdirSync(folder)).toEqual(before);

    closeSync(createLaunch(workspace).descriptor);
    const kept = listLaunches(workspace);
    expect(kept).toHaveLength(50);
    expect(kept.at(-1)).toEqual(recorded);
    expect(existsSync(join(folder, `${id(0)}.log`))).toBe(false);
    expect(readFileSync(victim, "utf8")).toBe("mine");
  });

  it("finds none where there is no folder", () => {
    expect(listLaunches(join(workspace, "nowhere"))).toEqual([]);
  });
});
