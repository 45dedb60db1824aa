import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/folder.ts";
import { copySample, isSample, sampleFolder } from "./sampleCopy.ts";

const folder = temporaryFolder();

describe("the sample", () => {
  it("is copied without its runs, to a folder that was not there", async () => {
    mkdirSync(folder("sample", "data"), { recursive: true });
    mkdirSync(folder("sample", ".ulpt", "runs"), { recursive: true });
    mkdirSync(folder("sample", ".vscode"));
    writeFileSync(folder("sample", "complaint.ulpt.json"), "{}");
    mkdirSync(folder("home", "ulpt-sample"), { recursive: true });

    const target = await sampleFolder(folder("home"));
    expect(target).toBe(folder("home", "ulpt-sample-2"));
    await copySample(folder("sample"), target);
    expect(readdirSync(target).sort()).toEqual([".vscode", "complaint.ulpt.json", "data"]);
    expect(await isSample(target)).toBe(true);
    expect(await isSample(folder("home"))).toBe(false);
  });
});
