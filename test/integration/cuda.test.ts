import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isCudaPlatform } from "../../src/cuda/home.ts";
import { enginePlace } from "../../src/graph/engine.ts";
import { expectFailure, jsonLines, ulpt, ulptOk } from "../support/cli.ts";
import { sharedLibrary } from "../support/elf.ts";
import { temporaryFolder } from "../support/folder.ts";
import { providerPackage, startNuget, type TestNuget } from "../support/nuget.ts";

const folder = temporaryFolder();
const { version } = enginePlace()!;
const data = () => folder("data", "ulpt", "cuda");

let server: TestNuget;
let env: Record<string, string>;
beforeEach(async () => {
  const content = providerPackage(version, { needs: ["libcublas.so.12", "libcudnn.so.9"] });
  server = await startNuget({ content, version });
  env = { XDG_DATA_HOME: folder("data"), CONDA_PREFIX: folder("conda"), ULPT_NUGET_INDEX: server.index };
});
afterEach(() => server.close());

const devices = (...args: string[]) => ["devices", ...args, "--json"];

/** A library in a version of the format that no loader knows. */
function unloadable(library: Buffer): Buffer {
  const changed = Buffer.from(library);
  changed.writeUInt32LE(99, 20);
  return changed;
}

describe.skipIf(!isCudaPlatform)("ulpt devices --install cuda", () => {
  it("downloads nothing without a yes, and says what it would have", async () => {
    const end = await ulpt(devices("--install", "cuda"), { cwd: folder(), env });
    expectFailure(end, { code: "DOWNLOAD_UNASKED", exit: 2, where: ".nupkg" });
    expect(jsonLines(end.stdout)[0]).toMatchObject({ type: "plan", version, isInstalled: false });
    expect(server.requests.filter(({ path }) => path.endsWith(".nupkg"))).toEqual([]);
    expect(existsSync(data())).toBe(false);
  });

  it("installs, says which libraries are there and what brings the others, tries the device, and removes it again", async () => {
    const library = folder("conda", "lib", "libcublas.so.12");
    mkdirSync(dirname(library), { recursive: true });
    writeFileSync(library, sharedLibrary({ name: "libcublas.so.12" }));
    const { stdout } = await ulptOk(devices("--install", "cuda", "--yes"), { cwd: folder(), env });
    const [installed, report] = jsonLines<Record<string, unknown>>(stdout).slice(-2);
    expect(installed).toMatchObject({ type: "installed", version, needs: "CUDA 12, cuDNN 9" });
    expect(installed!.libraries).toContainEqual({ name: "libcublas.so.12", path: library });
    expect(installed!.missing).toContain("libcudnn.so.9");
    expect(report).toMatchObject({ device: "cuda", works: false, loads: false });
    expect(report!.reason).toContain("libcudnn.so.9");
    expect(report!.needs).toContain("nvidia-cudnn-cu12");
    expect(readdirSync(data()).sort()).toEqual([version, "downloads"]);

    // Once all are there, what the loader says of the provider is told.
    for (const name of installed!.missing as string[])
      writeFileSync(folder("conda", "lib", name), sharedLibrary({ name }));
    const broken = folder("conda", "lib", "libcudnn.so.9");
    writeFileSync(broken, unloadable(sharedLibrary({ name: "libcudnn.so.9" })));
    const tried = jsonLines<{ device: string; reason: string }>(
      (await ulptOk(devices(), { cwd: folder(), env })).stdout,
    );
    expect(tried.find(({ device }) => device === "cuda")!.reason).toContain("libcudnn.so.9");

    const removed = await ulptOk(devices("--remove", "cuda"), { cwd: folder(), env });
    expect(jsonLines(removed.stdout)).toEqual([{ type: "removed", bytes: expect.any(Number) }]);
    expect(existsSync(data())).toBe(false);
  });
});
