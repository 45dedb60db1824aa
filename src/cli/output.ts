/** @file What a command tells while it works: a progress bar on a terminal, plain lines elsewhere, JSON lines for machines. */
import cliProgress from "cli-progress";
import { scoreText } from "../metrics/kinds.ts";
import { RunResult } from "../results/fold.ts";
import type { RunReport } from "../results/report.ts";
import type { SweepView } from "../results/sweep.ts";
import type { RunProgress } from "../training/execute.ts";
import { durationText } from "../words/numbers.ts";
import { visibleLine } from "../words/surfaces.ts";
import { PreparationBar, PreparationFilter, PreparationLines, type Waiting } from "./preparation.ts";
import { BestScore, ending, heading, type Reporter, type RunHeading, SmoothedLoss, stopping } from "./reporter.ts";
import { SeveralBars } from "./severalBars.ts";
import { sweepText } from "./sweepTable.ts";
import { isTerminal, say, sayJson } from "./terminal.ts";

let bar: { stop(): void } | undefined;

/**
 * @param options.several whether several runs are trained at a time
 * @param signal when it aborts, the reporter says that a stop is under way
 */
export function createReporter(options: { json: boolean; several?: boolean }, signal: AbortSignal): Reporter {
  const { json, several = false } = options;
  if (json) return new JsonReporter();
  if (!isTerminal()) return new LineReporter(signal, several);
  const drawn = several ? new SeveralBars(signal) : new BarReporter(signal);
  bar = drawn;
  return drawn;
}

/** Takes a bar that is still drawn to its end, so that what is written next begins a line. */
export function endBar(): void {
  bar?.stop();
}

/** One JSON object a line: the events of the journal, with the run they belong to. */
class JsonReporter implements Reporter {
  private told = "";
  private toldAt = 0;
  private readonly preparation = new PreparationFilter();

  note(text: string): void {
    sayJson({ type: "note", text });
  }

  preparing(progress: Waiting): void {
    if (this.preparation.isWorthTelling(progress)) sayJson({ type: "preparation", ...progress });
  }

  runStarted({ name, directory, index, count, parameters, on }: RunHeading): void {
    sayJson({ type: "run", run: name, directory, index, count, parameters, ...(on !== undefined && { device: on }) });
  }

  progress(run: string, event: RunProgress): void {
    sayJson({ run, ...event });
  }

  runEnded(report: RunReport): void {
    sayJson({ type: "report", ...report });
  }

  sweep({ name, state, done, runs, counts, secondsLeft }: SweepView): void {
    const now = Date.now();
    const text = JSON.stringify([state, done, counts]);
    if (text === this.told && now - this.toldAt < lineInterval) return; // the time left changes all the time
    this.told = text;
    this.toldAt = now;
    sayJson({ type: "sweep", sweep: name, state, done, of: runs.length, counts, secondsLeft });
  }
}

/** What an evaluation of validation rows before the first step tells, beside what the prompt had that the run starts from. */
function startText({ split, step, loss, source }: Extract<RunProgress, { type: "evaluation" }>): string | undefined {
  if (split !== "validation" || step !== 0 || loss === undefined || !source) return undefined;
  const theirs =
    source.loss === undefined ? "no loss is known of its source" : `its source had ${source.loss.toFixed(4)}`;
  return `before training the validation loss is ${loss.toFixed(4)}; ${theirs}`;
}

/** Between two lines about the same, in milliseconds. */
const lineInterval = 5_000;

class BarReporter implements Reporter {
  private bar: cliProgress.SingleBar | undefined;
  private loss = new SmoothedLoss();
  private span = { from: 0, total: 0 };
  private readonly payload = { loss: "–", best: "–", phase: "", all: "" };
  private best = new BestScore();
  private readonly signal: AbortSignal;
  private readonly preparation = new PreparationBar();

  constructor(signal: AbortSignal) {
    this.signal = signal;
    signal.addEventListener("abort", () => this.bar?.update({ ...this.payload, phase: stopping }));
    process.on("exit", () => this.stop()); // gives the cursor back when the run ends at once
  }

  note(text: string): void {
    this.preparation.stop();
    say(text);
  }

  preparing(progress: Waiting): void {
    this.preparation.show(progress);
  }

  runStarted(run: RunHeading): void {
    this.preparation.stop();
    say(heading(run));
    this.loss = new SmoothedLoss();
    this.best = new BestScore();
    Object.assign(this.payload, { loss: "–", best: "–", phase: "" });
  }

  progress(_run: string, event: RunProgress): void {
    switch (event.type) {
      case "status":
        if (event.state === "running") this.span = { from: event.fromStep ?? 0, total: event.totalSteps ?? 0 };
        else this.stop();
        break;
      case "step":
        this.payload.loss = this.loss.add(event.loss).toFixed(4);
        this.payload.phase = this.signal.aborted ? stopping : `${(1 / event.seconds).toFixed(1)} steps/s`;
        this.started().update(event.step, this.payload);
        break;
      case "evaluating":
        this.payload.phase = `${event.split} ${event.done}/${event.total}`;
        this.started().update(this.payload);
        break;
      case "evaluation":
        this.payload.best = this.best.add(event) ?? this.payload.best;
        if (startText(event)) {
          this.stop();
          say(`  ${startText(event)}`);
        }
        this.bar?.update(this.payload);
        break;
      case "warning":
        this.stop();
        say(`  warning: ${event.message}`);
        break;
      case "checkpoint":
        break;
    }
  }

  runEnded(report: RunReport): void {
    this.stop();
    say(ending(report));
  }

  sweep({ secondsLeft }: SweepView): void {
    this.payload.all = secondsLeft === null ? "" : `  all runs ${durationText(secondsLeft)}`;
  }

  /** The bar appears with the first number to show, below the warnings of the start. */
  private started(): cliProgress.SingleBar {
    if (this.bar) return this.bar;
    this.bar = new cliProgress.SingleBar(
      {
        format: "  {bar} {value}/{total}  loss {loss}  best {best}  {phase}  ETA {eta_formatted}{all}",
        barsize: 24,
        hideCursor: true,
        etaBuffer: 50,
        formatTime: durationText,
        gracefulExit: false,
      },
      cliProgress.Presets.shades_classic,
    );
    this.bar.start(this.span.total, this.span.from, this.payload);
    return this.bar;
  }

  stop(): void {
    this.preparation.stop();
    this.bar?.stop();
    this.bar = undefined;
  }
}

/** What has been told of a run that goes on. */
interface Course {
  loss: SmoothedLoss;
  result: RunResult;
  lastLine: number;
}

/** For logs: a line now and then, each complete in itself. */
class LineReporter implements Reporter {
  private readonly several: boolean;
  private readonly courses = new Map<string, Course>();
  private readonly preparation = new PreparationLines(say);
  private toldSweep = "";
  private sweepLine = Date.now();
  private all = "";

  /** @param several whether each line says which run it is about */
  constructor(signal: AbortSignal, several: boolean) {
    this.several = several;
    signal.addEventListener("abort", () => say(stopping));
  }

  note(text: string): void {
    say(text);
  }

  preparing(progress: Waiting): void {
    this.preparation.show(progress);
  }

  runStarted(run: RunHeading): void {
    say(heading(run));
    this.courses.set(run.name, { loss: new SmoothedLoss(), result: new RunResult(), lastLine: 0 });
  }

  progress(run: string, event: RunProgress): void {
    const course = this.courses.get(run);
    if (!course) return;
    const which = this.several ? `${visibleLine(run)}  ` : "";
    if (event.type !== "evaluating") course.result.append([event]);
    switch (event.type) {
      case "step":
        this.step(which, course, event);
        break;
      case "evaluation":
        say(
          `  ${which}step ${event.step}  ${event.split} ${event.metric} ${scoreText(event.metric, event.score)}  (${event.count} rows)`,
        );
        if (startText(event)) say(`  ${which}${startText(event)}`);
        break;
      case "warning":
        say(`  ${which}warning ${event.code}: ${event.message}`);
        break;
      default:
        break;
    }
  }

  private step(which: string, course: Course, event: Extract<RunProgress, { type: "step" }>): void {
    const { step } = event;
    const { totalSteps: total = 0, secondsPerStep = event.seconds } = course.result;
    const loss = course.loss.add(event.loss);
    const now = Date.now();
    if (now - course.lastLine < lineInterval && step !== total) return;
    course.lastLine = now;
    const eta = durationText((total - step) * secondsPerStep);
    say(
      `  ${which}step ${step}/${total}  loss ${loss.toFixed(4)}  ${(1 / secondsPerStep).toFixed(1)} steps/s  ETA ${eta}${this.all}`,
    );
  }

  runEnded(report: RunReport): void {
    say(ending(report));
  }

  sweep(view: SweepView): void {
    this.all = view.secondsLeft === null ? "" : `, all runs ${durationText(view.secondsLeft)}`;
    const text = JSON.stringify([view.state, view.counts]);
    const now = Date.now();
    if (!this.several || text === this.toldSweep || now - this.sweepLine < lineInterval) return;
    this.toldSweep = text;
    this.sweepLine = now;
    say(`  ${sweepText(view)}`);
  }
}
