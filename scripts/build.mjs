/** @file Bundles the runtime into dist/cli.js. onnxruntime-node stays outside: it finds its binary beside its own files. */
import { chmodSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const outfile = `${root}dist/cli.js`;
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: ["src/cli.ts"],
  outfile,
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  external: ["onnxruntime-node"],
  // The UMD builds of some packages hide their parts from bundlers.
  mainFields: ["module", "main"],
  // CommonJS packages inside an ES module still ask for require().
  banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
  sourcemap: true,
  metafile: true,
  logLevel: "warning",
});
chmodSync(outfile, 0o755);
const bytes = Object.values(metafile.outputs).find(({ entryPoint }) => entryPoint)?.bytes ?? 0;
console.log(`dist/cli.js ${(bytes / 1e6).toFixed(2)} MB`);
