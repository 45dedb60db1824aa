/** @file What commands print of a workspace that somebody else made: nothing in it steers the terminal of whoever looks. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listRuns } from "../../src/listing/summary.ts";
import { runPaths } from "../../src/runs/layout.ts";
import { type End, killLeftovers, ulpt, ulptOk } from "../support/cli.ts";
import { temporaryFolder } from "../support/folder.ts";
import { createWorkspace, rewriteJson, type Workspace } from "../support/workspace.ts";

/** Clears the screen, sets the title, hides a link, writes over the line, turns the writing round; and a C1 sequence. */
const hostile = "a\x1b[2J\x1b]0;owned\x07\x1b]8;;http://x.example\x1b\\b\rc\u202ed\x9b31m";
const raw = /[\0-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/;

const folder = temporaryFolder();
let workspace: Workspace;
let run: string;

beforeAll(async () => {
  workspace = createWorkspace(folder("workspace"));
  workspace.experiment("small", { training: { steps: 10, evaluateEvery: 5 } });
  await ulptOk(["train", "small.ulpt.json"], { cwd: workspace.folder });
  run = workspace.run("small", "ulpt-r2-seed1");
  const { run: spec, exit, events } = runPaths(run);
  rewriteJson(spec, (value) => Object.assign(value, { experiment: `small${hostile}`, run: `r${hostile}` }));
  rewriteJson(exit, (value) => Object.assign(value, { state: "failed", reason: `because ${hostile}` }));
  const warning = { t: 0, attempt: 1, seq: 999, type: "warning", code: "X", message: hostile };
  appendFileSync(events, `${JSON.stringify(warning)}\n`);
});
afterAll(killLeftovers);

function expectHarmless({ stdout, stderr }: End): void {
  expect(stdout).not.toMatch(raw);
  expect(stderr).not.toMatch(raw);
}

describe("of a run with hostile names", () => {
  const place = join(".ulpt", "runs", "small", "ulpt-r2-seed1");

  it.each([
    ["runs", ["runs"], 0],
    ["runs --json", ["runs", "--json"], 0],
    ["stop", ["stop", place], 0],
    ["show", ["show", place], 0],
    ["show --json", ["show", place, "--json"], 0],
    ["evaluate", ["evaluate", place, "--device", "cpu"], 0],
    ["export", ["export", place, "name"], 0],
    ["resume", ["resume", place], 0],
    ["compare", ["compare", "small"], 1],
  ])("%s prints no raw control character, and shows what is there", async (_, args, code) => {
    const end = await ulpt(args, { cwd: workspace.folder });
    expectHarmless(end);
    expect(end.code, end.stderr).toBe(code);
    if (!["export", "resume"].includes(args[0]!)) expect(end.stdout + end.stderr).toMatch(/a\\u(\{1b\}|001b)\[2J/);
  });

  it("--json still means what the files say", async () => {
    const { stdout } = await ulptOk(["runs", "--json"], { cwd: workspace.folder });
    expect(JSON.parse(stdout.split("\n")[0]!)).toMatchObject({ experiment: `small${hostile}` });
  });

  it("an unreadable run says why without quoting raw", async () => {
    const broken = workspace.run("broken", "run");
    mkdirSync(broken, { recursive: true });
    writeFileSync(runPaths(broken).run, `${hostile}`);
    const end = await ulptOk(["runs"], { cwd: workspace.folder });
    expectHarmless(end);
    expect(end.stdout).toContain("unreadable");
  });
});

describe("of errors that quote", () => {
  const data = (text: string) => writeFileSync(workspace.path("hostile.jsonl"), text);
  const task = { train: "hostile.jsonl", validation: "validation.jsonl", test: undefined, labels: undefined };

  it.each([
    ["an unknown setting", () => workspace.experiment("bad", { [hostile]: 1 }), []],
    [
      "a field that rows have",
      () => workspace.experiment("bad", { task: { template: `{${hostile.replaceAll(/[[\]]/g, "")}}` } }),
      [],
    ],
    ["a file", () => workspace.experiment("bad", { task: { train: `${hostile.replaceAll("/", "")}.jsonl` } }), []],
    ["a model", () => workspace.experiment("bad", { model: hostile }), []],
    ["a name of an experiment", () => workspace.experiment("bad", { name: hostile, model: "nowhere" }), []],
    ["a task", () => workspace.experiment("bad", { task: hostile }), []],
    ["an option", () => workspace.experiment("bad"), ["--set", `${hostile}=1`]],
    [
      "a broken line of data",
      () => {
        data(`{"text": "${hostile}", oops`);
        return workspace.experiment("bad", { task });
      },
      [],
    ],
  ])("%s", async (_, prepare, args) => {
    // In words on stderr, and as JSON on stdout.
    const end = await ulpt(["train", prepare(), ...args, "--json"], { cwd: workspace.folder });
    expectHarmless(end);
    expect(end.code).toBeGreaterThan(1);
    expect(end.stderr).toMatch(/^error [A-Z_]+: /m);
  });

  it.skipIf(process.platform === "win32")("the folder it all lies in", async () => {
    const other = createWorkspace(folder("other"));
    const named = folder(`x${hostile.replaceAll("/", "")}`);
    renameSync(other.folder, named);
    for (const args of [["runs"], ["show", "no/run"], ["train", "no.ulpt.json"], ["runs", "--workspace", "no"]]) {
      expectHarmless(await ulpt(args, { cwd: named }));
    }
  });

  it("what a training prints and logs", async () => {
    writeFileSync(
      workspace.path("rows.jsonl"),
      `${Array.from({ length: 8 }, (_, row) => JSON.stringify({ text: `row ${row} ${hostile}`, label: row % 2 ? hostile : "no" })).join("\n")}\n`,
    );
    const name = workspace.experiment("named", {
      task: { train: "rows.jsonl", validation: "rows.jsonl", test: "rows.jsonl", labels: undefined },
      training: { steps: 4, evaluateEvery: 2, batchSize: 2 },
    });
    for (const args of [
      ["train", name],
      ["train", name, "--json"],
      ["data", name],
    ]) {
      expectHarmless(await ulptOk(args, { cwd: workspace.folder }));
    }
    for (const { directory } of listRuns(workspace.folder)) {
      const { log } = runPaths(directory);
      if (existsSync(log)) expect(readFileSync(log, "utf8")).not.toMatch(raw);
    }
  });
});
