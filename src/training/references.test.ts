import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/folder.ts";
import { recordedFolder } from "./references.ts";

const folder = temporaryFolder();

describe.skipIf(process.platform === "win32")("the folder that a run or a prompt records", () => {
  it("is read with the slashes of another system where it is not there as it is written", () => {
    expect(recordedFolder(folder(), "a\\b")).toBe(folder("a", "b"));
    mkdirSync(folder("c\\d"));
    expect(recordedFolder(folder(), "c\\d")).toBe(folder("c\\d"));
  });

  it.each(["\\\\host\\share", "//host/share", "/net/host/share"])(
    "is not looked for at %s, which may be on another machine",
    (written) => {
      const expected = written.startsWith("/") ? written.replace("//", "/") : join(folder(), written);
      expect(recordedFolder(folder(), written)).toBe(expected);
    },
  );
});
