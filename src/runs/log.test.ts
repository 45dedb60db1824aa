import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openLog } from "./log.ts";

it("appends dated lines to what is there, further lines indented", () => {
  const folder = mkdtempSync(join(tmpdir(), "ulpt-log-"));
  const path = join(folder, "run.log");
  for (const text of ["started\n", "error X: bad\n  where: there"]) {
    const log = openLog(path, () => new Date(0));
    log.line(text);
    log.close();
  }
  expect(readFileSync(path, "utf8")).toBe(
    "1970-01-01T00:00:00.000Z started\n1970-01-01T00:00:00.000Z error X: bad\n      where: there\n",
  );
  rmSync(folder, { recursive: true });
});

it("says where a log cannot be written", () => {
  expect(() => openLog(join(tmpdir(), "missing-folder", "run.log"))).toThrow(
    expect.objectContaining({ code: "RUN_UNWRITABLE" }),
  );
});
