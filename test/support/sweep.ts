/** @file What must hold of a sweep that ended, whatever happened to it: every run once, and as if nothing had happened. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { readJournal } from "../../src/runs/journal.ts";
import { runPaths, runsFolder } from "../../src/runs/layout.ts";
import { openRun, runState, subfolders } from "../../src/runs/store.ts";
import { courseOf, type Workspace } from "./workspace.ts";

/** The folders of the runs of a sweep by the names of its plan. */
export function runsOf({ folder }: Workspace, experiment: string, sweep: string): Map<string, string[]> {
  const parent = join(runsFolder(folder), experiment);
  const found = new Map<string, string[]>();
  for (const name of subfolders(parent, "run")) {
    const { spec } = openRun(join(parent, name));
    if (spec.sweep?.name !== sweep) continue;
    found.set(spec.sweep.run, [...(found.get(spec.sweep.run) ?? []), join(parent, name)]);
  }
  return found;
}

/** Fails unless each of these runs was finished by the sweep exactly once, with the losses of that run in a sweep that nothing happened to. */
export function expectEachOnce(
  workspace: Workspace,
  experiment: string,
  undisturbed: ReadonlyMap<string, readonly string[]>,
): void {
  const found = runsOf(workspace, experiment, `${experiment}-1`);
  assert.deepEqual([...found.keys()].sort(), [...undisturbed.keys()].sort(), "the runs of the plan");
  for (const [name, folders] of found) {
    assert.equal(folders.length, 1, `${name} was made ${folders.length} times`);
    const [run] = folders as [string];
    assert.equal(runState(run), "finished", name);
    const ends = readJournal(runPaths(run).events).events.filter(
      (event) => event.type === "status" && event.state === "finished",
    );
    assert.equal(ends.length, 1, `${name} was finished ${ends.length} times`);
    assert.deepEqual(courseOf(run), courseOf(undisturbed.get(name)![0]!), name);
  }
}
