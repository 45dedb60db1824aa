/**
 * @file The colours of every theme that ships with VS Code, as far as charts use them, for the test of their contrast: out of the
 * theme files of code-server (test/e2e/support/install.ts has it fetched), with VS Code's own defaults for what a theme leaves out.
 *
 *   tsx scripts/shippedThemes.ts   writes webview/test/shippedThemes.json
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parse } from "jsonc-parser";
import { prepare } from "../test/e2e/support/install.ts";

const kinds = { vs: "light", "vs-dark": "dark", "hc-black": "highContrast", "hc-light": "highContrastLight" } as const;
type Kind = (typeof kinds)[keyof typeof kinds];

type Default = string | readonly [dark: string, light: string, highContrast: string, highContrastLight: string];

/** Of the workbench's registry; a name stands for that colour of the theme. */
const defaults: Readonly<Record<string, Default>> = {
  "editor.background": ["#1E1E1E", "#ffffff", "#000000", "#ffffff"],
  foreground: ["#CCCCCC", "#616161", "#FFFFFF", "#292929"],
  "editor.foreground": ["#BBBBBB", "#333333", "#ffffff", "foreground"],
  "editorInfo.foreground": ["#59a4f9", "#0063d3", "#59a4f9", "#0063d3"],
  "editorError.foreground": ["#F14C4C", "#E51400", "#F48771", "#B5200D"],
  "editorWarning.foreground": ["#CCA700", "#BF8803", "#FFD370", "#895503"],
  "editor.findMatchHighlightBackground": ["#EA5C0055", "#EA5C0055", "", ""],
  "minimap.findMatchHighlight": "editor.findMatchHighlightBackground",
  "charts.blue": "editorInfo.foreground",
  "charts.red": "editorError.foreground",
  "charts.green": ["#89D185", "#388A34", "#89D185", "#374e06"],
  "charts.orange": "minimap.findMatchHighlight",
  "charts.yellow": "editorWarning.foreground",
  "charts.purple": ["#B180D7", "#652D90", "#B180D7", "#652D90"],
};
const order: readonly Kind[] = ["dark", "light", "highContrast", "highContrastLight"];

const given = ["editor.background", "editor.foreground", "foreground"] as const;
const charts = ["blue", "red", "green", "orange", "yellow", "purple"].map((name) => `charts.${name}`);

/** What a theme file says, and those that it includes; the nearest counts. */
function colorsOf(path: string): Record<string, string> {
  const { include, colors } = parse(readFileSync(path, "utf8")) as {
    include?: string;
    colors?: Record<string, string>;
  };
  return { ...(include ? colorsOf(join(dirname(path), include)) : {}), ...colors };
}

function resolve(name: string, colors: Readonly<Record<string, string>>, kind: Kind): string {
  const own = defaults[name]!;
  const value = colors[name] ?? (typeof own === "string" ? own : own[order.indexOf(kind)]!);
  return value in defaults ? resolve(value, colors, kind) : value;
}

const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  contributes: { colors: { id: string; defaults: Record<Kind, string> }[] };
};
const ourOwn = manifest.contributes.colors;

const { server, reason } = prepare();
if (!server) throw new Error(reason);
const extensions = join(dirname(server.entry), "../../lib/vscode/extensions");
const themes = readdirSync(extensions)
  .filter((name) => name.startsWith("theme-"))
  .flatMap((folder) => {
    const { contributes } = JSON.parse(readFileSync(join(extensions, folder, "package.json"), "utf8")) as {
      contributes?: { themes?: { id: string; uiTheme: keyof typeof kinds; path: string }[] };
    };
    return (contributes?.themes ?? []).map(({ id, uiTheme, path }) => {
      const colors = colorsOf(join(extensions, folder, path));
      const kind = kinds[uiTheme];
      const named = [...given, ...charts].map((name) => [name, resolve(name, colors, kind)] as const);
      const ours = ourOwn.map((color) => [color.id, color.defaults[kind]] as const);
      return { id, kind, colors: Object.fromEntries([...named, ...ours].filter(([, value]) => value !== "")) };
    });
  });
const file = new URL("../webview/test/shippedThemes.json", import.meta.url);
writeFileSync(file, `${JSON.stringify(themes, null, 2)}\n`);
console.log(`${themes.length} themes`);
