/** @file A copy of the sample workspace with small experiments, and what their runs left on the disk. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { launcherOf } from "../../../src/launch/launchers.ts";
import { type LocalLaunch, listLaunches } from "../../../src/launch/records.ts";
import { type RunSummary, summarizeRun } from "../../../src/listing/summary.ts";
import { runsFolder } from "../../../src/runs/layout.ts";
import { repository } from "../../support/bundle.ts";
import { journalOf } from "../../support/journal.ts";

export interface ExperimentOptions {
  /** As an experiment has it. */
  method?: readonly (string | object)[];
  rank?: number | number[];
  steps?: number;
  evaluateEvery?: number;
  seed?: number | number[];
  promptLength?: number;
  batchSize?: number;
}

/** Rows of the files that scores are measured on: enough to see that they are. */
const scoredRows = 60;

/** The sample, copied: its files may be changed. */
export class SampleWorkspace {
  readonly folder: string;
  private readonly parent = mkdtempSync(join(tmpdir(), "ulpt-sample-"));

  constructor({ whole = false } = {}) {
    this.folder = join(this.parent, "sample");
    const sample = join(repository, "examples", "sample");
    for (const name of readdirSync(sample)) {
      if (name !== ".ulpt" && name !== "prompts")
        cpSync(join(sample, name), join(this.folder, name), { recursive: true });
    }
    for (const split of whole ? [] : ["validation", "test"]) {
      const path = `data/complaint.${split}.jsonl`;
      this.write(path, `${this.read(path).split("\n").slice(0, scoredRows).join("\n")}\n`);
    }
  }

  /** Writes `<name>.ulpt.json`: the complaint task of the sample, made small. */
  experiment(name: string, options: ExperimentOptions = {}): void {
    const { method = ["ulpt"], rank = 2, seed = 1, promptLength = 10 } = options;
    const { steps = 60, evaluateEvery = 20, batchSize = 8 } = options;
    const experiment = {
      model: "models/tiny-notes-t5",
      task: {
        train: "data/complaint.train.jsonl",
        validation: "data/complaint.validation.jsonl",
        test: "data/complaint.test.jsonl",
        template: "{text}",
        target: "{label}",
        labels: ["0", "1"],
      },
      method,
      rank,
      promptLength,
      seed,
      device: "cpu",
      training: { steps, batchSize, learningRate: 0.3, warmupSteps: 5, evaluateEvery },
    };
    this.write(`${name}.ulpt.json`, `// A small experiment.\n${JSON.stringify(experiment, null, 2)}\n`);
  }

  write(path: string, text: string): void {
    mkdirSync(join(this.folder, path, ".."), { recursive: true });
    writeFileSync(join(this.folder, path), text);
  }

  read(path: string): string {
    return readFileSync(join(this.folder, path), "utf8");
  }

  run(experiment: string, run: string): string {
    return join(runsFolder(this.folder), experiment, run);
  }

  summary(experiment: string, run: string): RunSummary | undefined {
    try {
      return summarizeRun(this.run(experiment, run));
    } catch {
      return undefined;
    }
  }

  state(experiment: string, run: string): string {
    return this.summary(experiment, run)?.state ?? "none";
  }

  step(experiment: string, run: string): number {
    return this.summary(experiment, run)?.step ?? 0;
  }

  /** The losses of a run in the order of its steps. */
  losses(experiment: string, run: string): { step: number; loss: number }[] {
    const { losses } = journalOf(this.run(experiment, run));
    return losses.map(({ step, loss }) => ({ step, loss }));
  }

  /** The runtime processes that were started for this workspace, oldest first. */
  launches(): LocalLaunch[] {
    return listLaunches(this.folder).filter((launch) => launch.launcher === "local");
  }

  /** Ends what is still being trained, and removes the folder. */
  async dispose(): Promise<void> {
    for (const launch of this.launches()) await launcherOf(launch).kill(launch);
    rmSync(this.parent, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}
