/** @file Where things lie in a workspace and in a run's folder. */
import { join } from "node:path";

/** `<workspace>/.ulpt/runs` */
export function runsFolder(workspace: string): string {
  return join(workspace, ".ulpt", "runs");
}

/** The files and folders of the run in `directory`. */
export function runPaths(directory: string) {
  return {
    run: join(directory, "run.json"),
    owner: join(directory, "owner.json"),
    attempts: join(directory, "attempts"),
    events: join(directory, "events.jsonl"),
    checkpoints: join(directory, "checkpoints"),
    /** What `ulpt serve` found out about the checkpoints; may be deleted. */
    inspections: join(directory, "inspections"),
    state: join(directory, "state.safetensors"),
    exit: join(directory, "exit.json"),
    log: join(directory, "run.log"),
    stop: join(directory, "control", "stop"),
  };
}
