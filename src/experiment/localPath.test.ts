import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/folder.ts";
import { mayLookAt, namesNetwork } from "./localPath.ts";

describe("a path that may lie on another machine", () => {
  it.each([
    ["\\\\host\\share\\model", true],
    ["//host/share/model", true],
    ["/\\host/share", true],
    ["\\\\?\\UNC\\host\\share", true],
    ["\\\\.\\pipe\\x", true],
    ["file://host/share", true],
    ["file:///etc/passwd", true],
    ["smb://host/share", true],
    ["https://example.com/x", true],
    ["/net/host/share", true],
    ["/home/me/model", false],
    ["C:\\models\\t5", false],
    ["c:/models/t5", false],
    ["../models/t5", false],
    ["models/net", false],
    ["google-t5/t5-base@main", false],
  ])("is known by its form: %j", (path, expected) => {
    expect(namesNetwork(path)).toBe(expected);
  });
});

describe.skipIf(process.platform === "win32")("what may be looked at unasked", () => {
  const folder = temporaryFolder();
  beforeAll(() => {
    mkdirSync(folder("work", "data"), { recursive: true });
    mkdirSync(folder("elsewhere"));
    writeFileSync(folder("elsewhere", "rows.jsonl"), "");
    symlinkSync("data", folder("work", "inside"));
    symlinkSync("../elsewhere", folder("work", "out"));
    symlinkSync("//host.invalid/share", folder("work", "share"));
    symlinkSync("share", folder("work", "behind"));
    symlinkSync("round", folder("work", "round"));
  });
  const ground = (trusted: boolean) => ({ folders: [folder("work")], trusted });

  it.each([
    ["work/data/rows.jsonl", true, true],
    ["work/not there/at all", true, true],
    ["work/inside/rows.jsonl", true, true],
    ["work/../elsewhere/rows.jsonl", false, true],
    ["elsewhere/rows.jsonl", false, true],
    ["work/out/rows.jsonl", false, true],
    ["work/share/rows.jsonl", false, false],
    ["work/behind/rows.jsonl", false, false],
    ["work/round", false, false],
    ["work2", false, true],
  ])("%s: %s before the workspace is trusted, %s after", async (path, before, after) => {
    expect(await mayLookAt(folder(path), ground(false))).toBe(before);
    expect(await mayLookAt(folder(path), ground(true))).toBe(after);
  });

  it("is never a share, but one that is open as the workspace", async () => {
    expect(await mayLookAt("//host.invalid/share/model", ground(true))).toBe(false);
    expect(await mayLookAt("/net/host.invalid/model", ground(true))).toBe(false);
    expect(await mayLookAt("/net/host.invalid/model", { folders: ["/net/host.invalid"], trusted: false })).toBe(true);
  });
});
