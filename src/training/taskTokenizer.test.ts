import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { readModelConfig } from "../models/model.ts";
import { openTaskTokenizer } from "./taskTokenizer.ts";

const folder = join(fileURLToPath(new URL("../..", import.meta.url)), "examples/sample/models/tiny-notes-t5");

it("answers are cleaned of spaces where the task says so, as the paper's faithful tasks do, and else not", () => {
  const config = readModelConfig(folder);
  const text = "the mouse is pleasant .";
  const written = (cleanUpSpaces: boolean) => {
    const tokenizer = openTaskTokenizer(folder, config, { cleanUpSpaces });
    return tokenizer.decode(tokenizer.encodePlain(text));
  };
  expect(written(false)).toBe(text);
  expect(written(true)).toBe("the mouse is pleasant.");
});
