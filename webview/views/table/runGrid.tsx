/** @file The rows of the table: only those in view are drawn, however many there are. Arrow keys move from row to row. */
import type { JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { TableRun } from "../../../src/shared/runTable.ts";
import { fill } from "../../format.ts";
import { Icon } from "../../ui/icons.tsx";
import { type MenuItem, showMenu } from "../../ui/menu.tsx";
import { StateMark } from "../stateMark.tsx";
import { rowHeight, useRowWindow } from "./rowWindow.ts";
import { cellOf, isNumeric } from "./tableModel.ts";
import type { TableProps } from "./tableView.tsx";

interface GridProps extends TableProps {
  baseline: TableRun | undefined;
}

export function RunGrid(props: GridProps): JSX.Element {
  const { runs, strings, preferences } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const { first, end } = useRowWindow(scroller, runs.length);
  const [active, setActive] = useState(0);
  const wantsFocus = useRef(false);
  const current = Math.min(active, runs.length - 1);
  useLayoutEffect(() => {
    if (!wantsFocus.current) return;
    wantsFocus.current = false;
    scroller.current?.querySelector<HTMLElement>(`[data-index="${current}"]`)?.focus();
  });
  const moveTo = (index: number) => {
    const element = scroller.current;
    if (!element) return;
    const top = index * rowHeight;
    // The heading stays at the upper edge, above the rows.
    const visible = element.clientHeight - 2 * rowHeight;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top > element.scrollTop + visible) element.scrollTop = top - visible;
    wantsFocus.current = true;
    setActive(index);
  };
  const onKey = (event: KeyboardEvent) => {
    if (!(event.target as HTMLElement).dataset.index) return;
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / rowHeight) - 2);
    const targets: Readonly<Record<string, number>> = {
      ArrowDown: current + 1,
      ArrowUp: current - 1,
      PageDown: current + page,
      PageUp: current - page,
      Home: 0,
      End: runs.length - 1,
    };
    const target = targets[event.key];
    if (target !== undefined) moveTo(Math.max(0, Math.min(target, runs.length - 1)));
    else if (!actByKey(event, runs[current]!, props)) return;
    event.preventDefault();
  };
  const numeric = new Set(preferences.columns.filter((field) => isNumeric(runs, field)));
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the keys are those of its rows
    <div class="grid-scroll" ref={scroller} onKeyDown={onKey}>
      <table class="run-grid" aria-rowcount={runs.length + 1} title={strings.keys}>
        <thead>
          <tr>
            <Heading {...props} field="run" label={strings.run} isNumber={false} />
            {preferences.columns.map((field) => (
              <Heading
                {...props}
                key={field}
                field={field}
                label={strings.fields[field] ?? field}
                isNumber={numeric.has(field)}
              />
            ))}
          </tr>
        </thead>
        <tbody>
          {first > 0 && <tr style={{ height: `${first * rowHeight}px` }} />}
          {runs.slice(first, end).map((run, offset) => (
            <Row
              {...props}
              key={run.id}
              run={run}
              index={first + offset}
              isActive={first + offset === current}
              numeric={numeric}
              onFocus={() => setActive(first + offset)}
            />
          ))}
          {end < runs.length && <tr style={{ height: `${(runs.length - end) * rowHeight}px` }} />}
        </tbody>
      </table>
    </div>
  );
}

function Heading({
  field,
  label,
  isNumber,
  strings,
  preferences,
  prefer,
}: GridProps & { field: string; label: string; isNumber: boolean }): JSX.Element {
  const { sort } = preferences;
  const isSorted = sort === field || sort === `-${field}`;
  const isDescending = sort.startsWith("-");
  // Scores and times are read from the largest down.
  const isDownFirst = ["validation", "test", "updated", "created"].includes(field);
  const next = isSorted ? !isDescending : isDownFirst;
  return (
    <th
      scope="col"
      aria-sort={isSorted ? (isDescending ? "descending" : "ascending") : "none"}
      class={isNumber ? "number" : undefined}
    >
      <button
        type="button"
        title={fill(strings.sortBy, [label])}
        onClick={() => prefer({ sort: next ? `-${field}` : field })}
      >
        {label}
        {isSorted && <Icon name={isDescending ? "descending" : "ascending"} />}
      </button>
    </th>
  );
}

interface RowProps extends GridProps {
  run: TableRun;
  index: number;
  isActive: boolean;
  numeric: ReadonlySet<string>;
  onFocus: () => void;
}

function Row(props: RowProps): JSX.Element {
  const { run, index, isActive, numeric, baseline, strings, texts, preferences, send, onFocus } = props;
  const name = run.displayName || run.run;
  return (
    <tr
      class={run.isHidden ? "is-hidden" : undefined}
      aria-rowindex={index + 2}
      data-index={index}
      tabIndex={isActive ? 0 : -1}
      onFocus={onFocus}
      onDblClick={() => send({ type: "open", run: run.id })}
      onContextMenu={(event) => {
        event.preventDefault();
        openMenu(event.currentTarget, props);
      }}
    >
      <th scope="row" title={[run.run, run.note].filter(Boolean).join("\n")}>
        <span class="grid-name">
          <button
            type="button"
            class="star"
            aria-pressed={run.starred}
            aria-label={`${run.starred ? strings.unstar : strings.star}: ${name}`}
            tabIndex={-1}
            onClick={() => send({ type: "star", run: run.id, starred: !run.starred })}
          >
            <Icon name={run.starred ? "star" : "starEmpty"} />
          </button>
          <span class="grid-text">{name}</span>
          {baseline?.id === run.id && <span class="tag">{strings.baseline}</span>}
          {run.tags.map((tag) => (
            <span class="tag" key={tag}>
              {tag}
            </span>
          ))}
          <button
            type="button"
            class="more"
            aria-haspopup="menu"
            aria-label={fill(strings.actions, [name])}
            tabIndex={-1}
            onClick={({ currentTarget }) => openMenu(currentTarget, props)}
          >
            <Icon name="more" />
          </button>
        </span>
      </th>
      {preferences.columns.map((field) => {
        if (field === "state") {
          return (
            <td key={field}>
              <StateMark state={run.state} />
              {strings.states[run.state] ?? run.state}
            </td>
          );
        }
        const { text, difference, isBetter } = cellOf(run, field, baseline, texts);
        return (
          <td key={field} class={numeric.has(field) ? "number" : undefined}>
            {difference === "≠" ? <strong>{text}</strong> : text}
            {difference !== "" && difference !== "≠" && (
              <span class={isBetter ? "difference better" : "difference"}>{` ${difference}`}</span>
            )}
          </td>
        );
      })}
    </tr>
  );
}

function actByKey({ key, ctrlKey, metaKey, altKey, target }: KeyboardEvent, run: TableRun, props: GridProps): boolean {
  if (ctrlKey || metaKey || altKey) return false;
  const { send } = props;
  const actions: Readonly<Record<string, () => void>> = {
    Enter: () => send({ type: "open", run: run.id }),
    s: () => send({ type: "star", run: run.id, starred: !run.starred }),
    h: () => send({ type: "hide", run: run.id, hidden: !run.isHidden }),
    m: () => openMenu(target as HTMLElement, { ...props, run }),
  };
  const action = actions[key];
  action?.();
  return action !== undefined;
}

function openMenu(anchor: HTMLElement, { run, baseline, strings, prefer, send }: GridProps & { run: TableRun }): void {
  const { id } = run;
  const isBaseline = baseline?.id === id;
  const items: readonly (MenuItem | "separator")[] = [
    { label: strings.open, run: () => send({ type: "open", run: id }) },
    "separator",
    {
      label: isBaseline ? strings.clearBaseline : strings.setBaseline,
      run: () => prefer({ baseline: isBaseline ? null : id }),
    },
    {
      label: run.starred ? strings.unstar : strings.star,
      run: () => send({ type: "star", run: id, starred: !run.starred }),
    },
    { label: strings.tags, run: () => send({ type: "ask", run: id, mark: "tags" }) },
    { label: strings.note, run: () => send({ type: "ask", run: id, mark: "note" }) },
    { label: strings.rename, run: () => send({ type: "ask", run: id, mark: "name" }) },
    "separator",
    {
      label: run.isHidden ? strings.unhide : strings.hide,
      run: () => send({ type: "hide", run: id, hidden: !run.isHidden }),
    },
  ];
  showMenu(anchor, fill(strings.actions, [run.displayName || run.run]), items);
}
