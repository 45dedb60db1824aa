/** @file What a training shows: a progress bar on a terminal, plain lines elsewhere, JSON for machines. */
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readJournal } from "../../src/runs/journal.ts";
import { runPaths } from "../../src/runs/layout.ts";
import { readHolder } from "../../src/runs/owner.ts";
import { Command, haveTerminal, jsonLines, killLeftovers, ulpt, ulptOk } from "../support/cli.ts";
import { temporaryFolder } from "../support/folder.ts";
import { createWorkspace, type Workspace } from "../support/workspace.ts";

const folder = temporaryFolder();
let workspace: Workspace;
beforeAll(() => {
  workspace = createWorkspace(folder("workspace"));
  workspace.experiment("short", { training: { steps: 20 } });
  workspace.experiment("long", { training: { steps: 1_000_000, evaluateEvery: 1_000_000 } });
});
afterAll(killLeftovers);

describe("into a pipe", () => {
  it("go plain lines: loss, rate and time left, each evaluation, the comparison and where the runs lie", async () => {
    const { stdout } = await ulptOk(["train", "short.ulpt.json"], { cwd: workspace.folder });
    expect(stripVTControlCharacters(stdout)).toBe(stdout);
    expect(stdout).not.toContain("\r");
    expect(stdout).toMatch(/^run 1 of 1 {2}ulpt-r2-seed1 {2}\([\d,]+ parameters\)$/m);
    expect(stdout).toMatch(/^ {2}step 20\/20 {2}loss \d+\.\d{4} {2}\d+\.\d steps\/s {2}ETA 0s$/m);
    expect(stdout).toMatch(/^ {2}step 10 {2}validation accuracy \d+\.\d % {2}\(12 rows\)$/m);
    expect(stdout).toMatch(/^ulpt-r2-seed1: finished, best validation \d+\.\d %, test \d+\.\d %, [\d.]+s$/m);
    expect(stdout).toMatch(/^ run +seeds +parameters +file +validation +test +95 % interval +majority/m);
    expect(stdout).toMatch(/^ ulpt-r2 +1 +[\d,]+ +\d+\.\d KB( +\d+\.\d %){2} +\d+\.\d – \d+\.\d +\d+\.\d %/m);
    expect(stdout).toMatch(/^runs: \.ulpt\/runs\/short$/m);
  });
});

describe("with --json", () => {
  it("goes every event of the journal, one on a line, between the run and its report", async () => {
    const { stdout } = await ulptOk(["train", "short.ulpt.json", "--json"], { cwd: workspace.folder });
    const lines = jsonLines(stdout);
    const [run] = lines.flatMap((line) => (line.type === "run" ? [line] : []));
    const { events } = readJournal(runPaths(run!.directory).events);
    const told = lines.filter(({ type }) => !["note", "run", "evaluating", "report", "comparison"].includes(type));
    expect(told).toEqual(events.map((event) => ({ run: run!.run, ...event })));
    expect(lines.map(({ type }) => type).slice(-2)).toEqual(["report", "comparison"]);
  });

  it.each([
    ["an experiment that is not there", ["train", "nope.ulpt.json"], "EXPERIMENT_UNREADABLE", 2],
    ["a run that is not there", ["evaluate", "no/run"], "RUN_MISSING", 1],
    ["an option that does not exist", ["runs", "--nonsense"], "OPTION_INVALID", 2],
  ])("%s is an error on the last line of stdout, and in words on stderr", async (_, args, code, exit) => {
    const end = await ulpt([...args, "--json"], { cwd: workspace.folder });
    const [line, ...others] = jsonLines(end.stdout);
    expect(line).toMatchObject({ type: "error", code, message: expect.any(String) });
    expect(others).toEqual([]);
    expect(end.stderr).toContain((line as { message: string }).message);
    expect(end.code).toBe(exit);
  });

  it("a failure writes nothing to stdout where no JSON was asked for", async () => {
    const { stdout } = await ulpt(["train", "nope.ulpt.json"], { cwd: workspace.folder });
    expect(stdout).toBe("");
  });
});

const needsTerminal = haveTerminal ? "" : " — SKIPPED, because there is no `script` of util-linux to make one";

describe.skipIf(!haveTerminal)(`on a terminal${needsTerminal}`, () => {
  const hideCursor = "\x1b[?25l";
  const showCursor = "\x1b[?25h";

  it("runs a bar with loss, best score, rate and time left, and leaves the result", async () => {
    const longer = ["--set", "training.steps=300"]; // so that a bar is drawn on the way
    const { stdout } = await ulptOk(["train", "short.ulpt.json", ...longer], { cwd: workspace.folder, terminal: true });
    const frames = stripVTControlCharacters(stdout);
    expect(frames).toMatch(/█+░+ \d+\/300 {2}loss \d+\.\d{4} {2}best (–|\d+\.\d %) {2}\d+\.\d steps\/s {2}ETA \d+s/);
    expect(frames).toMatch(/^ulpt-r2-seed1(-\d)?: finished, best validation/m);
    expect(frames).toMatch(/^ ulpt-r2 +1 /m);
    expect(stdout.lastIndexOf(showCursor)).toBeGreaterThan(stdout.lastIndexOf(hideCursor));
  });

  it("gives the cursor back when it is made to end at once", async () => {
    const command = new Command(["train", "long.ulpt.json"], { cwd: workspace.folder, terminal: true });
    await command.untilText(/loss \d/);
    const { pid } = readHolder(workspace.run("long", "ulpt-r2-seed1"))!.owner!;
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.kill(pid, signal);
    const { code, stdout } = await command.end;
    expect(code).toBe(130);
    expect(stdout).toContain(hideCursor);
    expect(stdout.lastIndexOf(showCursor)).toBeGreaterThan(stdout.lastIndexOf(hideCursor));
  });
});
