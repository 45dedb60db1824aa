/** @file The journal of a run as tests read it, told from what the product makes of it: event by event. */
import { readJournal } from "../../src/runs/journal.ts";
import { runPaths } from "../../src/runs/layout.ts";
import type { CheckpointEvent, EvaluationEvent, JournalEvent, StepEvent } from "../../src/runs/schema.ts";

/** What a run did, each list by step. */
export interface Course {
  losses: StepEvent[];
  evaluations: EvaluationEvent[];
  checkpoints: CheckpointEvent[];
}

/** The events of the run in `directory`: of each step, and of each split and metric of an evaluation, the newest attempt's. */
export function journalOf(directory: string): Course {
  const losses = new Map<number, StepEvent>();
  const evaluations = new Map<string, EvaluationEvent>();
  const checkpoints = new Map<number, CheckpointEvent>();
  for (const event of readJournal(runPaths(directory).events).events) {
    if (event.type === "step") keepNewest(losses, event.step, event);
    else if (event.type === "evaluation")
      keepNewest(evaluations, `${event.step} ${event.split} ${event.metric}`, event);
    else if (event.type === "checkpoint") keepNewest(checkpoints, event.step, event);
  }
  return { losses: byStep(losses), evaluations: byStep(evaluations), checkpoints: byStep(checkpoints) };
}

function keepNewest<K, E extends JournalEvent>(kept: Map<K, E>, key: K, event: E): void {
  const other = kept.get(key);
  if (!other || event.attempt >= other.attempt) kept.set(key, event);
}

function byStep<E extends { step: number }>(kept: ReadonlyMap<unknown, E>): E[] {
  return [...kept.values()].sort((a, b) => a.step - b.step);
}
