/** What an earlier version wrote (test/fixtures/version2) still opens, goes on and is used. */
import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { recordedMethod } from "../../src/experiment/methods/registry.ts";
import { loadCheckpoint } from "../../src/runs/checkpoints.ts";
import { readPrompt } from "../../src/runs/prompts.ts";
import { ulptOk } from "../support/cli.ts";
import { temporaryFolder } from "../support/folder.ts";
import { journalOf } from "../support/journal.ts";
import { embeddedModel } from "../support/workspace.ts";

const fixture = join(import.meta.dirname, "..", "fixtures", "version2");
const folder = temporaryFolder();
const run = () => folder(".ulpt", "runs", "kept", "ulpt-r2-seed42");
const prompt = () => folder("prompts", "kept.prompt.safetensors");

beforeAll(() => {
  cpSync(embeddedModel, folder("model"), { recursive: true });
  cpSync(join(fixture, "rows.jsonl"), folder("rows.jsonl"));
  cpSync(join(fixture, "run"), run(), { recursive: true });
  cpSync(join(fixture, "kept.prompt.safetensors"), prompt());
});

describe("files of an earlier version", () => {
  it("tell of the projection as those of today do", () => {
    const frozen = [
      {
        name: "projection",
        seed: 42,
        generator: "philox4x32-10/1",
        distribution: "xavier-uniform, 2 groups",
        sha256: expect.stringMatching(/^d02593ae3cb9/),
      },
    ];
    const checkpoint = loadCheckpoint(join(run(), "checkpoints", "step-000003.safetensors"));
    expect(checkpoint.metadata).toMatchObject({ version: 2, method: "ulpt", rank: 2, frozen });
    const { metadata } = readPrompt(prompt());
    expect(metadata).toMatchObject({ version: 2, rank: 2, frozen });
    // What there was no word for is what it was.
    expect(metadata.settings).toMatchObject({ name: "ulpt", trains: "z" });
  });

  it("have settings that are read as those of today", () => {
    const { settings } = JSON.parse(readFileSync(join(run(), "run.json"), "utf8"));
    expect(settings.method).not.toHaveProperty("trains");
    expect(recordedMethod.parse(settings.method)).toEqual({
      ...settings.method,
      trains: "z",
      start: { from: "random" },
    });
  });

  it("are a prompt that is shown as it was, and that answers", async () => {
    const { stdout } = await ulptOk(["show", prompt()], { cwd: folder() });
    const before = readFileSync(join(fixture, "kept.prompt.txt"), "utf8");
    // The groups of a projection belong to how it is drawn.
    expect(stdout).toBe(before.replace("uniform, seed 42, 2 groups", "uniform, 2 groups, seed 42"));
    const answer = await ulptOk(["predict", prompt(), "the mouse is pleasant .", "--json"], { cwd: folder() });
    expect(answer.stdout).toContain('"withPrompt"');
  });

  it("are a run that goes on exactly where it was stopped", async () => {
    await ulptOk(["resume", "kept/ulpt-r2-seed42"], { cwd: folder() });
    const expected = JSON.parse(readFileSync(join(fixture, "losses.json"), "utf8")) as number[];
    const { losses } = journalOf(run());
    expect(losses.map(({ step }) => step)).toEqual(expected.map((_, index) => index + 1));
    for (const { step, loss } of losses) expect(Math.abs(loss / expected[step - 1]! - 1)).toBeLessThan(1e-4);
  });
});
