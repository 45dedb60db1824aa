import { describe, expect, it } from "vitest";
import { expandRuns } from "../experiment/expand.ts";
import { parseExperiment } from "../experiment/parse.ts";
import { departureNote } from "./departures.ts";
import { protocolOf } from "./protocol.ts";
import { findCell } from "./results.ts";

/** The training of a protocol, as an experiment writes it. */
function trainingOf(model: string, task: "sst2" | "gsm8k") {
  const protocol = protocolOf({ model, task });
  const { steps, batchSize, learningRate, optimizer, warmupSteps, clipNorm, dropout, evaluateEvery } = protocol;
  const { comment: _, remark: __, ...asWritten } = optimizer;
  return {
    steps: steps.value,
    batchSize,
    learningRate: learningRate.ulpt!.value,
    optimizer: asWritten,
    warmupSteps,
    clipNorm: clipNorm.value,
    dropout: dropout.value,
    evaluateEvery: evaluateEvery.value,
  };
}

const followed = trainingOf("google-t5/t5-base", "sst2");

function noteOn(experiment: object): string | undefined {
  const text = JSON.stringify({ model: "google-t5/t5-base", task: "sst2", ...experiment });
  const [run] = expandRuns({ ...parseExperiment(text, "x.ulpt.json"), directory: "/w" });
  return departureNote(run!);
}

describe("a note on what is not trained as the paper did", () => {
  it("names what the defaults have otherwise, and a result whose experiment has it", () => {
    const note = noteOn({ rank: 16 });
    expect(note).toContain("sst2 is not trained by the paper's protocol (other: learning rate, optimiser, dropout)");
    const id = /`ulpt paper (\S+)`/.exec(note!)![1]!;
    expect(findCell(id)).toMatchObject({ task: "sst2", method: { name: "ulpt", settings: { rank: 16 } } });
  });

  it("is not made of a run that follows the protocol", () => {
    expect(noteOn({ training: followed })).toBeUndefined();
    expect(noteOn({ training: { ...followed, batchSize: 8 } })).toContain("(other: batch size)");
  });

  it("names the results of the method: the paper's prompt tuning has a learning rate of its own", () => {
    expect(noteOn({ method: "vanilla", training: { ...followed, learningRate: 0.3 } })).toBeUndefined();
    expect(noteOn({ method: "vanilla", training: followed })).toMatch(/other: learning rate\).*\/vanilla\//);
  });

  it("goes by the protocol of the model, where the paper has results on it", () => {
    const model = "meta-llama/Llama-3.2-1B-Instruct";
    const training = trainingOf(model, "gsm8k");
    expect(noteOn({ model, task: "gsm8k", training })).toBeUndefined();
    const note = noteOn({ model, task: "gsm8k", training: { ...training, clipNorm: 1 } });
    expect(note).toMatch(/other: clipping of the gradient\); .*`ulpt paper table-2\/llama-3.2-1b\/ulpt-r2\/gsm8k`/);
    expect(noteOn({ model: "bigscience/bloomz-560m", training: followed })).toContain("(other: batch size, dropout)");
  });

  it("has nothing to say of tasks that the paper has no result of on T5", () => {
    expect(noteOn({ task: "xsum" })).toBeUndefined();
    expect(noteOn({ task: "gsm8k" })).toBeUndefined();
    expect(noteOn({ task: { train: "a.jsonl", template: "{text}", target: "{label}" } })).toBeUndefined();
  });
});
