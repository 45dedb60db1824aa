/** @file The runs side by side, or the groups of them that differ in nothing but their seed: scores, and settings that differ. */
import type { ComponentChild, JSX } from "preact";
import { bestOf, isLowest } from "../../../src/metrics/kinds.ts";
import { type Spread, seedCount, spreadText } from "../../../src/results/groups.ts";
import type { RunView, StringKey } from "../../../src/shared/panel.ts";
import { type Row, rowsOf, type SortKey, settingColumns, sortRows } from "../../comparison.ts";
import { type PanelContext, usePanel } from "../../context.ts";
import { duration, none, type Texts } from "../../format.ts";
import { Icon } from "../../ui/icons.tsx";
import { Swatch, stateText } from "../parts.tsx";
import { StateMark } from "../stateMark.tsx";

const mostRows = 500;

interface Column {
  key: SortKey | (string & {});
  label: string;
  number: boolean;
  cell: (row: Row) => ComponentChild;
}

export function ComparisonTable(): JSX.Element | null {
  const context = usePanel();
  const { store, preferences, texts } = context;
  const rows = rowsOf(store.runs, preferences.groupSeeds);
  const { column, descending } = preferences.sort;
  const sorted = sortRows(rows, column, descending);
  if (rows.length === 0) return null;
  const columns = columnsOf(context, rows);
  return (
    <>
      <section
        class="table-scroll"
        aria-label={texts.t("tableCaption")}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: keys scroll it
        tabIndex={0}
      >
        <table class="comparison">
          <caption class="hidden">{texts.t("tableCaption")}</caption>
          <thead>
            <tr>
              {columns.map((one) => (
                <Heading column={one} key={one.key} />
              ))}
            </tr>
          </thead>
          <tbody>
            {sorted.slice(0, mostRows).map((row) => (
              <tr key={row.id}>
                {columns.map(({ key, number, cell }) =>
                  key === "name" ? (
                    <th scope="row" key={key}>
                      {cell(row)}
                    </th>
                  ) : (
                    <td class={number ? "number" : undefined} key={key}>
                      {cell(row)}
                    </td>
                  ),
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {sorted.length > mostRows && <p class="note">{texts.t("limitedRows", mostRows, texts.count(sorted.length))}</p>}
    </>
  );
}

function Heading({ column: { key, label, number } }: { column: Column }): JSX.Element {
  const context = usePanel();
  const { column, descending } = context.preferences.sort;
  const isSorted = key === column;
  return (
    <th
      scope="col"
      aria-sort={isSorted ? (descending ? "descending" : "ascending") : "none"}
      class={number ? "number" : undefined}
    >
      <button type="button" title={context.texts.t("sortBy", label)} onClick={() => sortBy(context, key)}>
        {label}
        {isSorted && <Icon name={descending ? "descending" : "ascending"} />}
      </button>
    </th>
  );
}

function sortBy({ preferences, store, prefer }: PanelContext, column: string): void {
  const { sort } = preferences;
  // Scores are read from the best down; everything else from the least up.
  const { metrics } = store.experiment ?? {};
  const first = (column === "validation" || column === "test") && !isLowest(metrics?.[column] ?? null);
  const descending = sort.column === column ? !sort.descending : first;
  prefer({ sort: { column, descending } });
}

function columnsOf({ texts, store, preferences }: PanelContext, rows: readonly Row[]): Column[] {
  const { groupSeeds, onlyDifferences } = preferences;
  const column = (key: SortKey, label: StringKey, number: boolean, cell: Column["cell"]): Column => ({
    key,
    label: texts.t(label),
    number,
    cell,
  });
  const metrics = store.experiment?.metrics;
  const all = [
    column("name", "columnRun", false, (row) => <NameCell row={row} />),
    column("method", "columnMethod", false, ({ method }) => method ?? none),
    column("rank", "columnRank", true, ({ rank }) => texts.count(rank)),
    column("parameters", "columnParameters", true, ({ parameters }) => texts.count(parameters)),
    groupSeeds
      ? column("seeds", "columnSeeds", true, (row) => <SeedsCell row={row} />)
      : column("seeds", "columnSeed", true, (row) => texts.count(row.runs[0]!.seed)),
    column("validation", "columnValidation", true, (row) =>
      rowText(row, row.validation, metrics?.validation ?? null, texts),
    ),
    column("test", "columnTest", true, (row) => <TestCell row={row} />),
    ...(groupSeeds ? [] : [column("bestStep", "columnBestStep", true, ({ bestStep }) => texts.count(bestStep))]),
    column("seconds", "columnTime", true, ({ seconds }) => duration(seconds)),
    column("state", "columnState", false, (row) => <StateCell row={row} />),
  ];
  const isConstant = (key: string) => {
    return (key === "method" || key === "rank") && new Set(rows.map((row) => row[key])).size < 2;
  };
  const shown = all.filter(({ key }) => !onlyDifferences || rows.length < 2 || !isConstant(key));
  const common = store.experiment?.common ?? {};
  const paths = onlyDifferences
    ? settingColumns(rows)
    : [...new Set([...rows.flatMap(({ settings }) => Object.keys(settings)), ...Object.keys(common)])].sort();
  const settings = paths.map(
    (path): Column => ({
      key: path,
      label: path,
      number: rows.every(({ settings: own }) => !Number.isNaN(Number(own[path] ?? common[path] ?? Number.NaN))),
      cell: (row) => row.settings[path] ?? common[path] ?? none,
    }),
  );
  return [...shown, ...settings];
}

function NameCell({ row }: { row: Row }): JSX.Element {
  const { texts, command } = usePanel();
  const isBaseline = row.runs.some(({ baseline }) => baseline);
  const label = texts.t(isBaseline ? "clearBaseline" : "setBaseline");
  return (
    <span class="name-cell">
      <Swatch run={row.runs[0]!} />
      <span class="name">{row.name}</span>
      {isBaseline && <span class="tag">{texts.t("baselineMark")}</span>}
      <button
        type="button"
        class="quiet"
        title={label}
        aria-label={`${label}: ${row.name}`}
        onClick={() => command({ command: "setBaseline", run: isBaseline ? null : bestRunOf(row).id })}
      >
        {label}
      </button>
    </span>
  );
}

/** Which of its runs stands for a group. */
function bestRunOf(row: Row): RunView {
  const runs = row.compared.length ? row.compared : row.runs;
  const scored = runs.map((run) => ({ run, metric: run.metric, score: run.bestScore ?? Number.NaN }));
  return bestOf(scored)?.run ?? runs[0]!;
}

function SeedsCell({ row: { seeds, repeats } }: { row: Row }): JSX.Element {
  const { texts } = usePanel();
  const count = seedCount(seeds.counted, seeds.all, (some, all) =>
    texts.t("seedsOf", texts.count(some), texts.count(all)),
  );
  if (repeats.length === 0) return <>{count}</>;
  return <span title={texts.t("repeatsHint")}>{texts.t("seedsRepeated", count, texts.count(repeats.length))}</span>;
}

function TestCell({ row }: { row: Row }): JSX.Element {
  const { texts, store } = usePanel();
  const interval = row.runs.length === 1 ? row.runs[0]!.testInterval : null;
  const text = rowText(row, row.test, store.experiment?.metrics.test ?? null, texts);
  if (!interval) return <>{text}</>;
  return <span title={texts.t("interval", texts.percent(interval[0]), texts.percent(interval[1]))}>{text}</span>;
}

function StateCell({ row }: { row: Row }): JSX.Element {
  const context = usePanel();
  const counts = new Map<string, { run: RunView; count: number }>();
  for (const run of row.runs) {
    const known = counts.get(run.state);
    counts.set(run.state, { run, count: (known?.count ?? 0) + 1 });
  }
  return (
    <span>
      {[...counts.values()].map(({ run, count }) => (
        <span class="state-cell" title={run.reason ?? undefined} key={run.state}>
          <StateMark state={run.state} />
          {counts.size > 1 ? `${count} ${stateText(run, context)}` : stateText(run, context)}
        </span>
      ))}
    </span>
  );
}

/** A score of a row; where its runs are under way it says so. */
function rowText({ isProvisional }: Row, value: Spread | undefined, metric: string | null, texts: Texts): string {
  if (!value) return none;
  const text = spreadText(value, metric, (score) => texts.score(metric, score));
  return isProvisional ? texts.t("soFar", text) : text;
}
