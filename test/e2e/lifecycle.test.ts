/** @file What a training lives through in a real VS Code: tasks.json, a reloaded window, stop and resume, a killed process, a broken file. */
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Frame } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundle } from "../support/bundle.ts";
import { photographFailures } from "./support/failures.ts";
import { prepareOrSkip } from "./support/install.ts";
import { packedExtension } from "./support/vsix.ts";
import { until, Workbench } from "./support/workbench.ts";
import { SampleWorkspace } from "./support/workspace.ts";

const { server, skipped } = prepareOrSkip();
const run = "ulpt-r2-seed1";
/** Trains for minutes: no test waits for its end. */
const long = { steps: 100_000, evaluateEvery: 50_000 };
const exact = { steps: 100, evaluateEvery: 50, batchSize: 16 };

function lastStep(panel: Frame): Promise<number> {
  return panel.evaluate(() => Number(document.body.dataset.lastStep ?? 0));
}

describe.skipIf(!server)(`trainings${skipped}`, () => {
  let workspace: SampleWorkspace;
  let workbench: Workbench;

  beforeAll(async () => {
    workspace = new SampleWorkspace();
    workspace.experiment("long", long);
    workspace.experiment("exact", exact);
    workspace.experiment("grid", { ...long, rank: [2, 4], seed: [1, 2] });
    workspace.write("absent.ulpt.json", workspace.read("exact.ulpt.json").replace("tiny-notes-t5", "absent"));
    const task = { type: "ulpt", experiment: "long.ulpt.json", label: "train the long one" };
    workspace.write(".vscode/tasks.json", JSON.stringify({ version: "2.0.0", tasks: [task] }));
    const broken = workspace
      .read("exact.ulpt.json")
      .replace('"rank"', '"rnak"')
      .replace("complaint.train", "complaint.trian");
    workspace.write("broken.ulpt.json", broken);
    workbench = await Workbench.open({ server: server!, folder: workspace.folder, vsix: packedExtension() });
    await workbench.openView("ULPT Lab");
  });
  afterAll(async () => {
    await workbench?.close();
    await workspace?.dispose();
  });
  photographFailures(() => workbench);

  it("run as a task of tasks.json", async () => {
    await workbench.command("Tasks: Run Task");
    await workbench.pick("train the long one");
    await until(
      () => workspace.step("long", run) > 0,
      60_000,
      () => workbench.terminal(),
    );
    expect(workspace.launches().map(({ args }) => args[0])).toEqual(["train"]);
    await until(
      async () => /step \d+\/100000 +loss/.test(await workbench.terminal()),
      60_000,
      () => workbench.terminal(),
    );
    await workbench.treeItem(run, /\d+\/100000/).waitFor();
  });

  it("begin a second time beside the first, which our own dialog asks about and nobody else", async () => {
    const second = `${run}-2`;
    await workbench.command("ULPT: Train…");
    await workbench.pick("long");
    await workbench.answerDialog("long is being trained already", "Train a Second Time");
    await until(
      () => workspace.step("long", second) > 0,
      60_000,
      async () => `${await workbench.page.locator(".quick-input-widget").innerText()}\n${await workbench.terminal()}`,
    );
    expect(workspace.state("long", run)).toBe("running");
    await workbench.menu(workbench.treeItem(second), "Stop Run");
    await workbench.treeItem(second, /stopped at/).waitFor();
    expect(workspace.state("long", run)).toBe("running");
  });

  it("go on without their window, which finds them again when it is back", async () => {
    await workbench.command("ULPT: Open Run Panel");
    await until(async () => (await lastStep(await workbench.webview("long"))) > 0);
    const before = workspace.step("long", run);
    await workbench.reload();
    await until(
      async () => /ULPT r=2 (\d+ %|starting)/.test(await workbench.statusBar()),
      60_000,
      () => workbench.statusBar(),
    );
    await workbench.treeItem(run, /\d+\/100000/).waitFor();
    // Looked for again each time: a window that is restored may make its panels twice.
    const shown = async () => lastStep(await workbench.webview("long"));
    await until(async () => (await shown()) > before);
    const restored = await shown();
    await until(async () => (await shown()) > restored);
    expect(workspace.launches()).toHaveLength(2);
    expect(workspace.state("long", run)).toBe("running");
  });

  it("stop from the palette, with everything saved", async () => {
    await workbench.command("ULPT: Stop Run");
    await until(
      () => workspace.state("long", run) === "stopped",
      60_000,
      () => workbench.hostLog("ULPT Lab.log"),
    );
    await workbench.treeItem(run, /stopped at \d+\/100000/).waitFor();
    await until(async () => !(await workbench.statusBar()).includes("ULPT r="));
  });

  it("resume from the explorer; killed, they are interrupted and can be resumed again", async () => {
    const stoppedAt = workspace.step("long", run);
    await workbench.menu(workbench.treeItem(run), "Resume Run…");
    await until(() => workspace.step("long", run) > stoppedAt + 5);
    process.kill(-workspace.launches().at(-1)!.pid, "SIGKILL");
    await workbench.treeItem(run, /interrupted at \d+\/100000/).waitFor();
    await until(async () =>
      /was interrupted: its process ended with SIGKILL\. It can be resumed\./.test(await workbench.terminal()),
    );
    const panel = await workbench.webview("long");
    await until(async () => /interrupted/.test(await panel.locator("body").innerText()));
    await workbench.expand(workbench.treeItem(run));
    await workbench.treeItem("interrupted: its process is gone. Resume goes on exactly where it was saved.").waitFor();

    const killedAt = workspace.step("long", run);
    await workbench.treeItem(run).hover();
    await workbench.treeItem(run).locator('a.action-label[aria-label^="Resume Run"]').click();
    await until(() => workspace.state("long", run) === "running" && workspace.step("long", run) > killedAt);
    await (await workbench.webview("long")).locator("vscode-button", { hasText: "Stop" }).first().click();
    await until(() => workspace.state("long", run) === "stopped");
  });

  it("of a model that is not there say so in the tree, in the panel, as a problem of the file, and by a message that leads there", async () => {
    await workbench.command("ULPT: Train…");
    await workbench.pick("absent");
    await until(async () => (await workbench.toasts()).some((text) => /^absent did not start: The model/.test(text)));
    await workbench.treeItem("absent", /did not start/).waitFor();
    const panel = await workbench.webview("absent");
    await until(async () =>
      /The training did not start[\s\S]*models\/absent/.test(await panel.locator("body").innerText()),
    );
    await workbench.answerToast(/absent did not start/, "Show Problem");
    await workbench.page.locator('.tab.active[aria-label^="absent.ulpt.json"]').waitFor();
    await workbench.page.locator(".squiggly-error").first().waitFor();
    await workbench.expand(workbench.treeItem("absent"));
    const row = workbench.treeItem("did not start", /The model "models\/absent" is not there/);
    await row.waitFor();
    await row.hover();
    await row.locator('a.action-label[aria-label^="Dismiss"]').click();
    await workbench.treeItem("absent").waitFor({ state: "detached" });
    await workbench.page.locator(".squiggly-error").first().waitFor({ state: "detached" });
  });

  it("of a sweep stop as one that is continued after a reload, in another order, and without what is left out", async () => {
    await workbench.command("ULPT: Train…");
    await workbench.pick("grid");
    await until(() => workspace.step("grid", run) > 0);
    await workbench.expand(workbench.treeItem("grid"));
    await workbench.treeItem("Sweep", /run 1 of 4 · 3 wait/).waitFor();
    await (await workbench.webview("grid")).locator("vscode-button", { hasText: "Stop" }).first().click();
    await workbench.pick("Stop the sweep");
    await workbench.treeItem("Sweep", /sweep stopped/).waitFor();
    expect(workspace.state("grid", run)).toBe("stopped");

    await workbench.reload();
    await workbench.menu(workbench.treeItem("grid"), "Open Experiment File");
    await workbench.page.locator(".codelens-decoration a", { hasText: "Continue Sweep" }).first().click();
    await until(() => workspace.state("grid", run) === "running");
    await workbench.expand(workbench.treeItem("grid"));
    await workbench.treeItem("Sweep", /run 1 of 4/).waitFor();
    await workbench.expand(workbench.treeItem("Sweep"));
    await workbench.menu(workbench.treeItem("ulpt-r4-seed2"), "Train Next");
    await workbench.treeItem("ulpt-r4-seed2", /next/).waitFor();
    await workbench.menu(workbench.treeItem("ulpt-r4-seed1"), "Leave Out of the Sweep");
    await workbench.treeItem("ulpt-r4-seed1").waitFor({ state: "detached" });
    await workbench.command("ULPT: Stop Run");
    await workbench.pick("Stop this run only");
    await until(() => workspace.step("grid", "ulpt-r4-seed2") > 0);
    expect(workspace.state("grid", run)).toBe("stopped");
    await workbench.command("ULPT: Stop Sweep");
    await workbench.treeItem("Sweep", /sweep stopped, 2 of 4 runs done/).waitFor();
  });

  it("that were deleted are asked about once, and leave nothing in the window", async () => {
    const stopped = [workbench.treeItem(run, /stopped/).last(), workbench.treeItem("ulpt-r4-seed2", /stopped/)];
    await until(() => workspace.state("grid", "ulpt-r4-seed2") === "stopped");
    await workbench.expand(stopped[1]!);
    await workbench.page
      .locator('.sidebar [role="treeitem"] .label-name', { hasText: /^step \d+$/ })
      .first()
      .click();
    const ofDeleted = workbench.page.locator('.tab[aria-label*=".ckpt.txt"]');
    await ofDeleted.waitFor();
    await workbench.collapse(stopped[1]!);
    await stopped[0]!.click();
    await stopped[1]!.click({ modifiers: ["Control"] });
    await workbench.menu(stopped[1]!, "Delete Run…");
    await workbench.answerDialog("Delete 2 runs?", "Delete Permanently");
    await workbench.treeItem("grid").waitFor({ state: "detached" });
    expect(await workbench.page.locator(".monaco-dialog-box").count()).toBe(0);
    await ofDeleted.waitFor({ state: "detached" });
  });

  it("stopped and resumed compute the same losses as one that nothing disturbed", async () => {
    await workbench.command("ULPT: Train…");
    await workbench.pick("exact");
    const panel = await workbench.webview("exact");
    await until(() => workspace.step("exact", run) > 10);
    await panel.locator("vscode-button", { hasText: "Stop" }).first().click();
    await until(() => workspace.state("exact", run) === "stopped");
    const stoppedAt = workspace.step("exact", run);
    expect(stoppedAt).toBeLessThan(exact.steps);
    await workbench.treeItem("exact").waitFor();
    await workbench.expand(workbench.treeItem("exact"));
    await workbench.treeItem(run, new RegExp(`stopped at \\d+/${exact.steps}`)).waitFor();
    await workbench.command("ULPT: Resume Run…");
    await workbench.pick(run); // of "exact", which comes before "long"
    await until(
      () => workspace.state("exact", run) === "finished",
      100_000,
      () => workbench.terminal(),
    );

    const other = new SampleWorkspace();
    try {
      other.experiment("exact", exact);
      execFileSync(process.execPath, [bundle, "train", "exact.ulpt.json", "--workspace", other.folder], {
        cwd: other.folder,
        stdio: "pipe",
      });
      const losses = workspace.losses("exact", run);
      expect(losses).toHaveLength(exact.steps);
      expect(losses).toEqual(other.losses("exact", run));
    } finally {
      await other.dispose();
    }
  });

  it("of a broken experiment are not needed to learn what is wrong: it is underlined, with a quick fix", async () => {
    await workbench.openFile("broken.ulpt.json");
    await workbench.page.locator(".squiggly-error").first().waitFor();
    await workbench.command("Go to Next Problem in Files (Error, Warning, Info)");
    const problem = workbench.page.locator(".marker-widget");
    await problem.waitFor();
    expect(await problem.innerText()).toContain('rnak is not a setting of an experiment; did you mean "rank"?');
    await workbench.page.keyboard.press("Escape");
    const fixes = workbench.page.locator(".action-widget", { hasText: 'Change to "rank"' });
    await until(async () => {
      await workbench.page.keyboard.press("Control+."); // not heard while the words of the problem are still closing
      return fixes.waitFor({ timeout: 5000 }).then(
        () => true,
        () => false,
      );
    });
    await workbench.page.keyboard.press("Enter");
    await until(async () => (await workbench.lines()).some((line) => line.includes('"rank"')));
    // What only the disk can tell comes next.
    await workbench.command("Go to Next Problem in Files (Error, Warning, Info)");
    await until(async () => /The data file does not exist: .*complaint\.trian\.jsonl/.test(await problem.innerText()));
  });

  it("leave what is underlined in other files as it is", async () => {
    workspace.experiment("brief", { steps: 5, evaluateEvery: 5 });
    const underlined = workbench.page.locator(".squiggly-error");
    expect(await underlined.count()).toBeGreaterThan(0);
    await workbench.command("ULPT: Train…");
    await workbench.pick("brief");
    await until(async () => (await workbench.terminal()).includes("runs: .ulpt/runs/brief"));
    await until(async () => (await workbench.terminal()).includes("Terminal will be reused by tasks"));
    await workbench.openFile("broken.ulpt.json");
    await workbench.page.waitForTimeout(1000); // what ends with a task is cleared behind it
    expect(await underlined.count()).toBeGreaterThan(0);
  });

  it("begin with the sample in a window of its own: its experiment is open, and the next step in view", async () => {
    rmSync(join(workspace.folder, "complaint.ulpt.json")); // by which a folder is known as the sample
    const opening = workbench.page.waitForEvent("popup", { timeout: 60_000 });
    opening.catch(() => undefined); // where the window never came to it
    await workbench.command("ULPT: Open Sample…");
    await workbench.page.locator(".quick-input-title", { hasText: "Where shall the sample go" }).waitFor();
    await workbench.answerFileDialog(`${join(workspace.folder, "..")}/`);
    const sample = await opening;
    await sample.locator('.tab.active[aria-label^="complaint.ulpt.json"]').waitFor({ timeout: 60_000 });
    await sample.locator(".codelens-decoration a", { hasText: "Train" }).first().waitFor();
    const step = sample.locator(".notifications-toasts .notification-list-item", { hasText: "Train starts it" });
    await step.locator(".monaco-button", { hasText: "Train" }).waitFor();
    await sample.close();
  });

  it("left no error behind, in no console and no log", () => {
    const told = /\] absent did not start: /; // of the launch that was to fail
    expect(workbench.complaints().filter((text) => !told.test(text))).toEqual([]);
    expect(workbench.hostLog("ULPT Lab.log").match(/activated in \d+ ms/g)).toHaveLength(4);
  });
});
