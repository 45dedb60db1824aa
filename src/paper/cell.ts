/** @file What a published result is: a table of the paper as printed, and one of its cells with all that is known of it. */
import type { MethodName } from "../experiment/methods/registry.ts";
import type { MetricName } from "../metrics/names.ts";
import type { TaskName } from "../tasks/definition.ts";

export const tableIds = [
  "table-1",
  "table-2",
  "table-3",
  "table-5",
  "table-6",
  "figure-3",
  "figure-4",
  "figure-5",
] as const;
export type TableId = (typeof tableIds)[number];

interface Named {
  /** As a table shows it: `ULPT r=64`. */
  label: string;
  /** Trained numbers per task as the paper prints them, `7.9K`; absent where it prints none. */
  parameters?: string;
}

/** A method that is trained here, too. */
export interface PaperTrained extends Named {
  name: MethodName;
  /** n */
  promptLength: number;
  /** Those of its settings in which the paper's rows differ, such as its rank. */
  settings: Readonly<Record<string, number | boolean | string>>;
}

/** A method that is only quoted, to stand beside ours. */
export interface PaperOther extends Named {
  name: "other";
}

export type PaperMethod = PaperTrained | PaperOther;

/** The numbers of one row under one heading, in the order of the heading's tasks. In percent. */
export interface PrintedResults {
  values: readonly number[];
  /** Standard deviations over seeds. */
  deviations?: readonly number[];
  /** The average that the paper prints after them. */
  average?: number;
}

export interface PublishedRow {
  /** Unique in its table, the middle of the ids of its cells: `ulpt-r64`, `t5-large/ulpt-r2`. */
  id: string;
  /** A Hugging Face id. */
  model: string;
  method: PaperMethod;
  /** One for each heading of the table; null where the paper leaves them empty. */
  results: readonly (PrintedResults | null)[];
  notes?: readonly string[];
}

/** A table or figure as printed. */
export interface PublishedTable {
  id: TableId;
  title: string;
  /** What it shows, in our words. */
  caption: string;
  /** Tasks that share an average. */
  headings: readonly { name: string; tasks: readonly TaskName[] }[];
  rows: readonly PublishedRow[];
  /** Which rows of a task were scored. */
  split: "test" | "validation";
  /** The step whose score is printed, where it is not that of the best checkpoint. */
  readAtStep?: number;
  /** Steps that the paper's text states; null where it counts epochs. */
  steps: number | null;
  /** Runs behind a number of one of the authors' own rows; null where that is not said. */
  seeds: number | null;
  notes?: readonly string[];
}

/** One published number. */
export interface PaperCell {
  /** Stable: table, row, task. `table-1/ulpt-r64/sst2`. */
  id: string;
  table: TableId;
  caption: string;
  task: TaskName;
  /** Of the task, as people write it. */
  taskTitle: string;
  method: PaperMethod;
  model: string;
  /** As printed, in percent. */
  value: number;
  /** Standard deviation over seeds as printed, in percent. */
  deviation?: number;
  metric: MetricName;
  split: "test" | "validation";
  /** Rows that were scored. */
  rows: number;
  readAtStep?: number;
  steps: number | null;
  seeds: number | null;
  notes: readonly string[];
  /** Whether the method is one that can be trained here. */
  trainable: boolean;
  /** Why the cell cannot be reproduced here; absent when it can. */
  reason?: string;
}
