/** @file The Ranks view: how good each number of trained parameters is, as a chart and as a table. */
import type { JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Against, RunView, Split } from "../../../src/shared/panel.ts";
import { csvLine } from "../../../src/words/surfaces.ts";
import { marksOf } from "../../charts/marks.ts";
import { RanksChart } from "../../charts/ranks.ts";
import { pictureOf, pictureOptions, printTheme } from "../../charts/save.ts";
import { haveRanks, type PlacedRun, placedRuns, type Scale, scaleOf, scoredRuns, scoreOf } from "../../comparison.ts";
import { type PanelContext, usePanel } from "../../context.ts";
import type { Texts } from "../../format.ts";
import { Button, Checkbox, IconButton, Segmented } from "../../ui/controls.tsx";
import { showMenu } from "../../ui/menu.tsx";
import { EmptyState } from "../emptyState.tsx";
import { NoRuns } from "../noRuns.tsx";
import { mostRows, PointerNote } from "../pointerNote.tsx";
import { ComparisonTable } from "./comparisonTable.tsx";
import "../../charts/charts.css";
import "./ranks.css";

export function RanksView(): JSX.Element {
  const context = usePanel();
  const { store, preferences, texts } = context;
  // Until a run was tested, its best validation says most.
  const noTests = store.runs.every(({ testScore }) => testScore === null);
  const split: Split = preferences.score === "test" && noTests ? "validation" : preferences.score;
  const scored = scoredRuns(store.runs, split);
  const metric = store.experiment?.metrics[split] ?? texts.t("score");
  const splitName = texts.t(split === "test" ? "splitTest" : "splitValidation");
  const scale = scaleOf(scored, preferences.against);
  const placed = placedRuns(store.runs, split, scale);
  const against = scale.setting ?? texts.t("trainedParameters");
  const title = texts.t("ranksTitle", texts.t("scoreOf", metric, splitName.toLowerCase()), against);
  const saves = ({ currentTarget }: { currentTarget: HTMLElement }) =>
    showMenu(currentTarget, texts.t("saveChart", title), [
      { label: texts.t("saveAsPng"), run: () => void savePicture(context, title, split, scale) },
      { label: texts.t("saveAsCsv"), run: () => saveNumbers(context, placed, split, scale) },
    ]);
  return (
    <>
      <Toolbar canChoose={haveRanks(scored)} />
      {scored.length === 0 ? (
        <WhyEmpty />
      ) : (
        <section class="chart-section">
          <div class="chart-head">
            <h2>{title}</h2>
            <span class="chart-tools">
              <Legend hasFront={scale.isCost} />
              <IconButton label={texts.t("saveChart", title)} icon="save" hasMenu onClick={saves} />
            </span>
          </div>
          {split !== preferences.score && <p class="note">{texts.t("noTestYet")}</p>}
          <RanksCanvas split={split} placed={placed} scale={scale} />
        </section>
      )}
      <ComparisonTable />
    </>
  );
}

/** @param canChoose whether there is something to draw scores against beside the trained parameters */
function Toolbar({ canChoose }: { canChoose: boolean }): JSX.Element {
  const { texts, preferences, prefer, command } = usePanel();
  return (
    <div class="toolbar">
      <Segmented<Split>
        label={texts.t("score")}
        options={[
          { value: "test", label: texts.t("splitTest") },
          { value: "validation", label: texts.t("splitValidation") },
        ]}
        value={preferences.score}
        onChange={(score) => prefer({ score })}
      />
      {canChoose && (
        <Segmented<Against>
          label={texts.t("against")}
          options={[
            { value: "parameters", label: texts.t("againstParameters") },
            { value: "rank", label: texts.t("againstRank") },
          ]}
          value={preferences.against}
          onChange={(against) => prefer({ against })}
        />
      )}
      <Checkbox
        label={texts.t("groupSeeds")}
        checked={preferences.groupSeeds}
        onChange={(groupSeeds) => prefer({ groupSeeds })}
      />
      <Checkbox
        label={texts.t("onlyDifferences")}
        checked={preferences.onlyDifferences}
        onChange={(onlyDifferences) => prefer({ onlyDifferences })}
      />
      <span class="spacer" />
      <Button label={texts.t("copyMarkdown")} onClick={() => command({ command: "copyMarkdown" })} />
    </div>
  );
}

function Legend({ hasFront }: { hasFront: boolean }): JSX.Element {
  const { texts } = usePanel();
  return (
    <p class="hint chart-legend">
      <span class="legend-point" aria-hidden="true" />
      {texts.t("everySeed")}
      <span class="legend-bar" aria-hidden="true" />
      {texts.t("meanAndDeviation")}
      {hasFront && (
        <>
          <span class="legend-front" aria-hidden="true" />
          <span title={texts.t("paretoFrontHint")}>{texts.t("paretoFront")}</span>
        </>
      )}
    </p>
  );
}

function RanksCanvas({
  split,
  placed,
  scale,
}: {
  split: Split;
  placed: readonly PlacedRun[];
  scale: Scale;
}): JSX.Element {
  const context = usePanel();
  const { store, theme, texts } = context;
  const canvas = useRef<HTMLCanvasElement>(null);
  const chart = useRef<RanksChart>(undefined);
  useLayoutEffect(() => {
    const made = new RanksChart(canvas.current!);
    chart.current = made;
    return () => made.destroy();
  }, []);
  const { experiment, runs } = store;
  useLayoutEffect(() => {
    if (!experiment) return;
    const { metrics, references } = experiment;
    chart.current?.update({ runs, split, metric: metrics[split], references, scale, theme, texts });
  });
  const [hover, setHover] = useState<Hover | undefined>(undefined);
  const point = (at?: { x: number; y: number }) => {
    const ids = chart.current?.pointAt(at).map(({ id }) => id) ?? [];
    setHover(at && ids.length > 0 ? { ...at, ids } : undefined);
  };
  return (
    <div
      class="chart-box ranks"
      onPointerMove={({ currentTarget, clientX, clientY }) => {
        const { left, top } = currentTarget.getBoundingClientRect();
        point({ x: clientX - left, y: clientY - top });
      }}
      onPointerLeave={() => point()}
    >
      <canvas role="img" aria-label={summary(context, split, placed)} ref={canvas} />
      {hover && <RankNote hover={hover} placed={placed} split={split} scale={scale} />}
    </div>
  );
}

interface Hover {
  /** The pointer, in pixels of the chart. */
  x: number;
  y: number;
  /** The runs whose points lie under it, the nearest first. */
  ids: readonly string[];
}

function RankNote({
  hover: { x, y, ids },
  placed,
  split,
  scale,
}: {
  hover: Hover;
  placed: readonly PlacedRun[];
  split: Split;
  scale: Scale;
}): JSX.Element | null {
  const { store, texts } = usePanel();
  const under = ids.flatMap((id) => placed.find(({ run }) => run.id === id) ?? []); // one may be gone by now
  const [nearest] = under;
  if (!nearest) return null;
  const metric = store.experiment?.metrics[split] ?? null;
  const rows = under.slice(0, mostRows).map(({ run }) => ({
    key: run.id,
    color: marksOf(run).color,
    name: run.name,
    value: valueText(run, split, metric, texts),
  }));
  const title =
    scale.setting === null
      ? `${texts.count(nearest.place)} ${texts.t("trainedParameters")}`
      : `${scale.setting} ${nearest.place}`;
  return <PointerNote x={x} y={y} title={title} rows={rows} more={under.length - rows.length} />;
}

function valueText(run: RunView, split: Split, metric: string | null, texts: Texts): string {
  const score = texts.score(metric, scoreOf(run, split)!);
  if (split !== "test" || !run.testInterval) return score;
  const [low, high] = run.testInterval.map((one) => texts.percent(one));
  return `${score} (${texts.t("interval", low!, high!)})`;
}

async function savePicture(
  { store, theme, texts, send }: PanelContext,
  title: string,
  split: Split,
  scale: Scale,
): Promise<void> {
  const { experiment, runs } = store;
  if (!experiment) return;
  const { metrics, references } = experiment;
  const printed = printTheme(theme);
  const draw = (canvas: HTMLCanvasElement) => {
    const chart = new RanksChart(canvas, pictureOptions);
    chart.update({ runs, split, metric: metrics[split], references, scale, theme: printed, texts });
    return () => chart.destroy();
  };
  const legend = placedRuns(runs, split, scale).map(({ run }) => {
    const { color, dash } = marksOf(run);
    return { name: run.name, color: printed.series[color]!, dash };
  });
  send({ type: "save", chart: "ranks", format: "png", data: await pictureOf(title, draw, legend, printed) });
}

function saveNumbers({ send }: PanelContext, placed: readonly PlacedRun[], split: Split, scale: Scale): void {
  const rows = placed.map(({ run, place }) => [run.name, run.seed, place, scoreOf(run, split)]);
  const text = [["run", "seed", scale.setting ?? "parameters", "score"], ...rows].map(csvLine).join("");
  send({ type: "save", chart: "ranks", format: "csv", data: new TextEncoder().encode(text) });
}

/** What the picture shows, in words. */
function summary({ store, texts }: PanelContext, split: Split, placed: readonly PlacedRun[]): string {
  const metric = store.experiment?.metrics[split] ?? null;
  const scores = placed.map(({ run }) => scoreOf(run, split)!);
  return texts.t(
    "ranksSummary",
    metric ?? texts.t("score"),
    placed.length,
    texts.score(metric, Math.min(...scores)),
    texts.score(metric, Math.max(...scores)),
  );
}

function WhyEmpty(): JSX.Element {
  const { store, texts } = usePanel();
  if (store.runs.length === 0) {
    return <NoRuns />;
  }
  const every = store.runs.find(({ evaluateEvery }) => evaluateEvery !== null)?.evaluateEvery;
  const detail = every ? texts.t("noScoresDetail", texts.count(every)) : texts.t("noEvaluationDetail");
  return <EmptyState title={texts.t("noScores")} detail={detail} />;
}
