/** @file A temporary folder for each test. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";

/** A folder that exists while the tests of this file or block run; call the result for a path in it. */
export function temporaryFolder(): (...path: string[]) => string {
  let folder: string | undefined;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "ulpt-test-"));
  });
  afterAll(() => {
    if (folder) rmSync(folder, { recursive: true, force: true });
  });
  return (...path) => {
    if (!folder) throw new Error("The folder exists only while tests run.");
    return join(folder, ...path);
  };
}
