import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { runSpec } from "../../test/support/runRecords.ts";
import { runPaths } from "../runs/layout.ts";
import { changeMarks, noMarks } from "../runs/marks.ts";
import { createRun } from "../runs/store.ts";
import { isHidden, marksOf, titleOf } from "./marks.ts";
import { summarizeRun } from "./summary.ts";

let workspace: string;
let directory: string;
beforeEach(() => {
  workspace = mkdtempSync(join(tmpdir(), "ulpt-marks-"));
  directory = createRun(workspace, "mood", "ulpt-r2-seed1", runSpec).directory;
});
afterEach(() => rmSync(workspace, { recursive: true, force: true }));

it("says what a listed run is called and whether it is hidden, as of when it was listed", () => {
  const before = summarizeRun(directory);
  expect([titleOf(before), isHidden(before)]).toEqual(["ulpt-r2-seed1", false]);
  changeMarks(directory, (marks) => ({ ...marks, name: "the small one", hidden: true }));
  const after = summarizeRun(directory);
  expect([titleOf(after), isHidden(after)]).toEqual(["the small one", true]);
});

it("lists a run whose marks are damaged as one without, and tells it", () => {
  writeFileSync(runPaths(directory).marks, "{");
  const damage: string[] = [];
  expect(marksOf(summarizeRun(directory), ({ code }) => damage.push(code))).toEqual(noMarks);
  expect(damage).toEqual(["RUN_INVALID"]);
});
