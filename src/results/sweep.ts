/** @file A sweep as people see it: which of its runs is where, what waits, and when all will be done. Pure. */
import type { RunJson } from "../runs/schema.ts";
import type { RunState } from "../runs/store.ts";
import type { PlannedRun, SweepEvent, SweepRunEvent, SweepSpec, SweepState } from "../runs/sweeps.ts";
import type { Progress } from "./fold.ts";
import { halvingSteps } from "./halving.ts";

/** How many runs of a sweep without runs are in each state that there is. */
export const noCounts = {
  waiting: 0,
  running: 0,
  paused: 0,
  finished: 0,
  "early-stopped": 0,
  failed: 0,
  unreadable: 0,
  dropped: 0,
};
export type SweepRunState = keyof typeof noCounts;

export interface SweepRunView {
  /** As the plan calls it. */
  name: string;
  /** Its folder; null before it has one. */
  directory: string | null;
  state: SweepRunState;
  step: number;
  steps: number;
  /** Best validation score. */
  score: number | null;
  metric: string | null;
  /** The last rung of a halving that it reached, from 1, and its place there among so many. */
  rung: { number: number; place: number; of: number } | null;
  /** Whether a halving goes on without it. */
  left: boolean;
}

export interface SweepView {
  name: string;
  experiment: string;
  /** Folder of its runs. */
  folder: string;
  state: SweepState;
  /** Why it failed or stopped. */
  message: string | null;
  parallel: number;
  runs: SweepRunView[];
  /** The names of those that wait, in the order in which they begin. */
  waiting: readonly string[];
  counts: Readonly<Record<SweepRunState, number>>;
  /** Runs that nothing more is to be done about: trained to their end, failed, dropped, or left by a halving. */
  done: number;
  /** Until all is done; null where nothing has been trained yet that would tell, or nothing is being trained. */
  secondsLeft: number | null;
}

/** A run of the experiment, as it is now. */
export interface ExperimentRun extends Pick<Progress, "step" | "bestScore" | "metric"> {
  directory: string;
  state: RunState | "unreadable";
  spec: Pick<RunJson, "sweep"> | null;
}

export interface SweepFacts<Run extends ExperimentRun = ExperimentRun> {
  name: string;
  spec: SweepSpec;
  state: SweepState;
  events: readonly SweepEvent[];
  dropped: ReadonlySet<string>;
  /** The names of the runs in the order in which they begin; default: the plan's. */
  order?: readonly string[];
  /** The runs of its experiment, as they are now. */
  runs: readonly Run[];
  /** Milliseconds since 1970. */
  now: number;
}

export function foldSweep(facts: SweepFacts): SweepView {
  const { name, spec, state, events, now } = facts;
  const own = runsOfSweep(facts);
  const told = lastRungs(events);
  const runs = spec.runs.map((planned) =>
    viewOf(planned, own.get(planned.name), facts.dropped.has(planned.name), told.get(planned.name)),
  );
  const counts = { ...noCounts };
  for (const run of runs) counts[run.state] += 1;
  const waits = new Set(runs.flatMap(({ state, left, name }) => (state === "waiting" && !left ? [name] : [])));
  const order = facts.order ?? spec.runs.map(({ name }) => name);
  const done = runs.filter(isDone).length;
  const isOver = isLeftToItsRuns(spec, state) && done === runs.length;
  const isTrained = state === "running" || state === "submitted";
  const status = events.findLast((event) => event.type === "status");
  const parallel = parallelOf(spec, events);
  return {
    name,
    experiment: spec.experiment,
    folder: spec.folder,
    state: isOver ? "finished" : state,
    message: (status?.type === "status" && status.message) || null,
    parallel,
    runs,
    waiting: order.filter((name) => waits.has(name)),
    counts,
    done,
    secondsLeft: isTrained && !isOver ? secondsLeft(spec, parallel, runs, events, now) : null,
  };
}

/** Whether nobody says of the sweep that it is at its end: a scheduler trains its runs, whether somebody follows or not. */
function isLeftToItsRuns({ on }: SweepSpec, state: SweepState): boolean {
  return state === "submitted" || state === "stopped" || (state === "interrupted" && on !== undefined);
}

/** How many runs its newest attempt trains at a time. */
function parallelOf(spec: SweepSpec, events: readonly SweepEvent[]): number {
  const begun = events.findLast((event) => event.type === "status" && event.state === "running");
  return (begun?.type === "status" ? begun.parallel : undefined) ?? spec.parallel;
}

function isDone({ state, left }: SweepRunView): boolean {
  return left || state === "finished" || state === "early-stopped" || state === "failed" || state === "dropped";
}

/** The run of each plan: that which was trained furthest, where a crash left two. */
export function runsOfSweep<Run extends ExperimentRun>({
  name,
  events,
  runs,
}: Pick<SweepFacts<Run>, "name" | "events" | "runs">): ReadonlyMap<string, Run> {
  const adopted = new Map<string, string>();
  for (const event of events) {
    if (event.type === "run" && event.state === "adopted" && event.folder) adopted.set(event.folder, event.run);
  }
  const found = new Map<string, Run>();
  for (const run of runs) {
    const planned = run.spec?.sweep?.name === name ? run.spec.sweep.run : adopted.get(folderName(run.directory));
    if (planned === undefined) continue;
    const known = found.get(planned);
    if (!known || furtherThan(run, known)) found.set(planned, run);
  }
  return found;
}

function folderName(directory: string): string {
  return directory.split(/[\\/]/).at(-1)!;
}

function furtherThan(a: ExperimentRun, b: ExperimentRun): boolean {
  const order = [
    "unreadable",
    "created",
    "failed",
    "interrupted",
    "stopped",
    "paused",
    "running",
    "early-stopped",
    "finished",
  ];
  return order.indexOf(a.state) - order.indexOf(b.state) > 0 || (a.state === b.state && a.step > b.step);
}

function viewOf(
  planned: PlannedRun,
  run: ExperimentRun | undefined,
  isDropped: boolean,
  told: SweepRunEvent | undefined,
): SweepRunView {
  const { name, steps } = planned;
  const place = told?.rung !== undefined && told.place !== undefined && told.of !== undefined;
  return {
    name,
    directory: run?.directory ?? null,
    state: stateOf(run, isDropped),
    step: run?.step ?? 0,
    steps,
    score: run?.bestScore ?? null,
    metric: run?.metric ?? null,
    rung: place ? { number: told.rung!, place: told.place!, of: told.of! } : null,
    left: told?.state === "left",
  };
}

function stateOf(run: ExperimentRun | undefined, isDropped: boolean): SweepRunState {
  switch (run?.state) {
    case "finished":
    case "early-stopped":
    case "unreadable":
    case "running":
      return run.state;
    default:
      if (isDropped) return "dropped";
      return run?.state === "paused" || run?.state === "failed" ? run.state : "waiting";
  }
}

/** What was last said about each run's rung. */
function lastRungs(events: readonly SweepEvent[]): Map<string, SweepRunEvent> {
  const last = new Map<string, SweepRunEvent>();
  for (const event of events) if (event.type === "run" && event.rung !== undefined) last.set(event.run, event);
  return last;
}

function secondsLeft(
  spec: SweepSpec,
  parallel: number,
  runs: readonly SweepRunView[],
  events: readonly SweepEvent[],
  now: number,
): number | null {
  const pace = secondsPerStep(runs, events, now);
  if (pace === null) return null;
  const open = runs.filter((run) => !isDone(run)).length;
  return (stepsLeft(spec, runs) * pace) / Math.max(1, Math.min(parallel, open));
}

function stepsLeft({ runs: planned, halving }: SweepSpec, runs: readonly SweepRunView[]): number {
  if (!halving) return runs.filter((run) => !isDone(run)).reduce((sum, { step, steps }) => sum + steps - step, 0);
  const brackets = new Map<string, number[]>();
  for (const [index, { bracket }] of planned.entries())
    brackets.set(bracket, [...(brackets.get(bracket) ?? []), index]);
  return [...brackets.values()].reduce((sum, members) => {
    const taken = members.reduce((steps, index) => steps + runs[index]!.step, 0);
    const { rungs, steps } = planned[members[0]!]!;
    return sum + Math.max(0, halvingSteps(members.length, rungs, steps, halving.reduction) - taken);
  }, 0);
}

/** Of the time that runs were being trained, evaluations and starting included; null where no step has been done. */
function secondsPerStep(runs: readonly SweepRunView[], events: readonly SweepEvent[], now: number): number | null {
  const current = new Map(runs.map(({ name, state, step }) => [name, { state, step }]));
  const began = new Map<string, SweepRunEvent>();
  let steps = 0;
  let milliseconds = 0;
  const add = (start: SweepRunEvent, t: number, step: number) => {
    const done = step - (start.step ?? 0);
    if (done <= 0 || t <= start.t) return;
    steps += done;
    milliseconds += t - start.t;
  };
  for (const event of events) {
    if (event.type !== "run") continue;
    const start = began.get(event.run);
    if (event.state === "running") began.set(event.run, event);
    else if (start && event.step !== undefined && event.state !== "promoted" && event.state !== "left") {
      add(start, event.t, event.step);
      began.delete(event.run);
    }
  }
  for (const [name, start] of began) {
    const run = current.get(name);
    if (run?.state === "running") add(start, now, run.step);
  }
  return steps === 0 ? null : milliseconds / steps / 1000;
}
