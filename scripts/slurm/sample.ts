/** @file Workspaces for trials on a Slurm: the embedded model, its notes made few, and experiments of some runs. */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const repository = join(import.meta.dirname, "..", "..");
export const cli = join(repository, "dist", "cli.js");
/** Of each file that is scored. */
const rows = 12;

/** Writes `<name>.ulpt.json` into a workspace, which is made where it is not there. */
export function writeSample(
  workspace: string,
  name: string,
  { runs, steps, evaluateEvery }: { runs: number; steps: number; evaluateEvery: number },
): void {
  if (!existsSync(workspace)) writeData(workspace);
  const data = (split: string) => `data/complaint.${split}.jsonl`;
  const experiment = {
    model: "models/tiny-notes-t5",
    task: {
      ...{ train: data("train"), validation: data("validation"), test: data("test") },
      ...{ template: "{text}", target: "{label}", labels: ["0", "1"] },
    },
    ...{ method: ["ulpt"], rank: 2, promptLength: 10, device: "cpu" },
    seed: Array.from({ length: runs }, (_, index) => index + 1),
    training: { steps, evaluateEvery, batchSize: 8 },
  };
  writeFileSync(join(workspace, `${name}.ulpt.json`), JSON.stringify(experiment));
}

function writeData(workspace: string): void {
  mkdirSync(join(workspace, ".vscode"), { recursive: true });
  const sample = join(repository, "examples", "sample");
  for (const name of ["data", "models"]) cpSync(join(sample, name), join(workspace, name), { recursive: true });
  for (const split of ["validation", "test"]) {
    const path = join(workspace, "data", `complaint.${split}.jsonl`);
    writeFileSync(path, `${readFileSync(path, "utf8").split("\n").slice(0, rows).join("\n")}\n`);
  }
}
