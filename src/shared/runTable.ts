/**
 * @file What the extension host and the table of all runs say to each other. The table is stateless like the run panel: it says
 * `ready`, the host answers with all rows, and from then on with those that changed.
 */
import type { ListedRun } from "../results/selection.ts";

export const runTableType = "ulpt.runTable";

/** A run of any experiment as a row, with what a person says of it. */
export interface TableRun extends ListedRun {
  /** Its folder: names the run in every message. */
  id: string;
  /** What it is to be called; empty for its own name. */
  displayName: string;
  note: string;
  /** Left out of the table until hidden runs are asked for. */
  isHidden: boolean;
}

/** How somebody looks at the table: kept in the webview's state, so it survives a reload. */
export interface TablePreferences {
  filter: string;
  /** A field; with `-` before it from the largest on. */
  sort: string;
  /** Fields that have a column, in this order. */
  columns: readonly string[];
  starredOnly: boolean;
  showHidden: boolean;
  /** The run that others are compared with. */
  baseline: string | null;
}

export const defaultTablePreferences: TablePreferences = {
  filter: "",
  sort: "-updated",
  columns: ["experiment", "method", "rank", "seed", "parameters", "validation", "test", "state"],
  starredOnly: false,
  showHidden: false,
  baseline: null,
};

export interface TableStrings {
  title: string;
  filter: string;
  filterHint: string;
  starredOnly: string;
  showHidden: string;
  columns: string;
  /** `{0}` of `{1}` runs. */
  counted: string;
  none: string;
  noneDetail: string;
  noMatch: string;
  noMatchDetail: string;
  run: string;
  baseline: string;
  sortBy: string;
  actions: string;
  open: string;
  star: string;
  unstar: string;
  tags: string;
  note: string;
  rename: string;
  hide: string;
  unhide: string;
  setBaseline: string;
  clearBaseline: string;
  keys: string;
  /** Names of the columns by their field; those of settings are called by their path. */
  fields: Readonly<Record<string, string>>;
  states: Readonly<Record<string, string>>;
}

export type ToTable =
  | { type: "rows"; strings: TableStrings; runs: readonly TableRun[] }
  /** Those that changed, whole; and the folders of those that are gone. */
  | { type: "changes"; runs: readonly TableRun[]; gone: readonly string[] };

/** What is asked for in a box of VS Code. */
export const askedMarks = ["tags", "note", "name"] as const;

export type FromTable =
  | { type: "ready" }
  | { type: "open"; run: string }
  | { type: "star"; run: string; starred: boolean }
  | { type: "hide"; run: string; hidden: boolean }
  | { type: "ask"; run: string; mark: (typeof askedMarks)[number] }
  /** An error in the page, for the extension's log. */
  | { type: "error"; message: string };
