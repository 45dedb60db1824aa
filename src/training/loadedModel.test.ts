import { writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/folder.ts";
import { embeddedModel } from "../../test/support/workspace.ts";
import { LoadedModel } from "./loadedModel.ts";

const folder = temporaryFolder();

it("a model keeps a prompt as long as its files are the same", async () => {
  const model = LoadedModel.open(embeddedModel, "cpu");
  const make = async () => ({ use: { ports: [], promptLength: 0 }, values: async () => ({}) });
  const files = [folder("prompt"), folder("run.json")];
  for (const file of files) writeFileSync(file, "1");
  const first = await model.keptPrompt(files, make);
  expect(await model.keptPrompt(files, make)).toBe(first);
  expect(await model.keptPrompt([files[0]!], make)).not.toBe(first);
  expect(await model.keptPrompt(files, make)).toBe(first);
  writeFileSync(files[1]!, "2");
  expect(await model.keptPrompt(files, make)).not.toBe(first);
  await model.release();
});
