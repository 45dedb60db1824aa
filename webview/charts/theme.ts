/** @file Colours and type of the charts, out of VS Code's theme; a canvas does not follow CSS by itself. */

export interface ChartTheme {
  /** blue, red, green, orange, yellow, purple: the order of `RunView.color`. */
  series: readonly string[];
  foreground: string;
  muted: string;
  grid: string;
  background: string;
  focus: string;
  tooltip: { background: string; foreground: string; border: string };
  font: string;
  fontSize: number;
  highContrast: boolean;
}

const seriesNames = ["blue", "red", "green", "orange", "yellow", "purple"] as const;
const ownOrange = "--vscode-ulpt-seriesOrange";
const otherwise = ["#3794ff", "#f14c4c", "#89d185", "#d18616", "#cca700", "#b180d7"];

export function readTheme(): ChartTheme {
  const style = getComputedStyle(document.body);
  const read = (...names: string[]) => names.map((name) => style.getPropertyValue(name).trim()).find(Boolean);
  const highContrast = /vscode-high-contrast/.test(document.body.className);
  const foreground = read("--vscode-editor-foreground", "--vscode-foreground") ?? "#cccccc";
  const background = read("--vscode-editor-background") ?? "#1e1e1e";
  const border = read("--vscode-contrastBorder", "--vscode-editorHoverWidget-border") ?? foreground;
  return {
    // High contrast themes have no charts.orange: the extension brings one.
    series: seriesNames.map(
      (name, index) => read(...(name === "orange" ? [ownOrange] : []), `--vscode-charts-${name}`) ?? otherwise[index]!,
    ),
    foreground,
    muted: highContrast ? foreground : (read("--vscode-descriptionForeground") ?? foreground),
    grid: fade(foreground, highContrast ? 0.2 : 0.1),
    background,
    focus: read("--vscode-focusBorder") ?? foreground,
    tooltip: {
      background: read("--vscode-editorHoverWidget-background") ?? background,
      foreground: read("--vscode-editorHoverWidget-foreground") ?? foreground,
      border,
    },
    font: read("--vscode-font-family") ?? "sans-serif",
    fontSize: Math.max(10, Number.parseFloat(read("--vscode-font-size") ?? "13") - 2),
    highContrast,
  };
}

/** Calls back whenever VS Code changes the theme: it rewrites the classes of body and the variables on html. */
export function onThemeChange(listener: () => void): void {
  const observer = new MutationObserver(listener);
  observer.observe(document.body, { attributeFilter: ["class", "data-vscode-theme-id"] });
  observer.observe(document.documentElement, { attributeFilter: ["style", "class"] });
}

const painter = document.createElement("canvas").getContext("2d");

/** The colour with an opacity; any CSS colour. */
export function fade(color: string, opacity: number): string {
  if (!painter) return color;
  painter.fillStyle = "#000";
  painter.fillStyle = color; // reads back as #rrggbb or rgba(…)
  const normal = painter.fillStyle;
  const hex = /^#(..)(..)(..)$/.exec(normal);
  if (hex) return `rgba(${hex.slice(1).map((pair) => Number.parseInt(pair, 16))}, ${opacity})`;
  const [r = 0, g = 0, b = 0, a = 1] = (normal.match(/[\d.]+/g) ?? []).map(Number);
  return `rgba(${r}, ${g}, ${b}, ${a * opacity})`;
}
