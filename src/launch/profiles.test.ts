import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { profilesPath, readProfile } from "./profiles.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ulpt-profiles-"));
  path = join(folder, "launch.json");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("launch profiles", () => {
  it("lie in the folder of the user's settings", () => {
    expect(profilesPath({ XDG_CONFIG_HOME: folder })).toBe(join(folder, "ulpt", "launch.json"));
    expect(profilesPath({ XDG_CONFIG_HOME: "relative" })).toMatch(/\.config[\\/]ulpt[\\/]launch\.json$/);
  });

  it("are what Slurm does by itself where there is no file", () => {
    expect(readProfile(path, undefined)).toEqual({
      setup: [],
      environment: {},
      pollSeconds: 60,
      warningSeconds: 120,
      sbatch: [],
    });
  });

  it("are read by name; another name is told with the one that was meant", () => {
    writeFileSync(path, JSON.stringify({ profiles: { gpu: { partition: "gpu", sbatch: ["--qos=low"] } } }));
    expect(readProfile(path, "gpu")).toMatchObject({ partition: "gpu", pollSeconds: 60 });
    const hint = expect.stringContaining('"gpu"');
    expect(() => readProfile(path, "gpus")).toThrow(expect.objectContaining({ code: "OPTION_INVALID", hint }));
    expect(() => readProfile(path, "constructor")).toThrow(expect.objectContaining({ code: "OPTION_INVALID" }));
  });

  it.each([
    [{ partiton: "main" }, "partiton"],
    [{ partition: "a b" }, "partition"],
    [{ time: "soon" }, "time"],
    [{ memory: "16 GB" }, "memory"],
    [{ setup: ["a\nb"] }, "setup"],
    [{ environment: { "A;B": "1" } }, "environment"],
    [{ sbatch: ["--wrap=x"] }, "sbatch"],
    [{ sbatch: ["--job=x"] }, "sbatch"],
    [{ sbatch: ["script.sh"] }, "sbatch"],
  ])("are refused with file and field: %j", (profile, field) => {
    writeFileSync(path, JSON.stringify({ profiles: { x: profile } }));
    const message = expect.stringContaining(field);
    expect(() => readProfile(path, "x")).toThrow(
      expect.objectContaining({ code: "PROFILE_INVALID", where: path, message }),
    );
  });

  it("are refused where the file is no JSON", () => {
    writeFileSync(path, "{");
    expect(() => readProfile(path, undefined)).toThrow(
      expect.objectContaining({ code: "PROFILE_INVALID", where: path }),
    );
  });
});
