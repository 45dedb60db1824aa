/** @file Several runs at a time on a terminal: a bar for each, and one for all of them. */
import cliProgress from "cli-progress";
import type { RunReport } from "../results/report.ts";
import type { SweepView } from "../results/sweep.ts";
import type { RunProgress } from "../training/execute.ts";
import type { Preparation } from "../training/resources.ts";
import { visibleLine } from "../words/surfaces.ts";
import { PreparationBar } from "./preparation.ts";
import { BestScore, ending, type Reporter, type RunHeading, SmoothedLoss, stopping } from "./reporter.ts";
import { sweepText } from "./sweepTable.ts";
import { say, wholeLines } from "./terminal.ts";

interface RunBar {
  bar: cliProgress.SingleBar;
  loss: SmoothedLoss;
  best: BestScore;
  payload: { name: string; loss: string; best: string; phase: string };
}

const nameWidth = 28;

export class SeveralBars implements Reporter {
  private bars: cliProgress.MultiBar | undefined;
  private all: cliProgress.SingleBar | undefined;
  private readonly runs = new Map<string, RunBar>();
  private readonly preparation = new PreparationBar();
  private readonly signal: AbortSignal;

  constructor(signal: AbortSignal) {
    this.signal = signal;
    signal.addEventListener("abort", () => this.write(stopping));
    process.on("exit", () => this.stop()); // gives the cursor back
  }

  note(text: string): void {
    this.preparation.stop();
    this.write(text);
  }

  preparing(progress: Preparation): void {
    this.preparation.show(progress);
  }

  /** Above the bars, where there are some. */
  private write(text: string): void {
    if (this.bars) this.bars.log(wholeLines(text));
    else say(text);
  }

  runStarted({ name, parameters, on }: RunHeading): void {
    this.preparation.stop();
    const shown = visibleLine(name);
    const phase = `${parameters} parameters${on === undefined ? "" : ` on ${on}`}`;
    const payload = { name: shown.padEnd(nameWidth), loss: "–", best: "–", phase };
    const bar = this.drawn().create(1, 0, payload);
    this.runs.set(name, { bar, loss: new SmoothedLoss(), best: new BestScore(), payload });
  }

  private drawn(): cliProgress.MultiBar {
    if (this.bars) return this.bars;
    this.bars = new cliProgress.MultiBar(
      {
        format: "  {name} {bar} {value}/{total}  loss {loss}  best {best}  {phase}",
        barsize: 20,
        hideCursor: true,
        clearOnComplete: false,
        gracefulExit: false,
      },
      cliProgress.Presets.shades_classic,
    );
    this.all = this.bars.create(1, 0, { text: "" }, { format: "  {bar} {text}" });
    return this.bars;
  }

  progress(name: string, event: RunProgress): void {
    const run = this.runs.get(name);
    if (!run) return;
    const { bar, payload } = run;
    switch (event.type) {
      case "status":
        if (event.state === "running" && event.totalSteps) bar.setTotal(event.totalSteps);
        break;
      case "step":
        payload.loss = run.loss.add(event.loss).toFixed(4);
        payload.phase = this.signal.aborted ? stopping : `${(1 / event.seconds).toFixed(1)} steps/s`;
        bar.update(event.step, payload);
        break;
      case "evaluation":
        payload.best = run.best.add(event) ?? payload.best;
        bar.update(payload);
        break;
      case "warning":
        this.write(`  ${payload.name} warning: ${event.message}`);
        break;
      default:
        break;
    }
  }

  runEnded(report: RunReport): void {
    const run = this.runs.get(report.run);
    this.write(ending(report));
    if (!run) return;
    this.bars?.remove(run.bar);
    this.runs.delete(report.run);
  }

  sweep(view: SweepView): void {
    this.all?.setTotal(view.runs.length);
    this.all?.update(view.done, { text: sweepText(view) });
  }

  stop(): void {
    this.preparation.stop();
    this.bars?.stop();
    this.bars = undefined;
    this.all = undefined;
  }
}
