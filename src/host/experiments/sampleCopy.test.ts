import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../../test/support/folder.ts";
import { copyModel, copySample, embeddedModels, isSample, sampleFolder } from "./sampleCopy.ts";

const folder = temporaryFolder();

describe("the sample", () => {
  it("is copied without its runs, to a folder that was not there", async () => {
    mkdirSync(folder("sample", "data"), { recursive: true });
    mkdirSync(folder("sample", ".ulpt", "runs", "complaint"), { recursive: true });
    mkdirSync(folder("sample", ".vscode"));
    writeFileSync(folder("sample", "complaint.ulpt.json"), "{}");
    mkdirSync(folder("home", "ulpt-sample"), { recursive: true });

    const target = await sampleFolder(folder("home"));
    expect(target).toBe(folder("home", "ulpt-sample-2"));
    await copySample(folder("sample"), target);
    expect(readdirSync(target).sort()).toEqual([".ulpt", ".vscode", "complaint.ulpt.json", "data"]);
    expect(readdirSync(join(target, ".ulpt", "runs"))).toEqual([]);
    expect(await isSample(target)).toBe(true);
    expect(await isSample(folder("home"))).toBe(false);
  });

  it("has models, of which a copy is taken where there is none of that name", async () => {
    mkdirSync(folder("with", "models", "tiny"), { recursive: true });
    writeFileSync(folder("with", "models", "tiny", "config.json"), "{}");
    const [model] = await embeddedModels(folder("with"));
    expect(model).toBe(folder("with", "models", "tiny"));
    mkdirSync(folder("work"));
    const copy = await copyModel(model!, folder("work"));
    expect(copy).toBe(folder("work", "models", "tiny"));
    writeFileSync(folder("work", "models", "tiny", "config.json"), "mine");
    await copyModel(model!, folder("work"));
    expect(readFileSync(folder("work", "models", "tiny", "config.json"), "utf8")).toBe("mine");
    expect(await embeddedModels(folder("work", "nowhere"))).toEqual([]);
  });
});
