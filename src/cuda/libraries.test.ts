import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { sharedLibrary } from "../../test/support/elf.ts";
import { temporaryFolder } from "../../test/support/folder.ts";
import { adviceFor, findLibraries, libraryPlaces, neededVersions, parseLoaderCache } from "./libraries.ts";

const folder = temporaryFolder();

function put(path: string, needs: readonly string[] = []): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, sharedLibrary({ needs }));
  return path;
}

const nowhere = { first: [], cache: new Map<string, string>(), others: [] };

describe("libraries that a provider needs", () => {
  it("are found with what they need themselves, each behind what it needs", () => {
    const provider = put(folder("a", "provider.so"), ["libcudnn.so.9", "libcublas.so.12"]);
    const others = [folder("cudnn"), folder("cublas")];
    put(folder("cudnn", "libcudnn.so.9"), ["libcublas.so.12"]);
    put(folder("cublas", "libcublas.so.12"), ["libcublasLt.so.12", "libcublas.so.12"]);
    put(folder("cublas", "libcublasLt.so.12"));
    const found = findLibraries(provider, { ...nowhere, others });
    expect(found.map(({ name, path }) => [name, path && dirname(path)])).toEqual([
      ["libcublasLt.so.12", folder("cublas")],
      ["libcublas.so.12", folder("cublas")],
      ["libcudnn.so.9", folder("cudnn")],
      ["libcuda.so.1", undefined],
    ]);
  });

  it("are known to the loader where it looks by itself, and that place comes first", () => {
    const provider = put(folder("b", "provider.so"), ["libulpt-x.so", "libulpt-y.so", "libulpt-z.so"]);
    for (const place of ["first", "cached", "other"]) put(folder("b", place, "libulpt-x.so"));
    for (const place of ["cached", "other"]) put(folder("b", place, "libulpt-y.so"));
    put(folder("b", "other", "libulpt-z.so"));
    const cache = new Map(["libulpt-x.so", "libulpt-y.so"].map((name) => [name, folder("b", "cached", name)]));
    const found = findLibraries(provider, { first: [folder("b", "first")], cache, others: [folder("b", "other")] });
    expect(found.slice(0, 3)).toEqual([
      { name: "libulpt-x.so", path: folder("b", "first", "libulpt-x.so"), isKnownToLoader: true },
      { name: "libulpt-y.so", path: folder("b", "cached", "libulpt-y.so"), isKnownToLoader: true },
      { name: "libulpt-z.so", path: folder("b", "other", "libulpt-z.so"), isKnownToLoader: false },
    ]);
  });

  it("are not taken from a folder with those of another machine", () => {
    const provider = put(folder("c", "provider.so"), ["libulpt-x.so"]);
    const library = sharedLibrary({});
    library.writeUInt16LE(3, 18); // i386
    mkdirSync(folder("c", "32"));
    writeFileSync(folder("c", "32", "libulpt-x.so"), library);
    const found = findLibraries(provider, { ...nowhere, others: [folder("c", "32")] });
    expect(found[0]).toEqual({ name: "libulpt-x.so", path: undefined, isKnownToLoader: false });
  });

  it("are not looked for where they lie beside it", () => {
    const provider = put(folder("d", "provider.so"), ["libbridge.so"]);
    put(folder("d", "libbridge.so"));
    expect(findLibraries(provider, nowhere).map(({ name }) => name)).toEqual(["libcuda.so.1"]);
  });
});

it("looks into LD_LIBRARY_PATH, conda, virtual environments and the packages of pip in both", () => {
  const [conda, venv] = [folder("conda"), folder("venv")];
  const pip = join("lib", "python3.12", "site-packages", "nvidia", "cudnn", "lib");
  for (const prefix of [conda, venv]) mkdirSync(join(prefix, pip), { recursive: true });
  const env = { LD_LIBRARY_PATH: "/a:relative::/b", CONDA_PREFIX: conda, VIRTUAL_ENV: venv };
  const { first, others } = libraryPlaces(env, ["/remembered"]);
  expect(first).toEqual(["/a", "/b"]);
  expect(others.slice(0, 4)).toEqual(["/remembered", join(venv, pip), join(conda, pip), join(conda, "lib")]);
});

it("reads the loader's cache, of libraries for this machine, the first of a name", () => {
  const text = [
    "3 libs found in cache `/etc/ld.so.cache'",
    "\tlibcuda.so.1 (libc6) => /usr/lib/i386-linux-gnu/libcuda.so.1",
    "\tlibcuda.so.1 (libc6,x86-64) => /usr/lib/x86_64-linux-gnu/libcuda.so.1",
    "\tlibcuda.so.1 (libc6,x86-64) => /opt/old/libcuda.so.1",
    "\tlibc.so.6 (libc6,x86-64, OS ABI: Linux 3.2.0) => /lib/x86_64-linux-gnu/libc.so.6",
  ].join("\n");
  expect([...parseLoaderCache(text)].sort()).toEqual([
    ["libc.so.6", "/lib/x86_64-linux-gnu/libc.so.6"],
    ["libcuda.so.1", "/usr/lib/x86_64-linux-gnu/libcuda.so.1"],
  ]);
});

describe("what to install", () => {
  it("follows the versions in the names, of CUDA 12", () => {
    const needed = ["libcublasLt.so.12", "libcublas.so.12", "libcudnn.so.9", "libcufft.so.11", "libcuda.so.1"];
    expect(neededVersions(needed)).toBe("CUDA 12, cuDNN 9");
    const [driver, packages] = adviceFor(
      ["libcuda.so.1", "libcublas.so.12", "libcublasLt.so.12", "libcudnn.so.9"],
      needed,
    );
    expect(driver).toMatch(/driver/);
    expect(packages).toContain("`pip install nvidia-cublas-cu12 nvidia-cudnn-cu12`");
  });

  it("follows them of CUDA 13, whose packages have other names", () => {
    const needed = ["libcublas.so.13", "libcudnn.so.9", "libcufft.so.12"];
    expect(neededVersions(needed)).toBe("CUDA 13, cuDNN 9");
    expect(adviceFor(needed, needed)[0]).toContain("`pip install nvidia-cublas nvidia-cudnn-cu13 nvidia-cufft`");
  });

  it("is nothing where nothing is missing", () => expect(adviceFor([], ["libcublas.so.12"])).toEqual([]));
});
