import { describe, expect, it } from "vitest";
import { canonicalJson } from "./describe.ts";
import { expandRuns } from "./expand.ts";
import { parseExperiment } from "./parse.ts";
import { completeSettings, parseRecordedSettings, recordSettings } from "./recorded.ts";

function recordedOf(changes: object = {}): Record<string, unknown> {
  const task = { train: "a.jsonl", template: "{text}", target: "{label}" };
  const initialization = { from: "text", text: "good or bad" };
  const experiment = { model: "t5", task, method: "vanilla", initialization, ...changes };
  return recordSettings(expandRuns(parseExperiment(JSON.stringify(experiment), "x.ulpt.json"))[0]!, "");
}

/** As a version wrote it that had no choice of the last batch, of special tokens, of clean-up and of aliases. */
function asBefore(settings: Record<string, unknown>): Record<string, unknown> {
  const old = structuredClone(settings) as Record<string, Record<string, unknown>>;
  delete old.training!.lastBatch;
  delete old.training!.dropout;
  delete (old.method!.initialization as Record<string, unknown>).specialTokens;
  delete old.task!.cleanUpSpaces;
  delete old.task!.functionAlias;
  return old;
}

describe("the settings of an older run", () => {
  it("mean what its version did: batches are filled, special tokens left out, answers compared as decoded", () => {
    expect(parseRecordedSettings(asBefore(recordedOf()), "run.json")).toMatchObject({
      training: { lastBatch: "filled", dropout: 0 },
      method: { initialization: { from: "text", text: "good or bad", specialTokens: false } },
      task: { cleanUpSpaces: false, functionAlias: "called" },
    });
  });

  it("are, completed, those of an experiment that says what it did", () => {
    const says = recordedOf({
      initialization: { from: "text", text: "good or bad", specialTokens: false },
      training: { lastBatch: "filled" },
    });
    expect(canonicalJson(completeSettings(asBefore(says)))).toBe(canonicalJson(says));
    expect(canonicalJson(completeSettings(asBefore(recordedOf())))).not.toBe(canonicalJson(recordedOf()));
  });

  it("keep what a newer version wrote, and stay as they are where they cannot be read", () => {
    const newer = { ...recordedOf(), later: { setting: [1] } };
    expect(completeSettings(newer)).toEqual(newer);
    expect(completeSettings({ training: 3 })).toEqual({ training: 3 });
  });
});
