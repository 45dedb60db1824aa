import { describe, expect, it } from "vitest";
import { parseHubId } from "../experiment/hubId.ts";
import { hubModels, modelAndSize, modelGroups, typedModel } from "./hubModels.ts";
import { untranslated as t } from "./translate.ts";

describe("models of the Hub to choose from", () => {
  it("all have ids that an experiment may use", () => {
    for (const { id } of hubModels) expect(parseHubId(id)).toEqual({ id, revision: undefined });
  });

  it("are grouped by family, with what the cache has marked, and what else it has first", () => {
    const groups = modelGroups(["google-t5/t5-base", "org/own"], t);
    expect(groups.map(({ title }) => title)).toEqual(["In the cache", "T5", "Flan-T5"]);
    expect(groups[0]!.models).toEqual([{ id: "org/own", description: "", isCached: true }]);
    expect(groups[1]!.models.filter(({ isCached }) => isCached).map(({ id }) => id)).toEqual(["google-t5/t5-base"]);
    expect(groups[1]!.models[1]!.description).toBe(
      "220 million numbers, about 890.0 MB · the one of the paper's tables 1 and 5",
    );
  });

  it("need no group of their own where the cache has nothing else", () => {
    expect(modelGroups([], t).map(({ title }) => title)).toEqual(["T5", "Flan-T5"]);
  });

  it("say their size beside their name where it is known", () => {
    expect(modelAndSize("google-t5/t5-base@main", t)).toBe("google-t5/t5-base@main, about 890.0 MB");
    expect(modelAndSize("org/own", t)).toBe("org/own");
  });

  it("can be any other that is typed, with a revision", () => {
    expect(typedModel("org/name@v1.0")).toBe("org/name@v1.0");
    expect(typedModel("google-t5/t5-base")).toBeUndefined(); // it is in the list
    for (const text of ["", "t5-base", "org/", "/name", "a/b/c", "org/na me", "org/name@"]) {
      expect(typedModel(text), text).toBeUndefined();
    }
  });
});
