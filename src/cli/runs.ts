/** @file `ulpt runs`: the runs of a workspace that are asked for. */
import { UlptError } from "../errors.ts";
import { listLaunches } from "../launch/records.ts";
import { askQueue } from "../launch/slurm/poll.ts";
import { jobWords, lookAtQueue } from "../launch/slurm/queue.ts";
import type { JobWords } from "../launch/slurm/words.ts";
import { marksOf } from "../listing/marks.ts";
import { listRuns, type RunSummary } from "../listing/summary.ts";
import { viewSweeps } from "../listing/sweeps.ts";
import {
  type Condition,
  fieldNames,
  hasField,
  hasNoBound,
  type ListedRun,
  namesIn,
  selectRuns,
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
export async function showRuns({ workspace: option, where, tag, starred, sort, json }: RunsOptions): Promise<void> {
  const workspace = openWorkspace(option);
  const all = listRuns(workspace);
  const jobs = await jobsNow(workspace, all);
  for (const { field } of where) requireField("--where", field, all);
  if (sort !== undefined) requireField("--sort", sort.replace(/^-/, ""), all);
  const marked = all.map((run) => {
    const job = jobs.get(run.directory);
    return { ...run, ...marksOf(run, complainOf), ...(job && { job }) };
  });
  for (const condition of where) if (hasNoBound(marked, condition)) throw noBound(condition);
  const runs = selectRuns(marked, { where, tags: tag, starred, sort });
  if (json) for (const run of runs) sayJson(run);
  else if (all.length === 0) say(`No runs in ${workspace}. \`ulpt train FILE.ulpt.json\` makes some.`);
  else if (runs.length === 0) say(`None of the ${all.length} runs in ${workspace} is as asked for.`);
  else {
    const sweeps = viewSweeps(workspace, all);
    const inWords = new Map([...jobs].map(([directory, { text }]) => [directory, text]));
    say(runsTable(runs, new Map([...pausedStates(sweeps), ...inWords])) + openSweepLines(sweeps));
  }
}

/** A list is not held up for longer by a controller that does not answer. In milliseconds. */
const askingTime = 3_000;

/** How the jobs of runs are, by the runs' folders, as far as Slurm says now or said last. */
async function jobsNow(workspace: string, runs: readonly RunSummary[]): Promise<ReadonlyMap<string, JobWords>> {
  const launches = listLaunches(workspace).flatMap((launch) => (launch.launcher === "slurm" ? [launch] : []));
  try {
    return jobWords(await lookAtQueue(launches, { ask: (question) => askQueue(question, { time: askingTime }) }), runs);
  } catch (error) {
    if (!(error instanceof UlptError)) throw error;
    complain(visibleLine(error.message));
    return jobWords(launches, runs);
  }
}

/** @throws OPTION_INVALID where there are runs and none of them has it */
function requireField(option: string, field: string, runs: readonly Pick<ListedRun, "spec" | "scores">[]): void {
  if (runs.length === 0 || runs.some((run) => hasField(run, field))) return;
  const known = new Set([...fieldNames, ...runs.flatMap(namesIn)]);
  const near = suggest(field, known);
  throw new UlptError("OPTION_INVALID", "No run has a field or setting of that name.", {
    where: `${option} ${field}`,
    hint: near ? `Did you mean ${near}?` : `Use one of ${fieldNames.join(", ")}, or a setting as run.json has it.`,
  });
}

function noBound({ field, operator, value }: Condition): UlptError {
  return new UlptError("OPTION_INVALID", `${field} is a number in every run, and ${JSON.stringify(value)} is none.`, {
    where: `--where ${field}${operator}${value}`,
    expected: "a number to compare with, like 8, 0.5 or 1e-3; a score is a fraction",
    hint: "Write the number, or ask for one value by = or !=.",
  });
}

function complainOf({ message, where }: UlptError): void {
  complain(visibleLine(`${message} (${where})`));
}
