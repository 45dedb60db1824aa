/**
 * @file Which runs the charts show: what is under way, the newest, the baseline and the best of each experiment, unless somebody
 * chose otherwise. What was chosen is remembered as how it differs from that.
 */
import { dirname } from "node:path";
import type * as vscode from "vscode";
import { isHidden } from "../../listing/marks.ts";
import type { RunSummary } from "../../listing/summary.ts";
import { byScore, createdAt } from "./collect.ts";

/** More curves than this cover each other. */
export const shownByDefault = 20;
/** More curves than this nobody can read, and each takes memory and time. */
export const mostShown = 100;

/** The runs to show while nobody chose, by their folders: all where there are few. */
export function usuallyShown(runs: readonly RunSummary[], baseline: string | undefined): ReadonlySet<string> {
  const readable = runs.filter((run) => run.state !== "unreadable" && !isHidden(run));
  if (readable.length <= shownByDefault) return new Set(readable.map(({ directory }) => directory));
  const newest = readable.reduce((latest, run) => (createdAt(run) > createdAt(latest) ? run : latest));
  const chosen = [
    ...readable.filter(({ state }) => state === "running"),
    ...readable.filter(({ directory }) => directory === baseline),
    newest,
    ...best(readable, shownByDefault),
  ];
  return new Set([...new Set(chosen.map(({ directory }) => directory))].slice(0, shownByDefault));
}

/** The first of a list in order of their scores, without sorting all of it. */
function best(runs: readonly RunSummary[], count: number): RunSummary[] {
  const first: RunSummary[] = [];
  for (const run of runs) {
    if (first.length === count && byScore(run, first.at(-1)!) >= 0) continue;
    const place = first.findIndex((other) => byScore(run, other) < 0);
    first.splice(place < 0 ? first.length : place, 0, run);
    if (first.length > count) first.pop();
  }
  return first;
}

const hiddenKey = "ulpt.hiddenRuns";
const shownKey = "ulpt.shownRuns";

export class ShownRuns {
  private readonly memory: vscode.Memento;
  private readonly hidden: Set<string>;
  private readonly chosen: Set<string>;
  /** What is shown while nobody chose, by folder of the experiment. */
  private readonly usual = new Map<string, ReadonlySet<string>>();

  constructor(memory: vscode.Memento) {
    this.memory = memory;
    this.hidden = new Set(memory.get<string[]>(hiddenKey));
    this.chosen = new Set(memory.get<string[]>(shownKey));
  }

  /** Of an experiment that was not listed yet, every run that nobody hid. */
  has(directory: string): boolean {
    if (this.hidden.has(directory)) return false;
    return this.chosen.has(directory) || (this.usual.get(dirname(directory))?.has(directory) ?? true);
  }

  /** Learns of the runs there are, and forgets what was chosen of others. True where other runs are shown by that. */
  learn(experiment: string, runs: readonly RunSummary[], baseline: string | undefined): boolean {
    const usual = usuallyShown(runs, baseline);
    const before = this.usual.get(experiment);
    this.usual.set(experiment, usual);
    const present = new Set(runs.map(({ directory }) => directory));
    for (const choice of [this.hidden, this.chosen]) {
      for (const run of choice) if (dirname(run) === experiment && !present.has(run)) choice.delete(run);
    }
    return before !== undefined && (before.size !== usual.size || [...usual].some((run) => !before.has(run)));
  }

  /** Shows runs or hides them; of those to show, so many as there is room for. Returns how many there was none for. */
  choose(directories: readonly string[], shown: boolean): number {
    let leftOut = 0;
    for (const directory of directories) {
      if (this.has(directory) === shown) continue;
      if (shown && this.countIn(dirname(directory)) >= mostShown) {
        leftOut += 1;
        continue;
      }
      const isUsual = this.usual.get(dirname(directory))?.has(directory) ?? true;
      this.hidden.delete(directory);
      this.chosen.delete(directory);
      if (shown !== isUsual) (shown ? this.chosen : this.hidden).add(directory);
    }
    this.keep();
    return leftOut;
  }

  /** Forgets what was chosen of an experiment. */
  reset(experiment: string): void {
    for (const choice of [this.hidden, this.chosen]) {
      for (const run of choice) if (dirname(run) === experiment) choice.delete(run);
    }
    this.keep();
  }

  private countIn(experiment: string): number {
    const usual = [...(this.usual.get(experiment) ?? [])].filter(
      (run) => !this.hidden.has(run) && !this.chosen.has(run),
    );
    const chosen = [...this.chosen].filter((run) => dirname(run) === experiment && !this.hidden.has(run));
    return usual.length + chosen.length;
  }

  private keep(): void {
    void this.memory.update(hiddenKey, [...this.hidden]);
    void this.memory.update(shownKey, [...this.chosen]);
  }
}
