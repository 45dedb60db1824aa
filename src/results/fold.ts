/**
 * @file What a run came to, out of the events of its journal, as it grows: its curve, its scores, its checkpoints, the best of
 * them, and how far it is. Everybody who shows a run reads this. Pure: no files.
 */
import { bestOf } from "../metrics/kinds.ts";
import type {
  CheckpointEvent,
  EvaluationEvent,
  JournalEvent,
  MemoryEstimate,
  StatusEvent,
  StepEvent,
  WarningEvent,
} from "../runs/schema.ts";
import { type Axis, type CurveOptions, LossCurve } from "./curve.ts";

/** Where something lies on each axis. */
export type Position = Record<Axis, number>;

export interface EvaluationPoint extends Position {
  split: "validation" | "test";
  metric: string;
  /** A fraction: 1 is perfect. Of the metric "loss" in nats: 0 is perfect. */
  score: number;
  /** Rows it was measured on. */
  count: number;
  loss: number | null;
  /** Confidence interval of the score: low, high. */
  interval: readonly [low: number, high: number] | null;
  /** Fraction of answers that are no label of the task. */
  invalid: number | null;
  /** The same answers by the other metrics of the task, and their confidence intervals. */
  others: Readonly<Record<string, number>>;
  otherIntervals: Readonly<Record<string, readonly [low: number, high: number]>>;
  /** The score of the most probable label, in place of what was written; null where the labels are not known. */
  amongLabels: number | null;
  /** Rows whose source the model has also been trained on; null where that is not known. */
  seenInTraining: number | null;
  /** How many groups of rows belong together; null where every row is one of its own. */
  clusters: number | null;
  /** Scores to compare with: `majority`, `unprompted`, `unpromptedAmongLabels`. */
  baselines: Readonly<Record<string, number>>;
  /** Seconds that it took. */
  took: number;
}

export interface CheckpointPoint extends Position {
  /** Relative to the run's folder, with `/`. */
  file: string;
  bytes: number;
  score: number | null;
}

/** How far a run is, as a list of runs shows it. */
export interface Progress {
  /** Last step done. */
  step: number;
  totalSteps: number | null;
  /** Best validation score by `metric`, and the first step that had it. */
  bestScore: number | null;
  bestStep: number | null;
  /** Newest test score. */
  testScore: number | null;
  /** Of the validation scores. */
  metric: string | null;
  /** The same evaluations by every metric of the task, and by the loss: `validation.loss`, `test.exact-match`. */
  scores: Readonly<Record<string, number>>;
}

export const noProgress: Progress = {
  step: 0,
  totalSteps: null,
  bestScore: null,
  bestStep: null,
  testScore: null,
  metric: null,
  scores: {},
};

/** More than anybody reads are those that came last. */
const mostWarnings = 1000;

/** Tokens per second are those of this many steps. */
const speedWindow = 50;

/**
 * One run, out of the attempts at it. A resumed attempt repeats the steps after the state it started from: of each step, and of
 * each split and metric of an evaluation, the newest attempt's event counts, and what an attempt says after a newer one began
 * does not.
 */
export class RunResult {
  readonly curve: LossCurve;
  /** By step. */
  readonly evaluations: EvaluationPoint[] = [];
  /** By step. */
  readonly checkpoints: CheckpointPoint[] = [];
  readonly warnings: WarningEvent[] = [];
  /** What the newest attempt last said about itself. */
  status: StatusEvent | undefined;
  totalSteps: number | undefined;
  /** In bytes: what the newest attempt was said to take, and the most that an attempt's process took by its end. */
  readonly memory: { estimated?: MemoryEstimate; peak?: number } = {};
  /** How many events counted so far, and of those evaluations and checkpoints: what was shown before is known to be out of date. */
  readonly counts = { events: 0, evaluations: 0, checkpoints: 0 };

  private readonly recent: StepEvent[] = [];
  private attempt = 0;
  /** After which step the newest attempt went on. */
  private begunAfter = 0;
  /** Where the clock of this attempt starts: `t` then, and the seconds at work before. */
  private clock = { t: 0, seconds: 0 };

  constructor(options?: CurveOptions) {
    this.curve = new LossCurve(options);
  }

  /** Last step done. */
  get step(): number {
    return Math.max(this.curve.last?.step ?? 0, this.begunAfter);
  }

  /** The first validation with the best score: the checkpoint a run is judged by. */
  get best(): EvaluationPoint | undefined {
    return bestOf(this.validations);
  }

  /** The newest test score. */
  get test(): EvaluationPoint | undefined {
    return this.evaluations.findLast(({ split }) => split === "test");
  }

  get validations(): EvaluationPoint[] {
    return this.evaluations.filter(({ split }) => split === "validation");
  }

  get progress(): Progress {
    const { best, test } = this;
    return {
      step: this.step,
      totalSteps: this.totalSteps ?? null,
      bestScore: best?.score ?? null,
      bestStep: best?.step ?? null,
      testScore: test?.score ?? null,
      metric: (best ?? this.validations.at(-1) ?? this.evaluations.at(-1))?.metric ?? null,
      scores: { ...(best && scoresOf(best)), ...(test && scoresOf(test)) },
    };
  }

  /** Seconds of training and evaluation over all attempts; steps that a resumed attempt repeated count once. */
  get secondsOfWork(): number {
    return this.evaluations.reduce((sum, { took }) => sum + took, this.curve.secondsOfSteps);
  }

  /** Tokens per second over the last steps; undefined before the first. */
  get tokensPerSecond(): number | undefined {
    const seconds = this.recent.reduce((sum, event) => sum + event.seconds, 0);
    return seconds > 0 ? this.recent.reduce((sum, event) => sum + event.tokens, 0) / seconds : undefined;
  }

  /** Seconds per step over the last steps; undefined before the first. */
  get secondsPerStep(): number | undefined {
    const seconds = this.recent.reduce((sum, event) => sum + event.seconds, 0);
    return this.recent.length ? seconds / this.recent.length : undefined;
  }

  /** Takes in what the journal has gained. */
  append(events: Iterable<JournalEvent>): void {
    for (const event of events) {
      if (event.attempt < this.attempt) continue; // an attempt that was fenced
      if (event.attempt > this.attempt) this.begin(event);
      this.take(event);
    }
  }

  private take(event: JournalEvent): void {
    this.counts.events += 1;
    switch (event.type) {
      case "step":
        if (!this.curve.push(event, this.secondsAt(event.t))) break;
        this.recent.push(event);
        if (this.recent.length > speedWindow) this.recent.shift();
        break;
      case "status":
        this.status = event;
        this.totalSteps = event.totalSteps ?? this.totalSteps;
        if (event.estimatedMemory) this.memory.estimated = event.estimatedMemory;
        if (event.peakMemory) this.memory.peak = Math.max(this.memory.peak ?? 0, event.peakMemory);
        break;
      case "warning":
        if (this.warnings.length === mostWarnings) this.warnings.shift();
        this.warnings.push(event);
        break;
      case "checkpoint":
        this.counts.checkpoints += 1;
        place(this.checkpoints, checkpointPoint(event, this.positionOf(event)), () => true);
        break;
      case "evaluation":
        this.counts.evaluations += 1;
        place(
          this.evaluations,
          evaluationPoint(event, this.positionOf(event)),
          ({ split, metric }) => split === event.split && metric === event.metric,
        );
    }
  }

  /** A newer attempt goes on after `fromStep`: what an older one did beyond that is done again. */
  private begin(event: JournalEvent): void {
    this.attempt = event.attempt;
    this.recent.length = 0;
    this.begunAfter = this.goesOnAfter(event);
    this.curve.cutAfter(this.begunAfter);
    // Without a status event the first step says when it began.
    const before = event.type === "step" ? event.seconds * 1000 : 0;
    this.clock = { t: event.t - before, seconds: this.curve.last?.seconds ?? 0 };
  }

  /** The step after which an attempt goes on, by its first event. One that fails before it trains leaves the run where it was. */
  private goesOnAfter(event: JournalEvent): number {
    if (event.type === "status") return event.state === "running" ? (event.fromStep ?? 0) : this.step;
    if (event.type === "warning") return this.step;
    return event.type === "step" ? event.step - 1 : event.step;
  }

  private secondsAt(t: number): number {
    const now = this.clock.seconds + (t - this.clock.t) / 1000;
    // A clock that was set back does not turn the curve back.
    return Math.max(this.curve.last?.seconds ?? now, now);
  }

  private positionOf({ step, t }: { step: number; t: number }): Position {
    return { step, seconds: this.secondsAt(t), examples: this.curve.examplesAt(step) };
  }
}

/** What a run came to by these events; more of them can be appended. */
export function fold(events: Iterable<JournalEvent>, options?: CurveOptions): RunResult {
  const result = new RunResult(options);
  result.append(events);
  return result;
}

/** By every metric, as `Progress` names them. */
function scoresOf({ split, metric, score, loss, others }: EvaluationPoint): Record<string, number> {
  const scores = { ...(loss === null ? {} : { loss }), ...others, [metric]: score };
  return Object.fromEntries(Object.entries(scores).map(([name, value]) => [`${split}.${name}`, value]));
}

function checkpointPoint({ file, bytes, score }: CheckpointEvent, position: Position): CheckpointPoint {
  return { ...position, file, bytes, score: score ?? null };
}

function evaluationPoint(event: EvaluationEvent, position: Position): EvaluationPoint {
  return {
    ...position,
    split: event.split,
    metric: event.metric,
    score: event.score,
    count: event.count,
    loss: event.loss ?? null,
    interval: event.interval ?? null,
    invalid: event.invalid ?? null,
    others: event.others ?? {},
    otherIntervals: event.otherIntervals ?? {},
    amongLabels: event.amongLabels ?? null,
    seenInTraining: event.seenInTraining ?? null,
    clusters: event.clusters ?? null,
    baselines: event.baselines ?? {},
    took: event.seconds,
  };
}

/** More than the splits and metrics of any task. */
const mostAtStep = 100;

/** Replaces the point at the same step, or keeps the list by step. Costs little however long the list is, and whatever is in it. */
function place<P extends Position>(list: P[], point: P, same: (other: P) => boolean): void {
  const end = endOfStep(list, point.step);
  const isAtStep = (at: number) => at >= 0 && list[at]!.step === point.step;
  for (let at = end - 1; isAtStep(at) && end - at <= mostAtStep; at--) {
    if (same(list[at]!)) {
      list[at] = point;
      return;
    }
  }
  if (!isAtStep(end - mostAtStep)) list.splice(end, 0, point);
}

/** Where in a list by step the points of later steps begin. */
function endOfStep(list: readonly Position[], step: number): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle]!.step <= step) low = middle + 1;
    else high = middle;
  }
  return low;
}
