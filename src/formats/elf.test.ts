import { readFileSync, writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import { sharedLibrary } from "../../test/support/elf.ts";
import { temporaryFolder } from "../../test/support/folder.ts";
import { readSharedLibrary } from "./elf.ts";

const folder = temporaryFolder();

function written(content: Buffer): string {
  const path = folder("library.so");
  writeFileSync(path, content);
  return path;
}

it("reads a library's name and what it needs, in order", () => {
  const needs = ["libcudnn.so.9", "libc.so.6"];
  expect(readSharedLibrary(written(sharedLibrary({ name: "libx.so.1", needs })))).toEqual({ name: "libx.so.1", needs });
  expect(readSharedLibrary(written(sharedLibrary({ needs })))).toEqual({ name: undefined, needs });
});

it.skipIf(process.platform !== "linux" || process.arch !== "x64")(
  "reads what a compiler made: the engine itself",
  () => {
    const engine = readSharedLibrary("node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime.so.1");
    expect(engine?.name).toBe("libonnxruntime.so.1");
    expect(engine?.needs).toContain("libc.so.6");
  },
);

it("knows nothing of a file that is cut short anywhere, and never fails on it", () => {
  const whole = sharedLibrary({ name: "libx.so.1", needs: ["liby.so"] });
  for (let bytes = 0; bytes < whole.length; bytes++) {
    const found = readSharedLibrary(written(whole.subarray(0, bytes)));
    expect([undefined, "libx.so.1"]).toContain(found?.name);
  }
});

it("knows nothing of a library for another machine, of other files and of none", () => {
  const arm = sharedLibrary({ name: "libx.so.1" });
  arm.writeUInt16LE(183, 18);
  expect(readSharedLibrary(written(arm))).toBeUndefined();
  expect(readSharedLibrary(written(readFileSync("package.json")))).toBeUndefined();
  expect(readSharedLibrary(folder())).toBeUndefined();
  expect(readSharedLibrary(folder("none.so"))).toBeUndefined();
});

it("believes no size in the file: offsets beyond any file, a thousand segments, a section of gigabytes", () => {
  const changes: ((library: Buffer) => void)[] = [
    (library) => library.writeBigUInt64LE(2n ** 63n, 32),
    (library) => library.writeUInt16LE(60_000, 56),
    (library) => library.writeBigUInt64LE(2n ** 40n, 64 + 56 + 32),
    (library) => library.writeBigUInt64LE(2n ** 40n, 64 + 56 + 8),
  ];
  for (const change of changes) {
    const library = sharedLibrary({ name: "libx.so.1" });
    change(library);
    expect(readSharedLibrary(written(library))).toBeUndefined();
  }
});
