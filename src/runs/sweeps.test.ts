/** @file The folders of sweeps: made, listed, claimed, asked, and what is refused of a workspace that somebody else made. */
import { appendFileSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/folder.ts";
import { sweepPaths, sweepsFolder } from "./layout.ts";
import {
  createSweep,
  droppedRuns,
  dropRun,
  firstRuns,
  inOrder,
  listSweeps,
  openSweep,
  pauseRequested,
  putFirst,
  readSweepJournal,
  requestOfSweep,
  SweepLead,
  sweepNames,
  sweepState,
  withdrawRequest,
} from "./sweeps.ts";

const folder = temporaryFolder();
let workspaces = 0;

const runs = ["a", "b"].map((name) => ({ name, steps: 10, rungs: [], bracket: "" }));
const plan = {
  ...{ experiment: "My notes", folder: "My-notes", file: "notes.ulpt.json", written: { model: "m" } },
  ...{ adopts: false, parallel: 1, halving: null, runs },
};

function workspace(): string {
  const path = folder(`w${++workspaces}`);
  mkdirSync(path);
  return path;
}

describe("the order of a sweep", () => {
  it("has the run that was put first last before all others, and is the plan's without a wish", () => {
    const record = createSweep(workspace(), { ...plan, runs: ["a", "b", "c"].map((name) => ({ ...runs[0]!, name })) });
    const names = () => inOrder(record.spec.runs, firstRuns(record.directory)).map(({ name }) => name);
    expect(names()).toEqual(["a", "b", "c"]);
    putFirst(record, "b");
    putFirst(record, "c");
    expect(names()).toEqual(["c", "b", "a"]);
    putFirst(record, "b");
    expect(names()).toEqual(["b", "c", "a"]);
  });

  it("is asked of runs that it plans, and of a file that says nothing the plan's", () => {
    const record = createSweep(workspace(), plan);
    expect(() => putFirst(record, "../x")).toThrow("The sweep plans no run");
    putFirst(record, "b");
    writeFileSync(sweepPaths(record.directory).order, '{"first": ["../../b"]}');
    expect(firstRuns(record.directory)).toEqual([]);
  });
});

describe("a sweep", () => {
  it("is called like its experiment with a number, and reads back as it was made", () => {
    const where = workspace();
    const [first, second] = [createSweep(where, plan), createSweep(where, plan)];
    expect([first.name, second.name]).toEqual(["My-notes-1", "My-notes-2"]);
    expect(openSweep(where, "My-notes-1")).toEqual(first);
    for (let i = 3; i <= 10; i++) createSweep(where, plan);
    expect(sweepNames(where).at(-1)).toBe("My-notes-10");
    expect(readFileSync(join(where, ".ulpt", ".gitignore"), "utf8")).toBe("*\n");
  });

  it("is led by one process at a time, whose end is its state", () => {
    const record = createSweep(workspace(), plan);
    expect(sweepState(record)).toBe("created");
    const lead = SweepLead.claim(record);
    lead.note({ type: "run", run: "a", folder: "a", state: "running", step: 0 });
    expect(sweepState(record)).toBe("running");
    expect(() => SweepLead.claim(record)).toThrow("The sweep is being trained by process");
    const newer = SweepLead.claim(record, { takeOver: true });
    expect(() => lead.note({ type: "run", run: "a", state: "finished" })).toThrow("took the sweep over");
    newer.end("finished");
    newer.close();
    lead.close();
    expect(sweepState(record)).toBe("finished");
    expect(readSweepJournal(record).events.map(({ attempt, seq, type }) => [attempt, seq, type])).toEqual([
      [1, 1, "run"],
      [2, 1, "status"],
    ]);
  });

  it("keeps requests until they are withdrawn, and a stop only for the attempt that it was made to", () => {
    const record = createSweep(workspace(), plan);
    requestOfSweep(record.directory, "pause");
    requestOfSweep(record.directory, "stop");
    const lead = SweepLead.claim(record);
    expect(sweepState(record)).toBe("paused");
    withdrawRequest(record.directory, "pause");
    expect(pauseRequested(record.directory)).toBe(false);
    expect(sweepState(record)).toBe("running");
    lead.close();
  });

  it("drops runs of its plan alone", () => {
    const record = createSweep(workspace(), plan);
    dropRun(record, "b");
    expect(droppedRuns(record.directory)).toEqual(new Set(["b"]));
    for (const name of ["c", "../b", "..", ""]) expect(() => dropRun(record, name)).toThrow("plans no run");
  });
});

describe("what somebody else put there", () => {
  const change = (where: string, name: string, edit: (text: string) => string) => {
    const { sweep } = sweepPaths(join(sweepsFolder(where), name));
    writeFileSync(sweep, edit(readFileSync(sweep, "utf8")));
  };

  it.each([
    ["a plan whose run is a path", (text: string) => text.replace('"name": "a"', '"name": "../../a"')],
    ["a plan whose runs lie elsewhere", (text: string) => text.replace('"folder": "My-notes"', '"folder": "../x"')],
    ["a plan of another version", (text: string) => text.replace('"version": 1', '"version": 2')],
    ["no plan at all", () => "{"],
  ])("%s is said, and the other sweeps are listed", (_, edit) => {
    const where = workspace();
    createSweep(where, plan);
    createSweep(where, plan);
    change(where, "My-notes-1", edit);
    expect(() => openSweep(where, "My-notes-1")).toThrow();
    const { sweeps, unreadable } = listSweeps(where);
    expect(sweeps.map(({ name }) => name)).toEqual(["My-notes-2"]);
    expect(unreadable.map(({ name }) => name)).toEqual(["My-notes-1"]);
  });

  it("a link in place of a sweep, or of all of them, is not followed", () => {
    const where = workspace();
    const { directory } = createSweep(where, plan);
    renameSync(directory, folder(`elsewhere${workspaces}`));
    symlinkSync(folder(`elsewhere${workspaces}`), directory);
    expect(sweepNames(where)).toEqual([]);
    expect(() => openSweep(where, "My-notes-1")).toThrow("symbolic link");
    renameSync(sweepsFolder(where), folder(`all${workspaces}`));
    symlinkSync(folder(`all${workspaces}`), sweepsFolder(where));
    expect(listSweeps(where)).toEqual({ sweeps: [], unreadable: [] });
    expect(() => createSweep(where, plan)).toThrow("symbolic link");
  });

  it("a name that leads out of the folder names no sweep", () => {
    expect(() => openSweep(workspace(), "../runs")).toThrow("name of no sweep");
  });

  it("lines of its journal that cannot be read are skipped and said, a newer version's kinds of events left out", () => {
    const record = createSweep(workspace(), plan);
    const lead = SweepLead.claim(record);
    lead.note({ type: "run", run: "a", state: "running" });
    lead.close();
    const { events } = sweepPaths(record.directory);
    appendFileSync(events, '{"t":1,"attempt":1,"seq":2,"type":"moved","to":"node-3"}\n');
    appendFileSync(events, '{"t":1,"attempt":1,"seq":3,"type":"run","run":"../x","state":"running"}\n');
    appendFileSync(events, '{"t":1,"attempt":1,"seq":4,"ty');
    const read = readSweepJournal(record);
    expect(read.events).toHaveLength(1);
    expect(read.skipped.map(({ line }) => line)).toEqual([3, 4]);
  });
});
