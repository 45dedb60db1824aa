/** @file The whole way in a real VS Code with the installed VSIX: train, watch, compare ranks, diff checkpoints, export and try a prompt. */
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Frame } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { photographFailures } from "./support/failures.ts";
import { prepareOrSkip } from "./support/install.ts";
import { packedExtension } from "./support/vsix.ts";
import { until, Workbench } from "./support/workbench.ts";
import { SampleWorkspace } from "./support/workspace.ts";

const { server, skipped } = prepareOrSkip();

/** Pixels of a canvas that differ from its background. */
function ink(frame: Frame, selector: string): Promise<number> {
  return frame.evaluate((query) => {
    const canvas = [...document.querySelectorAll<HTMLCanvasElement>(query)].find((one) => one.clientWidth > 0);
    const pixels = canvas?.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
    let count = 0;
    for (let index = 3; index < pixels.length; index += 4) if (pixels[index]! > 128) count++;
    return count;
  }, selector);
}

function state(frame: Frame): Promise<Record<string, string>> {
  return frame.evaluate(() => ({ ...document.body.dataset }) as Record<string, string>);
}

describe.skipIf(!server)(`from the palette to a prompt${skipped}`, () => {
  const runs = ["ulpt-r2-seed1", "ulpt-r8-seed1"];
  let workspace: SampleWorkspace;
  let workbench: Workbench;

  beforeAll(async () => {
    workspace = new SampleWorkspace();
    workspace.experiment("quick", { rank: [2, 8], steps: 180, evaluateEvery: 60, batchSize: 16 });
    workbench = await Workbench.open({ server: server!, folder: workspace.folder, vsix: packedExtension() });
  });
  afterAll(async () => {
    await workbench?.close();
    await workspace?.dispose();
  });

  photographFailures(() => workbench);

  it("trains an experiment from the palette, in a terminal that shows its progress", async () => {
    await workbench.command("ULPT: Train…");
    await workbench.pick("quick");
    await until(
      async () => /step \d+\/180 +loss \d/.test(await workbench.terminal()),
      60_000,
      () => workbench.terminal(),
    );
    expect(workspace.launches()).toHaveLength(1);
  });

  it("moves the curve of the panel while the run goes on", async () => {
    const panel = await workbench.webview("quick");
    await until(async () => Number((await state(panel)).points) > 0);
    const first = Number((await state(panel)).points);
    await until(async () => Number((await state(panel)).points) > first);
    expect(workspace.state("quick", runs[1]!)).not.toBe("finished");
    expect(await ink(panel, "canvas")).toBeGreaterThan(500);
  });

  it("shows the live run in the run explorer", async () => {
    await workbench.openView("ULPT Lab");
    await workbench.treeItem("quick", /training/).waitFor();
    expect(await workbench.treeTexts()).toContainEqual(expect.stringMatching(/^ulpt-r\d-seed1 \| (\d+\/180|starting)/));
    await until(
      async () => /ULPT r=\d (\d+ %|starting)/.test(await workbench.statusBar()),
      60_000,
      () => workbench.statusBar(),
    );
  });

  it("finishes, and says so in the explorer and the terminal", async () => {
    await until(() => workspace.state("quick", runs[1]!) === "finished", 240_000);
    for (const run of runs) {
      expect(workspace.state("quick", run)).toBe("finished");
      await workbench.treeItem(run, /test \d.*validation \d/).waitFor();
    }
    await until(async () => (await workbench.terminal()).includes("runs: .ulpt/runs/quick"));
    await until(async () => !(await workbench.statusBar()).includes("ULPT r="));
  });

  it("draws the rank comparison: a point for each run and a row for each rank", async () => {
    await workbench.command("ULPT: Compare Ranks");
    const panel = await workbench.webview("quick");
    await until(async () => (await state(panel)).view === "ranks");
    await until(async () => (await ink(panel, "canvas")) > 300);
    const rows = await panel.locator("table.comparison tbody tr").allInnerTexts();
    expect(rows.map((row) => row.split(/\s+/)[0])).toEqual(["ulpt-r2", "ulpt-r8"]);
    for (const row of rows) expect(row).toMatch(/finished/);
  });

  it("saves a chart as a picture and as its numbers, where somebody says", async () => {
    const panel = await workbench.webview("quick");
    for (const [format, choice] of [
      ["png", /PNG/],
      ["csv", /CSV/],
    ] as const) {
      await panel.getByRole("button", { name: /^Save / }).click();
      await panel.getByRole("menuitem", { name: choice }).click();
      const path = join(workspace.folder, `chart.${format}`);
      await workbench.answerFileDialog(path);
      await until(() => existsSync(path));
    }
    await workbench.command("Notifications: Clear All Notifications"); // that say where they are
    const picture = readFileSync(join(workspace.folder, "chart.png"));
    expect(picture.subarray(1, 4).toString("latin1")).toBe("PNG");
    expect(picture.readUInt32BE(16)).toBe(3120); // its width in pixels
    expect(picture.subarray(-8, -4).toString("latin1")).toBe("IEND"); // all of it
    expect(workspace.read("chart.csv")).toMatch(/^run,seed,parameters,score\r\n(ulpt-r\d-seed1,1,\d+,[\d.]+\r\n){2}$/);
  });

  it("lists all runs in one table, which is sorted and filtered", async () => {
    await workbench.command("ULPT: Show All Runs as a Table");
    const table = await workbench.webview("All Runs");
    const names = () => table.locator(".run-grid .grid-text").allTextContents();
    await table.locator(".run-grid thead button", { hasText: "Rank" }).click();
    await until(async () => (await names()).join() === runs.join());
    await table.locator(".run-grid thead button", { hasText: "Rank" }).click();
    await until(async () => (await names()).join() === runs.toReversed().join());
    await table.getByRole("textbox").fill("rank<=4 method=ulpt");
    await until(async () => (await names()).join() === runs[0]);
    await workbench.command("View: Close Editor");
  });

  it("says in the Facts what a prompt costs its model, and what memory the run took", async () => {
    const panel = await workbench.webview("quick");
    await panel.locator('[role="tab"]', { hasText: "Facts" }).click();
    await panel.locator(".cost tbody tr").nth(2).waitFor();
    const rows = await panel.locator(".cost tbody tr").allInnerTexts();
    const [first, ...others] = rows.map((row) => row.split(/\t/).slice(0, 2).join(" "));
    expect(first).toMatch(/^ulpt r=(2 276|8 336)$/);
    expect(others).toContain("vanilla 1,280");
    expect(others.at(-1)).toMatch(/^LoRA r=8 on /);
    expect(await panel.locator(".facts").innerText()).toMatch(
      /Memory, estimated\s+[\d.]+ MB at most[\s\S]*Memory\s+.*[\d.]+ MB at most/,
    );
  });

  it("opens a checkpoint as text, with a sentence in the diff about what changed", async () => {
    await workbench.hidePanel(); // room for a whole token
    await workbench.expand(workbench.treeItem("ulpt-r2-seed1"));
    await workbench.treeItem("step 60").waitFor();
    await workbench.treeItem("step 60").click();
    await until(async () =>
      (await workbench.lines()).some((line) => line.startsWith("# Checkpoint quick / ulpt-r2-seed1 / step 60")),
    );
    await workbench.menu(workbench.treeItem("step 120"), "Compare with Previous Checkpoint");
    await workbench.page.locator(".monaco-diff-editor .editor.modified .view-line").first().waitFor();
    await until(
      async () => /step 60 ↔ 120/.test(await workbench.activeTab()),
      60_000,
      () => workbench.activeTab(),
    );
    const sentence =
      /^# \d+ of 10 tokens moved more than 5 % of (its|their) norm.*; (\d+|none) changed (its|their) nearest word$/;
    await until(
      async () => (await workbench.diffLines("modified")).some((line) => sentence.test(line)),
      60_000,
      async () => (await workbench.diffLines("modified")).join("\n"),
    );
    // How far tokens moved is written in place, once the runtime has said so.
    await until(
      async () => (await workbench.diffLines("modified")).some((line) => /^z .*moved /.test(line)),
      60_000,
      async () => (await workbench.diffLines("modified")).join("\n"),
    );
    // It begins with the rows that changed: both steps have kept their answers to the validation rows.
    expect((await workbench.diffLines("modified")).join("\n")).toMatch(/^# \d+ rows? fixed, \d+ broken.*p [=<] /m);
    const [before, after] = [await workbench.diffLines("original"), await workbench.diffLines("modified")];
    expect(before[0]).toBe("# Checkpoint quick / ulpt-r2-seed1 / step 60");
    expect(after[0]).toBe("# Checkpoint quick / ulpt-r2-seed1 / step 120");
    // The coordinates of a token stand on both sides and differ; how far it moved is written behind those of the later one.
    const coordinates = (lines: string[]) => lines.find((line) => line.startsWith("z  ")) ?? "";
    expect(coordinates(before)).toMatch(/^z +[+-]\d\.\d{4} [+-]\d\.\d{4}$/);
    expect(coordinates(after)).toMatch(/^z +[+-]\d\.\d{4} [+-]\d\.\d{4}moved \d+\.\d{4}$/);
    expect(coordinates(after).slice(0, 24)).not.toBe(coordinates(before).slice(0, 24));
    expect(await workbench.page.locator(".monaco-diff-editor .line-insert").count()).toBeGreaterThan(3);
    expect(await workbench.page.locator(".monaco-diff-editor .line-delete").count()).toBeGreaterThan(3);
    // What stays stays unmarked: the facts of the run are equal on both sides.
    expect(before.find((line) => line.startsWith("trained"))).toBe(after.find((line) => line.startsWith("trained")));
  });

  it("keeps an evaluation under its checkpoint, where its answers are", async () => {
    await workbench.menu(workbench.treeItem("step 60"), "Evaluate Checkpoint…");
    await workbench.pick("Test Rows");
    await until(
      async () => (await workbench.toasts()).some((toast) => toast.includes("stays under its checkpoint")),
      60_000,
      async () => (await workbench.toasts()).join("\n"),
    );
    const checkpoint = workbench.treeItem("step 60");
    await until(async () => (await checkpoint.getAttribute("aria-expanded")) !== null); // it has something under it now
    await checkpoint.locator(".monaco-tl-twistie").click(); // the row itself opens the checkpoint
    await workbench.treeItem("test", /accuracy \d/).click();
    await until(
      async () =>
        (await workbench.lines()).some((line) => /^# quick\/ulpt-r2-seed1 step 60, \d+ test rows: /.test(line)),
      60_000,
      async () => (await workbench.lines()).join("\n"),
    );
  });

  it("deletes a kept evaluation once somebody agreed, and shows one that was made in a terminal", async () => {
    const folder = join(workspace.folder, ".ulpt", "runs", "quick", "ulpt-r2-seed1", "evaluations");
    const kept = readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))] as const);
    expect(kept.map(([name]) => name)).toContain("step-000060.test.json");
    const evaluation = workbench.treeItem("test", /accuracy \d/);
    await workbench.menu(evaluation, "Delete Evaluation…");
    await workbench.answerDialog(/Delete the evaluation of step 60 on test/, "Delete Permanently");
    await evaluation.waitFor({ state: "detached" });
    expect(readdirSync(folder)).toEqual([]); // the model's own, which was made beside it, is gone with it
    for (const [name, content] of kept) {
      writeFileSync(`${join(folder, name)}.part`, content);
      renameSync(`${join(folder, name)}.part`, join(folder, name)); // as the command line puts a file in its place
    }
    // A row that is drawn anew while it is opened stays as it is.
    await until(async () => {
      await workbench.expand(workbench.treeItem("step 60"));
      return evaluation.isVisible();
    });
  });

  it("compares answers row by row, what changed first, and a number of the matrix leads to its rows", async () => {
    await workbench.menu(workbench.treeItem("step 60"), "Compare Answers With…");
    await workbench.pick("The model without a prompt");
    await until(
      async () => (await workbench.diffLines("modified")).some((line) => /^# \d+ rows? fixed, \d+ broken/.test(line)),
      60_000,
      async () => (await workbench.diffLines("modified")).join("\n"),
    );
    const [before, after] = [await workbench.diffLines("original"), await workbench.diffLines("modified")];
    expect(before[0]).toMatch(/^# Before: no prompt, \d+ test rows$/);
    expect(after.findIndex((line) => line.startsWith("[fixed: "))).toBeGreaterThan(after.indexOf("[confusion matrix]"));
    await workbench.followLink(".monaco-diff-editor .editor.modified");
    await until(
      async () => (await workbench.lines()).some((line) => /with the target “.*”, answered “.*”$/.test(line)),
      60_000,
      async () => (await workbench.lines()).join("\n"),
    );
  });

  it("exports a prompt and opens it in its editor", async () => {
    await workbench.menu(workbench.treeItem("ulpt-r2-seed1"), "Export Prompt…");
    await workbench.type("polite");
    await workbench.treeItem("polite").waitFor();
    await workbench.treeItem("polite").click();
    const editor = await workbench.webview(/polite\.prompt\.safetensors/);
    await until(async () => /10 tokens of rank 2: 276 trained numbers/.test(await editor.locator("body").innerText()));
    await editor.locator("table tbody tr").nth(9).waitFor();
    expect(await editor.locator("body").innerText()).toMatch(/quick[\s\S]*ulpt-r2-seed1/);
  });

  it("tries the prompt on a text, with and without it", async () => {
    const editor = await workbench.webview(/polite\.prompt\.safetensors/);
    await editor.getByLabel("Text for the model to read").fill("the soup was cold and the waiter was rude");
    await editor.locator("vscode-button", { hasText: "Try" }).click();
    await editor.locator(".answers ~ .source").waitFor(); // the answers are whole
    const answers = await editor.locator(".answer").allInnerTexts();
    expect(answers).toHaveLength(2);
    expect(answers[0]).toMatch(/With the prompt/i);
    expect(answers[1]).toMatch(/Without the prompt/i);
    expect(await editor.locator("body").innerText()).toContain("the soup was cold and the waiter was rude");
  });

  it("exports the prompt as a PEFT adapter, and says in a document what PEFT does differently", async () => {
    await workbench.menu(workbench.treeItem("polite"), "Export as PEFT Adapter…");
    await workbench.type("polite");
    await until(
      async () => (await workbench.lines()).some((line) => line.includes("padded on the left")),
      60_000,
      async () => (await workbench.lines()).join("\n"),
    );
    expect((await workbench.lines())[0]).toBe("# polite.peft");
    const config = JSON.parse(workspace.read(join("prompts", "polite.peft", "adapter_config.json")));
    expect(config).toMatchObject({ peft_type: "PROMPT_TUNING", num_virtual_tokens: 10, token_dim: 128 });
  });

  it("trains every method, its ablations and its rivals from one file, which ends in one table", async () => {
    workspace.experiment("methods", {
      method: [
        { name: "ulpt", rank: [2, 16] },
        { name: "ulpt", rank: 16, scale: false, shift: false },
        { name: "ulpt", rank: 16, trains: "projection" },
        ...[{ name: "dpt", rank: 4 }, { name: "dept", rank: 4, textLength: 16 }, "p-tuning", "residual", "vanilla"],
      ],
      ...{ steps: 8, evaluateEvery: 8 },
    });
    await workbench.command("ULPT: Train…");
    await workbench.pick("methods");
    const ends = async () => (await workbench.terminal()).includes("runs: .ulpt/runs/methods");
    await until(ends, 300_000, () => workbench.terminal());
    await workbench.command("ULPT: Compare Ranks");
    await workbench.pick("methods");
    const panel = await workbench.webview("methods");
    await until(async () => (await state(panel)).view === "ranks");
    const table = async () => panel.locator("table.comparison tbody tr").allInnerTexts();
    await until(async () => (await table()).length === 9);
    const names = (await table()).map((row) => row.split(/\s+/)[0]);
    expect(names.sort()).toEqual(
      [
        ...["ulpt-r2", "ulpt-r16", "ulpt-r16-no-scale-no-shift", "ulpt-r16-trained-projection"],
        ...["dpt-r4", "dept-r4-lr0.005", "p-tuning-h128", "residual-m800", "vanilla"],
      ].sort(),
    );
    for (const row of await table()) expect(row).toMatch(/\d\.\d %[\s\S]*finished/);
  });

  it("writes the scores of runs as one table with their paired tests, to copy or to save", async () => {
    await workbench.command("ULPT: Compare Scores…");
    await workbench.pick("methods");
    await workbench.pick("LaTeX");
    await until(
      async () => (await workbench.lines()).some((line) => line.includes("begin{tabular}")),
      60_000,
      async () => (await workbench.lines()).join("\n"),
    );
  });

  it("says in its log how long its activation took, and nothing complained on the way", async () => {
    const [, activated] = /activated in (\d+) ms/.exec(workbench.hostLog("ULPT Lab.log")) ?? [];
    await workbench.command("Developer: Show Running Extensions");
    const row = workbench.page.locator(".runtime-extensions-editor .extension", { hasText: "ULPT Lab" });
    const loaded = /Activation: \d+ ?ms/.exec(await row.innerText())?.[0];
    console.log(`activated in ${activated} ms; with the time to load the code, on this machine: ${loaded}`);
    expect(activated).toBeDefined();
    expect(workbench.complaints()).toEqual([]);
  });
});
