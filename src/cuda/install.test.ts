import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sharedLibrary } from "../../test/support/elf.ts";
import { errorOf, expectError } from "../../test/support/errors.ts";
import { temporaryFolder } from "../../test/support/folder.ts";
import { type NugetOptions, providerPackage, startNuget, type TestNuget } from "../../test/support/nuget.ts";
import { zip } from "../../test/support/zip.ts";
import type { FetchProgress } from "../fetching/progress.ts";
import { cudaHome, type Engine, type Environment, isCudaPlatform, readInstallation } from "./home.ts";
import { installCuda, planInstallation, removeCuda } from "./install.ts";
import { libraryPlaces } from "./libraries.ts";
import { nugetSource, packageId } from "./source.ts";

const folder = temporaryFolder();
const patience = { firstDelay: 1, longestDelay: 1, poll: 5, retries: 2 };
const sha512 = (content: Buffer) => createHash("sha512").update(content).digest("hex");

let count = 0;
let env: Environment;
let engine: Engine;
const servers: TestNuget[] = [];
beforeEach(() => {
  const home = folder(`home-${count++}`);
  engine = { version: "1.30.0", folder: join(home, "engine") };
  mkdirSync(engine.folder, { recursive: true });
  writeFileSync(join(engine.folder, "libonnxruntime.so.1"), sharedLibrary({ name: "libonnxruntime.so.1" }));
  env = { XDG_DATA_HOME: join(home, "data") };
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function serve(options: NugetOptions): Promise<TestNuget> {
  const server = await startNuget(options);
  servers.push(server);
  env = { ...env, ULPT_NUGET_INDEX: server.index };
  return server;
}

const install = (options: Parameters<typeof installCuda>[3] = {}) =>
  installCuda(engine, nugetSource(env, patience), env, options);
const plan = () => planInstallation(engine, nugetSource(env, patience), env);
const cudaFolder = (...path: string[]) => join(env.XDG_DATA_HOME!, "ulpt", "cuda", ...path);
const others: [string, Buffer][] = ["libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so"].map(
  (name) => [`runtimes/linux-x64/native/${name}`, sharedLibrary({ name })],
);
/** Of as many spaces as a manifest may have: whoever looks for a name in them twice looks for hours. */
const endless = Buffer.from(`<id>${" ".repeat(1_000_000)}`);
const whole = providerPackage("1.30.0", { needs: ["libcudnn.so.9"] });

it("asks for the package that the engine's own install script fetches", () => {
  const metadata = createRequire(import.meta.url)("onnxruntime-node/script/install-metadata.js");
  expect(metadata.packages["nuget:linux/x64:cuda12"].name).toBe(packageId);
  const { path } = metadata.manifests["linux/x64:cuda12"]["./libonnxruntime_providers_cuda.so"];
  expect(path).toBe("runtimes/linux-x64/native/libonnxruntime_providers_cuda.so");
});

describe.skipIf(!isCudaPlatform)("on Linux x64", () => {
  it("says beforehand what would come and where from, and downloads nothing for that", async () => {
    const server = await serve({ content: whole });
    expect(await plan()).toEqual({
      version: "1.30.0",
      address: expect.stringMatching(/onnxruntime\.gpu\.linux\.1\.30\.0\.nupkg$/),
      bytes: whole.length,
      received: 0,
      sha512: sha512(whole),
      folder: cudaFolder("1.30.0"),
      isInstalled: false,
    });
    expect(server.requests.filter(({ path }) => path.endsWith(".nupkg"))).toEqual([]);
    expect(existsSync(cudaFolder())).toBe(false);
  });

  it("installs the provider beside a copy of the engine, and nothing else of the package", async () => {
    await serve({ content: whole });
    const told: FetchProgress[] = [];
    const installation = await install({ onProgress: (progress) => told.push(progress) });
    expect(readdirSync(cudaFolder("1.30.0")).sort()).toEqual([
      "installed.json",
      "libonnxruntime.so.1",
      "libonnxruntime_providers_cuda.so",
      "libonnxruntime_providers_shared.so",
    ]);
    expect(readInstallation(engine, env)).toEqual(installation);
    expect(told.at(-1)).toMatchObject({ bytes: whole.length, totalBytes: whole.length });
    expect(readdirSync(cudaFolder("downloads"))).toEqual([]);
    expect(readdirSync(cudaFolder()).sort()).toEqual(["1.30.0", "downloads"]);
    expect((await plan()).isInstalled).toBe(true);
  });

  it("is not looked for where somebody happens to work, whatever relative folder the environment names", () => {
    for (const XDG_DATA_HOME of ["data", ".", "./data", ""])
      expect(cudaHome(engine, { XDG_DATA_HOME })).toBe(join(homedir(), ".local/share/ulpt/cuda/1.30.0"));
    const { others } = libraryPlaces({ CUDA_HOME: "cuda", CONDA_PREFIX: "conda", VIRTUAL_ENV: "." }, ["here"]);
    expect(others.filter((path) => !isAbsolute(path))).toEqual([]);
  });

  it("fetches nothing a second time, and all of it again where a file is no longer whole", async () => {
    const server = await serve({ content: whole });
    await install();
    await install();
    const fetched = () => server.requests.filter(({ path }) => path.endsWith(".nupkg")).length;
    expect(fetched()).toBe(1);
    truncateSync(cudaFolder("1.30.0", "libonnxruntime_providers_cuda.so"), 10);
    expect(readInstallation(engine, env)).toBeUndefined();
    await install();
    expect(fetched()).toBe(2);
    expect(readInstallation(engine, env)).toBeDefined();
  });

  it("is not that of an engine that was built otherwise under the same version", async () => {
    await serve({ content: whole });
    await install();
    writeFileSync(join(engine.folder, "libonnxruntime.so.1"), "another build");
    expect(readInstallation(engine, env)).toBeUndefined();
  });

  it("goes on where the connection broke", async () => {
    const server = await serve({ content: whole, cutAfter: 200 });
    await install();
    const ranges = server.requests.filter(({ path }) => path.endsWith(".nupkg")).map(({ range }) => range);
    expect(ranges).toEqual([undefined, "bytes=200-"]);
  });

  it("goes on with what an installation left that somebody stopped, and says how much that is", async () => {
    const server = await serve({ content: whole });
    const stopping = new AbortController();
    const reason = new Error("stopped");
    mkdirSync(cudaFolder("downloads"), { recursive: true });
    const part = `${sha512(whole)}.00000000-1-00000000.incomplete`;
    writeFileSync(cudaFolder("downloads", part), whole.subarray(0, 300));
    stopping.abort(reason);
    await expect(install({ signal: stopping.signal })).rejects.toBe(reason);
    expect((await plan()).received).toBe(300);
    await install();
    const ranges = server.requests.filter(({ path }) => path.endsWith(".nupkg")).map(({ range }) => range);
    expect(ranges).toEqual(["bytes=300-"]);
    expect(readInstallation(engine, env)).toBeDefined();
  });

  it("takes no content but that whose hash the catalog has, and keeps nothing of it", async () => {
    const tampered = Buffer.from(whole);
    tampered[tampered.length >> 1]! ^= 1;
    await serve({ content: tampered, announced: whole });
    const error = await expectError(install, "DOWNLOAD_CORRUPT", ".nupkg");
    expect(error.message).toContain(sha512(tampered));
    expect(readdirSync(cudaFolder("downloads"))).toEqual([]);
    expect(readInstallation(engine, env)).toBeUndefined();
  });

  it("takes no package of another length than announced", async () => {
    await serve({ content: whole.subarray(0, 500), announced: whole });
    await expectError(install, "DOWNLOAD_CORRUPT", ".nupkg");
  });

  it.each<[string, Buffer, RegExp]>([
    ["of another version", providerPackage("1.29.0"), /1\.29\.0, not .* 1\.30\.0/],
    ["that is cut short", whole.subarray(0, whole.length - 30), /no whole ZIP file/],
    ["that is no package", Buffer.from("<html>Sign in</html>"), /no whole ZIP file/],
    ["whose manifest names nothing, at length", zip([[`${packageId}.nuspec`, endless], ...others]), /without a name/],
    ["without the provider", providerPackage("1.30.0", { without: "_cuda.so" }), /has no .*providers_cuda\.so/],
    [
      "with names that lead elsewhere",
      providerPackage("1.30.0", { extra: [["../../evil.so", whole]] }),
      /\.\.\/\.\.\/evil/,
    ],
    ["with absolute names", providerPackage("1.30.0", { extra: [["/tmp/evil.so", whole]] }), /absolute path/],
    [
      "that has the provider twice",
      providerPackage("1.30.0", { extra: [["runtimes/linux-x64/native/libonnxruntime_providers_cuda.so", whole]] }),
      /twice/,
    ],
    [
      "whose provider is no library",
      providerPackage("1.30.0", {
        without: "_cuda.so",
        extra: [["runtimes/linux-x64/native/libonnxruntime_providers_cuda.so", whole]],
      }),
      /no library for Linux/,
    ],
  ])(
    "refuses a package %s, though the source vouches for it, and leaves what was installed",
    async (_, content, why) => {
      await serve({ content: whole });
      const before = await install();
      await serve({ content });
      const error = await errorOf(install);
      expect(error).toMatchObject({ code: "DOWNLOAD_CORRUPT", message: expect.stringMatching(why) });
      expect(readInstallation(engine, env)).toEqual(before);
      expect(readdirSync(cudaFolder()).sort()).toEqual(["1.30.0", "downloads"]);
      expect(readdirSync(cudaFolder("downloads"))).toEqual([]);
    },
  );

  it("has two processes' worth of installations at the same time download once", async () => {
    const server = await serve({ content: whole });
    await Promise.all([install(), install()]);
    expect(server.requests.filter(({ path }) => path.endsWith(".nupkg"))).toHaveLength(1);
  });

  it("removes every version and what was downloaded, and says how much that frees", async () => {
    await serve({ content: whole });
    await install();
    const files = readdirSync(cudaFolder("1.30.0")).map((name) => readFileSync(cudaFolder("1.30.0", name)).length);
    expect(await removeCuda(env)).toBe(files.reduce((sum, bytes) => sum + bytes, 0));
    expect(existsSync(cudaFolder())).toBe(false);
    expect(await removeCuda(env)).toBe(0);
  });
});

describe.skipIf(!isCudaPlatform)("a source", () => {
  it("without this version says so", async () => {
    await serve({ content: whole, version: "1.29.0" });
    await expectError(plan, "DOWNLOAD_MISSING", "1.30.0.json");
  });

  it.each<[string, Partial<NugetOptions>]>([
    ["about another package", { entry: { id: "Evil.Package" } }],
    ["about another version", { entry: { version: "1.29.0" } }],
    ["with another kind of hash", { entry: { packageHashAlgorithm: "MD5" } }],
    ["with a hash of another length", { entry: { packageHash: "AAAA" } }],
    ["without a size", { entry: { packageSize: undefined } }],
    ["that leads to an address without https", { packageContent: "http://example.org/x.nupkg" }],
    ["that leads to a file of this machine", { packageContent: "file:///etc/passwd" }],
  ])("is not believed with a catalog %s", async (_, options) => {
    await serve({ content: whole, ...options });
    await expectError(plan, "DOWNLOAD_ANSWER", "http://127.0.0.1");
  });

  it.each(["http://nuget.example.org/v3/index.json", "ftp://x", "https://me:secret@nuget.example.org/", "nuget"])(
    "is not asked at %s",
    async (address) => {
      const error = await expectError(
        () => nugetSource({ ULPT_NUGET_INDEX: address }),
        "OPTION_INVALID",
        "ULPT_NUGET_INDEX",
      );
      expect(JSON.stringify(error)).not.toContain("secret");
    },
  );

  it("that cannot be reached is named", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    env = { ...env, ULPT_NUGET_INDEX: `http://127.0.0.1:${port}/v3/index.json` };
    await expectError(plan, "DOWNLOAD_UNREACHABLE", `127.0.0.1:${port}`);
  });
});
