/** @file The commands that look into a checkpoint or an exported prompt: show. */
import { checkpointText, type TextOptions } from "../runs/checkpointText.ts";
import type { Inspection } from "../runs/inspection.ts";
import { inspectCheckpoint, inspectPrompt } from "../training/inspect.ts";
import type { LoadedModel } from "../training/loadedModel.ts";
import { modelOf, openPlain, openTarget, type Target } from "./target.ts";
import { say, sayJson } from "./terminal.ts";

/** Looks into a checkpoint or an exported prompt; of a checkpoint looked into before, `open` is not called. */
export async function inspectTarget(target: Target, open: () => Promise<LoadedModel>): Promise<Inspection> {
  return target.kind === "checkpoint" ? inspectCheckpoint(target, open) : inspectPrompt(target.path, await open());
}

/** Prints what a checkpoint or an exported prompt looks like from inside. */
export async function show(name: string, options: Pick<TextOptions, "precision"> & { json: boolean }): Promise<void> {
  const target = openTarget(name);
  const inspection = await inspectTarget(target, async () => openPlain(await modelOf(target)));
  if (options.json) sayJson(inspection);
  else say(checkpointText(inspection, options));
}
