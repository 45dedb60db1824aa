/**
 * @file The entry of the table of all runs: what the host says is kept, and drawn.
 *
 * For tests, `document.body.dataset` says what is on screen: `runs` (how many are known) and `matching` (how many are listed).
 */
import {
  defaultTablePreferences,
  type FromTable,
  type TablePreferences,
  type TableRun,
  type TableStrings,
  type ToTable,
} from "../src/shared/runTable.ts";
import "./ui/base.css";
import { Texts } from "./format.ts";
import { render } from "./render.ts";
import { TableView } from "./views/table/tableView.tsx";

declare function acquireVsCodeApi(): {
  postMessage(message: FromTable): void;
  setState(state: TablePreferences): void;
  getState(): Partial<TablePreferences> | undefined;
};

const host = acquireVsCodeApi();
const root = document.getElementById("panel") ?? document.body;
const texts = new Texts({}, document.documentElement.lang);
const runs = new Map<string, TableRun>();
let strings: TableStrings | undefined;
let preferences: TablePreferences = { ...defaultTablePreferences, ...host.getState() };
let drawing = 0;
/** Another list for every change, so that nothing is sorted again that is the same. */
let list: readonly TableRun[] = [];

function prefer(change: Partial<TablePreferences>): void {
  preferences = { ...preferences, ...change };
  host.setState(preferences);
  draw();
}

/** Draws once before the next frame, however many messages come. */
function draw(): void {
  if (drawing) return;
  drawing = requestAnimationFrame(() => {
    drawing = 0;
    if (!strings) return;
    render(
      <TableView
        runs={list}
        strings={strings}
        texts={texts}
        preferences={preferences}
        prefer={prefer}
        send={(message) => host.postMessage(message)}
      />,
      root,
    );
    document.body.dataset.runs = String(list.length);
  });
}

window.addEventListener("message", ({ data }: MessageEvent<ToTable>) => {
  if (data.type === "rows") {
    strings = data.strings;
    runs.clear();
  } else for (const id of data.gone) runs.delete(id);
  for (const run of data.runs) runs.set(run.id, run);
  list = [...runs.values()];
  draw();
});
window.addEventListener("error", ({ message }) => host.postMessage({ type: "error", message }));
window.addEventListener("unhandledrejection", ({ reason }) =>
  host.postMessage({ type: "error", message: String(reason) }),
);
host.postMessage({ type: "ready" });
