/** @file Numbers and texts as people read them, in the language of the page. */
import { isPercent, lossText, percentText } from "../src/metrics/kinds.ts";
import type { StringKey, Strings } from "../src/shared/panel.ts";
import { byteText, durationText } from "../src/words/numbers.ts";

export const none = "–";

/** `{0}`, `{1}`, … are places for values. */
export function fill(template: string, values: readonly (string | number)[]): string {
  return template.replaceAll(/\{(\d+)\}/g, (whole, index: string) => String(values[Number(index)] ?? whole));
}

export class Texts {
  private readonly strings: Partial<Strings>;
  private readonly whole: Intl.NumberFormat;
  private readonly percentTickFormat: Intl.NumberFormat;
  private readonly compactFormat: Intl.NumberFormat;
  private readonly language: string;

  constructor(strings: Partial<Strings>, language: string) {
    this.strings = strings;
    this.language = supported(language);
    this.whole = new Intl.NumberFormat(this.language, { maximumFractionDigits: 0 });
    this.percentTickFormat = new Intl.NumberFormat(this.language, { maximumFractionDigits: 1 });
    this.compactFormat = new Intl.NumberFormat(this.language, { notation: "compact", maximumFractionDigits: 1 });
  }

  t(key: StringKey, ...values: (string | number)[]): string {
    return fill(this.strings[key] ?? key, values);
  }

  count(value: number | null): string {
    return value === null ? none : this.whole.format(value);
  }

  /** 12345 → `12.3K` */
  compact(value: number): string {
    return Math.abs(value) < 10_000 ? this.whole.format(value) : this.compactFormat.format(value);
  }

  percent(fraction: number | null): string {
    return fraction === null || !Number.isFinite(fraction) ? none : percentText(fraction);
  }

  /** A small part of a whole: 0.0000123 → `0.0012 %` */
  share(fraction: number): string {
    if (!Number.isFinite(fraction)) return none;
    return `${new Intl.NumberFormat(this.language, { maximumSignificantDigits: 2 }).format(100 * fraction)} %`;
  }

  /** Three significant digits: 0.213, 1.25, 12.5, 1,250 */
  milliseconds(value: number): string {
    return new Intl.NumberFormat(this.language, { maximumSignificantDigits: value < 1000 ? 3 : 4 }).format(value);
  }

  /** By a metric: in percent, or as a loss. */
  score(metric: string | null, score: number | null): string {
    return isPercent(metric) ? this.percent(score) : this.loss(score);
  }

  /** As on an axis: no more digits than needed. */
  percentTick(fraction: number): string {
    return `${this.percentTickFormat.format(100 * fraction)} %`;
  }

  scoreTick(metric: string | null, score: number): string {
    return isPercent(metric) ? this.percentTick(score) : String(Number(score.toPrecision(4)));
  }

  loss(value: number | null): string {
    if (value === null) return none;
    return Number.isFinite(value) ? lossText(value) : "NaN";
  }

  bytes(value: number): string {
    return byteText(value);
  }

  /** A moment, from `2026-11-23T15:43:35.842Z`. */
  moment(iso: string): string {
    const date = new Date(iso);
    if (Number.isNaN(date.getTime())) return iso;
    return new Intl.DateTimeFormat(this.language, { dateStyle: "medium", timeStyle: "short" }).format(date);
  }
}

function supported(language: string): string {
  try {
    return Intl.NumberFormat.supportedLocalesOf(language)[0] ?? "en";
  } catch {
    return "en";
  }
}

export function duration(seconds: number | null): string {
  return seconds === null || !Number.isFinite(seconds) ? none : durationText(seconds);
}

const timeSteps = [
  0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400,
];

/** Where to write times on an axis: round minutes and hours, not round tens of seconds. */
export function timeTicks(min: number, max: number, most: number): number[] {
  const span = max - min;
  const step = timeSteps.find((candidate) => span / candidate <= most) ?? Math.ceil(span / most / 86_400) * 86_400;
  const ticks: number[] = [];
  for (let index = Math.ceil(min / step); index * step <= max + step * 1e-9; index++) ticks.push(index * step);
  return ticks;
}
