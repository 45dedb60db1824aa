/** @file The runs of all experiments as rows of one table, and what of them the page has not been told. Knows no `vscode`. */
import { marksOf } from "../../listing/marks.ts";
import type { RunSummary } from "../../listing/summary.ts";
import type { TableRun } from "../../shared/runTable.ts";

export class TableRows {
  /** What the page was told of each run, and what that was made of: a listing makes another summary of a folder that changed. */
  private readonly told = new Map<string, { summary: RunSummary; row: TableRun; text: string }>();

  /** @returns all rows, for a page that knows nothing */
  all(summaries: readonly RunSummary[]): TableRun[] {
    this.told.clear();
    return this.changes(summaries).runs;
  }

  /** Those that changed since, whole, and the folders of those that are gone. */
  changes(summaries: readonly RunSummary[]): { runs: TableRun[]; gone: string[] } {
    const present = new Set(summaries.map(({ directory }) => directory));
    const gone = [...this.told.keys()].filter((directory) => !present.has(directory));
    for (const directory of gone) this.told.delete(directory);
    const runs = summaries.flatMap((summary) => {
      const known = this.told.get(summary.directory);
      if (known?.summary === summary) return [];
      const row = rowOf(summary);
      const text = JSON.stringify(row);
      this.told.set(row.id, { summary, row, text });
      return known?.text === text ? [] : [row];
    });
    return { runs, gone };
  }

  /** The row of a run: messages of the page name runs, and may name anything. */
  get(directory: string): TableRun | undefined {
    return this.told.get(directory)?.row;
  }
}

function rowOf(summary: RunSummary): TableRun {
  const { directory, experiment, run, state, spec, updated } = summary;
  const { step, totalSteps, bestScore, bestStep, testScore, metric, scores } = summary;
  const { starred, tags, note, name, hidden } = marksOf(summary);
  return {
    id: directory,
    ...{ experiment, run, state, updated },
    ...{ step, totalSteps, bestScore, bestStep, testScore, metric, scores },
    spec: spec && {
      ...{ method: spec.method, rank: spec.rank, seed: spec.seed, promptLength: spec.promptLength },
      ...{ parameters: spec.parameters, device: spec.device, created: spec.created, settings: spec.settings },
    },
    ...{ starred, tags, note, displayName: name, isHidden: hidden },
  };
}
