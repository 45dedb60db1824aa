/** @file The runs beside the charts: the legend, and which of them are shown. The same ticks as in the Runs view. */
import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import type { RunView } from "../../../src/shared/panel.ts";
import { type PanelContext, usePanel } from "../../context.ts";
import { duration } from "../../format.ts";
import { Link, SearchField } from "../../ui/controls.tsx";
import { roving } from "../../ui/roving.ts";
import { Swatch, stateText } from "../parts.tsx";
import { StateMark } from "../stateMark.tsx";
import { Waiting } from "./waiting.tsx";
import "./runList.css";

/** More rows than anybody scrolls through; the filter finds the others. */
const mostRows = 200;
/** Of more runs than this, only some are shown unless somebody chooses. */
const usualRows = 20;
/** From so many runs on a filter helps. */
const filterFrom = 8;

export function RunList(): JSX.Element | null {
  const { store, texts, command } = usePanel();
  const [filter, setFilter] = useState("");
  const [focused, setFocused] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  if (store.runs.length === 0) return null;
  const sought = filter.trim().toLowerCase();
  const shown = store.shown;
  const found = store.runs.filter(({ name }) => name.toLowerCase().includes(sought));
  // The list is the legend as well: of more runs than it has rows for, it begins with those that are drawn.
  const matching =
    found.length > mostRows ? [...found.filter(isShown), ...found.filter((run) => !isShown(run))] : found;
  const visible = matching.slice(0, mostRows);
  const inTabOrder = Math.min(focused, Math.max(0, visible.length - 1));
  const showAll = (shown: boolean) => {
    const runs = matching.flatMap((run) => (run.shown === shown ? [] : run.id));
    command({ command: "setShown", runs, shown });
  };
  const move = (event: KeyboardEvent) => {
    const rows = [...(list.current?.querySelectorAll("button") ?? [])];
    const next = roving(event, rows.indexOf(document.activeElement as HTMLButtonElement), rows.length);
    if (next === undefined) return;
    setFocused(next);
    rows[next]!.focus();
  };
  return (
    <aside class="run-list">
      <h2>{texts.t("runList")}</h2>
      {store.runs.length >= filterFrom && (
        <SearchField label={texts.t("filterRuns")} value={filter} onInput={setFilter} />
      )}
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset would draw a frame, and its rows are no form */}
      <div class="run-rows" role="group" tabIndex={-1} aria-label={texts.t("runList")} ref={list} onKeyDown={move}>
        {visible.map((run, index) => (
          <Row key={run.id} run={run} isInTabOrder={index === inTabOrder} />
        ))}
      </div>
      {matching.length === 0 && <p class="note">{texts.t("noMatch", filter)}</p>}
      {matching.length > mostRows && (
        <p class="note">{texts.t("limitedRows", mostRows, texts.count(matching.length))}</p>
      )}
      {shown.length < store.runs.length && store.runs.length > usualRows && (
        <p class="note">{texts.t("shownOf", texts.count(shown.length), texts.count(store.runs.length))}</p>
      )}
      <Waiting />
      {store.runs.length > 1 && (
        <div class="run-tools">
          {matching.some((run) => !run.shown) && <Link label={texts.t("showAll")} onClick={() => showAll(true)} />}
          {matching.some((run) => run.shown) && <Link label={texts.t("hideAll")} onClick={() => showAll(false)} />}
          {store.runs.length > usualRows && (
            <Link label={texts.t("showUsual")} onClick={() => command({ command: "showUsual" })} />
          )}
        </div>
      )}
    </aside>
  );
}

function isShown(run: RunView): boolean {
  return run.shown;
}

function Row({ run, isInTabOrder }: { run: RunView; isInTabOrder: boolean }): JSX.Element {
  const context = usePanel();
  return (
    // biome-ignore lint/a11y/useSemanticElements: a tick with a text of several parts, and keys of the list
    <button
      type="button"
      role="checkbox"
      class="run-row"
      aria-checked={run.shown}
      title={run.reason ?? run.name}
      tabIndex={isInTabOrder ? 0 : -1}
      onClick={() => context.command({ command: "setShown", runs: [run.id], shown: !run.shown })}
    >
      <span class="tick" aria-hidden="true" />
      <Swatch run={run} />
      <span class="run-text">
        <span class="run-name">{run.name}</span>
        <span class="run-state">
          <StateMark state={run.state} />
          {describe(run, context)}
        </span>
      </span>
      <span class="run-score">{scoreText(run, context)}</span>
    </button>
  );
}

function scoreText(run: RunView, { texts }: PanelContext): string {
  if (run.bestScore !== null) return texts.score(run.metric, run.bestScore);
  return run.testScore === null ? "" : texts.percent(run.testScore);
}

function describe(run: RunView, context: PanelContext): string {
  const { texts } = context;
  // What holds a run up that a scheduler has.
  const state = run.state === "created" && run.reason ? run.reason : stateText(run, context);
  if (run.totalSteps === null) return state;
  const progress = `${texts.compact(run.step)}/${texts.compact(run.totalSteps)}`;
  if (run.state === "running") {
    return run.secondsLeft === null ? progress : `${progress} · ${duration(run.secondsLeft)}`;
  }
  return run.step && run.step < run.totalSteps ? `${state} · ${progress}` : state;
}
