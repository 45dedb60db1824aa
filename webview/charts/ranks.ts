/**
 * @file Score against trained parameters: every run a point, every group of seeds its mean ± standard deviation, and lines
 * for what to compare with.
 */
import type { ChartDataset, Plugin } from "chart.js";
import { compareGroup, groupTitle, membersOfGroups, reachOf, type Spread } from "../../src/results/groups.ts";
import { paretoFront } from "../../src/results/pareto.ts";
import { type ReferenceScores, type RunView, type Split, seedRunOf } from "../../src/shared/panel.ts";
import { placedRuns, type Scale, scoredRuns, scoreOf, spreadOfGroup } from "../comparison.ts";
import type { Texts } from "../format.ts";
import { scoreAxis } from "./axis.ts";
import { baseOptions, Chart, dressScale, fitWidth, type Point } from "./base.ts";
import { fade } from "./color.ts";
import { marksOf } from "./marks.ts";
import type { ChartTheme } from "./theme.ts";

export interface RanksChartState {
  runs: readonly RunView[];
  split: Split;
  /** By which the split is scored; null where that is not known. */
  metric: string | null;
  references: ReferenceScores;
  scale: Scale;
  theme: ChartTheme;
  texts: Texts;
}

interface Group extends Spread {
  /** On the horizontal axis. */
  place: number;
  label: string;
  /** Its ranks are joined: they differ in nothing else. Null where it has no rank. */
  family: string | null;
  /** Where the bar of its deviation ends. */
  reach: [low: number, high: number];
  /** How far left of its runs it is drawn, in pixels. */
  aside: number;
  highest: number;
  lowest: number;
  /** No other mean is as cheap and better. */
  isFront: boolean;
}

/** Means are drawn this far beside their runs, and beside each other, in pixels, so that none hides another. */
const aside = 14;

interface Line {
  value: number;
  label: string;
  color: string;
  dash: number[];
}

/** In pixels. */
interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

function overlap(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

type Dataset = ChartDataset<"scatter", Point[]> & { run: RunView };

export class RanksChart {
  private readonly chart: Chart<"scatter", Point[]>;
  private groups: Group[] = [];
  private lines: Line[] = [];
  /** References too far below or above to be drawn without squeezing the runs together. */
  private outside: Line[] = [];
  private texts: Texts | undefined;
  private theme: ChartTheme | undefined;
  private metric: string | null = null;
  private readonly fixed: object;

  /** @param fixed options of chart.js in place of those for the screen */
  constructor(canvas: HTMLCanvasElement, fixed: object = {}) {
    this.fixed = fixed;
    const plugin: Plugin<"scatter"> = {
      id: "summary",
      beforeDatasetsDraw: () => this.drawLines(),
      afterDatasetsDraw: () => this.drawGroups(),
    };
    this.chart = new Chart(canvas, {
      type: "scatter",
      data: { datasets: [] },
      options: { ...baseOptions(), ...fixed } as object,
      plugins: [plugin],
    });
  }

  destroy(): void {
    this.chart.destroy();
  }

  update({ runs, split, metric, references, scale, theme, texts }: RanksChartState): void {
    this.theme = theme;
    this.texts = texts;
    this.metric = metric;
    const placed = placedRuns(runs, split, scale);
    const placeOf = new Map(placed.map(({ run, place }) => [run, place]));
    const shown = placed.map(({ run }) => run);
    const besides = new Map<number, number>();
    this.groups = membersOfGroups(shown).map((members) => {
      const first = members[0]!;
      const scores = members.map((run) => scoreOf(run, split)!);
      const spread = spreadOfGroup(compareGroup(members, seedRunOf), split)!;
      const { name, difference, family } = first.group;
      const place = placeOf.get(first)!;
      const beside = (besides.get(place) ?? 0) + 1;
      besides.set(place, beside);
      const isNamedAfterRank = first.rank !== null && name === `${first.method}-r${first.rank}`;
      return {
        ...spread,
        reach: reachOf(spread, metric),
        aside: beside * aside,
        highest: Math.max(...scores),
        lowest: Math.min(...scores),
        isFront: false,
        place,
        family: first.rank === null ? null : family,
        label: groupTitle({ name: isNamedAfterRank ? `r=${first.rank}` : name, difference }),
      };
    });
    if (scale.isCost) {
      const costs = this.groups.map(({ place, mean }) => ({ cost: place, score: mean }));
      paretoFront(costs, metric).forEach((isFront, index) => {
        this.groups[index]!.isFront = isFront;
      });
    }
    this.lines = this.linesOf(scoredRuns(runs, split), split, references, theme, texts);
    this.chart.data.datasets = placed.map(({ run, place }) => this.dataset(run, place, split, theme));
    this.chart.options = { ...this.options(metric, scale, theme, texts), ...this.fixed } as object;
    this.chart.update("none");
  }

  /** The runs whose points lie there, in pixels of the canvas, the nearest first; they are drawn larger until others lie there. */
  pointAt(at: { x: number; y: number } | undefined): RunView[] {
    const event = { type: "mousemove", native: null, ...at } as unknown as Event; // as chart.js makes of the browser's
    const found = at ? this.chart.getElementsAtEventForMode(event, "point", { intersect: true }, false) : [];
    const active = this.chart.getActiveElements();
    const isSame =
      found.length === active.length && found.every(({ element }, index) => element === active[index]!.element);
    if (!isSame) {
      this.chart.setActiveElements(found.map(({ datasetIndex, index }) => ({ datasetIndex, index })));
      this.chart.draw();
    }
    const distance = ({ element }: (typeof found)[number]) => Math.hypot(element.x - at!.x, element.y - at!.y);
    return found
      .sort((a, b) => distance(a) - distance(b))
      .map(({ datasetIndex }) => (this.chart.data.datasets[datasetIndex] as Dataset).run);
  }

  private dataset(run: RunView, place: number, split: Split, theme: ChartTheme): Dataset {
    const marks = marksOf(run);
    const color = theme.series[marks.color]!;
    return {
      run,
      data: [{ x: place, y: scoreOf(run, split)! }],
      borderColor: color,
      pointBackgroundColor: fade(color, 0.35),
      pointBorderWidth: 1.5,
      pointStyle: marks.point,
      pointRadius: 5,
      pointHoverRadius: 7,
      clip: 8, // a point at the end of the axis is drawn whole
    };
  }

  private linesOf(
    runs: readonly RunView[],
    split: Split,
    references: ReferenceScores,
    theme: ChartTheme,
    texts: Texts,
  ): Line[] {
    const lines: Line[] = [];
    const add = (value: number | null | undefined, label: string, color: string, dash: number[]) => {
      if (value !== null && value !== undefined && Number.isFinite(value)) lines.push({ value, label, color, dash });
    };
    const baseline = runs.find((run) => run.baseline);
    const [reference, ...others] = membersOfGroups(runs.filter(({ isReference }) => isReference));
    if (baseline) add(scoreOf(baseline, split), `${texts.t("referenceBaseline")}: ${baseline.name}`, theme.focus, []);
    else if (reference && others.length === 0) {
      const mean = spreadOfGroup(compareGroup(reference, seedRunOf), split)?.mean;
      add(mean, texts.t("referenceMethod", reference[0]!.group.name), fade(theme.foreground, 0.7), [8, 4]);
    }
    // Measured on the test split, and so only to be compared with test scores.
    if (split === "test") {
      add(references.majority, texts.t("referenceMajority"), fade(theme.foreground, 0.55), [2, 3]);
      add(references.unprompted, texts.t("referenceUnprompted"), fade(theme.foreground, 0.55), [2, 3]);
      add(
        references.unpromptedAmongLabels,
        texts.t("referenceUnpromptedAmongLabels"),
        fade(theme.foreground, 0.55),
        [2, 3],
      );
    }
    return lines;
  }

  private options(metric: string | null, scale: Scale, theme: ChartTheme, texts: Texts) {
    const dress = dressScale(theme);
    const places = [...new Set(this.groups.map((group) => group.place))].sort((a, b) => a - b);
    const placeText = (value: number) => (scale.setting === null ? texts.count(value) : String(value));
    const placeName = scale.setting ?? texts.t("trainedParameters");
    const scores = [
      ...this.chart.data.datasets.flatMap(({ data }) => data.map(({ y }) => y)),
      ...this.groups.flatMap(({ reach }) => reach),
    ];
    let [low, high] = [Math.min(...scores), Math.max(...scores)];
    // The differences between the runs are what the chart is for.
    const reach = Math.max(0.04, high - low);
    const near = ({ value }: Line) => value >= low - reach && value <= high + reach;
    this.outside = this.lines.filter((line) => !near(line));
    this.lines = this.lines.filter(near);
    low = Math.min(low, ...this.lines.map(({ value }) => value));
    high = Math.max(high, ...this.lines.map(({ value }) => value));
    return {
      ...baseOptions(),
      layout: { padding: { top: 14, right: 18, bottom: 0, left: 0 } },
      scales: {
        x: {
          ...dress,
          type: "logarithmic",
          min: (places[0] ?? 1) / 1.7,
          max: (places.at(-1) ?? 10) * 1.7,
          grid: { ...dress.grid, color: "transparent" },
          // Where the runs are, as far as the numbers have room.
          afterBuildTicks: (axis: { ticks: { value: number }[]; width: number; min: number; max: number }) => {
            const perPixel = Math.log(axis.max / axis.min) / Math.max(1, axis.width);
            let last = Number.NEGATIVE_INFINITY;
            axis.ticks = places
              .filter((value) => {
                const place = Math.log(value) / perPixel;
                if (place - last < 56) return false;
                last = place;
                return true;
              })
              .map((value) => ({ value }));
          },
          ticks: { ...dress.ticks, autoSkip: false, callback: (value: number | string) => placeText(Number(value)) },
          title: { ...dress.title, display: true, text: placeName, padding: { top: 4 } },
        },
        y: {
          ...dress,
          type: "linear",
          ...scoreAxis(metric, { low, high }, 0.12),
          afterFit: fitWidth,
          ticks: {
            ...dress.ticks,
            maxTicksLimit: 8,
            includeBounds: false,
            callback: (value: number | string) => texts.scoreTick(metric, Number(value)),
          },
        },
      },
    };
  }

  private drawLines(): void {
    const theme = this.theme;
    if (!theme) return; // chart.js draws an empty chart while it is made
    const { ctx, chartArea, scales } = this.chart;
    if (!scales.y) return;
    ctx.save();
    ctx.font = `${theme.fontSize}px ${theme.font}`;
    const height = theme.fontSize + 3;
    const taken: Box[] = this.marks();
    const byValue = [...this.lines].sort((a, b) => b.value - a.value);
    for (const { value, label, color, dash } of byValue) {
      const y = Math.round(scales.y.getPixelForValue(value)) + 0.5;
      ctx.strokeStyle = color;
      ctx.lineWidth = 1;
      ctx.setLineDash(dash);
      ctx.beginPath();
      ctx.moveTo(chartArea.left, y);
      ctx.lineTo(chartArea.right, y);
      ctx.stroke();
      // Above its line or below, from the left to the right, farther off where need be: where nothing else is.
      const text = `${label} ${this.texts?.score(this.metric, value)}`;
      const { width } = ctx.measureText(text);
      const [first, last] = [chartArea.left + 6, chartArea.right - 6 - width];
      const xs = [first, last, (first + last) / 2, (3 * first + last) / 4, (first + 3 * last) / 4];
      const places = [y - 4, y + height, y - 4 - height, y + 2 * height].flatMap((bottom) =>
        xs.map((x): Box => ({ left: x, right: x + width, top: bottom - height, bottom })),
      );
      const inside = places.filter(({ top, bottom }) => top >= 0 && bottom <= chartArea.bottom);
      const free = inside.find((place) => !taken.some((other) => overlap(place, other))) ?? places[0]!;
      taken.push(free);
      ctx.textAlign = "left";
      this.write(text, free.left, free.bottom, theme.muted);
    }
    this.drawOutside();
    this.drawCurve();
    this.drawFront();
    ctx.restore();
  }

  /** Where the runs and the names of their groups are, about. */
  private marks(): Box[] {
    const { x, y } = this.chart.scales;
    return this.groups.map(({ place: at, reach, aside: beside, highest, lowest }) => {
      const place = x!.getPixelForValue(at);
      const [top, bottom] = [Math.max(highest, reach[1]), Math.min(lowest, reach[0])];
      return {
        left: place - beside - 15,
        right: place + 15,
        top: y!.getPixelForValue(top) - 24,
        bottom: y!.getPixelForValue(bottom) + 8,
      };
    });
  }

  /** At the lower edge, with their values: an arrow says where they are. */
  private drawOutside(): void {
    const { ctx, chartArea, scales } = this.chart;
    if (!this.outside.length || !this.theme || !this.texts || !scales.y) return;
    const middle = (scales.y.min + scales.y.max) / 2;
    ctx.textAlign = "right";
    const parts = [...this.outside]
      .sort((a, b) => b.value - a.value)
      .map(({ label, value }) => `${value < middle ? "↓" : "↑"} ${label} ${this.texts!.score(this.metric, value)}`);
    // As many lines as the width asks for, from the bottom up.
    const rows: string[] = [];
    for (const part of parts) {
      const joined = rows.length ? `${rows.at(-1)}     ${part}` : part;
      if (rows.length && ctx.measureText(joined).width <= chartArea.width - 12) rows[rows.length - 1] = joined;
      else rows.push(part);
    }
    rows.reverse().forEach((row, index) => {
      const y = chartArea.bottom - 6 - index * (this.theme!.fontSize + 4);
      this.write(row, chartArea.right - 4, y, this.theme!.muted);
    });
  }

  /** Text that stays readable over lines. */
  private write(text: string, x: number, y: number, color: string): void {
    const { ctx } = this.chart;
    ctx.save();
    ctx.setLineDash([]);
    ctx.lineJoin = "round";
    ctx.lineWidth = 4;
    ctx.strokeStyle = this.theme?.background ?? "transparent";
    ctx.strokeText(text, x, y);
    ctx.fillStyle = color;
    ctx.fillText(text, x, y);
    ctx.restore();
  }

  /** Joins the means of ranks that differ in nothing else: how the score grows with what is trained. */
  private drawCurve(): void {
    const { ctx, scales } = this.chart;
    if (!this.theme) return;
    ctx.strokeStyle = fade(this.theme.foreground, 0.35);
    ctx.lineWidth = 1.25;
    ctx.setLineDash([]);
    const families = new Set(this.groups.flatMap(({ family }) => family ?? []));
    for (const name of families) {
      const ranks = this.groups.filter(({ family }) => family === name).sort((a, b) => a.place - b.place);
      ctx.beginPath();
      for (const { place, mean, aside: beside } of ranks) {
        ctx.lineTo(scales.x!.getPixelForValue(place) - beside, scales.y!.getPixelForValue(mean));
      }
      ctx.stroke();
    }
  }

  /** What is paid for the best there is so far, in steps: between two means there is nothing better than the one on the left. */
  private drawFront(): void {
    const { ctx, scales, chartArea } = this.chart;
    if (!this.theme) return;
    const front = this.groups.filter(({ isFront }) => isFront).sort((a, b) => a.place - b.place);
    this.chart.canvas.dataset.front = JSON.stringify(front.map(({ label }) => label)); // for tests
    if (front.length === 0) return;
    ctx.strokeStyle = fade(this.theme.foreground, 0.7);
    ctx.lineWidth = 2;
    ctx.setLineDash([2, 3]);
    ctx.beginPath();
    let height: number | undefined;
    for (const { place, mean, aside: beside } of front) {
      const [x, y] = [scales.x!.getPixelForValue(place) - beside, scales.y!.getPixelForValue(mean)];
      if (height === undefined) ctx.moveTo(x, y);
      else ctx.lineTo(x, height);
      ctx.lineTo(x, y);
      height = y;
    }
    ctx.lineTo(chartArea.right, height!);
    ctx.stroke();
    ctx.setLineDash([]);
  }

  private drawGroups(): void {
    const theme = this.theme;
    if (!theme) return;
    const { ctx, scales, chartArea } = this.chart;
    if (!scales.x || !scales.y) return;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = theme.foreground;
    ctx.lineWidth = 1.5;
    ctx.font = `600 ${theme.fontSize}px ${theme.font}`;
    ctx.textAlign = "center";
    const written: Box[] = [];
    for (const { place, mean, deviation, reach, aside: beside, label, highest, lowest } of this.groups) {
      const isFarOff = beside > aside;
      const x = Math.round(scales.x.getPixelForValue(place)) + 0.5 - beside;
      const y = scales.y.getPixelForValue(mean);
      const [bottom, top] = reach.map((value) => scales.y!.getPixelForValue(value));
      ctx.beginPath();
      ctx.moveTo(x - 7, y);
      ctx.lineTo(x + 7, y);
      if (deviation !== undefined) {
        ctx.moveTo(x, top!);
        ctx.lineTo(x, bottom!);
        for (const end of [top!, bottom!]) {
          ctx.moveTo(x - 4, end);
          ctx.lineTo(x + 4, end);
        }
      }
      ctx.stroke();
      const above = Math.min(top!, scales.y.getPixelForValue(highest)) - 10;
      const under = Math.max(bottom!, scales.y.getPixelForValue(lowest)) + 20;
      const half = ctx.measureText(label).width / 2;
      const height = theme.fontSize + 3;
      const boxAt = (middle: number, y: number): Box => {
        return { left: middle - half, right: middle + half, top: y - height, bottom: y };
      };
      const aboveOrUnder = [0, 1, 2, 3, 4].flatMap((k) => [above - k * height, under + k * height]);
      const places = aboveOrUnder.map((bottom) => boxAt(x + aside / 2, bottom));
      // Where other means are drawn between it and its runs, at its own side.
      if (isFarOff) places.unshift(boxAt(x - 12 - half, y + 4));
      const inside = places.filter(({ left, top, bottom }) => left >= 0 && top >= 0 && bottom <= chartArea.bottom);
      // One that has no room is left out: its runs say under the pointer whose they are.
      const free = inside.find((box) => !written.some((other) => overlap(box, other)));
      if (!free) continue;
      written.push(free);
      this.write(label, free.left + half, free.bottom, theme.foreground);
    }
    this.chart.canvas.dataset.labels = JSON.stringify(written); // for tests: none lies over another
    ctx.restore();
  }
}
