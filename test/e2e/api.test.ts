/** @file The suite of api/ inside the real extension host of the installed VSIX. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { repository } from "../support/bundle.ts";
import type { ApiResults } from "./api/index.ts";
import { prepareOrSkip } from "./support/install.ts";
import { packedExtension } from "./support/vsix.ts";
import { Workbench } from "./support/workbench.ts";
import { SampleWorkspace } from "./support/workspace.ts";

const { server, skipped } = prepareOrSkip();

describe.skipIf(!server)(`the API inside the extension host${skipped}`, () => {
  let workspace: SampleWorkspace;
  let results: ApiResults;
  let complaints: string[];

  beforeAll(async () => {
    workspace = new SampleWorkspace();
    workspace.experiment("tiny", { steps: 8, evaluateEvery: 4 });
    workspace.write("invalid.ulpt.json", workspace.read("tiny.ulpt.json").replace('"rank"', '"rnak"'));
    const suite = join(repository, ".cache", "e2e", "suite.cjs");
    await build({
      entryPoints: [join(repository, "test/e2e/api/index.ts")],
      outfile: suite,
      bundle: true,
      platform: "node",
      format: "cjs",
      external: ["vscode", "mocha"],
    });
    const file = join(workspace.folder, "api-results.json");
    const options = { server: server!, folder: workspace.folder, vsix: packedExtension() };
    complaints = await Workbench.runSuite(options, suite, file);
    if (!existsSync(file)) throw new Error(`The suite did not run: ${complaints.join("\n")}`);
    results = JSON.parse(readFileSync(file, "utf8")) as ApiResults;
  });
  afterAll(() => workspace?.dispose());

  it("keeps every promise of the suite", () => {
    console.log(results.passed.map((title) => `  ✓ ${title}`).join("\n"));
    expect(results.failed.map(({ title, error }) => `${title}: ${error}`)).toEqual([]);
    expect(results.passed.length).toBeGreaterThan(9);
  });

  it("leaves no error in the console or a log", () => {
    const told = /\] invalid did not start: /; // of the task that is to fail
    expect(complaints.filter((text) => !told.test(text))).toEqual([]);
  });
});
