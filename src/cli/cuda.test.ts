import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { sharedLibrary } from "../../test/support/elf.ts";
import { temporaryFolder } from "../../test/support/folder.ts";
import { isCudaPlatform } from "../cuda/home.ts";
import { enginePlace } from "../graph/engine.ts";

const folder = temporaryFolder();
const room = (name: string) => JSON.stringify(new URL(name, import.meta.url).href);

/** Loads the engine as the command line does, tries CUDA, and prints which of its files and of CUDA's libraries are open. */
const program = `
import { readFileSync } from "node:fs";
import { cudaPreparation } from ${room("cuda.ts")};
import { loadEngine, prepareDevice, prepareEngineBy } from ${room("../graph/engine.ts")};
prepareEngineBy(cudaPreparation);
const engine = await loadEngine();
prepareDevice("cuda");
const model = new Uint8Array([8, 8]);
const options = { executionProviders: ["cuda"], logSeverityLevel: 4 };
const error = await engine.InferenceSession.create(model, options).catch((error) => error.message);
const open = readFileSync("/proc/self/maps", "utf8").match(/\\/\\S*(onnxruntime|libcu)\\S*/g);
console.log(JSON.stringify({ error, open: [...new Set(open)] }));
`;

function engineIn(env: Record<string, string>): { open: string[] } {
  const args = ["--import", "tsx", "--input-type=module", "--eval", program];
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const stdio = ["ignore", "pipe", "ignore"] as ("ignore" | "pipe")[]; // the engine says on stderr what it could not open
  return JSON.parse(
    execFileSync(process.execPath, args, { cwd: root, env: { ...process.env, ...env }, encoding: "utf8", stdio }),
  );
}

/** An installation whose provider needs a library of CUDA, which lies in a conda environment. */
function installed(name: string): { env: Record<string, string>; home: string; library: string } {
  const engine = enginePlace()!;
  const home = folder(name, "ulpt", "cuda", engine.version);
  const library = folder(name, "conda", "lib", "libcudnn.so.9");
  for (const path of [home, dirname(library)]) mkdirSync(path, { recursive: true });
  copyFileSync(join(engine.folder, "libonnxruntime.so.1"), join(home, "libonnxruntime.so.1"));
  writeFileSync(join(home, "libonnxruntime_providers_shared.so"), sharedLibrary({}));
  writeFileSync(join(home, "libonnxruntime_providers_cuda.so"), sharedLibrary({ needs: ["libcudnn.so.9"] }));
  writeFileSync(library, sharedLibrary({ name: "libcudnn.so.9" }));
  const sizes = readdirSync(home).map((file) => [file, statSync(join(home, file)).size]);
  const facts = {
    version: engine.version,
    address: "",
    sha512: "",
    files: Object.fromEntries(sizes),
    libraryFolders: [],
  };
  writeFileSync(join(home, "installed.json"), JSON.stringify(facts));
  return { env: { XDG_DATA_HOME: folder(name), CONDA_PREFIX: folder(name, "conda") }, home, library };
}

describe.skipIf(!isCudaPlatform)("a process with the provider installed", () => {
  it("takes the engine that lies beside it, with the libraries of CUDA that Linux's loader would not find", () => {
    const { env, home, library } = installed("a");
    const { open } = engineIn(env);
    expect(open.filter((path) => path.endsWith("libonnxruntime.so.1"))).toEqual([join(home, "libonnxruntime.so.1")]);
    expect(open).toContain(library);
    // The engine has looked for its providers there, and found what is none.
    expect(open.some((path) => path.startsWith(enginePlace()!.folder) && path.endsWith(".so.1"))).toBe(false);
  });

  it("takes npm's engine where the installation is not whole", () => {
    const { env, home } = installed("b");
    writeFileSync(join(home, "libonnxruntime.so.1"), "cut short");
    const engine = join(enginePlace()!.folder, "libonnxruntime.so.1");
    expect(engineIn(env).open.filter((path) => path.endsWith("libonnxruntime.so.1"))).toEqual([engine]);
  });
});
