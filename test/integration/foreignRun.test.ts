/** @file A run that comes from elsewhere: from somebody who means harm, from a diverged training, from Windows, from an older version. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { encodeSafetensors } from "../../src/formats/safetensors.ts";
import { readJournal } from "../../src/runs/journal.ts";
import { checkpointPath, runPaths } from "../../src/runs/layout.ts";
import { encodeTensorFile, readTensorFile } from "../../src/runs/tensorFile.ts";
import { expectFailure, jsonLines, ulpt, ulptOk } from "../support/cli.ts";
import { temporaryFolder } from "../support/folder.ts";
import { createWorkspace, rewriteJson, type Workspace } from "../support/workspace.ts";

const folder = temporaryFolder();
const name = "ulpt-r2-seed1";
const lastStep = 4;
let workspace: Workspace;
beforeAll(async () => {
  workspace = createWorkspace(folder("workspace"));
  mkdirSync(workspace.path("sub", "deep"), { recursive: true });
  for (const file of ["model", "train.jsonl", "validation.jsonl", "test.jsonl"])
    symlinkSync(workspace.path(file), workspace.path("sub", "deep", file));
  workspace.experiment("sub/deep/small", { training: { steps: lastStep, evaluateEvery: 2 } });
  await ulptOk(["train", "sub/deep/small.ulpt.json"], { cwd: workspace.folder });
});

/** A copy of the trained run that is not at its end: it can be resumed. */
function copyRun(experiment: string): string {
  const run = workspace.run(experiment, name);
  cpSync(workspace.run("small", name), run, { recursive: true });
  rmSync(runPaths(run).exit);
  return run;
}

const inWorkspace = () => ({ cwd: workspace.folder });
const words = { what: "", damaged: "", diverged: "" };

describe.skipIf(process.platform === "win32")("a run with links in it", () => {
  it("is neither read nor written through them, by no command, and nobody waits for a pipe", async () => {
    for (const part of [
      "events.jsonl",
      "run.log",
      "state.safetensors",
      "checkpoints",
      "attempts",
      "run.json",
      "pipe",
    ]) {
      const run = copyRun(`linked-${part}`);
      const outside = folder(`outside-${part}`);
      if (part === "pipe") {
        rmSync(runPaths(run).events);
        execFileSync("mkfifo", [runPaths(run).events]);
        mkdirSync(outside);
      } else {
        renameSync(join(run, part), outside);
        symlinkSync(outside, join(run, part));
      }
      const before = contentOf(outside);
      const argument = `linked-${part}/${name}`;
      expectFailure(await ulpt(["resume", argument], inWorkspace()), {
        ...(/state|checkpoints/.test(part)
          ? { code: "CHECKPOINT_INVALID", exit: 3 }
          : { code: "RUN_INVALID", exit: 1 }),
        where: part === "pipe" ? "events.jsonl" : part,
      });
      if (["events.jsonl", "pipe", "checkpoints", "run.json"].includes(part)) {
        for (const command of ["evaluate", "show"]) {
          const end = await ulpt([command, argument], inWorkspace());
          expect(end.stderr).toMatch(/^error (RUN|CHECKPOINT)_INVALID/);
        }
      }
      expect(contentOf(outside)).toEqual(before);
      rmSync(workspace.run(`linked-${part}`, ""), { recursive: true });
    }
  });

  it("is said to be behind a link where .ulpt itself is one", async () => {
    const other = createWorkspace(folder("linked"));
    renameSync(workspace.path(".ulpt"), folder("moved"));
    symlinkSync(folder("moved"), other.path(".ulpt"));
    try {
      for (const args of [["runs"], ["show", `small/${name}`], ["stop", `small/${name}`]])
        expectFailure(await ulpt(args, { cwd: other.folder }), { code: "RUN_INVALID", exit: 1, where: ".ulpt" });
    } finally {
      renameSync(folder("moved"), workspace.path(".ulpt"));
    }
  });
});

/** A file's bytes, or those of the files in a folder. */
function contentOf(path: string): string[] {
  try {
    return readdirSync(path)
      .sort()
      .flatMap((name) => [name, ...contentOf(join(path, name))]);
  } catch {
    return [readFileSync(path, "base64")];
  }
}

describe("a checkpoint whose training diverged", () => {
  it("is not scored, asked, shown or exported", async () => {
    const run = copyRun("diverged");
    const path = checkpointPath(run, lastStep);
    const { tensors, metadata } = readTensorFile(path, words)!;
    const { sha256: _, ...others } = metadata;
    (tensors.z!.data as Float32Array)[1] = Number.NaN;
    writeFileSync(path, encodeTensorFile(tensors, others));
    for (const args of [["evaluate"], ["predict"], ["show"], ["export"]]) {
      const more = { predict: ["a text"], export: ["bad"] }[args[0]!] ?? [];
      const end = await ulpt([...args, path, ...more], inWorkspace());
      expectFailure(end, { code: "NOT_FINITE", exit: 1, where: "step-000004.safetensors" });
    }
    expect(readdirSync(workspace.folder)).not.toContain("prompts");
  });

  it("nor is one whose prompt overflows, though its own numbers are finite", async () => {
    const run = copyRun("overflown");
    const path = checkpointPath(run, lastStep);
    const { tensors, metadata } = readTensorFile(path, words)!;
    const { sha256: _, ...others } = metadata;
    for (const name of ["z", "scale"]) (tensors[name]!.data as Float32Array).fill(1e30);
    writeFileSync(path, encodeTensorFile(tensors, others));
    expectFailure(await ulpt(["export", path, "bad"], inWorkspace()), {
      code: "NOT_FINITE",
      exit: 1,
      where: "step-000004.safetensors",
    });
  });
});

describe("a run from another system or version", () => {
  it("made on Windows is found by its model and data, and its name is recorded with slashes", async () => {
    const run = copyRun("windows");
    const recorded = () => JSON.parse(readFileSync(runPaths(run).run, "utf8")).settings.directory as string;
    expect(recorded()).toBe("sub/deep");
    rewriteJson(runPaths(run).run, (spec) => {
      (spec.settings as Record<string, unknown>).directory = "sub\\deep";
    });
    await ulptOk(["evaluate", `windows/${name}`], inWorkspace());
    const { stdout } = await ulptOk(["export", `windows/${name}`, "windows", "--json"], inWorkspace());
    const [{ path }] = jsonLines<{ path: string }>(stdout) as [{ path: string }];
    expect(readTensorFile(path, words)!.metadata.directory).toBe("sub/deep");
    await ulptOk(["resume", `windows/${name}`], inWorkspace());
  });

  it("saved without a hash is resumed, and said to be unchecked", async () => {
    const run = copyRun("older");
    const { state, events } = runPaths(run);
    const { tensors, metadata } = readTensorFile(state, words)!;
    const { sha256: _, ...others } = metadata;
    writeFileSync(state, encodeSafetensors(tensors, { ...others, version: "1" }));
    await ulptOk(["resume", `older/${name}`], inWorkspace());
    const warnings = readJournal(events).events.filter((event) => event.type === "warning");
    expect(warnings.map(({ code }) => code)).toContain("STATE_UNCHECKED");
  });

  it("with one flipped bit in its state is not resumed", async () => {
    const run = copyRun("flipped");
    const { state } = runPaths(run);
    const bytes = readFileSync(state);
    bytes[bytes.length - 5]! ^= 4;
    writeFileSync(state, bytes);
    const end = await ulpt(["resume", `flipped/${name}`], inWorkspace());
    expectFailure(end, { code: "CHECKPOINT_INVALID", exit: 3, where: "state.safetensors" });
    expect(end.stderr).toContain("Delete this file");
  });
});
