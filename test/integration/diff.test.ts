/** @file `ulpt diff` and kept evaluations on the embedded model: what a checkpoint changed, and where an evaluation stays. */
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { listEvaluations } from "../../src/runs/evaluations.ts";
import { checkpointPath, runPaths } from "../../src/runs/layout.ts";
import { loadPredictions } from "../../src/runs/predictions.ts";
import type { EvaluationReport } from "../../src/shared/service.ts";
import { expectFailure, jsonLines, ulpt, ulptOk } from "../support/cli.ts";
import { temporaryFolder } from "../support/folder.ts";
import { courseOf, createWorkspace, type Workspace } from "../support/workspace.ts";

const folder = temporaryFolder();
let workspace: Workspace;
let run: string;
const name = "small/ulpt-r2-seed1";

beforeAll(async () => {
  workspace = createWorkspace(folder("workspace"));
  workspace.experiment("small", { training: { steps: 20, evaluateEvery: 10, learningRate: 0.3 } });
  await ulptOk(["train", "small.ulpt.json"], { cwd: workspace.folder });
  run = workspace.run("small", "ulpt-r2-seed1");
});

const here = () => ({ cwd: workspace.folder });
const evaluations = () => listEvaluations(runPaths(run).evaluations);

interface DiffHead {
  type: "diff";
  on: string;
  rows: number;
  counts: Record<string, number>;
  right: { first: number; second: number };
  test: { p: number; test: string };
  alone: { first: number; second: number };
}
interface DiffRow {
  type: "row";
  line: number;
  fate: string;
  first: { score: number };
  second: { score: number };
}

async function diff(...args: string[]): Promise<{ head: DiffHead; rows: DiffRow[] }> {
  const [head, ...rows] = jsonLines<DiffHead | DiffRow>((await ulptOk(["diff", ...args, "--json"], here())).stdout);
  return { head: head as DiffHead, rows: rows as DiffRow[] };
}

describe("diff", () => {
  it("tells which rows a checkpoint fixed and which it broke, as the kept answers say", async () => {
    const { head, rows } = await diff(`${name}@10`, `${name}@20`, "--split", "validation", "--all");
    const [before, after] = [10, 20].map((step) => loadPredictions(run, step, "validation")!.rows);
    const fixed = before!.filter(({ score }, index) => score === 0 && after![index]!.score === 1);
    const broken = before!.filter(({ score }, index) => score === 1 && after![index]!.score === 0);
    expect(head).toMatchObject({ on: "validation", rows: 12, counts: { fixed: fixed.length, broken: broken.length } });
    expect(head.test.test).toBe("mcnemar");
    expect(rows).toHaveLength(12);
    const lines = (fate: string) => rows.filter((row) => row.fate === fate).map(({ line }) => line);
    expect(lines("fixed")).toEqual(fixed.map(({ line }) => line));
    expect(lines("broken")).toEqual(broken.map(({ line }) => line));
    const right = (rows: typeof before) => rows!.filter(({ score }) => score === 1).length;
    expect(head.right).toEqual({ first: right(before), second: right(after) });
    const { stdout } = await ulptOk(["diff", `${name}@10`, `${name}@20`, "--split", "validation"], here());
    expect(stdout).toMatch(
      /^small\/ulpt-r2-seed1 step 10 → small\/ulpt-r2-seed1 step 20, 12 rows of validation, accuracy\n/,
    );
    expect(stdout).toContain("p = ");
  });

  it("compares with the model alone, whose answers the run's own test has kept", async () => {
    const { head } = await diff("unprompted", name);
    const test = courseOf(run).evaluations.find(({ split }) => split === "test")!;
    expect(head).toMatchObject({ on: "test", rows: 12 });
    expect(head.right).toEqual({ first: 12 * test.baselines!.unprompted!, second: 12 * test.score });
  });

  it("says of what is not kept how to make it, and makes it when asked, of prompts as well", async () => {
    const { step: best } = courseOf(run).evaluations.find(({ split }) => split === "test")!;
    const other = best === 10 ? 20 : 10;
    const args = ["diff", `${name}@${other}`, name, "--split", "test"];
    const end = await ulpt(args, here());
    expectFailure(end, { code: "RUN_MISSING", exit: 1, where: run });
    const path = `.ulpt/runs/small/ulpt-r2-seed1/checkpoints/step-0000${other}.safetensors`;
    expect(end.stderr).toContain(`\`ulpt evaluate ${path} --split test\``);
    expect((await diff(...args.slice(1), "--evaluate")).head).toMatchObject({ on: "test", rows: 12 });
    expect((await diff(...args.slice(1))).head).toMatchObject({ on: "test", rows: 12 });

    await ulptOk(["export", name, "notes"], here());
    const prompt = ["prompts/notes.prompt.safetensors", name, "--split", "test"];
    expectFailure(await ulpt(["diff", ...prompt], here()), { code: "RUN_MISSING", exit: 1, where: "notes" });
    const same = await diff(...prompt, "--evaluate");
    expect(same.head.counts).toMatchObject({ same: 12 });
    expect((await diff("prompts/notes.prompt.safetensors", "unprompted")).head).toMatchObject({ on: "test", rows: 12 });
    expect(readFileSync(workspace.path(".ulpt", ".gitignore"), "utf8")).toBe("*\n");
  });

  it("refuses rows that are not the same rows", async () => {
    workspace.experiment("other", {
      task: { test: "validation.jsonl" },
      training: { steps: 10, evaluateEvery: 10 },
    });
    await ulptOk(["train", "other.ulpt.json"], here());
    const end = await ulpt(["diff", name, "other/ulpt-r2-seed1", "--split", "test"], here());
    expectFailure(end, { code: "OPTION_INVALID", exit: 2, where: "other/ulpt-r2-seed1" });
    expect(end.stderr).toContain("answered different data");
  });
});

describe("an evaluation that was asked for", () => {
  it("stays with its checkpoint, on a split and on any file, and is found by rows, diff and compare", async () => {
    const text = readFileSync(workspace.path("train.jsonl"), "utf8").split("\n").slice(0, 5).join("\n");
    writeFileSync(workspace.path("more.jsonl"), `${text}\n`);
    const file = checkpointPath(run, 10);
    const [report] = jsonLines<EvaluationReport>(
      (await ulptOk(["evaluate", file, "--file", "more.jsonl", "--json"], here())).stdout,
    );
    expect(report).toMatchObject({ split: "file", count: 5, on: { rows: "file", file: "more.jsonl", task: "small" } });
    expect(evaluations().find((one) => one.name === report!.kept)).toMatchObject({ score: report!.score, count: 5 });
    const { stdout } = await ulptOk(["rows", name, "--step", "10", "--file", "more.jsonl", "--json"], here());
    const [head, ...rows] = jsonLines<{ count: number; right: boolean }>(stdout);
    expect(head).toMatchObject({ count: 5, split: "more.jsonl" });
    expect(rows.filter(({ right }) => right)).toHaveLength(Math.round(5 * report!.score));
    const compared = await ulptOk(["compare", name, "--at", "10", "--file", "more.jsonl", "--json"], here());
    expect(jsonLines<{ rows: object[] }>(compared.stdout)[0]!.rows).toMatchObject([{ count: 5, mean: report!.score }]);
    expect((await diff(`${name}@10`, "unprompted", "--file", "more.jsonl")).head).toMatchObject({ rows: 5 });
  });

  it("is not written into a run that lies in no workspace, and the score is told all the same", async () => {
    const elsewhere = createWorkspace(folder("elsewhere"));
    const copy = elsewhere.path("backup", "runs", "small", "run");
    cpSync(run, copy, { recursive: true });
    const before = readdirSync(join(copy, "evaluations")).sort();
    const end = await ulptOk(["evaluate", copy, "--split", "validation", "--json"], { cwd: elsewhere.folder });
    const [report] = jsonLines<EvaluationReport>(end.stdout);
    expect(report).toMatchObject({ count: 12, kept: null, notKept: expect.stringContaining("lies in no workspace") });
    expect(readdirSync(join(copy, "evaluations")).sort()).toEqual(before);
  });
});
