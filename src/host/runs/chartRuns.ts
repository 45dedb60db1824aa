/** @file How the charts show the runs: which, in what colour, and beside which baseline. What somebody chose is remembered. */
import { dirname } from "node:path";
import type * as vscode from "vscode";
import type { RunSummary } from "../../listing/summary.ts";
import { ShownRuns } from "./shown.ts";

const colorCount = 6;
const baselinesKey = "ulpt.baselines";

export class ChartRuns {
  readonly shown: ShownRuns;
  private readonly memory: vscode.Memento;
  private readonly colors = new Map<string, number>();
  private readonly nextColor = new Map<string, number>();
  /** The runs that were last learnt of, by folder of the experiment. */
  private readonly learnt = new Map<string, readonly RunSummary[]>();

  constructor(memory: vscode.Memento) {
    this.memory = memory;
    this.shown = new ShownRuns(memory);
  }

  /** Whether exactly these runs of an experiment were learnt of last. */
  knows(experiment: string, runs: readonly RunSummary[]): boolean {
    return this.learnt.get(experiment) === runs;
  }

  /** All runs that were learnt of. */
  get known(): RunSummary[] {
    return [...this.learnt.values()].flat();
  }

  /** Learns of the runs that an experiment has. True where the charts show other runs by that. */
  learn(experiment: string, runs: readonly RunSummary[]): boolean {
    this.learnt.set(experiment, runs);
    this.assignColors(runs);
    return this.shown.learn(experiment, runs, this.baseline(experiment));
  }

  /** The series colour of a run, 0 to 5, the same wherever it is drawn. */
  colorIndex(directory: string): number {
    const known = this.colors.get(directory);
    if (known !== undefined) return known;
    const experiment = dirname(directory);
    const next = this.nextColor.get(experiment) ?? 0;
    this.nextColor.set(experiment, next + 1);
    this.colors.set(directory, next % colorCount);
    return next % colorCount;
  }

  /** In order of creation, so that a new run changes no other's colour. */
  private assignColors(runs: readonly RunSummary[]): void {
    if (runs.every(({ directory }) => this.colors.has(directory))) return;
    const times = new Map(runs.map((run) => [run, run.spec ? Date.parse(run.spec.created) : run.updated]));
    const inOrder = [...runs].sort((a, b) => times.get(a)! - times.get(b)! || byName(a.directory, b.directory));
    for (const { directory } of inOrder) this.colorIndex(directory);
  }

  /** Folder of the run that the others of an experiment are compared with. */
  baseline(experiment: string): string | undefined {
    return this.memory.get<Record<string, string>>(baselinesKey, {})[experiment];
  }

  setBaseline(experiment: string, directory: string | undefined): void {
    const { [experiment]: _, ...others } = this.memory.get<Record<string, string>>(baselinesKey, {});
    void this.memory.update(baselinesKey, directory === undefined ? others : { ...others, [experiment]: directory });
    const runs = this.learnt.get(experiment);
    if (runs) this.shown.learn(experiment, runs, directory);
  }
}

const byName = new Intl.Collator("en", { numeric: true }).compare;
