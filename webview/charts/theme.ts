/** @file Colours and type of the charts, out of VS Code's theme; a canvas does not follow CSS by itself. */
import { fade, legible } from "./color.ts";

export interface ChartTheme {
  /** blue, red, green, orange, yellow, purple: the order of `RunView.color`. */
  series: readonly string[];
  foreground: string;
  muted: string;
  grid: string;
  background: string;
  focus: string;
  font: string;
  fontSize: number;
  highContrast: boolean;
}

const seriesNames = ["blue", "red", "green", "orange", "yellow", "purple"] as const;
const ownOrange = "--vscode-ulpt-seriesOrange";
const otherwise = ["#3794ff", "#f14c4c", "#89d185", "#d18616", "#cca700", "#b180d7"];

/** Text has to be told from what is behind it more easily than lines: WCAG 2.2, 1.4.3. */
const leastOfText = 4.5;

/** The six colours of the series, each with a contrast of 3 at least. @param read the value of the first of these that has one */
export function seriesColors(read: (...names: string[]) => string | undefined, background: string): string[] {
  return seriesNames.map((name, index) => {
    // The charts.orange of many themes is what marks a match of a search: see-through, and grey in some.
    const color = read(...(name === "orange" ? [ownOrange] : []), `--vscode-charts-${name}`) ?? otherwise[index]!;
    return legible(color, background);
  });
}

export function readTheme(): ChartTheme {
  const style = getComputedStyle(document.body);
  const read = (...names: string[]) => names.map((name) => style.getPropertyValue(name).trim()).find(Boolean);
  const highContrast = /vscode-high-contrast/.test(document.body.className);
  const background = read("--vscode-editor-background") ?? "#1e1e1e";
  const foreground = legible(
    read("--vscode-editor-foreground", "--vscode-foreground") ?? "#cccccc",
    background,
    leastOfText,
  );
  const muted = highContrast ? foreground : (read("--vscode-descriptionForeground") ?? foreground);
  return {
    series: seriesColors(read, background),
    foreground,
    muted: legible(muted, background, leastOfText),
    grid: fade(foreground, highContrast ? 0.2 : 0.1),
    background,
    focus: legible(read("--vscode-focusBorder") ?? foreground, background),
    font: read("--vscode-font-family") ?? "sans-serif",
    fontSize: Math.max(10, Number.parseFloat(read("--vscode-font-size") ?? "13") - 2),
    highContrast,
  };
}

/** Gives the page the colours of the charts: its legends and marks have the same. */
export function shareTheme({ series }: ChartTheme): void {
  series.forEach((color, index) => {
    document.body.style.setProperty(`--series-${index}`, color);
  });
}

/** Calls back whenever VS Code changes the theme: it rewrites the classes of body and the variables on html. */
export function onThemeChange(listener: () => void): void {
  const observer = new MutationObserver(listener);
  observer.observe(document.body, { attributeFilter: ["class", "data-vscode-theme-id"] });
  observer.observe(document.documentElement, { attributeFilter: ["style", "class"] });
}
