/** @file What the webview knows: the last snapshot with the deltas since. No DOM. */
import type { LossColumns } from "../src/results/curve.ts";
import type { EvaluationPoint } from "../src/results/fold.ts";
import type {
  CheckpointView,
  CostState,
  ExperimentView,
  HostMessage,
  RunDetails,
  RunView,
  SeriesChange,
  Strings,
} from "../src/shared/panel.ts";

export type NumberColumns = { [K in keyof LossColumns]: number[] };

/** The course of a run, as far as it is drawn. */
export interface Course {
  columns: NumberColumns;
  evaluations: readonly EvaluationPoint[];
  checkpoints: readonly CheckpointView[];
}

/** "gap": a delta was missed, and nothing was applied. */
export type Applied = "snapshot" | "delta" | "detail" | "cost" | "gap" | "ignored";

export class PanelStore {
  seq = 0;
  strings: Partial<Strings> = {};
  experiment: ExperimentView | null = null;
  runs: RunView[] = [];
  readonly details = new Map<string, RunDetails>();
  readonly courses = new Map<string, Course>();
  /** What the prompts of runs cost, as far as it was asked for. */
  readonly costs = new Map<string, CostState>();
  /** The courses in the range that is zoomed into, in full detail, as far as they came. */
  readonly closeUp = new Map<string, NumberColumns>();
  /** Counts what was taken in: nothing changed while it is the same. */
  version = 0;
  private detailRequest = 0;

  apply(message: HostMessage): Applied {
    const applied = this.take(message);
    if (applied !== "gap" && applied !== "ignored") this.version += 1;
    return applied;
  }

  /** The number of a new request for detail: answers to older ones are of no use from now on. */
  newDetailRequest(): number {
    this.detailRequest += 1;
    return this.detailRequest;
  }

  private take(message: HostMessage): Applied {
    if (message.type === "snapshot") {
      this.seq = message.seq;
      this.strings = message.strings;
      this.experiment = message.experiment;
      this.runs = [...message.runs];
      this.details.clear();
      for (const details of message.details) this.details.set(details.id, details);
      this.courses.clear();
      this.costs.clear();
      for (const change of message.series) this.applySeries(change);
      return "snapshot";
    }
    if (message.type === "detail") {
      if (message.request !== this.detailRequest) return "ignored";
      this.closeUp.clear();
      for (const { id, columns } of message.series) this.closeUp.set(id, plainColumns(columns));
      return "detail";
    }
    if (message.type === "cost") {
      this.costs.set(message.run, message.state);
      return "cost";
    }
    if (message.type !== "delta") return "ignored";
    if (message.seq <= this.seq) return "ignored"; // sent before the snapshot that has it already
    if (message.seq !== this.seq + 1) return "gap";
    this.seq = message.seq;
    if (message.experiment) this.experiment = message.experiment;
    if (message.runs) {
      const changed = new Map(message.runs.map((run) => [run.id, run]));
      this.runs = this.runs.map((run) => {
        const change = changed.get(run.id);
        return change ? { ...run, ...change } : run;
      });
    }
    for (const details of message.details ?? []) this.details.set(details.id, details);
    for (const change of message.series ?? []) this.applySeries(change);
    return "delta";
  }

  get shown(): RunView[] {
    return this.runs.filter(({ shown }) => shown);
  }

  run(id: string | null): RunView | undefined {
    return this.runs.find((run) => run.id === id);
  }

  /** Points drawn, of all shown runs. */
  get points(): number {
    return this.shown.reduce((sum, { id }) => sum + (this.courses.get(id)?.columns.step.length ?? 0), 0);
  }

  private applySeries({ id, from, columns, evaluations, checkpoints }: SeriesChange): void {
    const course = this.courses.get(id) ?? { columns: emptyColumns(), evaluations: [], checkpoints: [] };
    for (const name of columnNames) splice(course.columns[name], from, columns[name]);
    this.courses.set(id, {
      columns: course.columns,
      evaluations: evaluations ?? course.evaluations,
      checkpoints: checkpoints ?? course.checkpoints,
    });
  }
}

const columnNames = ["step", "seconds", "examples", "loss", "smoothed", "gradientNorm", "learningRate"] as const;

function emptyColumns(): NumberColumns {
  return { step: [], seconds: [], examples: [], loss: [], smoothed: [], gradientNorm: [], learningRate: [] };
}

function splice(target: number[], from: number, values: Float64Array): void {
  target.length = Math.min(target.length, from);
  for (const value of values) target.push(value);
}

/** Typed columns as plain ones. */
function plainColumns(columns: LossColumns): NumberColumns {
  const plain = emptyColumns();
  for (const name of columnNames) splice(plain[name], 0, columns[name]);
  return plain;
}
