/**
 * @file The house of the project: which folder of src/ may import which, and which file alone may put text on a surface. These
 * tables are the one source; they write the lint rules (`overrides` of biome.json), so that a breach fails `npm run check`.
 *
 *   tsx scripts/arrows.ts          writes biome.json
 *   tsx scripts/arrows.ts --check  fails if biome.json is out of date
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

/** Folder → folders it may import besides itself. `errors.ts` is open to everybody. */
const arrows: Record<string, readonly string[]> = {
  words: [],
  formats: [],
  random: [],
  statistics: ["random"],
  graph: [],
  models: ["graph", "formats"],
  prompts: ["graph", "random", "models", "experiment"], // of models and experiment the ports and the settings of methods
  metrics: ["statistics", "random"],
  tasks: ["metrics", "formats", "random", "words"],
  fetching: ["formats", "words"],
  cuda: ["fetching", "formats", "words"],
  hub: ["fetching", "formats", "words"],
  experiment: ["tasks", "metrics", "random", "words"],
  runs: ["experiment", "formats", "metrics", "statistics", "words"],
  results: ["runs", "experiment", "metrics", "statistics"], // of runs types only: the webview imports it
  listing: ["results", "runs"],
  paper: ["results", "runs", "experiment", "tasks", "metrics", "statistics", "words"],
  training: [
    "graph",
    "models",
    "prompts",
    "metrics",
    "tasks",
    "hub",
    "results",
    "listing",
    "runs",
    "experiment",
    "formats",
    "random",
    "statistics",
    "words",
  ],
  launch: ["runs", "experiment", "formats", "words"],
  shared: ["cuda", "results", "runs", "tasks"], // types only: the webview imports it
  host: [
    "results",
    "listing",
    "runs",
    "launch",
    "shared",
    "experiment",
    "tasks",
    "metrics",
    "paper",
    "statistics",
    "formats",
    "words",
  ],
  cli: [
    "graph",
    "models",
    "prompts",
    "metrics",
    "tasks",
    "hub",
    "fetching",
    "cuda",
    "training",
    "paper",
    "results",
    "listing",
    "runs",
    "launch",
    "shared",
    "experiment",
    "formats",
    "random",
    "statistics",
    "words",
  ],
};

/** Folders that the webview runs as well: nothing of Node.js, and of these rooms types alone. */
const pureRooms: Record<string, readonly string[]> = { results: ["runs"] };

/** Packages that only one folder may import. */
const packageRooms: Record<string, readonly string[]> = {
  "onnxruntime-node": ["graph"],
  "onnxruntime-common": ["graph"],
  protobufjs: ["graph", "models"],
  "oniguruma-to-es": ["models"],
  "@huggingface/hub": ["hub"],
  undici: ["fetching"],
  yauzl: ["cuda"],
  "proxy-from-env": ["fetching"],
  yaml: ["hub"],
  hyparquet: ["tasks"],
  "hyparquet-compressors": ["tasks"],
  vscode: ["host"],
  commander: ["cli"],
  "cli-progress": ["cli"],
  "string-width": ["cli"],
  "wrap-ansi": ["cli"],
};

/**
 * Where text is shown, and the files that alone may show it there: they prepare what comes from files (src/words/surfaces.ts).
 * An entry without `object` means that property of anything.
 */
const surfaces: readonly { object?: string; properties: readonly string[]; keeper: string; instead: string }[] = [
  {
    object: "process",
    properties: ["stdout", "stderr"],
    keeper: "src/cli/terminal.ts",
    instead: "Print with `say`, `sayJson` or `complain` of src/cli/terminal.ts.",
  },
  {
    properties: [
      ...["showInformationMessage", "showWarningMessage", "showErrorMessage", "setStatusBarMessage", "withProgress"],
      ...["showQuickPick", "createQuickPick", "showInputBox", "createInputBox", "createStatusBarItem"],
      ...["createOutputChannel", "TreeItem", "Diagnostic", "InlayHint", "MarkdownString", "appendMarkdown"],
      ...["supportHtml", "supportThemeIcons"],
    ],
    keeper: "src/host/window/window.ts",
    instead: "Show it through src/host/window/window.ts, which prepares text from files.",
  },
  {
    properties: ["insertAdjacentHTML", "setHTMLUnsafe", "createContextualFragment"],
    keeper: "webview/render.ts",
    instead: "Draw components (webview/render.ts): their text is never HTML.",
  },
];

const keepers = surfaces.map(({ keeper }) => keeper);

const surfaceOverrides: unknown[] = [
  {
    includes: ["src/**", "webview/**", "!**/*.test.ts", "!webview/test/**", ...keepers.map((file) => `!${file}`)],
    linter: {
      rules: {
        suspicious: { noConsole: "error" },
        nursery: {
          noJsRestrictedProperties: {
            level: "error",
            options: {
              entries: surfaces.flatMap(({ object, properties, instead }) =>
                properties.map((property) => ({ ...(object ? { object } : {}), property, message: instead })),
              ),
            },
          },
        },
      },
    },
  },
];

const rooms = Object.keys(arrows);

const source = new URL("../src/", import.meta.url);

/** How deep files lie in a room: 1 in its folder, 2 in folders of that. A room's folders may be called as other rooms are. */
function depthsOf(room: string): number[] {
  const files = readdirSync(new URL(`${room}/`, source), { recursive: true, encoding: "utf8" });
  const depths = files.filter((name) => name.endsWith(".ts")).map((name) => name.split(/[\\/]/).length);
  return [...new Set(depths)].sort();
}

function overrideFor(room: string, depth: number): unknown {
  const open = new Set([room, ...arrows[room]!]);
  const closedRooms = rooms.filter((other) => !open.has(other));
  const closedPackages = Object.keys(packageRooms).filter((name) => !packageRooms[name]!.includes(room));
  return {
    includes: [`src/${room}/${"*/".repeat(depth - 1)}*.ts`],
    linter: {
      rules: {
        style: {
          noRestrictedImports: {
            level: "error",
            options: {
              paths: Object.fromEntries(
                closedPackages.map((name) => [
                  name,
                  `Only src/${packageRooms[name]!.join(", src/")} may import ${name}.`,
                ]),
              ),
              patterns: [
                {
                  group: closedRooms.map((other) => `${"../".repeat(depth)}${other}/**`),
                  message: `src/${room} may import only: ${[...arrows[room]!, "errors"].join(", ")} (scripts/arrows.ts).`,
                },
                ...(room in pureRooms
                  ? [{ group: ["node:*", "node:*/**"], message: `src/${room} runs in the webview, without Node.js.` }]
                  : []),
              ],
            },
          },
        },
      },
    },
  };
}

/** Imports of more than types where only types may be, which no rule of biome tells. */
function impureImports(): string[] {
  return Object.entries(pureRooms).flatMap(([room, typesOf]) => {
    const folder = new URL(`${room}/`, source);
    const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
    return files.flatMap((name) => {
      const imports = readFileSync(new URL(name, folder), "utf8").matchAll(
        /^import (?!type )[^;]*? from "(?:\.\.\/)+(\w+)\//gm,
      );
      const impure = [...imports].filter(([, from]) => !name.endsWith(".test.ts") && typesOf.includes(from!));
      return impure.map(([text]) => `src/${room}/${name}: only types, by \`import type\`: ${text}…`);
    });
  });
}

const impure = impureImports();
if (impure.length > 0) {
  console.error(impure.join("\n"));
  process.exit(1);
}

const file = new URL("../biome.json", import.meta.url);
const before = readFileSync(file, "utf8");
const config = JSON.parse(before) as Record<string, unknown>;
config.overrides = [
  ...rooms.flatMap((room) => depthsOf(room).map((depth) => overrideFor(room, depth))),
  ...surfaceOverrides,
];
const after = `${JSON.stringify(config, null, 2)}\n`;
if (process.argv.includes("--check")) {
  if (JSON.stringify(JSON.parse(before)) !== JSON.stringify(config)) {
    console.error("biome.json does not match scripts/arrows.ts: run `npm run arrows`.");
    process.exit(1);
  }
} else {
  writeFileSync(file, after);
}
