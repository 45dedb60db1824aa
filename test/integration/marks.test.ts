/** @file Stars, tags and notes of runs, and finding runs again: the real program in child processes. */
import { beforeAll, describe, expect, it } from "vitest";
import { expectFailure, jsonLines, ulpt, ulptOk } from "../support/cli.ts";
import { temporaryFolder } from "../support/folder.ts";
import { createWorkspace, type Workspace } from "../support/workspace.ts";

const folder = temporaryFolder();
let workspace: Workspace;

const run = (args: string[]) => ulptOk(args, { cwd: workspace.folder });

/** The names of the runs that `ulpt runs` lists, in its order. */
async function found(...args: string[]): Promise<string[]> {
  const { stdout } = await run(["runs", "--json", ...args]);
  if (stdout === "") return [];
  return jsonLines(stdout).map((line) => (line as unknown as { run: string }).run);
}

beforeAll(async () => {
  workspace = createWorkspace(folder("workspace"));
  const file = workspace.experiment("marked", {
    method: ["ulpt", "vanilla"],
    rank: [1, 2, 3],
    seed: 1,
    task: { metric: ["accuracy", "macro-f1"] },
    training: { steps: 4, evaluateEvery: 2 },
  });
  await run(["train", file, "--json"]);
});

describe("what a person says of a run", () => {
  it("is found again: by star and by tag, until it is taken away", async () => {
    await run(["star", "marked/ulpt-r2-seed1"]);
    await run(["tag", "marked/ulpt-r2-seed1", "paper", "second try"]);
    await run(["tag", "marked/vanilla-seed1", "paper"]);
    expect(await found("--starred")).toEqual(["ulpt-r2-seed1"]);
    expect(await found("--tag", "paper")).toEqual(["ulpt-r2-seed1", "vanilla-seed1"]);
    expect(await found("--tag", "paper", "--tag", "second try")).toEqual(["ulpt-r2-seed1"]);
    await run(["tag", "marked/ulpt-r2-seed1", "paper", "--remove"]);
    expect(await found("--tag", "paper")).toEqual(["vanilla-seed1"]);
  });

  it("is a note, which is kept until another stands in its place", async () => {
    await run(["note", "marked/ulpt-r1-seed1", "too small"]);
    await run(["star", "marked/ulpt-r1-seed1"]);
    const shown = async () => jsonLines((await run(["note", "marked/ulpt-r1-seed1", "--json"])).stdout).at(-1);
    expect(await shown()).toMatchObject({ type: "marks", run: "ulpt-r1-seed1", starred: true, note: "too small" });
    await run(["note", "marked/ulpt-r1-seed1", "large enough"]);
    expect(await shown()).toMatchObject({ note: "large enough" });
  });

  it("needs a run that there is", async () => {
    const end = await ulpt(["star", "marked/ulpt-r9-seed1", "--json"], { cwd: workspace.folder });
    expectFailure(end, { code: "RUN_MISSING", exit: 1, where: "ulpt-r9-seed1" });
  });
});

describe("the runs of a workspace", () => {
  it("are found by settings and by what came of them, all conditions together", async () => {
    expect(await found("--where", "rank>=2")).toEqual(["ulpt-r2-seed1", "ulpt-r3-seed1"]);
    expect(await found("--where", "rank>=2", "--where", "rank<3")).toEqual(["ulpt-r2-seed1"]);
    expect(await found("--where", "method=vanilla")).toEqual(["vanilla-seed1"]);
    expect(await found("--where", "training.steps=4", "--where", "state=finished")).toHaveLength(4);
    expect(await found("--where", "training.steps>4")).toEqual([]);
    expect(await found("--where", "test.macro-f1<=1", "--where", "validation.loss>0")).toHaveLength(4);
  });

  it("are sorted by any of those, from either end", async () => {
    const upwards = await found("--where", "method=ulpt", "--sort", "rank");
    expect(upwards).toEqual(["ulpt-r1-seed1", "ulpt-r2-seed1", "ulpt-r3-seed1"]);
    expect(await found("--where", "method=ulpt", "--sort", "-rank")).toEqual([...upwards].reverse());
  });

  it("cannot be asked for what no run has: the field is named, and the nearest there is", async () => {
    const end = await ulpt(["runs", "--where", "rang>=2", "--json"], { cwd: workspace.folder });
    expectFailure(end, { code: "OPTION_INVALID", exit: 2, where: "--where rang" });
    expect(end.stderr).toContain("Did you mean rank?");
    const words = await ulpt(["runs", "--where", "test>=half", "--json"], { cwd: workspace.folder });
    expectFailure(words, { code: "OPTION_INVALID", exit: 2, where: "--where test>=half" });
  });
});
