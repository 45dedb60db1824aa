import { execFileSync } from "node:child_process";
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runSpec as spec } from "../../test/support/runRecords.ts";
import { machine, preparedName, temporaryName } from "../formats/maker.ts";
import { deleteCheckpoints, listCheckpoints, loadCheckpoint, saveCheckpoint } from "./checkpoints.ts";
import { fingerprint, keepInspection, readInspection } from "./inspection.ts";
import { JournalReader, JournalWriter, readJournal } from "./journal.ts";
import { attemptPath, checkpointPath, pathOf, promptsFolder, runPaths } from "./layout.ts";
import { openLog } from "./log.ts";
import { claimRun, readExit, readHolder } from "./owner.ts";
import { readPrompt, writePrompt } from "./prompts.ts";
import { loadState, saveState } from "./state.ts";
import { clearStopRequest, createRun, openRun, requestStop, runState, stopRequested } from "./store.ts";

const metadata = {
  method: "vanilla",
  promptLength: 1,
  hiddenSize: 2,
  model: "m",
  modelSha256: "ab",
  metrics: {},
  settings: {},
};
const tensors = { prompt_embeddings: { shape: [1, 2], data: Float32Array.of(1, 2) } };

let base: string;
let workspace: string;
/** What lies outside of the workspace, and must stay as it is. */
let outside: string;
beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), "ulpt-own-")));
  workspace = join(base, "workspace");
  outside = join(base, "outside");
  mkdirSync(workspace);
  mkdirSync(outside);
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

/** Names, kinds and contents below a folder. */
function picture(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return `${path} ${entry.isFile() ? readFileSync(path, "utf8") : lstatSync(path).mode}`;
    })
    .sort();
}

const refused = (where: string) => expect.objectContaining({ code: "RUN_INVALID", where, hint: expect.any(String) });

/** Puts something else in the place of a file. */
const disguises: Record<string, (path: string) => void> = {
  "a link to a file elsewhere": (path) => {
    writeFileSync(join(outside, "bashrc"), "alias ls=ls\n");
    symlinkSync(join(outside, "bashrc"), path);
  },
  "a link to nothing": (path) => symlinkSync(join(outside, "new"), path),
  "a link to a file of the run": (path) => {
    writeFileSync(`${path}.other`, "{}");
    symlinkSync(`${path}.other`, path);
  },
  "a named pipe": (path) => execFileSync("mkfifo", [path]),
  "a link to a device": (path) => symlinkSync("/dev/zero", path),
};

describe.skipIf(process.platform === "win32")("in the place of a file of a run", () => {
  let run: string;
  beforeEach(() => {
    run = createRun(workspace, "e", "r", spec).directory;
  });

  for (const [name, disguise] of Object.entries(disguises)) {
    it(`${name} is refused for reading and writing, at once`, () => {
      const ownership = claimRun(run);
      saveCheckpoint(ownership, { step: 1, tensors, metadata });
      saveState(ownership, { tensors, values: {} });
      requestStop(run);
      const paths = runPaths(run);
      const checkpoint = checkpointPath(run, 1);
      for (const path of [paths.events, paths.log, paths.exit, paths.state, paths.owner, checkpoint, paths.stop]) {
        rmSync(path, { force: true });
        disguise(path);
      }
      const before = picture(outside);

      expect(() => JournalWriter.open(paths.events, 1)).toThrow(refused(paths.events));
      expect(() => readJournal(paths.events)).toThrow(refused(paths.events));
      expect(() => new JournalReader(paths.events).readNew()).toThrow(refused(paths.events));
      expect(() => openLog(paths.log)).toThrow(refused(paths.log));
      expect(() => readExit(run)).toThrow(refused(paths.exit));
      expect(() => loadState(run)).toThrow(expect.objectContaining({ code: "CHECKPOINT_INVALID", where: paths.state }));
      const noCheckpoint = expect.objectContaining({ code: "CHECKPOINT_INVALID", where: checkpoint });
      expect(() => loadCheckpoint(checkpoint)).toThrow(noCheckpoint);
      expect(() => fingerprint(checkpoint)).toThrow(noCheckpoint);
      expect(listCheckpoints(run)).toEqual([]);
      expect(stopRequested(run)).toBe(false);
      expect(readHolder(run)?.owner?.pid).toBe(process.pid); // by attempts/
      ownership.heartbeat(); // makes owner.json again
      saveCheckpoint(ownership, { step: 1, tensors, metadata });
      saveState(ownership, { tensors, values: {} });
      deleteCheckpoints(ownership, [{ step: 1 }]);
      requestStop(run);
      clearStopRequest(run);
      ownership.release({ code: 0, state: "finished", step: 1 });

      for (const path of [paths.owner, paths.state, paths.exit]) expect(lstatSync(path).isFile()).toBe(true);
      expect(picture(outside)).toEqual(before);
    });
  }

  it("a link in run.json's place makes no run, and in an attempt's place no attempt", () => {
    const { run: file, attempts } = runPaths(run);
    renameSync(file, join(outside, "run.json"));
    symlinkSync(join(outside, "run.json"), file);
    expect(() => openRun(run)).toThrow(refused(file));
    mkdirSync(attempts);
    symlinkSync(join(outside, "claim"), attemptPath(run, 1));
    expect(() => claimRun(run)).toThrow(expect.objectContaining({ code: "RUN_UNWRITABLE" }));
    expect(existsSync(join(outside, "claim"))).toBe(false);
  });

  it("a second name elsewhere keeps a journal and a log from being appended to", () => {
    const { events, log } = runPaths(run);
    for (const path of [events, log]) {
      writeFileSync(join(outside, "diary"), "mine\n");
      linkSync(join(outside, "diary"), path);
      expect(() => (path === log ? openLog(path) : JournalWriter.open(path, 1))).toThrow(refused(path));
      expect(readFileSync(join(outside, "diary"), "utf8")).toBe("mine\n");
      rmSync(join(outside, "diary"));
    }
  });
});

describe.skipIf(process.platform === "win32")("in the place of a folder", () => {
  /** Moves a folder out of the workspace and leaves a link to it. */
  function replace(folder: string): void {
    if (!existsSync(folder)) mkdirSync(folder);
    renameSync(folder, join(outside, "folder"));
    symlinkSync(join(outside, "folder"), folder);
  }

  it("a link leads nobody out of a run", () => {
    for (const name of ["checkpoints", "attempts", "control", "inspections"] as const) {
      const run = createRun(workspace, "e", name, spec).directory;
      const ownership = claimRun(run);
      saveCheckpoint(ownership, { step: 1, tensors, metadata });
      const folder = runPaths(run)[name];
      replace(folder);
      for (const litter of ["stop", temporaryName("a", 1), ".a.1.1.0000abcd.tmp", "step-000002.safetensors"])
        writeFileSync(join(outside, "folder", litter), "mine");
      const before = picture(outside);
      if (name === "checkpoints") {
        expect(listCheckpoints(run)).toEqual([]);
        expect(() => saveCheckpoint(ownership, { step: 2, tensors, metadata })).toThrow(refused(folder));
        expect(() => deleteCheckpoints(ownership, [{ step: 2 }])).toThrow(refused(folder));
        const noCheckpoint = expect.objectContaining({ code: "CHECKPOINT_INVALID", where: folder });
        expect(() => loadCheckpoint(checkpointPath(run, 1))).toThrow(noCheckpoint);
        claimRun(run, { takeOver: true });
      } else if (name === "attempts") {
        expect(() => claimRun(run, { takeOver: true })).toThrow(refused(folder));
      } else if (name === "control") {
        expect(() => requestStop(run)).toThrow(refused(folder));
        expect(() => clearStopRequest(run)).toThrow(refused(folder));
      } else {
        const checkpoint = checkpointPath(run, 1);
        keepInspection(checkpoint, {} as Parameters<typeof keepInspection>[1]);
        expect(readInspection(checkpoint, "")).toBeUndefined();
        claimRun(run, { takeOver: true });
      }
      expect(picture(outside)).toEqual(before);
      rmSync(join(outside, "folder"), { recursive: true });
    }
  });

  it("a link from .ulpt on is refused, whoever asks", () => {
    const run = createRun(workspace, "e", "r", spec).directory;
    const state = join(workspace, ".ulpt");
    const places = [state, join(state, "runs"), join(state, "runs", "e"), run];
    for (const place of places) {
      replace(place);
      const before = picture(outside);
      expect(() => openRun(run)).toThrow(refused(place));
      expect(() => claimRun(run)).toThrow(refused(place));
      expect(() => requestStop(run)).toThrow(refused(place));
      expect(() => JournalWriter.open(runPaths(run).events, 1)).toThrow(refused(place));
      if (place !== run) expect(() => createRun(workspace, "e", "r", spec)).toThrow(refused(place));
      expect(picture(outside)).toEqual(before);
      rmSync(place);
      renameSync(join(outside, "folder"), place);
    }
    expect(openRun(run).spec.run).toBe("r");
  });

  it("a link keeps prompts from being written", () => {
    symlinkSync(outside, promptsFolder(workspace));
    const prompt = {} as Parameters<typeof writePrompt>[2];
    expect(() => writePrompt(workspace, "p", prompt)).toThrow();
    expect(readdirSync(outside)).toEqual([]);
  });

  it("the user's own link to a workspace is followed", () => {
    symlinkSync(workspace, join(base, "link"));
    const { directory } = createRun(join(base, "link"), "e", "r", spec);
    claimRun(directory).release({ code: 0, state: "finished", step: 1 });
    expect(runState(join(base, "link", ".ulpt", "runs", "e", "r"))).toBe("finished");
    expect(createRun(join(base, "link", "new"), "e", "r", spec).spec.run).toBe("r");
  });
});

describe.skipIf(process.platform === "win32")("an exported prompt", () => {
  it("that is a pipe, a link or a device is refused at once", () => {
    for (const [name, disguise] of Object.entries(disguises)) {
      const path = join(base, `${name}.prompt.safetensors`);
      disguise(path);
      expect(() => readPrompt(path), name).toThrow(expect.objectContaining({ code: "PROMPT_INVALID", where: path }));
    }
  });
});

describe("a path", () => {
  it("is made of no name that leads elsewhere", () => {
    for (const name of ["..", ".", "", "a/b", "a\\b", "../x", "c:x", ".hidden", "a\0b", "x".repeat(300)])
      for (const kind of ["experiment", "run"] as const)
        expect(() => pathOf(workspace, kind, name), name).toThrow(refused(workspace));
    expect(pathOf(workspace, "run", "My notes, ü")).toBe(join(workspace, "My notes, ü"));
    for (const name of ["0001.json", "10000.json"])
      expect(pathOf(workspace, "attempt", name)).toBe(join(workspace, name));
    for (const name of ["1.json", "00010.json", "../0001.json", "9999999999.json"])
      expect(() => pathOf(workspace, "attempt", name), name).toThrow();
    for (const step of [-1, 0.5, 1e15, Number.NaN]) expect(() => checkpointPath(workspace, step)).toThrow();
    for (const id of ["../../x", "x", "2026-01-01T00-00-00-000Z-abcd/../x"])
      expect(() => pathOf(workspace, "launch", id)).toThrow();
  });
});

describe("what killed processes left", () => {
  const gone = `${machine}.4194305.0000abcd`;
  const old = new Date(Date.now() - 48 * 3600 * 1000);

  it("is cleared away by the next start, and nothing else is", () => {
    const { directory } = createRun(workspace, "e", "r", spec);
    const parent = join(directory, "..");
    const halfMade = join(parent, `.new-${gone}`);
    const olderVersion = join(parent, ".new-01234567-89ab-cdef-0123-456789abcdef");
    const filled = join(parent, `.new-${machine}.4194305.0000abce`);
    for (const folder of [halfMade, olderVersion, filled]) mkdirSync(folder);
    writeFileSync(join(halfMade, "run.json"), "{}");
    writeFileSync(join(halfMade, `.run.json.new.${gone}.tmp`), "{");
    writeFileSync(join(filled, "precious"), "mine");
    utimesSync(olderVersion, old, old);
    const kept = [`.new-mine`, `.notes.tmp`, `.a.1.77.0000abcd.tmp`, temporaryName("a", 1), preparedName()];
    for (const name of kept) writeFileSync(join(parent, name), "");
    createRun(workspace, "e", "r", spec);
    const left = [...kept, `.new-${machine}.4194305.0000abce`, "r", "r-2"];
    expect(readdirSync(parent).sort()).toEqual(left.sort());
    expect(readFileSync(join(filled, "precious"), "utf8")).toBe("mine");
  });

  it("in a run as well", () => {
    const run = createRun(workspace, "e", "r", spec).directory;
    const { control, checkpoints } = runPaths(run);
    mkdirSync(control);
    mkdirSync(checkpoints);
    const litter = [
      join(control, `.stop.stop.${gone}.tmp`),
      join(checkpoints, ".step-000001.safetensors.1.1.0000abcd.tmp"),
      join(run, ".state.safetensors.1.1.0000abcd.tmp"),
    ];
    for (const path of litter) writeFileSync(path, "");
    writeFileSync(join(run, ".mine.tmp"), "");
    claimRun(run);
    expect(litter.filter((path) => existsSync(path))).toEqual([]);
    expect(existsSync(join(run, ".mine.tmp"))).toBe(true);
  });

  it.skipIf(process.platform === "win32")("is removed as a link, not where it leads", () => {
    const { directory } = createRun(workspace, "e", "r", spec);
    const parent = join(directory, "..");
    writeFileSync(join(outside, "run.json"), "mine");
    symlinkSync(outside, join(parent, `.new-${gone}`));
    symlinkSync(join(outside, "run.json"), join(parent, `.a.1.${gone}.tmp`));
    createRun(workspace, "e", "r", spec);
    expect(readdirSync(parent).sort()).toEqual(["r", "r-2"]);
    expect(readFileSync(join(outside, "run.json"), "utf8")).toBe("mine");
  });
});
