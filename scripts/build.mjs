/**
 * @file Bundles the runtime (dist/cli.js, dist/work.js and what they share), the extension (dist/extension.cjs) and its webviews.
 * onnxruntime-node stays outside: it finds its binary beside its own files. dist/bundles.json tells the packaging which files these
 * are and whose packages are in them.
 */
import { chmodSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));

/** zod brings its messages in fifty languages, a third of the bundle: those of English come by another way. */
const withoutLocales = {
  name: "without-locales",
  setup({ onLoad }) {
    onLoad({ filter: /zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({ contents: "export {}" }));
  },
};

const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: ["src/cli.ts", "src/work.ts"],
  outdir: "dist",
  bundle: true,
  // The main thread begins without what only a work thread needs. All in one folder: a file finds another beside itself.
  splitting: true,
  platform: "node",
  format: "esm",
  target: "node20",
  external: ["onnxruntime-node"],
  // The UMD builds of some packages hide their parts from bundlers.
  mainFields: ["module", "main"],
  plugins: [withoutLocales],
  // CommonJS packages inside an ES module still ask for require().
  banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
  sourcemap: true,
  metafile: true,
  logLevel: "warning",
});
chmodSync(`${root}dist/cli.js`, 0o755);
const runtime = new Set(Object.keys(metafile.outputs).map((path) => basename(path)));
for (const name of readdirSync(`${root}dist`)) {
  if (/\.js(\.map)?$/.test(name) && !runtime.has(name)) rmSync(`${root}dist/${name}`); // shared parts are named by what is in them
}
const bytes = Object.entries(metafile.outputs).map(([path, file]) => (path.endsWith(".js") ? file.bytes : 0));
console.log(`the runtime ${(bytes.reduce((sum, each) => sum + each, 0) / 1e6).toFixed(2)} MB`);

const extension = await build({
  absWorkingDir: root,
  entryPoints: ["src/extension.ts"],
  outfile: "dist/extension.cjs",
  bundle: true,
  platform: "node",
  format: "cjs", // what the extension host requires, though the package is of type module
  target: "node20",
  external: ["vscode"],
  define: { navigator: "undefined" }, // zod asks for it, and the extension host logs an error about whoever does
  mainFields: ["module", "main"],
  minify: true,
  plugins: [withoutLocales],
  keepNames: true, // class names are in the log
  sourcemap: true,
  metafile: true,
  logLevel: "warning",
});
const extensionBytes = Object.values(extension.metafile.outputs).find(({ entryPoint }) => entryPoint)?.bytes ?? 0;
console.log(`dist/extension.cjs ${(extensionBytes / 1e6).toFixed(2)} MB`);

const webview = await build({
  absWorkingDir: root,
  entryPoints: ["webview/panel.tsx", "webview/prompt.tsx", "webview/table.tsx"], // each brings the style sheets of its views
  outdir: "dist/webview",
  bundle: true,
  platform: "browser",
  format: "iife",
  target: "chrome128", // VS Code 1.96
  minify: true,
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
});
for (const [path, { bytes }] of Object.entries(webview.metafile.outputs))
  console.log(`${path} ${(bytes / 1e3).toFixed(0)} KB`);

/** What was made, and the folders of the packages whose code is in it. */
const outputs = [metafile, extension.metafile, webview.metafile].flatMap(({ outputs }) => Object.entries(outputs));
const inputs = outputs.flatMap(([, output]) => Object.entries(output.inputs));
const packages = inputs.flatMap(([path, { bytesInOutput }]) => {
  const folder = /^.*node_modules\/(@[^/]+\/)?[^/]+/.exec(path)?.[0];
  return folder && bytesInOutput > 0 ? [folder] : [];
});
const bundles = {
  files: outputs.map(([path]) => path).filter((path) => !path.endsWith(".map")),
  packages: [...new Set(packages)].sort(),
};
writeFileSync(`${root}dist/bundles.json`, JSON.stringify(bundles, null, 2));
