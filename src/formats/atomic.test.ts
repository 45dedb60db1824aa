import type * as fs from "node:fs";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { UlptError } from "../errors.ts";
import { asWriteError, createFileAtomic, writeFileAtomic } from "./atomic.ts";

const disk = vi.hoisted(() => ({
  bytesPerWrite: Number.POSITIVE_INFINITY,
  bytesLeft: Number.POSITIVE_INFINITY,
  hardLinks: true,
}));
vi.mock("node:fs", async (original) => {
  const real = await original<typeof fs>();
  const writeSync = (descriptor: number, bytes: Uint8Array, offset: number, length: number): number => {
    if (disk.bytesLeft <= 0) throw Object.assign(new Error("ENOSPC: no space left"), { code: "ENOSPC" });
    const written = real.writeSync(descriptor, bytes, offset, Math.min(length, disk.bytesPerWrite, disk.bytesLeft));
    disk.bytesLeft -= written;
    return written;
  };
  const linkSync = (from: string, to: string): void => {
    if (!disk.hardLinks) throw Object.assign(new Error("EPERM: operation not permitted"), { code: "EPERM" });
    real.linkSync(from, to);
  };
  return { ...real, writeSync, linkSync };
});

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ulpt-atomic-"));
});
afterEach(() => {
  disk.bytesPerWrite = disk.bytesLeft = Number.POSITIVE_INFINITY;
  disk.hardLinks = true;
  rmSync(folder, { recursive: true, force: true });
});

function errorOf(action: () => void): UlptError {
  try {
    action();
  } catch (error) {
    if (error instanceof UlptError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("writeFileAtomic", () => {
  it("creates and replaces a file and leaves nothing beside it", () => {
    const path = join(folder, "run.json");
    writeFileAtomic(path, "first", { tag: 1 });
    writeFileAtomic(path, new Uint8Array([104, 105]), { tag: 1 });
    expect(readFileSync(path, "utf8")).toBe("hi");
    expect(readdirSync(folder)).toEqual(["run.json"]);
  });

  it("writes everything where the system takes three bytes at a time", () => {
    disk.bytesPerWrite = 3;
    writeFileAtomic(join(folder, "a"), "ten bytes!", { tag: 1 });
    expect(readFileSync(join(folder, "a"), "utf8")).toBe("ten bytes!");
  });

  it("leaves the old content and no temporary file when the disk fills up half-way", () => {
    const path = join(folder, "a");
    writeFileAtomic(path, "old", { tag: 1 });
    disk.bytesLeft = 4;
    expect(errorOf(() => writeFileAtomic(path, "new and longer", { tag: 1 }))).toMatchObject({
      code: "DISK_FULL",
      where: path,
    });
    expect(readFileSync(path, "utf8")).toBe("old");
    expect(readdirSync(folder)).toEqual(["a"]);
  });

  it("leaves the old content when the guard before the rename refuses", () => {
    const path = join(folder, "a");
    writeFileAtomic(path, "old", { tag: 1 });
    const refuse = () => {
      throw new UlptError("RUN_FENCED", "no longer ours");
    };
    expect(errorOf(() => writeFileAtomic(path, "new", { tag: 1, beforeRename: refuse })).code).toBe("RUN_FENCED");
    expect(readFileSync(path, "utf8")).toBe("old");
    expect(readdirSync(folder)).toEqual(["a"]);
  });

  it("says that the folder is missing, is a file, or that a folder has the name", () => {
    writeFileSync(join(folder, "file"), "");
    mkdirSync(join(folder, "taken"));
    for (const [path, reason] of [
      [join(folder, "missing", "a"), "does not exist"],
      [join(folder, "file", "a"), "not a folder"],
      [join(folder, "taken"), "a folder has its name"],
    ] as const) {
      const error = errorOf(() => writeFileAtomic(path, "", { tag: 1 }));
      expect(error).toMatchObject({ code: "RUN_UNWRITABLE", where: path });
      expect(error.message).toContain(reason);
      expect(error.hint).toBeTruthy();
    }
    expect(readdirSync(folder).sort()).toEqual(["file", "taken"]);
  });
});

describe("createFileAtomic", () => {
  it("makes a file where its name is free, and leaves what has the name, also a link", () => {
    const path = join(folder, "a");
    expect(createFileAtomic(path, "first", { tag: 1 })).toBe(true);
    expect(createFileAtomic(path, "second", { tag: 1 })).toBe(false);
    expect(readFileSync(path, "utf8")).toBe("first");
    symlinkSync(join(folder, "nowhere"), join(folder, "link"));
    expect(createFileAtomic(join(folder, "link"), "third", { tag: 1 })).toBe(false);
    expect(readdirSync(folder).sort()).toEqual(["a", "link"]);
  });

  it("does the same on a file system without hard links", () => {
    disk.hardLinks = false;
    const path = join(folder, "a");
    expect(createFileAtomic(path, "first", { tag: 1 })).toBe(true);
    expect(createFileAtomic(path, "second", { tag: 1 })).toBe(false);
    expect(readFileSync(path, "utf8")).toBe("first");
    expect(readdirSync(folder)).toEqual(["a"]);
  });
});

describe("asWriteError", () => {
  it("names the disk that is full, and what on it may go", () => {
    const full = (path: string) =>
      asWriteError(Object.assign(new Error("full"), { code: "ENOSPC" }), path) as UlptError;
    const run = full(join(folder, ".ulpt", "runs", "e", "r", "state.safetensors"));
    expect(run.hint).toContain(join(folder, ".ulpt", "runs"));
    const cached = full(join(folder, "hub", "models--google-t5--t5-base", "blobs", "x"));
    expect(cached.hint).toContain("HF_HUB_CACHE");
    expect(cached.hint).not.toContain(".ulpt");
    expect(full(join(folder, "hub", ".quantized", "x.safetensors")).hint).toContain("HF_HUB_CACHE");
    expect(full(join(folder, "x")).hint).not.toMatch(/\.ulpt|HF_HUB_CACHE/);
    if (process.platform !== "linux") return;
    expect(full("/dev/shm/some/folder/x").message).toBe("The disk at /dev/shm is full.");
    expect(full("/proc/x").message).toBe("The disk at /proc is full.");
  });

  it("tells a full disk from a place that cannot be written", () => {
    const codeOf = (code: string) => asWriteError(Object.assign(new Error(code), { code }), "x");
    expect(codeOf("ENOSPC")).toMatchObject({ code: "DISK_FULL" });
    expect(codeOf("EDQUOT")).toMatchObject({ code: "DISK_FULL" });
    for (const code of ["EACCES", "EPERM", "EROFS", "ENOTDIR", "ENOENT", "EIO"])
      expect(codeOf(code)).toMatchObject({ code: "RUN_UNWRITABLE", where: "x" });
  });

  it("does not dress up a bug as a disk problem", () => {
    const bug = new TypeError("undefined is not a function");
    expect(asWriteError(bug, "x")).toBe(bug);
    const argument = Object.assign(new TypeError("bad"), { code: "ERR_INVALID_ARG_TYPE" });
    expect(asWriteError(argument, "x")).toBe(argument);
  });
});
