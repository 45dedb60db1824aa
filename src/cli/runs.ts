/** @file `ulpt runs`: the runs of a workspace that are asked for. */
import { UlptError } from "../errors.ts";
import { marksOf } from "../listing/marks.ts";
import { listRuns } from "../listing/summary.ts";
import { viewSweeps } from "../listing/sweeps.ts";
import {
  type Condition,
  fieldNames,
  hasField,
  type ListedRun,
  selectRuns,
  settingPaths,
} from "../results/selection.ts";
import { suggest } from "../words/suggest.ts";
import { visibleLine } from "../words/surfaces.ts";
import { openSweepLines, pausedStates } from "./sweepTable.ts";
import { runsTable } from "./table.ts";
import { complain, say, sayJson } from "./terminal.ts";
import { openWorkspace } from "./workspace.ts";

export interface RunsOptions {
  workspace?: string | undefined;
  where: Condition[];
  tag: string[];
  starred: boolean;
  sort?: string | undefined;
  json: boolean;
}

/** @throws OPTION_INVALID, RUN_INVALID */
export function showRuns({ workspace: option, where, tag, starred, sort, json }: RunsOptions): void {
  const workspace = openWorkspace(option);
  const all = listRuns(workspace);
  for (const { field } of where) requireField("--where", field, all);
  if (sort !== undefined) requireField("--sort", sort.replace(/^-/, ""), all);
  const runs = selectRuns(
    all.map((run) => ({ ...run, ...marksOf(run, complainOf) })),
    { where, tags: tag, starred, sort },
  );
  if (json) for (const run of runs) sayJson(run);
  else if (all.length === 0) say(`No runs in ${workspace}. \`ulpt train FILE.ulpt.json\` makes some.`);
  else if (runs.length === 0) say(`None of the ${all.length} runs in ${workspace} is as asked for.`);
  else {
    const sweeps = viewSweeps(workspace, all);
    say(runsTable(runs, pausedStates(sweeps)) + openSweepLines(sweeps));
  }
}

/** @throws OPTION_INVALID where there are runs and none of them has it */
function requireField(option: string, field: string, runs: readonly Pick<ListedRun, "spec">[]): void {
  if (runs.length === 0 || runs.some((run) => hasField(run, field))) return;
  const known = new Set([...fieldNames, ...runs.flatMap(({ spec }) => settingPaths(spec?.settings))]);
  const near = suggest(field, known);
  throw new UlptError("OPTION_INVALID", "No run has a field or setting of that name.", {
    where: `${option} ${field}`,
    hint: near ? `Did you mean ${near}?` : `Use one of ${fieldNames.join(", ")}, or a setting as run.json has it.`,
  });
}

function complainOf({ message, where }: UlptError): void {
  complain(visibleLine(`${message} (${where})`));
}
