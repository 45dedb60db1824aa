/** @file What a command tells while it works: a progress bar on a terminal, plain lines elsewhere, JSON lines for machines. */
import cliProgress from "cli-progress";
import { messageOf, UlptError } from "../errors.ts";
import { isLowest, scoreText } from "../metrics/kinds.ts";
import { RunResult } from "../results/fold.ts";
import type { RunReport } from "../results/report.ts";
import type { RunProgress } from "../training/execute.ts";
import type { Preparation } from "../training/resources.ts";
import { visibleLine } from "../words/surfaces.ts";
import { formatPercent, formatSeconds } from "./format.ts";
import { PreparationBar, PreparationFilter, PreparationLines } from "./preparation.ts";
import { isTerminal, say, sayJson } from "./terminal.ts";

export interface RunHeading {
  name: string;
  directory: string;
  /** Position in the sweep, from 1. */
  index: number;
  count: number;
  parameters: number;
}

export interface Reporter {
  note(text: string): void;
  /** A model is being downloaded, or rows are being read. */
  preparing(progress: Preparation): void;
  runStarted(run: RunHeading): void;
  progress(event: RunProgress): void;
  runEnded(report: RunReport): void;
}

let bar: BarReporter | undefined;

/** @param signal when it aborts, the reporter says that a stop is under way */
export function createReporter(options: { json: boolean }, signal: AbortSignal): Reporter {
  if (options.json) return new JsonReporter();
  if (!isTerminal()) return new LineReporter(signal);
  bar = new BarReporter(signal);
  return bar;
}

/** Takes a bar that is still drawn to its end, so that what is written next begins a line. */
export function endBar(): void {
  bar?.stop();
}

/** The last line of a command with `--json` that failed or was stopped; people read the same on stderr. */
export function asErrorLine(error: unknown): unknown {
  const known = error instanceof UlptError ? error : new UlptError("INTERNAL", messageOf(error));
  return { type: "error", ...known.toJSON() };
}

/** One JSON object a line: the events of the journal, with the run they belong to. */
class JsonReporter implements Reporter {
  private run = "";
  private readonly preparation = new PreparationFilter();

  note(text: string): void {
    sayJson({ type: "note", text });
  }

  preparing(progress: Preparation): void {
    if (this.preparation.isWorthTelling(progress)) sayJson({ type: "preparation", ...progress });
  }

  runStarted({ name, directory, index, count, parameters }: RunHeading): void {
    this.run = name;
    sayJson({ type: "run", run: name, directory, index, count, parameters });
  }

  progress(event: RunProgress): void {
    sayJson({ run: this.run, ...event });
  }

  runEnded(report: RunReport): void {
    sayJson({ type: "report", ...report });
  }
}

/** The mean of recent losses: batches differ, and a bar should not flicker. */
class SmoothedLoss {
  private value: number | undefined;

  add(loss: number): number {
    this.value = this.value === undefined ? loss : 0.9 * this.value + 0.1 * loss;
    return this.value;
  }
}

function heading({ name, index, count, parameters }: RunHeading): string {
  return `run ${index} of ${count}  ${visibleLine(name)}  (${parameters.toLocaleString("en")} parameters)`;
}

function ending(report: RunReport): string {
  const { run, state, test, bestValidation, validationMetric = null, seconds } = report;
  const by = isLowest(validationMetric) ? `${validationMetric} ` : "";
  const validation =
    bestValidation === undefined ? "" : `, best validation ${by}${scoreText(validationMetric, bestValidation)}`;
  const score = test ? `, test ${formatPercent(test.score)}` : "";
  return `${visibleLine(run)}: ${state}${validation}${score}, ${formatSeconds(seconds)}`;
}

const stopping = "saving and stopping (again to end at once)";

class BarReporter implements Reporter {
  private bar: cliProgress.SingleBar | undefined;
  private loss = new SmoothedLoss();
  private span = { from: 0, total: 0 };
  private readonly payload = { loss: "–", best: "–", phase: "" };
  private result = new RunResult();
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

  preparing(progress: Preparation): void {
    this.preparation.show(progress);
  }

  runStarted(run: RunHeading): void {
    this.preparation.stop();
    say(heading(run));
    this.loss = new SmoothedLoss();
    this.result = new RunResult();
    Object.assign(this.payload, { loss: "–", best: "–", phase: "" });
  }

  progress(event: RunProgress): void {
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
        if (event.split === "validation") {
          this.result.append([event]);
          const { best } = this.result;
          if (best) this.payload.best = scoreText(best.metric, best.score);
          this.bar?.update(this.payload);
        }
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

  /** The bar appears with the first number to show, below the warnings of the start. */
  private started(): cliProgress.SingleBar {
    if (this.bar) return this.bar;
    this.bar = new cliProgress.SingleBar(
      {
        format: "  {bar} {value}/{total}  loss {loss}  best {best}  {phase}  ETA {eta_formatted}",
        barsize: 24,
        hideCursor: true,
        etaBuffer: 50,
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

/** For logs: a line now and then, each complete in itself. */
class LineReporter implements Reporter {
  constructor(signal: AbortSignal) {
    signal.addEventListener("abort", () => say(stopping));
  }

  private loss = new SmoothedLoss();
  private total = 0;
  private lastLine = 0;
  private readonly recent: number[] = [];
  private readonly preparation = new PreparationLines(say);

  note(text: string): void {
    say(text);
  }

  preparing(progress: Preparation): void {
    this.preparation.show(progress);
  }

  runStarted(run: RunHeading): void {
    say(heading(run));
    this.loss = new SmoothedLoss();
    this.recent.length = 0;
  }

  progress(event: RunProgress): void {
    switch (event.type) {
      case "status":
        if (event.state === "running") this.total = event.totalSteps ?? 0;
        break;
      case "step":
        this.step(event.step, this.loss.add(event.loss), event.seconds);
        break;
      case "evaluation":
        say(
          `  step ${event.step}  ${event.split} ${event.metric} ${scoreText(event.metric, event.score)}  (${event.count} rows)`,
        );
        break;
      case "warning":
        say(`  warning ${event.code}: ${event.message}`);
        break;
      default:
        break;
    }
  }

  private step(step: number, loss: number, seconds: number): void {
    this.recent.push(seconds);
    if (this.recent.length > 50) this.recent.shift();
    const now = Date.now();
    if (now - this.lastLine < 5_000 && step !== this.total) return;
    this.lastLine = now;
    const mean = this.recent.reduce((a, b) => a + b, 0) / this.recent.length;
    const eta = formatSeconds((this.total - step) * mean);
    say(`  step ${step}/${this.total}  loss ${loss.toFixed(4)}  ${(1 / mean).toFixed(1)} steps/s  ETA ${eta}`);
  }

  runEnded(report: RunReport): void {
    say(ending(report));
  }
}
