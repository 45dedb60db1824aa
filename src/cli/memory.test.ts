import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectError } from "../../test/support/errors.ts";
import { temporaryFolder } from "../../test/support/folder.ts";
import { createWorkspace } from "../../test/support/workspace.ts";
import { expandRuns } from "../experiment/expand.ts";
import { readExperiment } from "../experiment/parse.ts";
import type { RunSettings } from "../experiment/recorded.ts";
import { Resources } from "../training/resources.ts";
import { openHub } from "./hub.ts";
import { estimateMemory } from "./memory.ts";

const folder = temporaryFolder();
let resources: Resources;
let settings: RunSettings;

beforeAll(async () => {
  const { folder: directory, path, experiment } = createWorkspace(folder("workspace"));
  [settings] = expandRuns(readExperiment(path(experiment("run")), [])) as [RunSettings];
  const { model, task } = settings;
  resources = await Resources.open({ model, task, directory, device: "cpu", hub: openHub() });
});
afterAll(() => resources.release());

interface Question {
  limit?: number;
  ignoreMemory?: boolean;
  atOnce?: number;
  changes?: object;
  runs?: readonly RunSettings[];
}

function estimate({ limit = 2 ** 40, ignoreMemory = false, atOnce = 1, changes = {}, runs }: Question = {}) {
  const notes: string[] = [];
  const reporter = { note: (text: string) => notes.push(text) };
  const machine = { limit, by: "control group" } as const;
  return {
    notes,
    of: () =>
      estimateMemory(resources, runs ?? [{ ...settings, ...changes }], { ignoreMemory, atOnce }, reporter, machine),
  };
}

describe("the memory of a run", () => {
  it("is said before it begins, beside what there is", () => {
    const { notes, of } = estimate();
    const { total, weights } = of()!;
    expect(total).toBeGreaterThan(weights);
    expect(notes).toEqual([expect.stringMatching(/^memory: about \d.* MB at most .*control group .* allows 1\.1 TB$/)]);
  });

  it("has to be there for each run that is trained at a time", async () => {
    const { total } = estimate().of()!;
    expect(estimate({ limit: 2 * total, atOnce: 2 }).of()!.total).toBe(total);
    const error = await expectError(estimate({ limit: 2 * total - 1, atOnce: 2 }).of, "OUT_OF_MEMORY", "batchSize");
    expect(error.hint).toContain("fewer runs at a time");
  });

  it("grows with the tokens that are computed at once, with the prompt and with the longest answer", () => {
    const { training, generation } = settings;
    const base = estimate().of()!;
    const wider = estimate({ changes: { training: { ...training, batchSize: 32, microBatchTokens: 4000 } } }).of()!;
    expect(wider.steps).toBeGreaterThan(2 * base.steps);
    const narrower = estimate({ changes: { training: { ...training, microBatchTokens: 20 } } }).of()!;
    expect(narrower.evaluations).toBeLessThan(base.evaluations);
    expect(wider.weights).toBe(base.weights);
    expect(estimate({ changes: { promptLength: 400 } }).of()!.steps).toBeGreaterThan(base.steps);
    const longer = estimate({ changes: { generation: { ...generation, maxNewTokens: 5000 } } }).of()!;
    expect(longer.evaluations).toBeGreaterThan(base.evaluations);
    expect(longer.steps).toBe(base.steps);
  });

  it("has no room for answers where only the probability of targets is looked at", () => {
    const task = { ...settings.task, metric: "likelihood", checkpointMetric: "loss" };
    const ofAnswers = (maxNewTokens: number) => estimate({ changes: { task, generation: { maxNewTokens } } }).of()!;
    expect(ofAnswers(5000)).toEqual(ofAnswers(1));
  });

  it("that is not there ends the command, with the numbers, what decides them and what to lower", async () => {
    const { of } = estimate({ limit: estimate().of()!.total - 1 });
    const error = await expectError(of, "OUT_OF_MEMORY", "microBatchTokens 150");
    expect(error.exitCode).toBe(4);
    expect(error.message).toMatch(/weights.*steps.*evaluations/);
    expect(error.expected).toMatch(/at most .* MB, which the control group/);
    expect(error.hint).toMatch(
      /^Set training\.gradientCheckpointing.* lower training\.microBatchTokens.*--ignore-memory/,
    );
  });

  it("is less where layers are computed again for their gradient; of several runs the largest counts", async () => {
    const { training } = settings;
    const checkpointing = { training: { ...training, gradientCheckpointing: true } };
    const [plain, less] = [estimate().of()!, estimate({ changes: checkpointing }).of()!];
    expect(less.steps).toBeLessThan(0.8 * plain.steps);
    expect(less.evaluations).toBeLessThan(0.6 * plain.evaluations); // they pass half as many tokens at once
    const runs = [settings, { ...settings, ...checkpointing }];
    // Of a model as small as this, the larger graph outweighs what its steps do not keep.
    const largest = less.total > plain.total ? less : plain;
    for (const both of [runs, runs.toReversed()]) expect(estimate({ runs: both }).of()).toEqual(largest);
    const { of } = estimate({ changes: checkpointing, limit: less.total - 1 });
    expect((await expectError(of, "OUT_OF_MEMORY", "microBatchTokens")).hint).toMatch(/^Lower training/);
  });

  it("that not even the weights have asks for a smaller model", async () => {
    const error = await expectError(estimate({ limit: 1e6 }).of, "OUT_OF_MEMORY", "promptLength 6");
    expect(error.hint).toContain("smaller model");
    expect(error.hint).not.toContain("microBatchTokens");
  });

  it("that is not there is tried all the same where that is asked for", () => {
    expect(estimate({ limit: 1e6, ignoreMemory: true }).of()!.total).toBeGreaterThan(1e6);
  });
});
