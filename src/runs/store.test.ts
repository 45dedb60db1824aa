import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runSpec } from "../../test/support/runRecords.ts";
import { clearStopRequest, createRun, deriveState, openRun, requestStop, stopRequested } from "./store.ts";

let workspace: string;
beforeEach(() => {
  workspace = mkdtempSync(join(tmpdir(), "ulpt-store-"));
});
afterEach(() => rmSync(workspace, { recursive: true, force: true }));

const coded = (code: string, message = "") =>
  expect.objectContaining({ code, message: expect.stringContaining(message), where: expect.any(String) });

const spec = {
  ...runSpec,
  data: { sha256: { train: "cd", validation: "ef" } },
  settings: { learningRate: 0.3, nested: { list: [1, null] } },
};

describe("createRun and openRun", () => {
  it("makes a folder that git ignores, and the spec reads back", () => {
    const { directory } = createRun(workspace, "sst2", "ulpt-r2", spec);
    expect(relative(workspace, directory)).toBe(join(".ulpt", "runs", "sst2", "ulpt-r2"));
    expect(readFileSync(join(workspace, ".ulpt", ".gitignore"), "utf8")).toBe("*\n");
    expect(openRun(directory).spec).toEqual({ version: 1, experiment: "sst2", run: "ulpt-r2", ...spec });
  });

  it.skipIf(process.platform === "win32")("makes folders that whoever the umask lets may read", () => {
    const { directory } = createRun(workspace, "e", "r", spec);
    expect(statSync(directory).mode & 0o777).toBe(0o777 & ~process.umask());
  });

  it("gives a taken name a suffix", () => {
    const names = [1, 2, 3].map(() => createRun(workspace, "e", "r", spec).spec.run);
    expect(names).toEqual(["r", "r-2", "r-3"]);
    expect(createRun(workspace, "e", "r-2", spec).spec.run).toBe("r-2-2");
  });

  it("stays inside the runs folder whatever the names are", () => {
    const { directory, spec: made } = createRun(workspace, "../../up", "/etc/../x", spec);
    expect(relative(join(workspace, ".ulpt", "runs"), directory)).toBe(join("up", "etc-..-x"));
    expect(made.experiment).toBe("../../up");
  });

  it("leaves a .gitignore that the user changed", () => {
    mkdirSync(join(workspace, ".ulpt"));
    writeFileSync(join(workspace, ".ulpt", ".gitignore"), "cache\n");
    createRun(workspace, "e", "r", spec);
    expect(readFileSync(join(workspace, ".ulpt", ".gitignore"), "utf8")).toBe("cache\n");
  });

  it("says that a workspace cannot be written", () => {
    writeFileSync(join(workspace, ".ulpt"), "");
    expect(() => createRun(workspace, "e", "r", spec)).toThrow(coded("RUN_UNWRITABLE"));
  });

  it("tells a missing run from a broken one, naming the field", () => {
    const { directory } = createRun(workspace, "e", "r", spec);
    const path = join(directory, "run.json");
    const whole = JSON.parse(readFileSync(path, "utf8"));
    expect(() => openRun(join(workspace, "nowhere"))).toThrow(coded("RUN_MISSING"));
    expect(() => openRun(workspace)).toThrow(coded("RUN_MISSING", "holds no run"));
    writeFileSync(path, "{");
    expect(() => openRun(directory)).toThrow(coded("RUN_INVALID", "not JSON"));
    writeFileSync(path, JSON.stringify({ ...whole, model: { source: 3 } }));
    expect(() => openRun(directory)).toThrow(coded("RUN_INVALID", "model.source"));
    writeFileSync(path, JSON.stringify({ ...whole, version: 2 }));
    expect(() => openRun(directory)).toThrow(coded("RUN_INVALID", "version"));
  });
});

describe("deriveState", () => {
  const state = (exit: number | null, holder: number | null, alive = false) =>
    deriveState({
      exit: exit === null ? null : { attempt: exit, state: "stopped" },
      holder: holder === null ? null : { attempt: holder },
      isAlive: () => alive,
    });

  it("is created until somebody claims it, then running as long as its owner lives", () => {
    expect(state(null, null)).toBe("created");
    expect(state(null, 1, true)).toBe("running");
    expect(state(null, 1)).toBe("interrupted");
  });

  it("is how the newest attempt ended, even if its process goes on", () => {
    expect(state(1, 1)).toBe("stopped");
    expect(state(1, 1, true)).toBe("stopped");
    expect(state(2, null)).toBe("stopped");
  });

  it("does not take the end of an older attempt for the end of a resumed run", () => {
    expect(state(1, 2, true)).toBe("running");
    expect(state(1, 2)).toBe("interrupted");
  });
});

describe("a request to stop", () => {
  it("is seen until it is cleared", () => {
    const { directory } = createRun(workspace, "e", "r", spec);
    expect(stopRequested(directory)).toBe(false);
    clearStopRequest(directory);
    requestStop(directory);
    requestStop(directory);
    expect(stopRequested(directory)).toBe(true);
    clearStopRequest(directory);
    expect(stopRequested(directory)).toBe(false);
  });

  it("to a run that was deleted does not bring its folder back", () => {
    const gone = join(workspace, "gone");
    expect(() => requestStop(gone)).toThrow(coded("RUN_UNWRITABLE"));
    expect(existsSync(gone)).toBe(false);
  });
});
