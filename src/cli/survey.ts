/** @file What models would take to be trained on this machine, for who is about to choose one. */
import { freemem } from "node:os";
import { messageOf, UlptError } from "../errors.ts";
import type { SurveyedModel, SurveyParams, SurveyResult } from "../shared/service.ts";
import { machineMemory } from "../training/machineMemory.ts";
import { locateModel, type SourceOptions } from "../training/sources.ts";
import { surveyModel } from "../training/survey.ts";
import { openHub } from "./hub.ts";

/** Those that cannot be surveyed are told by the error that says why. @throws the signal's reason when aborted */
export async function surveyModels(
  models: readonly string[],
  { directory, fetch, promptLength }: Omit<SurveyParams, "models">,
  tracking: Pick<SourceOptions, "signal" | "onProgress">,
): Promise<SurveyResult> {
  const surveyed: SurveyedModel[] = [];
  for (const model of models) {
    tracking.signal?.throwIfAborted();
    try {
      const where = { ...tracking, directory, hub: openHub(), part: "description", wanted: fetch } as const;
      const { folder, left } = await locateModel(model, where);
      surveyed.push({ isKnown: true, ...surveyModel(folder, promptLength), left });
    } catch (error) {
      tracking.signal?.throwIfAborted();
      const { code, hint = "" } = error instanceof UlptError ? error : {};
      surveyed.push({ isKnown: false, code, message: messageOf(error), hint });
    }
  }
  const { limit } = machineMemory();
  return { models: surveyed, machine: { total: limit, free: Math.min(limit, freemem()) } };
}
