/**
 * @file Every precision on webgpu without a GPU: `npm run webgpu`.
 *
 *   npm run webgpu [-- --root /var/tmp/ulpt-trixie]
 *
 * Mesa's Vulkan driver in software (lavapipe) has numbers of 16 bits, which the one of Chromium lacks; the engine takes Mesa 25, which
 * Debian 13 has. So a Debian 13 is made in a folder, once, and the embedded models are run inside it: loss, gradient and answers on
 * webgpu beside those of float32 on the cpu. As root on Linux, with debootstrap.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { table } from "../../src/cli/table.ts";
import type { Precision } from "../../src/models/quantize/recipe.ts";
import { cosine } from "../../test/support/cosine.ts";
import { type PrecisionCase, type PrecisionResult, runCase } from "../../test/support/deviceCase.ts";
import { causalModel, embeddedModel } from "../../test/support/workspace.ts";

const { values } = parseArgs({ options: { root: { type: "string", default: "/var/tmp/ulpt-trixie" } } });
const root = values.root;
const driver = "/usr/share/vulkan/icd.d/lvp_icd.json";
const repository = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

/** What a precision may take of the loss, and leaves of the gradient. */
const bounds: Readonly<Record<Precision, { lossDifference: number; cosine: number }>> = {
  float32: { lossDifference: 1e-5, cosine: 0.999999 },
  float16: { lossDifference: 1e-3, cosine: 0.999 },
  int8: { lossDifference: 0.01, cosine: 0.995 },
  int4: { lossDifference: 0.1, cosine: 0.85 },
};

function missing(): string | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0)
    return "it needs Linux and root, to go into another root";
  const found = (name: string) => spawnSync("sh", ["-c", `command -v ${name}`]).status === 0;
  if (!found("unshare")) return "there is no unshare (package util-linux)";
  if (!existsSync(join(root, driver)) && !found("debootstrap")) return "there is no debootstrap (package debootstrap)";
  return undefined;
}

function makeRoot(): void {
  if (existsSync(join(root, driver))) return;
  console.error(`a Debian 13 with Mesa's drivers is made in ${root}, about 1 GB, once`);
  const include = "--include=mesa-vulkan-drivers,libvulkan1";
  execFileSync("debootstrap", ["--variant=minbase", include, "trixie", root], {
    stdio: ["ignore", "ignore", "inherit"],
  });
}

/** What runs in a space of mounts of its own: they are gone with it. */
const script = `
  mount --bind "$2" "$1$2" && mount --bind "$3" "$1$3" && mount --bind "$4" "$1/node" && mount -t proc proc "$1/proc" &&
  exec chroot "$1" env -C "$2" VK_ICD_FILENAMES="$5" \\
    /node/bin/node --import "$2/node_modules/tsx/dist/esm/index.mjs" "$6" "$7"`;

/** Runs a script inside the other root, into which the repository, Node.js and a folder for weights are mounted meanwhile. */
function inRoot<Result>(program: string, given: unknown): Result {
  for (const at of [repository, cache, "node"]) mkdirSync(join(root, at), { recursive: true });
  const node = dirname(dirname(process.execPath));
  const args = [root, repository, cache, node, driver, program, JSON.stringify(given)];
  const { status, stdout, stderr } = spawnSync("unshare", ["--mount", "sh", "-c", script, "sh", ...args], {
    encoding: "utf8",
    timeout: 300_000,
  });
  if (status !== 0) throw new Error(`It ended with ${status}:\n${stderr}`);
  return JSON.parse(stdout) as Result;
}

const why = missing();
if (why !== undefined) {
  console.log(`Not tried: ${why}.`);
  process.exit(0);
}
makeRoot();
const cache = mkdtempSync(join(tmpdir(), "ulpt-webgpu-"));
try {
  const rows: string[][] = [];
  let failed = false;
  for (const [name, folder] of [
    ["embedded T5", embeddedModel],
    ["embedded Llama", causalModel],
  ] as const) {
    const wanted = await runCase({ folder, cache, precision: "float32", device: "cpu" });
    for (const [precision, bound] of Object.entries(bounds) as [Precision, (typeof bounds)[Precision]][]) {
      const given: PrecisionCase = { folder, cache, precision, device: "webgpu" };
      const found = inRoot<PrecisionResult>("test/support/deviceCase.ts", given);
      const lossDifference = Math.abs(found.loss / wanted.loss - 1);
      const likeness = cosine(found.gradient, wanted.gradient);
      const holds = lossDifference <= bound.lossDifference && likeness >= bound.cosine;
      const answers = JSON.stringify(found.answers) === JSON.stringify(wanted.answers) ? "the same" : "others";
      failed ||= !holds;
      rows.push([
        name,
        precision,
        lossDifference.toExponential(1),
        likeness.toFixed(6),
        answers,
        holds ? "" : "too far",
      ]);
    }
  }
  const head = ["model", "precision", "loss, relative difference", "dLoss/dE, cosine", "answers", ""];
  console.log(table(head, [2, 3], rows));
  const errors = Object.entries(inRoot<Record<string, number>>("scripts/webgpu/largeTable.ts", null));
  console.log("\nA table of 671 MB, of which the driver binds 128 MB at a time; errors over the largest value:");
  console.log(errors.map(([name, error]) => `${name} ${error.toExponential(1)}`).join(", "));
  failed ||= errors.some(
    ([name, error]) => error > (name.startsWith("int8") || name.startsWith("float16") ? 0.03 : 1e-5),
  );
  process.exitCode = failed ? 1 : 0;
} finally {
  rmSync(cache, { recursive: true, force: true });
}
