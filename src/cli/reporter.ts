/** @file What reporters have in common: whom a command tells what it does, and the words for a run's beginning and end. */
import { isLowest, scoreText } from "../metrics/kinds.ts";
import { RunResult } from "../results/fold.ts";
import type { RunReport } from "../results/report.ts";
import type { SweepView } from "../results/sweep.ts";
import type { EvaluationEvent } from "../runs/schema.ts";
import type { RunProgress } from "../training/execute.ts";
import { durationText } from "../words/numbers.ts";
import { visibleLine } from "../words/surfaces.ts";
import { formatPercent } from "./format.ts";
import type { Waiting } from "./preparation.ts";

export interface RunHeading {
  name: string;
  directory: string;
  /** Position in the sweep, from 1. */
  index: number;
  count: number;
  parameters: number;
  /** The device that is its own, by its name. */
  on?: string | undefined;
}

export interface Reporter {
  note(text: string): void;
  /** A model is being downloaded, rows are being read, or steps are timed. */
  preparing(progress: Waiting): void;
  runStarted(run: RunHeading): void;
  /** @param run the name that it was started by */
  progress(run: string, event: RunProgress): void;
  runEnded(report: RunReport): void;
  /** How far all runs are together. */
  sweep(view: SweepView): void;
}

/** The mean of recent losses: batches differ, and a bar should not flicker. */
export class SmoothedLoss {
  private value: number | undefined;

  add(loss: number): number {
    this.value = this.value === undefined ? loss : 0.9 * this.value + 0.1 * loss;
    return this.value;
  }
}

/** The best validation score so far, in words. */
export class BestScore {
  private readonly result = new RunResult();

  /** @returns undefined as long as there is none */
  add(event: EvaluationEvent): string | undefined {
    if (event.split === "validation") this.result.append([event]);
    const { best } = this.result;
    return best && scoreText(best.metric, best.score);
  }
}

export function heading({ name, index, count, parameters, on }: RunHeading): string {
  const where = on === undefined ? "" : `  on ${on}`;
  return `run ${index} of ${count}  ${visibleLine(name)}  (${parameters.toLocaleString("en")} parameters)${where}`;
}

export function ending(report: RunReport): string {
  const { run, state, test, bestValidation, validationMetric = null, seconds } = report;
  const by = isLowest(validationMetric) ? `${validationMetric} ` : "";
  const validation =
    bestValidation === undefined ? "" : `, best validation ${by}${scoreText(validationMetric, bestValidation)}`;
  const score = test ? `, test ${formatPercent(test.score)}` : "";
  return `${visibleLine(run)}: ${state}${validation}${score}, ${durationText(seconds)}`;
}

export const stopping = "saving and stopping (again to end at once)";
