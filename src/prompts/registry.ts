/** @file What computes each method of `src/experiment/methods/registry.ts`: a line for each. */
import type { MethodName, MethodSettings } from "../experiment/methods/registry.ts";
import { dept } from "./dept.ts";
import { dpt } from "./dpt.ts";
import type { FrozenModel, PromptMethod } from "./method.ts";
import { mpt } from "./mpt.ts";
import { prefix } from "./prefix.ts";
import { pTuning } from "./pTuning.ts";
import { residual } from "./residual.ts";
import { smop } from "./smop.ts";
import { ulpt } from "./ulpt.ts";
import { vanilla } from "./vanilla.ts";

const methods: {
  [Name in MethodName]: (settings: MethodSettings<Name>, promptLength: number, model: FrozenModel) => PromptMethod;
} = {
  ulpt,
  dpt,
  dept,
  prefix,
  smop,
  residual,
  "p-tuning": pTuning,
  mpt,
  vanilla,
};

/** @throws UlptError OPTION_INVALID for settings that do not fit the model */
export function promptMethod(settings: MethodSettings, promptLength: number, model: FrozenModel): PromptMethod {
  const create = methods[settings.name] as (
    settings: MethodSettings,
    promptLength: number,
    model: FrozenModel,
  ) => PromptMethod;
  return create(settings, promptLength, model);
}
