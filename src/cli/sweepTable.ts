/** @file A sweep in words. */
import { scoreText } from "../metrics/kinds.ts";
import type { SweepRunView, SweepView } from "../results/sweep.ts";
import { durationText } from "../words/numbers.ts";
import { visibleLine } from "../words/surfaces.ts";
import { table } from "./table.ts";

/** `notes-1: run 2 of 9, 7 wait, ETA 3m 00s` */
export function sweepLine(view: SweepView): string {
  return `${view.name}: ${sweepText(view)}`;
}

/** `run 2 of 9, 7 wait, ETA 3m 00s` */
export function sweepText({ state, runs, done, counts, secondsLeft, message }: SweepView): string {
  const parts = [
    positionText(state, runs.length, done, counts.running),
    ...(state === "failed" && message ? [message] : []),
    ...counted(counts.waiting, "waits", "wait"),
    ...counted(counts.failed, "failed", "failed"),
    ...counted(counts.dropped, "dropped", "dropped"),
    ...(secondsLeft === null ? [] : [`ETA ${durationText(secondsLeft)}`]),
  ];
  return parts.join(", ");
}

function positionText(state: SweepView["state"], all: number, done: number, running: number): string {
  if (state === "running" || (state === "submitted" && running > 0)) return position(all, done, running);
  return `${state === "submitted" ? "with the scheduler" : state}, ${done} of ${all} runs done`;
}

function position(all: number, done: number, running: number): string {
  if (running === 0) return `${done} of ${all} runs done`;
  return running === 1 ? `run ${done + 1} of ${all}` : `runs ${done + 1} to ${done + running} of ${all}`;
}

function counted(count: number, one: string, many: string): string[] {
  return count === 0 ? [] : [`${count} ${count === 1 ? one : many}`];
}

/** `paused at step 200 of 800, rung 1: 5th of 9` */
function runStateText({ state, step, steps, rung }: SweepRunView): string {
  const place = rung ? `, rung ${rung.number}: ${ordinal(rung.place)} of ${rung.of}` : "";
  if (state === "paused") return `paused at step ${step} of ${steps}${place}`;
  if (state === "waiting" && step > 0) return `waits at step ${step} of ${steps}${place}`;
  return state === "waiting" ? "waits" : `${state}${place}`;
}

function ordinal(number: number): string {
  const rest = number % 100;
  const ending = rest >= 11 && rest <= 13 ? "th" : (["th", "st", "nd", "rd"][number % 10] ?? "th");
  return `${number}${ending}`;
}

/** What sweeps say of runs that they paused, by the folders of those. */
export function pausedStates(views: readonly SweepView[]): Map<string, string> {
  const paused = views.flatMap(({ runs }) => runs.filter(({ state }) => state === "paused"));
  return new Map(paused.flatMap((run) => (run.directory === null ? [] : [[run.directory, runStateText(run)]])));
}

/** The sweeps that are not at their end, each in a line. */
export function openSweepLines(views: readonly SweepView[]): string {
  const open = views.filter(({ state }) => state !== "finished");
  return open.map((view) => `\n${visibleLine(`sweep ${sweepLine(view)}`)}`).join("");
}

/** The runs of a sweep, in its order. */
export function sweepTable({ runs }: SweepView): string {
  const rows = runs.map((run, index) => [
    String(index + 1),
    run.name,
    runStateText(run),
    `${run.step}/${run.steps}`,
    run.score === null ? "–" : scoreText(run.metric, run.score),
  ]);
  return table(["", "run", "state", "step", "validation"], [0, 3, 4], rows);
}
