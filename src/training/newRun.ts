/** @file The folder of a new run, with all that decides what it will compute; and the run that is there already with all of that. */
import { relative } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { canonicalJson } from "../experiment/describe.ts";
import type { Experiment } from "../experiment/parse.ts";
import { completeSettings, type RunSettings, recordSettings } from "../experiment/recorded.ts";
import { engineVersion } from "../graph/engine.ts";
import { listRuns } from "../listing/summary.ts";
import { methodFacts } from "../prompts/facts.ts";
import { parameterCount } from "../prompts/method.ts";
import type { RunJson } from "../runs/schema.ts";
import { createRun, type Run } from "../runs/store.ts";
import { createMethod, initialParameters } from "./method.ts";
import type { Resources } from "./resources.ts";
import { openStart, startHash, startSources } from "./start.ts";

/** Where a run belongs. */
export interface RunPlace {
  workspace: string;
  experiment: Pick<Experiment, "name" | "directory">;
  /** The sweep that makes it. */
  sweep?: RunJson["sweep"];
  /** Its share of the cores, where it does not have all. */
  threads?: number | undefined;
}

/** Finds the newest run of given settings on this model and data, finished or not, among those that are there now. */
export function equalRuns(
  { workspace, experiment, threads }: RunPlace,
  { modelSha256, modelFiles, task, device, recipe }: Resources,
): (settings: RunSettings) => Run | undefined {
  const known = new Map<string, Run>();
  for (const { directory, spec, state } of listRuns(workspace)) {
    if (!spec || state === "failed" || state === "running" || spec.device !== device) continue;
    if (spec.threads !== threads && state !== "finished" && state !== "early-stopped") continue; // it could not go on exactly
    if (spec.experiment !== experiment.name || spec.model.weightsSha256 !== modelSha256) continue;
    if (canonicalJson(spec.model.files ?? {}) !== canonicalJson(modelFiles)) continue;
    if (canonicalJson(spec.model.quantization ?? null) !== canonicalJson(recipe ?? null)) continue;
    if (Object.entries(task.files).some(([split, { sha256 }]) => spec.data.sha256[split] !== sha256)) continue;
    const key = equalityOf(completeSettings(spec.settings), spec.start?.sha256);
    const other = known.get(key);
    if (!other || other.spec.created <= spec.created) known.set(key, { directory, spec });
  }
  const folder = relative(workspace, experiment.directory);
  return (settings) =>
    known.get(equalityOf(recordSettings(settings, folder), startHash(settings.method, experiment.directory)));
}

/** Equal where settings are, and the prompt that is started from. */
function equalityOf(settings: Record<string, unknown>, startSha256: string | undefined): string {
  return canonicalJson({ settings, startSha256 });
}

/**
 * Makes the folder of a run of these settings.
 * @throws UlptError RUN_UNWRITABLE, DISK_FULL, RUN_INVALID; as `openStart` where it starts from another prompt
 */
export async function createRunOf(
  settings: RunSettings,
  { workspace, experiment, sweep, threads }: RunPlace,
  resources: Resources,
): Promise<Run> {
  const method = createMethod(settings.method, settings.promptLength, resources);
  const start = await openStart(settings.method, experiment.directory, resources);
  return createRun(workspace, experiment.name, settings.name, {
    created: new Date().toISOString(),
    method: settings.method.name,
    rank: method.rank ?? null,
    seed: settings.seed,
    promptLength: settings.promptLength,
    parameters: parameterCount(method),
    facts: await methodFacts(method, initialParameters(method, settings.seed, startSources(start, resources))),
    device: resources.device,
    model: {
      source: settings.model,
      ...(resources.revisions.model === undefined ? {} : { revision: resources.revisions.model }),
      weightsSha256: resources.modelSha256,
      files: resources.modelFiles,
      ...(resources.stored !== undefined && { stored: resources.stored }),
      ...(resources.recipe && { quantization: resources.recipe }),
    },
    data: {
      ...(resources.revisions.data === undefined ? {} : { revision: resources.revisions.data }),
      sha256: Object.fromEntries(Object.entries(resources.task.files).map(([split, { sha256 }]) => [split, sha256])),
      ...(resources.task.dropped.length > 0 && {
        leftOut: resources.task.dropped.map(({ source, by, count, of }) => ({ source, by, count, of })),
      }),
    },
    versions: { ulpt: packageJson.version, onnxruntime: await engineVersion(), node: process.versions.node },
    ...(start ? { start: start.record } : {}),
    ...(sweep ? { sweep } : {}),
    ...(threads === undefined ? {} : { threads }),
    settings: recordSettings(settings, relative(workspace, experiment.directory)),
  });
}
