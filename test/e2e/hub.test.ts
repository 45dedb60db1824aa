/** @file The Hub and the paper in a real VS Code: choose a model and a task, download, look at the rows, repeat a result. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isCudaPlatform } from "../../src/cuda/home.ts";
import { parseExperiment } from "../../src/experiment/parse.ts";
import { enginePlace } from "../../src/graph/engine.ts";
import { goesOn } from "../../src/launch/launchers.ts";
import { startHub, type TestHub } from "../support/hub.ts";
import { providerPackage, startNuget, type TestNuget } from "../support/nuget.ts";
import { hubEnvironment, hubModel, modelFiles, registryRepositories } from "../support/registryHub.ts";
import { photographFailures } from "./support/failures.ts";
import { prepareOrSkip } from "./support/install.ts";
import { packedExtension } from "./support/vsix.ts";
import { until, Workbench } from "./support/workbench.ts";
import { SampleWorkspace } from "./support/workspace.ts";

const { server, skipped } = prepareOrSkip();
const token = "hf_right_0123456789";

describe.skipIf(!server)(`the Hub and the paper${skipped}`, () => {
  let hub: TestHub;
  let nuget: TestNuget;
  let workspace: SampleWorkspace;
  let workbench: Workbench;

  beforeAll(async () => {
    hub = await startHub({
      repositories: [
        ...registryRepositories(["sst2"]),
        { type: "model", id: "org/gated", files: modelFiles(), gated: [token] },
        { type: "model", id: "org/slow", files: modelFiles() },
      ],
    });
    const { version } = enginePlace()!;
    nuget = await startNuget({ content: providerPackage(version, { needs: ["libcudnn.so.9"] }), version });
    workspace = new SampleWorkspace();
    workbench = await Workbench.open({
      server: server!,
      folder: workspace.folder,
      vsix: packedExtension(),
      environment: {
        ...hubEnvironment(hub, join(workspace.folder, "..", "cache")),
        ...{ ULPT_NUGET_INDEX: nuget.index, XDG_DATA_HOME: join(workspace.folder, "..", "share") },
      },
    });
  });
  afterAll(async () => {
    await workbench?.close();
    await workspace?.dispose();
    await hub?.close();
    await nuget?.close();
  });
  photographFailures(() => workbench);

  const asked = (part: string) => hub.requests.filter(({ path }) => path.includes(part));
  const toast = (words: RegExp) =>
    until(
      async () => (await workbench.toasts()).some((text) => words.test(text)),
      60_000,
      async () => `${words}; shown: ${(await workbench.toasts()).join(" | ")}`,
    );

  it("writes an experiment of a model and a task of the Hub from a few choices, and fetches nothing unasked", async () => {
    await workbench.command("ULPT: New Experiment…");
    await workbench.pick(/A Model of the Hugging Face Hub/);
    await workbench.pick(hubModel);
    await workbench.pick(/Ask the Hub What It Takes/);
    const figures = /Fits: about \d+\.\d MB of memory for training.* · 3\.\d MB to download · t5, 832,896 parameters/;
    const rows = workbench.page.locator(".quick-input-list .monaco-list-row");
    await until(
      async () => (await rows.allInnerTexts()).some((text) => figures.test(text)),
      60_000,
      async () => (await rows.allInnerTexts()).join(" | "),
    );
    await workbench.pick(/^Use /);
    await workbench.pick(/A Task of the Registry/);
    await workbench.pick("SST-2");
    await workbench.pick("ulpt");
    await workbench.type(); // the ranks that are checked
    await workbench.type("from-hub");
    await toast(/come from the Hugging Face Hub when they are first needed/);
    const { settings } = parseExperiment(workspace.read("from-hub.ulpt.json"), "from-hub.ulpt.json");
    expect(settings).toMatchObject({ model: hubModel, task: "sst2", rank: [2, 16] });
    const files = hub.requests.flatMap(({ path }) => /\/resolve\/[^/]+\/(.+)$/.exec(path)?.[1] ?? []);
    expect(new Set(files)).toEqual(new Set(["config.json", "tokenizer_config.json"])); // when they were asked for
  });

  it("downloads with progress until somebody cancels, and goes on where it was", async () => {
    const stalled = hub.fail({ path: "model.safetensors", at: "storage", stallAfter: 1_000_000 });
    await workbench.answerToast(/come from the Hugging Face Hub/, "Download Now");
    await stalled.met;
    await toast(/Downloading for from-hub.*model\.safetensors: [\d.]+ [KM]B of 3\.3 MB/);
    await workbench.answerToast(/Downloading for/, "Cancel");
    await until(async () => /The download was cancelled/.test(await workbench.statusBar()));
    stalled.release();
    hub.requests.splice(0);
    await workbench.command("ULPT: Download Model and Data…");
    await workbench.pick("from-hub");
    await toast(/Everything that from-hub\.ulpt\.json needs is on this machine/);
    const weights = hub.requests.filter(({ at, headers }) => at === "storage" && headers.range);
    expect(weights.map(({ headers }) => headers.range)).toContainEqual(expect.stringMatching(/^bytes=\d{5,}-/));
  });

  it("shows rows as the model will read them, with their tokens, split by split and page by page", async () => {
    hub.requests.splice(0);
    await workbench.command("Notifications: Clear All Notifications");
    await workbench.command("ULPT: Preview Data…");
    await workbench.pick("from-hub");
    let page = await workbench.webview("Data of from-hub");
    const text = async () => {
      page = await workbench.webview("Data of from-hub");
      return page
        .locator("body")
        .innerText()
        .catch(() => ""); // another page has just come in its place
    };
    expect(await text()).toMatch(/SST-2 \(GLUE\)/);
    expect(await text()).toMatch(/24 rows · shown: 1 to 24|rows · shown: 1 to 25/);
    const [row] = await page.locator("tbody tr").all();
    expect(await row!.innerText()).toMatch(/^1\s+<unk> : .+\s\d+\s+[01]\s+\d+$/s);
    await page.locator("a.tab", { hasText: "Validation" }).click();
    await until(async () => /1,000 rows · shown: 1 to 25/.test(await text()), 60_000, text);
    await page.locator("a.button", { hasText: "Next 25 rows" }).click();
    await until(async () => /shown: 26 to 50/.test(await text()), 60_000, text);
    expect(asked("model.safetensors")).toEqual([]);
  });

  it("says why a gated model is not to be had, and takes it with a token that lies nowhere in plain text", async () => {
    workspace.write(
      "gated.ulpt.json",
      JSON.stringify({ model: "org/gated", task: "sst2", rank: 2, training: { steps: 2 } }),
    );
    await workbench.openFile("gated.ulpt.json");
    await workbench.command("ULPT: Download Model and Data…");
    await workbench.pick("gated");
    await toast(/org\/gated is open only to people who have asked its authors for access/);
    await workbench.answerToast(/org\/gated is open only/, "Sign In…");
    await workbench.type(token);
    await toast(/The token for 127\.0\.0\.1:\d+ is kept in VS Code's secret storage/);
    await workbench.command("Notifications: Clear All Notifications");
    await workbench.command("ULPT: Download Model and Data…");
    await workbench.pick("gated");
    await toast(/Everything that gated\.ulpt\.json needs is on this machine/);
    expect(asked("org/gated").at(-1)?.headers.authorization).toBe(`Bearer ${token}`);
    expect(asked("").filter(({ at, headers }) => at === "storage" && headers.authorization)).toEqual([]);
    for (const folder of [workspace.folder, join(workbench.home, "data")]) expect(filesWith(token, folder)).toEqual([]);
    await workbench.command("ULPT: Sign Out of Hugging Face");
    await toast(/The token for 127\.0\.0\.1:\d+ was deleted/);
  });

  it.skipIf(!isCudaPlatform)("sets up CUDA after a question, says what is missing, and removes it again", async () => {
    const installed = () => readdirSync(join(workspace.folder, "..", "share"), { recursive: true, encoding: "utf8" });
    await workbench.command("ULPT: Set Up CUDA…");
    const dialog = workbench.page.locator(".monaco-dialog-box");
    await dialog.waitFor();
    expect(await dialog.innerText()).toMatch(/Download onnxruntime's CUDA provider \d+\.\d+\.\d+\? It is [\d.]+ K?B\./);
    expect(nuget.requests.filter(({ path }) => path.endsWith(".nupkg"))).toEqual([]);
    await dialog.locator(".monaco-button", { hasText: "Download" }).click();
    const shown = async () => {
      const frames = workbench.page.frames().map((frame) => frame.evaluate(() => document.body.innerText));
      return (await Promise.allSettled(frames)).map((one) => (one.status === "fulfilled" ? one.value : "")).join("\n");
    };
    await until(async () => /libcudnn\.so\.9\s+missing/.test(await shown()), 60_000, shown);
    expect(installed()).toContainEqual(expect.stringMatching(/libonnxruntime_providers_cuda\.so$/));
    await workbench.command("ULPT: Set Up CUDA…");
    await workbench.answerToast(/CUDA provider .* is installed/, "Remove");
    await toast(/CUDA's provider was removed: [\d.]+ MB/);
    expect(installed()).not.toContainEqual(expect.stringMatching(/providers_cuda/));
  });

  it("writes the experiment of a result of the paper that somebody chooses", async () => {
    await workbench.command("Notifications: Clear All Notifications");
    await workbench.command("ULPT: Reproduce a Paper Result…");
    await workbench.pick("Table 1");
    await workbench.pick("SST-2");
    await workbench.pick("ULPT r=2");
    await toast(/Table 1, SST-2, ULPT r=2: \d+\.\d accuracy on 872 test rows/);
    const { settings } = parseExperiment(workspace.read("table-1-ulpt-r2-sst2.ulpt.json"), "x.ulpt.json");
    expect(settings).toMatchObject({ paper: "table-1/ulpt-r2/sst2", model: "google-t5/t5-base", promptLength: 100 });
    await until(async () =>
      (await workbench.page.locator(".codelens-decoration").allInnerTexts()).some((text) =>
        /the paper has \d+\.\d accuracy on 872 test rows \(Table 1\): compare…/.test(text),
      ),
    );
  });

  it("puts the paper's number beside ours, and says what differs", async () => {
    const experiment = {
      paper: "table-1/ulpt-r2/sst2",
      model: hubModel,
      task: "sst2",
      rank: 2,
      promptLength: 100,
      seed: 1,
      device: "cpu",
      training: { steps: 2, batchSize: 4, evaluateEvery: 2 },
    };
    workspace.write("ours.ulpt.json", JSON.stringify(experiment));
    await workbench.openFile("ours.ulpt.json");
    await workbench.command("ULPT: Train…");
    await workbench.pick("ours");
    await until(
      () => workspace.state("ours", "ulpt-r2-seed1") === "finished",
      90_000,
      () => workbench.terminal(),
    );
    await until(
      async () => (await workbench.terminal()).includes("`ulpt compare --paper ours` has the full report"),
      60_000,
      () => workbench.terminal(),
    );
    await workbench.hidePanel();
    await workbench.command("ULPT: Compare with the Paper…");
    await until(
      async () => (await workbench.lines())[0] === "# Beside the paper: SST-2, ULPT r=2",
      60_000,
      async () => (await workbench.lines()).join("\n"),
    );
    const lines = (await workbench.lines()).join("\n");
    expect(lines).toMatch(/\| Paper \| \d+\.\d \|/);
    expect(lines).toMatch(/\| Ours \| \d+\.\d \|/);
  });

  it("shows and stops a training that still fetches what it needs, in a window that was loaded again as well", async () => {
    const stalled = hub.fail({ path: "model.safetensors", at: "storage", stallAfter: 1_000_000 });
    const slow = { model: "org/slow", task: "sst2", rank: 2, training: { steps: 2 } };
    workspace.write("slow.ulpt.json", JSON.stringify(slow));
    await workbench.openFile("slow.ulpt.json");
    await workbench.command("ULPT: Train…");
    await workbench.pick("slow");
    await stalled.met;
    const isShown = async () => /ULPT slow starting/.test(await workbench.statusBar());
    await until(isShown);
    await workbench.reload();
    await until(isShown);
    await workbench.webview("slow"); // its panel is there again
    await workbench.openView("ULPT Lab");
    await workbench.expand(workbench.treeItem("slow"));
    await workbench.treeItem("starting", /reads its model and data|downloading/).waitFor();
    await workbench.command("ULPT: Stop Run");
    await until(async () => !(await isShown()));
    stalled.release();
    const launch = workspace.launches().find(({ args }) => args.some((arg) => arg.endsWith("slow.ulpt.json")))!;
    await until(() => !goesOn(launch));
  });

  it("went without an error in any console or log", () => {
    const expected = /is open only to people who have asked/;
    expect(workbench.complaints().filter((text) => !expected.test(text))).toEqual([]);
  });
});

/** The files below a folder that have these words in them. */
function filesWith(words: string, folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((path) => readFileSync(path).includes(words));
}
