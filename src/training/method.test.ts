import { beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/folder.ts";
import { createWordWorkspace } from "../../test/support/wordModel.ts";
import { expandRuns } from "../experiment/expand.ts";
import type { MethodSettings } from "../experiment/methods/registry.ts";
import { parseExperiment } from "../experiment/parse.ts";
import type { LanguageModel } from "../models/languageModel.ts";
import { openModel } from "../models/model.ts";
import { openTokenizer, type Tokenizer } from "../models/tokenizer.ts";
import { createMethod, initialParameters } from "./method.ts";

const folder = temporaryFolder();

describe("a prompt that starts from a text", () => {
  let model: LanguageModel;
  let tokenizer: Tokenizer;
  beforeAll(() => {
    createWordWorkspace(folder());
    model = openModel(folder("model"));
    tokenizer = openTokenizer(folder("model"), model.config);
  });

  function settingsOf(initialization: object): MethodSettings<"vanilla"> {
    const task = { train: "a.jsonl", template: "{text}", target: "{label}" };
    const text = JSON.stringify({ model: "model", task, method: "vanilla", initialization });
    return expandRuns(parseExperiment(text, "x.ulpt.json"))[0]!.method as MethodSettings<"vanilla">;
  }

  /** The tokens whose embeddings the prompt starts with. */
  function startTokens(settings: MethodSettings<"vanilla">, promptLength: number): number[] {
    const { prompt_embeddings: start } = initialParameters(
      createMethod(settings, promptLength, { model, tokenizer }),
      1,
    );
    const { hiddenSize, vocabularySize } = model.config;
    const table = model.readEmbeddings();
    const row = (values: Float32Array, index: number) => values.subarray(index * hiddenSize, (index + 1) * hiddenSize);
    return Array.from({ length: promptLength }, (_, i) => {
      const wanted = row(start!, i).join();
      return (
        Array.from({ length: vocabularySize }, (__, id) => id).find((id) => row(table, id).join() === wanted) ?? -1
      );
    });
  }

  // good = 3, bad = 4, fine = 5, </s> = 1
  it("repeats it with the end token, cut to the prompt's length, as PEFT does", () => {
    const settings = settingsOf({ from: "text", text: "good bad fine" });
    expect(settings.initialization).toMatchObject({ specialTokens: true });
    expect(startTokens(settings, 10)).toEqual([3, 4, 5, 1, 3, 4, 5, 1, 3, 4]);
    expect(startTokens(settings, 4)).toEqual([3, 4, 5, 1]);
    expect(startTokens(settings, 2)).toEqual([3, 4]);
  });

  it("leaves the end token out where that is asked for", () => {
    const settings = settingsOf({ from: "text", text: "good bad fine", specialTokens: false });
    expect(startTokens(settings, 7)).toEqual([3, 4, 5, 3, 4, 5, 3]);
  });

  it("is refused where the end token is all there is", () => {
    const settings = settingsOf({ from: "text", text: " " });
    expect(() => createMethod(settings, 4, { model, tokenizer })).toThrow(
      expect.objectContaining({ code: "OPTION_INVALID", where: "initialization.text" }),
    );
  });
});
