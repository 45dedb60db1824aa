/** @file The Ranks view: how good each number of trained parameters is, as a chart and as a table. */
import { bestOf, isLowest } from "../../src/metrics/kinds.ts";
import { type Spread, seedCount, spreadText } from "../../src/results/groups.ts";
import type { RunView, Split, StringKey } from "../../src/shared/panel.ts";
import { RanksChart } from "../charts/ranks.ts";
import { type Row, rowsOf, type SortKey, scoredRuns, scoreOf, settingColumns, sortRows } from "../comparison.ts";
import type { PanelContext, PanelPart } from "../context.ts";
import { h, replaceChildren, setText } from "../dom.ts";
import { duration, none, type Texts } from "../format.ts";
import { button, checkbox, segmented } from "../ui/controls.ts";
import { icon } from "../ui/icons.ts";
import { emptyState, stateDot, stateText, swatch } from "./parts.ts";

const mostRows = 500;

interface Column {
  key: SortKey | (string & {});
  label: string;
  number: boolean;
  cell: (row: Row) => Node | string;
}

export class RanksView implements PanelPart {
  readonly element: HTMLElement;
  private readonly context: PanelContext;
  private readonly chart = new RanksChart();
  private readonly split;
  private readonly group;
  private readonly only;
  private readonly title = h("h2");
  private readonly note = h("p", { class: "note" });
  private readonly empty = h("div", { class: "empty-slot" });
  private readonly section: HTMLElement;
  private readonly tableSlot = h("div", { class: "table-scroll", tabindex: 0, role: "region" });
  private readonly limit = h("p", { class: "note", hidden: true });
  private shownTable = "";
  private shownEmpty = "";

  constructor(context: PanelContext) {
    this.context = context;
    const { texts } = context;
    this.split = segmented<Split>(
      texts.t("score"),
      [
        { value: "test", label: texts.t("splitTest") },
        { value: "validation", label: texts.t("splitValidation") },
      ],
      (score) => context.prefer({ score }),
    );
    this.group = checkbox(texts.t("groupSeeds"), (groupSeeds) => context.prefer({ groupSeeds }));
    this.only = checkbox(texts.t("onlyDifferences"), (onlyDifferences) => context.prefer({ onlyDifferences }));
    this.tableSlot.setAttribute("aria-label", texts.t("tableCaption"));
    this.section = h(
      "section",
      { class: "chart-section" },
      h("div", { class: "chart-head" }, this.title, this.legend()),
      this.note,
      this.chart.box,
    );
    this.element = h(
      "div",
      { class: "view" },
      h(
        "div",
        { class: "toolbar" },
        this.split.element,
        this.group.element,
        this.only.element,
        h("span", { class: "spacer" }),
        button({ label: texts.t("copyMarkdown"), onClick: () => context.command({ command: "copyMarkdown" }) }),
      ),
      this.empty,
      this.section,
      this.tableSlot,
      this.limit,
    );
  }

  update(): void {
    const { store, preferences, texts, theme } = this.context;
    this.split.set(preferences.score);
    this.group.set(preferences.groupSeeds);
    this.only.set(preferences.onlyDifferences);

    // Until a run was tested, its best validation says most.
    const noTests = store.runs.every(({ testScore }) => testScore === null);
    const split: Split = preferences.score === "test" && noTests ? "validation" : preferences.score;
    const scored = scoredRuns(store.runs, split);
    this.updateEmpty(scored.length === 0);
    this.section.hidden = scored.length === 0;
    this.note.hidden = split === preferences.score;
    setText(this.note, texts.t("noTestYet"));
    const metric = store.experiment?.metrics[split] ?? null;
    const metricName = metric ?? texts.t("score");
    const splitName = texts.t(split === "test" ? "splitTest" : "splitValidation");
    setText(this.title, texts.t("ranksTitle", texts.t("scoreOf", metricName, splitName.toLowerCase())));
    if (scored.length && store.experiment) {
      const { references } = store.experiment;
      this.chart.update({ runs: store.runs, split, metric, references, theme, texts });
      const scores = scored.map((run) => scoreOf(run, split)!);
      this.chart.canvas.setAttribute(
        "aria-label",
        texts.t(
          "ranksSummary",
          metricName,
          scored.length,
          texts.score(metric, Math.min(...scores)),
          texts.score(metric, Math.max(...scores)),
        ),
      );
    }
    this.updateTable();
  }

  private legend(): HTMLElement {
    const { texts } = this.context;
    return h(
      "p",
      { class: "hint chart-legend" },
      h("span", { class: "legend-point", "aria-hidden": "true" }),
      texts.t("everySeed"),
      h("span", { class: "legend-bar", "aria-hidden": "true" }),
      texts.t("meanAndDeviation"),
    );
  }

  private updateEmpty(isEmpty: boolean): void {
    const { store, texts, command } = this.context;
    this.empty.hidden = !isEmpty;
    const every = store.runs.find(({ evaluateEvery }) => evaluateEvery !== null)?.evaluateEvery;
    const canTrain = store.experiment?.canTrain ?? false;
    const key = `${isEmpty} ${store.runs.length > 0} ${every} ${canTrain}`;
    if (key === this.shownEmpty || !isEmpty) return;
    this.shownEmpty = key;
    const state = store.runs.length
      ? emptyState(
          texts.t("noScores"),
          every ? texts.t("noScoresDetail", texts.count(every)) : texts.t("noEvaluationDetail"),
        )
      : emptyState(
          texts.t("noRuns"),
          texts.t("noRunsDetail"),
          ...(canTrain
            ? [button({ label: texts.t("train"), primary: true, onClick: () => command({ command: "train" }) })]
            : []),
        );
    replaceChildren(this.empty, [state]);
  }

  private updateTable(): void {
    const { store, preferences, texts } = this.context;
    const rows = rowsOf(store.runs, store.details, preferences.groupSeeds);
    const { column, descending } = preferences.sort;
    const sorted = sortRows(rows, column, descending);
    const visible = sorted.slice(0, mostRows);
    this.tableSlot.hidden = rows.length === 0;
    this.limit.hidden = sorted.length <= mostRows;
    setText(this.limit, texts.t("limitedRows", mostRows, texts.count(sorted.length)));
    const columns = this.columns(rows);
    // Made again only where it says something else: a running step does not take the focus away.
    const key = JSON.stringify([
      visible.map((row) => ({
        ...row,
        runs: row.runs.map(({ id, state, baseline, color, variant }) => [id, state, baseline, color, variant]),
        seconds: duration(row.seconds),
      })),
      columns.map((shown) => shown.key),
      preferences.sort,
    ]);
    if (key === this.shownTable) return;
    this.shownTable = key;
    const focused = (document.activeElement as HTMLElement | null)?.dataset?.focus;
    this.tableSlot.replaceChildren(this.table(visible, columns));
    if (focused) this.tableSlot.querySelector<HTMLElement>(`[data-focus="${CSS.escape(focused)}"]`)?.focus();
  }

  private table(rows: readonly Row[], columns: readonly Column[]): HTMLElement {
    const { texts, preferences } = this.context;
    const { column: sorted, descending } = preferences.sort;
    return h(
      "table",
      { class: "comparison" },
      h("caption", { class: "hidden" }, texts.t("tableCaption")),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          ...columns.map(({ key, label, number }) => {
            const isSorted = key === sorted;
            const sorting = isSorted ? (descending ? "descending" : "ascending") : "none";
            return h(
              "th",
              { scope: "col", "aria-sort": sorting, class: number && "number" },
              h(
                "button",
                {
                  type: "button",
                  title: texts.t("sortBy", label),
                  "data-focus": `sort ${key}`,
                  onclick: () => this.sortBy(key),
                },
                label,
                isSorted && icon(descending ? "descending" : "ascending"),
              ),
            );
          }),
        ),
      ),
      h(
        "tbody",
        {},
        ...rows.map((row) =>
          h(
            "tr",
            {},
            ...columns.map(({ key, number, cell }) =>
              key === "name" ? h("th", { scope: "row" }, cell(row)) : h("td", { class: number && "number" }, cell(row)),
            ),
          ),
        ),
      ),
    );
  }

  private columns(rows: readonly Row[]): Column[] {
    const { texts, store, preferences } = this.context;
    const column = (key: SortKey, label: StringKey, number: boolean, cell: Column["cell"]): Column => ({
      key,
      label: texts.t(label),
      number,
      cell,
    });
    const all = [
      column("name", "columnRun", false, (row) => this.nameCell(row)),
      column("method", "columnMethod", false, ({ method }) => method ?? none),
      column("rank", "columnRank", true, ({ rank }) => texts.count(rank)),
      column("parameters", "columnParameters", true, ({ parameters }) => texts.count(parameters)),
      column("seeds", preferences.groupSeeds ? "columnSeeds" : "columnSeed", true, (row) =>
        preferences.groupSeeds ? this.seedsCell(row) : texts.count(row.runs[0]!.seed),
      ),
      column("validation", "columnValidation", true, (row) =>
        rowText(row, row.validation, store.experiment?.metrics.validation ?? null, texts),
      ),
      column("test", "columnTest", true, (row) => this.testCell(row)),
      ...(preferences.groupSeeds
        ? []
        : [column("bestStep", "columnBestStep", true, ({ bestStep }) => texts.count(bestStep))]),
      column("seconds", "columnTime", true, ({ seconds }) => duration(seconds)),
      column("state", "columnState", false, (row) => this.stateCell(row)),
    ];
    const constant = (key: string) => {
      return (key === "method" || key === "rank") && new Set(rows.map((row) => row[key])).size < 2;
    };
    const shown = all.filter(({ key }) => !preferences.onlyDifferences || rows.length < 2 || !constant(key));
    const common = store.experiment?.common ?? {};
    const paths = preferences.onlyDifferences
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

  private nameCell(row: Row): Node {
    const { texts, command } = this.context;
    const run = row.runs[0]!;
    const isBaseline = row.runs.some(({ baseline }) => baseline);
    const label = texts.t(isBaseline ? "clearBaseline" : "setBaseline");
    return h(
      "span",
      { class: "name-cell" },
      swatch(run),
      h("span", { class: "name" }, row.name),
      isBaseline && h("span", { class: "tag" }, texts.t("baselineMark")),
      h(
        "button",
        {
          type: "button",
          class: "quiet",
          title: label,
          "aria-label": `${label}: ${row.name}`,
          "data-focus": `baseline ${row.id}`,
          onclick: () => command({ command: "setBaseline", run: isBaseline ? null : this.bestOf(row).id }),
        },
        label,
      ),
    );
  }

  /** Which of its runs stands for a group. */
  private bestOf(row: Row): RunView {
    const runs = row.compared.length ? row.compared : row.runs;
    const scored = runs.map((run) => ({ run, metric: run.metric, score: run.bestScore ?? Number.NaN }));
    return bestOf(scored)?.run ?? runs[0]!;
  }

  private seedsCell({ seeds, repeats }: Row): Node | string {
    const { texts } = this.context;
    const count = seedCount(seeds.counted, seeds.all, (some, all) =>
      texts.t("seedsOf", texts.count(some), texts.count(all)),
    );
    if (repeats.length === 0) return count;
    const text = texts.t("seedsRepeated", count, texts.count(repeats.length));
    return h("span", { title: texts.t("repeatsHint") }, text);
  }

  private testCell(row: Row): Node | string {
    const { texts } = this.context;
    const interval = row.runs.length === 1 ? row.runs[0]!.testInterval : null;
    const text = rowText(row, row.test, this.context.store.experiment?.metrics.test ?? null, texts);
    if (!interval) return text;
    return h("span", { title: texts.t("interval", texts.percent(interval[0]), texts.percent(interval[1])) }, text);
  }

  private stateCell(row: Row): Node {
    const counts = new Map<string, { run: RunView; count: number }>();
    for (const run of row.runs) {
      const known = counts.get(run.state);
      counts.set(run.state, { run, count: (known?.count ?? 0) + 1 });
    }
    const parts = [...counts.values()].map(({ run, count }) =>
      h(
        "span",
        { class: "state-cell", title: run.reason ?? null },
        stateDot(run),
        counts.size > 1 ? `${count} ${stateText(run, this.context)}` : stateText(run, this.context),
      ),
    );
    return h("span", {}, ...parts);
  }

  private sortBy(column: string): void {
    const { sort } = this.context.preferences;
    // Scores are read from the best down; everything else from the least up.
    const { metrics } = this.context.store.experiment ?? {};
    const first = (column === "validation" || column === "test") && !isLowest(metrics?.[column] ?? null);
    const descending = sort.column === column ? !sort.descending : first;
    this.context.prefer({ sort: { column, descending } });
  }
}

/** A score of a row; where its runs are under way it says so. */
function rowText({ isProvisional }: Row, value: Spread | undefined, metric: string | null, texts: Texts): string {
  if (!value) return none;
  const text = spreadText(value, metric, (score) => texts.score(metric, score));
  return isProvisional ? texts.t("soFar", text) : text;
}
