/** @file Models of the Hugging Face Hub to choose from, with their size in words. Knows no `vscode`. */
import { parseHubId } from "../experiment/hubId.ts";
import type { Translate } from "./translate.ts";
import { byteText } from "./tree/collect.ts";

export interface HubModel {
  id: string;
  family: string;
  /** How many numbers it has, as its authors say: `220 million`. */
  parameters: string;
  /** Of its weights in 32 bits, about. */
  bytes: number;
}

const t5 = "T5";
const flan = "Flan-T5";

/** The families whose weights are on the Hub as safetensors, the small ones first. */
export const hubModels: readonly HubModel[] = [
  { id: "google-t5/t5-small", family: t5, parameters: "60 million", bytes: 0.24e9 },
  { id: "google-t5/t5-base", family: t5, parameters: "220 million", bytes: 0.89e9 },
  { id: "google-t5/t5-large", family: t5, parameters: "770 million", bytes: 2.95e9 },
  { id: "google-t5/t5-3b", family: t5, parameters: "3 billion", bytes: 11.4e9 },
  { id: "google/flan-t5-small", family: flan, parameters: "80 million", bytes: 0.31e9 },
  { id: "google/flan-t5-base", family: flan, parameters: "250 million", bytes: 0.99e9 },
  { id: "google/flan-t5-large", family: flan, parameters: "780 million", bytes: 3.13e9 },
  { id: "google/flan-t5-xl", family: flan, parameters: "3 billion", bytes: 11.4e9 },
  { id: "google/flan-t5-xxl", family: flan, parameters: "11 billion", bytes: 45e9 },
];

const remarks: Readonly<Record<string, (t: Translate) => string>> = {
  "google-t5/t5-small": (t) => t("the one to try things with"),
  "google-t5/t5-base": (t) => t("the one of the paper's tables 1 and 5"),
};

/** `220 million numbers, 0.89 GB · the one of the paper's tables 1 and 5` */
export function describeModel({ id, parameters, bytes }: HubModel, t: Translate): string {
  const size = t("{0} numbers, about {1}", parameters, byteText(bytes));
  const remark = remarks[id]?.(t);
  return remark === undefined ? size : `${size} · ${remark}`;
}

export interface ModelGroup {
  title: string;
  models: { id: string; description: string; isCached: boolean }[];
}

/** The known models by family; others that the cache has come first. */
export function modelGroups(cached: readonly string[], t: Translate): ModelGroup[] {
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
          description: describeModel(model, t),
          isCached: cached.includes(model.id),
        })),
    })),
  ].filter(({ models }) => models.length > 0);
}

/** `google-t5/t5-base, about 0.89 GB`; of a model that is not among the known ones only its name. */
export function modelAndSize(source: string, t: Translate): string {
  const id = parseHubId(source)?.id ?? source;
  const known = hubModels.find((model) => model.id === id);
  return known ? t("{0}, about {1}", source, byteText(known.bytes)) : source;
}

/** What somebody typed, as a model of the Hub: `org/name` or `org/name@revision`. */
export function typedModel(text: string): string | undefined {
  const parsed = parseHubId(text);
  return parsed && !hubModels.some(({ id }) => id === text) ? text : undefined;
}
