/** @file The generated files of the sample workspace, examples/sample. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { EmbeddedModel } from "./models.ts";
import { generateTask, type Row, tasks } from "./tasks.ts";

export const sampleFolder = fileURLToPath(new URL("../../examples/sample", import.meta.url));

export function modelFolder({ name }: EmbeddedModel): string {
  return join(sampleFolder, "models", name);
}

const taskSeed = 1;

export interface DataFile {
  path: string;
  text: string;
}

/** One JSONL file for each split of each task. */
export function dataFiles(): DataFile[] {
  return tasks.flatMap((task) =>
    Object.entries(generateTask(task, taskSeed)).map(([split, rows]) => ({
      path: join(sampleFolder, "data", `${task.name}.${split}.jsonl`),
      text: rows.map(jsonLine).join(""),
    })),
  );
}

function jsonLine({ text, label }: Row): string {
  return `${JSON.stringify({ text, label })}\n`;
}
