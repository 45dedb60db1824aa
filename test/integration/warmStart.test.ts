/** @file Runs that start from another prompt: found, told, known by its hash, and gone on with exactly when it is gone. */
import { cpSync, readFileSync, rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readJournal } from "../../src/runs/journal.ts";
import { runPaths } from "../../src/runs/layout.ts";
import type { RunJson } from "../../src/runs/schema.ts";
import { Command, expectFailure, killLeftovers, ulptOk } from "../support/cli.ts";
import { temporaryFolder } from "../support/folder.ts";
import { journalOf } from "../support/journal.ts";
import { causalModel, courseOf, createWorkspace, exists, keptBytes, type Workspace } from "../support/workspace.ts";

const folder = temporaryFolder();
const training = { steps: 12, evaluateEvery: 4, warmupSteps: 0, learningRate: 0.1 };
let workspace: Workspace;

function train(name: string, changes: Record<string, unknown>) {
  return new Command(["train", workspace.experiment(name, { training, ...changes }), "--json"], {
    cwd: workspace.folder,
  });
}

async function trained(name: string, changes: Record<string, unknown>, run: string): Promise<string> {
  const { code, stderr } = await train(name, changes).end;
  expect(code, stderr).toBe(0);
  return workspace.run(name, run);
}

function startOf(run: string): NonNullable<RunJson["start"]> {
  return (JSON.parse(readFileSync(runPaths(run).run, "utf8")) as RunJson).start!;
}

function warningsOf(run: string): string[] {
  return readJournal(runPaths(run).events).events.flatMap((event) => (event.type === "warning" ? [event.code] : []));
}

beforeAll(async () => {
  workspace = createWorkspace(folder("warm"));
  const labels = { name: "vanilla", initialization: { from: "labels" } };
  const dept = { name: "dept", rank: 1, textLength: 4 };
  await trained("source", { method: ["ulpt", labels, dept] }, "ulpt-r2-seed1");
  await ulptOk(["export", "source/ulpt-r2-seed1", "kept"], { cwd: workspace.folder });
});
afterAll(killLeftovers);

describe("a run that starts from another prompt", () => {
  it("begins, at a higher rank, with the loss of its source, which is told beside its own", async () => {
    const start = { from: "prompt", source: "source/ulpt-r2-seed1" };
    const file = workspace.experiment("grown", { training, method: { name: "ulpt", rank: 4, start } });
    const { stdout, stderr } = await ulptOk(["train", file], { cwd: workspace.folder });
    const run = workspace.run("grown", "ulpt-r4-warm-seed1");
    const { loss, score, step } = startOf(run);
    const [first] = journalOf(run).evaluations;
    expect(first).toMatchObject({ step: 0, split: "validation", score, source: { score, loss } });
    expect(Math.abs(first!.loss! / loss! - 1)).toBeLessThan(1e-4);
    expect(step).toBeGreaterThan(0);
    expect(warningsOf(run)).not.toContain("START_APART");

    expect(stdout + stderr).toContain(`its source had ${loss!.toFixed(4)}`);
  });

  it("goes on exactly when it was killed and its source is gone", async () => {
    const source = workspace.path("other.prompt.safetensors");
    cpSync(workspace.path("prompts", "kept.prompt.safetensors"), source);
    const method = { name: "vanilla", initialization: { from: "prompt", source: "other.prompt.safetensors" } };
    const changes = { method, promptLength: 8 };
    const whole = await trained("whole", changes, "vanilla-seed1");
    expect(warningsOf(whole)).toContain("START_FITTED");

    const command = train("cut", changes);
    await command.until((line) => line.type === "step" && line.step >= 5);
    command.signal("SIGKILL");
    await command.end;
    rmSync(source);
    await ulptOk(["resume", "cut/vanilla-seed1"], { cwd: workspace.folder });
    const cut = workspace.run("cut", "vanilla-seed1");
    expect(courseOf(cut)).toEqual(courseOf(whole));
    expect(keptBytes(cut)).toEqual(keptBytes(whole));
    expect(startOf(cut)).toEqual(startOf(whole));
  });

  it("is refused before there is a run where its source is missing", async () => {
    const source = "source/no-such-run";
    const method = { name: "vanilla", initialization: { from: "prompt", source } };
    const end = await train("refused", { method }).end;
    expectFailure(end, { code: "RUN_MISSING", exit: 1, where: source });
    expect(exists(workspace.folder, ".ulpt", "runs", "refused")).toBe(false);
  });

  it("is refused before there is a run where its source is another model's, as wide as this one's", async () => {
    for (const source of ["prompts/kept.prompt.safetensors", "source/ulpt-r2-seed1"]) {
      const method = { name: "ulpt", start: { from: "prompt", source } };
      const end = await train("foreign", { model: causalModel, method }).end;
      expectFailure(end, { code: "MODEL_MISMATCH", exit: 3, where: source.split("/")[1]! });
      expect(end.stderr).toContain("another model, model.");
    }
    expect(exists(workspace.folder, ".ulpt", "runs", "foreign")).toBe(false);
  });

  it("takes of a source that gives the model more than embeddings those alone, and says so", async () => {
    const initialization = { from: "prompt", source: "source/dept-r1-lr0.005-seed1" };
    const run = await trained("part", { method: { name: "vanilla", initialization } }, "vanilla-seed1");
    expect(warningsOf(run)).toEqual(["START_PARTIAL"]);
  });

  it("begins at a source that was trained in another precision", async () => {
    await trained("rounded", { method: "ulpt", precision: "int8" }, "ulpt-r2-seed1");
    const start = { from: "prompt", source: "rounded/ulpt-r2-seed1" };
    const run = await trained("plain", { method: { name: "ulpt", start } }, "ulpt-r2-warm-seed1");
    expect(startOf(run).loss).toBeGreaterThan(0);
    expect(warningsOf(run)).not.toContain("START_APART");
  });
});
