import { describe, expect, it } from "vitest";
import { parseHubId } from "../../experiment/hubId.ts";
import { untranslated as t } from "../window/translate.ts";
import {
  describeModel,
  fits,
  hubModels,
  knownModel,
  modelAndSize,
  modelGroups,
  surveyText,
  typedModel,
} from "./hubModels.ts";

describe("models of the Hub to choose from", () => {
  it("all have ids that an experiment may use", () => {
    for (const { id } of hubModels) expect(parseHubId(id)).toEqual({ id, revision: undefined });
  });

  it("are grouped by family, with what the cache has marked, and what else it has first", () => {
    const groups = modelGroups(["google-t5/t5-base", "org/own"], 16e9, t);
    const titles = groups.map(({ title }) => title);
    expect(titles.slice(0, 4)).toEqual(["In the cache", "T5", "Flan-T5", "SmolLM2"]);
    expect(titles).toEqual(
      expect.arrayContaining(["Qwen2.5", "Qwen3", "Llama 3.1 and 3.2", "Gemma 3", "Pythia", "BLOOMZ", "GPT-2"]),
    );
    expect(groups[0]!.models).toEqual([{ id: "org/own", description: "", isCached: true }]);
    expect(groups[1]!.models.filter(({ isCached }) => isCached).map(({ id }) => id)).toEqual(["google-t5/t5-base"]);
    expect(groups[1]!.models[1]!.description).toBe("223M parameters, 891.6 MB · the one of the paper's tables 1 and 5");
  });

  it("need no group of their own where the cache has nothing else", () => {
    expect(modelGroups([], 16e9, t).map(({ title }) => title)[0]).toBe("T5");
  });

  it("come small ones first in each family, and none whose weights are a pickle", () => {
    for (const { title, models } of modelGroups([], 16e9, t)) {
      const sizes = models.map(({ id }) => knownModel(id)!.parameters);
      expect(sizes, title).toEqual([...sizes].sort((a, b) => a - b));
    }
    expect(hubModels.map(({ id }) => id)).not.toContain("google/mt5-small");
    expect(typedModel("google/mt5-small@refs/pr/2")).toBe("google/mt5-small@refs/pr/2");
  });

  it("say where their terms must be accepted, and where their weights alone are too many for the machine", () => {
    const llama = knownModel("meta-llama/Llama-3.1-8B")!;
    expect(describeModel(llama, 16e9, t)).toBe("too large for 16.0 GB of memory · gated · 8.03B parameters, 16.1 GB");
    expect(describeModel(llama, 64e9, t)).not.toContain("too large");
  });

  it("say what was found out of them: what is left to download, what training takes, and whether that fits", () => {
    const survey = {
      isKnown: true,
      modelType: "llama",
      parameters: 134_515_008,
      continues: true,
      hasChatTemplate: false,
      memory: 1.96e9,
      left: 271e6,
    } as const;
    const text = (free: number, total: number) => surveyText(survey, { free, total }, t);
    expect(text(5e9, 8e9)).toBe(
      "Fits: about 2.0 GB of memory for training, 5.0 GB free · 271.0 MB to download · llama, 135M parameters",
    );
    expect(text(1e9, 8e9)).toMatch(/^Tight: about 2\.0 GB of memory for training, 1\.0 GB free of 8\.0 GB · /);
    expect(text(1e9, 1.5e9)).toMatch(/^Too large: about 2\.0 GB of memory for training, 1\.5 GB here · /);
    expect([fits(survey, { free: 0, total: 8e9 }), fits(survey, { free: 0, total: 1e9 })]).toEqual([true, false]);
  });

  it("say their size beside their name where it is known", () => {
    expect(modelAndSize("google-t5/t5-base@main", t)).toBe("google-t5/t5-base@main, about 891.6 MB");
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
