/**
 * @file Pictures of every surface of the extension in a real VS Code, in a light, a dark and a high contrast theme.
 *
 *   tsx scripts/pictures/workbench.ts OUT [--workspace FOLDER] [SURFACE…]
 *
 * The runs in the pictures are trained first, which takes some minutes; with --workspace they are kept there and used again.
 * Those for the README then go through `pngquant --quality 85-100 --strip`: they are part of every VSIX.
 */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { prepare } from "../../test/e2e/support/install.ts";
import { packedExtension } from "../../test/e2e/support/vsix.ts";
import { until, Workbench } from "../../test/e2e/support/workbench.ts";
import { bundle, repository } from "../../test/support/bundle.ts";

const themes = {
  light: "Light 2026",
  dark: "Dark 2026",
  "high-contrast": "Dark High Contrast",
} as const;

/** Of the window, in CSS pixels. */
const size = { width: 1440, height: 900 };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { workspace: { type: "string" }, scale: { type: "string", default: "2" } },
});
const [out = "", ...only] = positionals;
if (!out) {
  console.error("usage: workbench.ts OUT [--workspace FOLDER] [--scale N] [SURFACE…]");
  process.exit(2);
}
mkdirSync(out, { recursive: true });

const { server, reason } = prepare();
if (!server) throw new Error(reason);

const temporary = mkdtempSync(join(tmpdir(), "ulpt-pictures-"));
const folder = values.workspace ? resolve(values.workspace) : join(temporary, "sample");
let workbench: Workbench | undefined;

/** Surfaces by their name: what has to be done until each is on screen. */
const surfaces: Record<string, (workbench: Workbench) => Promise<void>> = {
  async "panel-loss"(bench) {
    rmSync(join(folder, ".ulpt", "runs", "complaint"), { recursive: true, force: true });
    await bench.command("ULPT: Train…");
    await bench.pick("complaint");
    await bench.hidePanel();
    await bench.openView("ULPT Lab");
    await bench.expand(bench.treeItem("complaint"));
    const panel = await bench.webview("complaint");
    await bench.hidePanel();
    // In the second run, so that the first can be compared with it.
    await until(
      () => panel.evaluate(() => document.body.dataset.runs === "2" && Number(document.body.dataset.points) > 950),
      600_000, // a machine that others use is slow
    );
  },

  async "panel-ranks"(bench) {
    await openExperiment(bench, "mood-and-tense");
    await bench.command("ULPT: Compare Ranks");
    await bench.pick("mood-and-tense");
    const panel = await bench.webview("mood-and-tense");
    await until(() => panel.evaluate(() => document.body.dataset.view === "ranks"));
  },

  async "panel-facts"(bench) {
    await openExperiment(bench, "mood-and-tense");
    await bench.command("ULPT: Open Run Panel");
    await bench.pick("mood-and-tense");
    const panel = await bench.webview("mood-and-tense");
    await panel.locator('[role="tab"]', { hasText: "Facts" }).click();
    await until(() => panel.evaluate(() => document.body.dataset.view === "facts"));
    await panel.locator(".cost tbody tr").first().waitFor();
  },

  async "panel-cost"(bench) {
    await surfaces["panel-facts"]!(bench);
    const panel = await bench.webview("mood-and-tense");
    await panel.locator("vscode-button", { hasText: "Measure" }).click();
    await panel.locator("vscode-button", { hasText: "Measure Again" }).waitFor({ timeout: 120_000 });
    await panel.locator(".cost").evaluate((element) => element.scrollIntoView({ block: "end" }));
  },

  async "new-experiment"(bench) {
    await bench.page.keyboard.press("Escape");
    await bench.command("ULPT: New Experiment…");
    await bench.page
      .locator(".quick-input-list .monaco-list-row", { hasText: "of memory for training" })
      .first()
      .waitFor();
  },

  async "new-experiment-hub"(bench) {
    await bench.page.keyboard.press("Escape");
    await bench.command("ULPT: New Experiment…");
    await bench.pick(/A Model of the Hugging Face Hub/);
    await (await bench.input()).fill("Llama");
    await bench.page.locator(".quick-input-list .monaco-list-row", { hasText: "Llama-3.2-1B" }).first().waitFor();
  },

  async "new-experiment-size"(bench) {
    await bench.page.keyboard.press("Escape");
    await bench.command("ULPT: New Experiment…");
    await bench.pick(/A Model of the Hugging Face Hub/);
    await bench.pick("HuggingFaceTB/SmolLM2-135M");
    await bench.page.locator(".quick-input-list .monaco-list-row", { hasText: "Ask the Hub" }).waitFor();
  },

  async checkpoint(bench) {
    await openExperiment(bench, "mood-and-tense");
    await bench.expand(bench.treeItem("ulpt-r2-seed1"));
    await bench.treeItem("step 200").click();
    await until(async () => (await bench.lines()).some((line) => line.startsWith("[token 000]")));
  },

  async "checkpoint-diff"(bench) {
    await openExperiment(bench, "mood-and-tense");
    await bench.expand(bench.treeItem("ulpt-r2-seed1"));
    await bench.menu(bench.treeItem("step 200"), "Compare with Previous Checkpoint");
    await until(async () => (await bench.diffLines("modified")).some((line) => line.includes("moved more than")));
  },

  async "row-diff"(bench) {
    await openExperiment(bench, "mood-and-tense");
    await bench.expand(bench.treeItem("ulpt-r2-seed1"));
    await bench.menu(bench.treeItem("step 200"), "Compare Answers With…");
    await bench.pick("Step 100");
    await until(async () => (await bench.diffLines("modified")).some((line) => /rows? fixed, \d+ broken/.test(line)));
  },

  async "run-diff"(bench) {
    await openExperiment(bench, "mood-and-tense");
    await bench.treeItem("ulpt-r2-seed1").click();
    await bench.treeItem("ulpt-r8-seed1").click({ modifiers: ["Control"] });
    await bench.menu(bench.treeItem("ulpt-r8-seed1"), "Compare Runs…");
    await bench.page.locator(".monaco-diff-editor").first().waitFor();
  },

  async "prompt-editor"(bench) {
    await openExperiment(bench, "mood-and-tense");
    rmSync(join(folder, "prompts"), { recursive: true, force: true });
    const run = bench.treeItem("ulpt-r8-seed1");
    await run.click(); // it alone
    await bench.collapse(run);
    await bench.menu(run, "Export Prompt…");
    await bench.type("mood-and-tense");
    await bench.treeItem("mood-and-tense", /KB/).waitFor();
    await bench.command("Notifications: Clear All Notifications");
    await bench.treeItem("mood-and-tense", /KB/).click();
    const editor = await bench.webview(/mood-and-tense\.prompt\.safetensors/);
    const row = readFileSync(join(folder, "data", "mood-and-tense.test.jsonl"), "utf8").split("\n")[3]!;
    await editor.getByLabel("Text for the model to read").fill((JSON.parse(row) as { text: string }).text);
    await editor.locator("vscode-button", { hasText: "Try" }).click();
    await editor.locator(".answers ~ .source").waitFor(); // the answers are whole
    await editor.locator("table tbody tr").first().waitFor();
  },

  async "prompt-options"(bench) {
    await surfaces["prompt-editor"]!(bench);
    const editor = await bench.webview(/mood-and-tense\.prompt\.safetensors/);
    await editor.locator("summary", { hasText: "Options" }).click();
  },

  async "peft-remarks"(bench) {
    await surfaces["prompt-editor"]!(bench);
    await bench.menu(bench.treeItem("mood-and-tense", /KB/), "Export as PEFT Adapter…");
    await bench.type("mood-and-tense");
    await until(async () => (await bench.lines()).some((line) => line.startsWith("# mood-and-tense")));
  },

  async walkthrough(bench) {
    await bench.command("ULPT: Open Walkthrough");
    await bench.page.locator(".getting-started-step.expanded").first().waitFor();
    await bench.page.waitForTimeout(2000); // it slides in
  },

  async experiment(bench) {
    await bench.openFile("typo.ulpt.json");
    await bench.page.locator(".codelens-decoration a").first().waitFor();
    await bench.page.locator(".squiggly-warning").first().waitFor();
    await bench.command("Go to Next Problem in Files (Error, Warning, Info)");
    await bench.page.locator(".marker-widget").waitFor();
  },

  async "data-preview"(bench) {
    const written = readFileSync(join(folder, "complaint.ulpt.json"), "utf8");
    const short = written.replace(/("task": \{)/, '$1\n    "maxSourceLength": 20,');
    writeFileSync(join(folder, "short.ulpt.json"), short);
    await bench.command("ULPT: Preview Data…");
    await bench.pick("short");
    await (await bench.webview("Data of short")).locator("tbody tr").first().waitFor();
    rmSync(join(folder, "short.ulpt.json"));
  },

  async reproduction(bench) {
    rmSync(join(folder, "table-1-ulpt-r2-sst2.ulpt.json"), { force: true });
    await bench.command("ULPT: Reproduce a Paper Result…");
    for (const choice of ["Table 1", "SST-2", "ULPT r=2"]) {
      await bench.pick(choice);
      await bench.page.waitForTimeout(300);
    }
    await bench.page.locator(".codelens-decoration", { hasText: "the paper has" }).waitFor();
  },

  async "run-table"(bench) {
    await bench.command("ULPT: Show All Runs as a Table");
    const table = await bench.webview("All Runs");
    await table.locator(".run-grid tbody tr").first().click({ button: "right" });
    await table.getByRole("menuitem", { name: "Set as Baseline" }).click();
    await table.locator(".run-grid .difference").first().waitFor();
  },

  async "run-table-columns"(bench) {
    await surfaces["run-table"]!(bench);
    const table = await bench.webview("All Runs");
    await table.locator(".column-choice summary").click();
    await table.getByRole("checkbox", { name: "training.learningRate", exact: true }).click();
  },

  async "run-table-narrow"(bench) {
    await surfaces["run-table"]!(bench);
    await bench.page.setViewportSize({ ...size, width: 800 });
  },

  async terminal(bench) {
    await bench.command("Tasks: Run Task");
    await bench.pick("ulpt");
    await bench.pick(/train .*typo/);
    await until(async () => /validation/.test(await bench.terminal()), 60_000);
  },
};

async function openExperiment(bench: Workbench, name: string): Promise<void> {
  await bench.openView("ULPT Lab");
  const others = ["complaint", "mood-and-tense", "typo"].filter((other) => other !== name);
  for (const row of [...others, "ulpt-r2-seed1"]) {
    const item = bench.treeItem(row).first();
    if (await item.isVisible()) await bench.collapse(item);
  }
  await bench.expand(bench.treeItem(name).first());
}

try {
  if (!existsSync(folder)) prepareRuns();
  workbench = await Workbench.open({
    server,
    folder,
    vsix: packedExtension(),
    size,
    scale: Number(values.scale),
    settings: { "workbench.colorTheme": themes.light, "window.title": "sample", "workbench.sideBar.location": "left" },
  });
  // tsx names functions for stack traces; the helper it calls is not there in a page.
  await workbench.page.addInitScript("globalThis.__name = (f) => f");
  await workbench.reload();
  for (const [name, show] of Object.entries(surfaces)) {
    if (only.length && !only.includes(name)) continue;
    await workbench.page.setViewportSize(size);
    await workbench.setTheme(themes.light);
    try {
      if (name !== "terminal") await workbench.hidePanel();
      await show(workbench);
      await workbench.page.mouse.move(720, 895);
      for (const [key, theme] of Object.entries(themes)) {
        await workbench.setTheme(theme);
        if (name.startsWith("new-experiment")) await show(workbench); // choosing a theme closes a pick
        const path = join(out, `${name}-${key}.png`);
        await workbench.picture(path);
        console.log(path);
      }
    } catch (error) {
      await workbench.picture(join(out, `${name}-failed.png`));
      console.error(`${name}: ${error instanceof Error ? error.message : error}`);
      process.exitCode = 1;
    }
    await workbench.page.keyboard.press("Escape");
    await workbench.command("View: Close All Editors");
  }
  for (const complaint of workbench.complaints()) console.error(complaint);
} finally {
  await workbench?.close();
  rmSync(temporary, { recursive: true, force: true });
}

/** A sweep with several seeds, for the comparison; a warning in a file of its own. */
function prepareRuns(): void {
  cpSync(join(repository, "examples", "sample"), folder, {
    recursive: true,
    filter: (path) => !path.endsWith("/.ulpt") && !path.endsWith("/prompts"),
  });
  const args = [bundle, "train", "mood-and-tense.ulpt.json", "--set", "seed=[1,2,3]", "--workspace", folder];
  execFileSync(process.execPath, args, { cwd: folder, stdio: "inherit" });
  const typo = readFileSync(join(folder, "complaint.ulpt.json"), "utf8").replace(
    /"evaluateEvery": \d+/,
    '"evaluateEvery": 1000',
  );
  writeFileSync(join(folder, "typo.ulpt.json"), typo);
}
