/** @file Models to choose from, in words: how large they are, what training them takes, and whether this machine has that. Knows no `vscode`. */
import { parseHubId } from "../../experiment/hubId.ts";
import { type KnownModel, knownModels } from "../../formats/knownModels.ts";
import type { SurveyedModel, SurveyResult } from "../../shared/service.ts";
import { byteText } from "../../words/numbers.ts";
import type { Translate } from "../window/translate.ts";

/** The models whose weights the Hub has as safetensors, family by family, the small ones first. */
export const hubModels: readonly KnownModel[] = knownModels.filter(({ isPickled }) => !isPickled);

const remarks: Readonly<Record<string, (t: Translate) => string>> = {
  "google-t5/t5-small": (t) => t("the one to try things with"),
  "google-t5/t5-base": (t) => t("the one of the paper's tables 1 and 5"),
};

/** `223M parameters` */
function parametersText(parameters: number, t: Translate): string {
  const short = (value: number) => new Intl.NumberFormat("en-US", { maximumSignificantDigits: 3 }).format(value);
  if (parameters < 1e6) return t("{0} parameters", new Intl.NumberFormat("en-US").format(parameters));
  const [value, unit] = parameters < 999.5e6 ? [parameters / 1e6, "M"] : [parameters / 1e9, "B"];
  return t("{0} parameters", `${short(value)}${unit}`);
}

/**
 * `223M parameters, 892 MB · the one of the paper's tables 1 and 5`. What keeps it from being used stands first, since a row of a pick
 * is short: that its weights alone, as float32, are more than `memory`, and that its terms must be accepted.
 */
export function describeModel(model: KnownModel, memory: number, t: Translate): string {
  const { id, parameters, bytes, isGated } = model;
  return [
    leastMemory(model) > memory && t("too large for {0} of memory", byteText(memory)),
    isGated && t("gated"),
    `${parametersText(parameters, t)}, ${byteText(bytes)}`,
    remarks[id]?.(t),
  ]
    .filter(Boolean)
    .join(" · ");
}

/** Bytes of its weights in float32: less than that no training takes. */
export function leastMemory({ parameters }: KnownModel): number {
  return 4 * parameters;
}

interface ModelGroup {
  title: string;
  models: { id: string; description: string; isCached: boolean }[];
}

/** The known models by family; others that the cache has come first. */
export function modelGroups(cached: readonly string[], memory: number, t: Translate): ModelGroup[] {
  const known = new Set(hubModels.map(({ id }) => id));
  const others = cached.filter((id) => !known.has(id)).sort();
  const families = [...new Set(hubModels.map(({ family }) => family))];
  return [
    { title: t("In the cache"), models: others.map((id) => ({ id, description: "", isCached: true })) },
    ...families.map((family) => ({
      title: family,
      models: hubModels
        .filter((model) => model.family === family)
        .map((model) => ({
          id: model.id,
          description: describeModel(model, memory, t),
          isCached: cached.includes(model.id),
        })),
    })),
  ].filter(({ models }) => models.length > 0);
}

/** `google-t5/t5-base, about 0.89 GB`; of a model that is not among the known ones only its name. */
export function modelAndSize(source: string, t: Translate): string {
  const known = knownModel(source);
  return known ? t("{0}, about {1}", source, byteText(known.bytes)) : source;
}

export function knownModel(source: string): KnownModel | undefined {
  const id = parseHubId(source)?.id ?? source;
  return knownModels.find((model) => model.id === id);
}

/** What somebody typed, as a model of the Hub: `org/name` or `org/name@revision`. */
export function typedModel(text: string): string | undefined {
  const parsed = parseHubId(text);
  return parsed && !hubModels.some(({ id }) => id === text) ? text : undefined;
}

type Known = Extract<SurveyedModel, { isKnown: true }>;
type Machine = SurveyResult["machine"];

/** `Fits: about 1.96 GB of memory for training, 5.00 GB free · 271.0 MB to download · llama, 135M parameters` */
export function surveyText({ modelType, parameters, memory, left }: Known, machine: Machine, t: Translate): string {
  return [
    fitText(memory, machine, t),
    left > 0 && t("{0} to download", byteText(left)),
    `${modelType}, ${parametersText(parameters, t)}`,
  ]
    .filter(Boolean)
    .join(" · ");
}

function fitText(memory: number, { total, free }: Machine, t: Translate): string {
  const [needed, here] = [byteText(memory), byteText(free)];
  if (memory <= free) return t("Fits: about {0} of memory for training, {1} free", needed, here);
  if (memory <= total)
    return t("Tight: about {0} of memory for training, {1} free of {2}", needed, here, byteText(total));
  return t("Too large: about {0} of memory for training, {1} here", needed, byteText(total));
}

/** Whether it can be trained here at all, as far as it is known. */
export function fits({ memory }: Known, { total }: Machine): boolean {
  return memory <= total;
}
