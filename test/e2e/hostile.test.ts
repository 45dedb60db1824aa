/**
 * @file A workspace that wants to hurt whoever opens it, in a real VS Code: looked at in Restricted Mode, then trusted and looked at
 * again. Nothing outside it changes, none of its commands runs, nobody else's process ends, and the extension host lives.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createHostileWorkspace, type HostileWorkspace } from "../support/hostileWorkspace.ts";
import type { TestHub } from "../support/hub.ts";
import { hubEnvironment, startRegistryHub } from "../support/registryHub.ts";
import { photographFailures } from "./support/failures.ts";
import { prepareOrSkip } from "./support/install.ts";
import { packedExtension } from "./support/vsix.ts";
import { until, Workbench } from "./support/workbench.ts";

const { server, skipped } = prepareOrSkip();

/** The processes of the workbench whose command line has this in it. Who starts another is two of them until the new one has its own. */
function processes(home: string, words: string): number[] {
  const found = new Map<number, number>();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      if (!command.includes(words) || !readFileSync(`/proc/${pid}/environ`, "utf8").includes(`HOME=${home}\0`))
        continue;
      const parent = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1];
      found.set(Number(pid), Number(parent));
    } catch {
      // it has ended, or is another user's
    }
  }
  return [...found].flatMap(([pid, parent]) => (found.has(parent) ? [] : pid));
}

describe.skipIf(!server)(`a hostile workspace${skipped}`, () => {
  const parent = mkdtempSync(join(tmpdir(), "ulpt-hostile-"));
  let hub: TestHub;
  let workspace: HostileWorkspace;
  let workbench: Workbench;
  let host: number[];

  beforeAll(async () => {
    hub = await startRegistryHub([]);
    workspace = createHostileWorkspace(parent);
    workbench = await Workbench.open({
      server: server!,
      folder: workspace.folder,
      vsix: packedExtension(),
      trusted: false,
      size: { width: 1440, height: 1500 }, // a tree draws the rows that are on screen
      settings: { "workbench.editor.useModal": "off" }, // the editor of trust would lie over everything
      environment: hubEnvironment(hub, join(workspace.folder, "..", "workspace", "cache")),
    });
    host = processes(workbench.home, "--type=extensionHost");
  });
  afterAll(async () => {
    await workbench?.close();
    workspace?.dispose();
    await hub?.close();
    rmSync(parent, { recursive: true, force: true });
  });
  /** Whatever was looked at or done: nobody was hurt, asked or made to run something, and the view still answers. */
  afterEach(async () => {
    const harm = workspace.harm();
    workspace.outside.remember(); // each test answers for its own
    expect(harm).toEqual([]);
    expect(hub.requests).toEqual([]);
    expect(await commandLinks()).toEqual([]);
    for (const command of ["train", "resume"]) expect(processes(workbench.home, `cli.js ${command}`)).toEqual([]);
    expect(processes(workbench.home, "--type=extensionHost")).toEqual(host);
    await answers();
  });
  photographFailures(() => workbench);

  /** Links that would run one of the workspace's tasks, wherever they are drawn. */
  function commandLinks(): Promise<string[]> {
    const links = workbench.page.locator('a[href*="tasks.build"], a[data-href*="tasks.build"]');
    return links.evaluateAll((found) => found.map((link) => link.outerHTML));
  }

  /** The extension reads its runs again, and shows them. */
  async function answers(): Promise<void> {
    await workbench.openView("ULPT Lab");
    await workbench.command("ULPT: Refresh Runs and Prompts");
    await workbench.collapse(good());
    // A row that is drawn anew while it is clicked stays as it is.
    await until(async () => {
      await workbench.expand(good());
      return workbench.treeItem("step 8").first().isVisible();
    });
  }

  const good = () => workbench.treeItem(workspace.goodRun);

  /** Opens what the tree has, experiments and runs, and the panel of the experiment. */
  async function lookAtRuns(): Promise<void> {
    await workbench.openView("ULPT Lab");
    await until(
      async () => (await workbench.treeTexts()).some((text) => text.startsWith("mood")),
      60_000,
      async () => (await workbench.treeTexts()).join("\n"),
    );
    await workbench.expand(workbench.treeItem("mood"));
    await good().waitFor();
    for (const label of ["owned-0", "linked-checkpoints", "linked-events.jsonl", "deep", "texts"]) {
      await workbench.expand(workbench.treeItem(label));
      await workbench.collapse(workbench.treeItem(label));
    }
    await workbench.command("ULPT: Open Run Panel");
    const panel = await workbench.webview("mood");
    await until(async () => (await panel.locator("body").innerText()).includes(workspace.goodRun));
  }

  async function lookAtExperiments(): Promise<void> {
    for (const name of workspace.experiments.filter((experiment) => !experiment.includes("["))) {
      await workbench.openFile(name);
      await workbench.page
        .locator(".codelens-decoration")
        .first()
        .waitFor({ timeout: 3000 })
        .catch(() => undefined);
    }
  }

  async function lookAtPrompts(): Promise<void> {
    for (const name of ["model-of-the-hub", "model-outside", "model-at-file"]) {
      await workbench.openFile(`${name}.prompt.safetensors`);
      await workbench.webview(/./);
    }
  }

  it("shows its runs in Restricted Mode", lookAtRuns);
  it("shows its experiments in Restricted Mode", lookAtExperiments);
  it("shows its prompts in Restricted Mode", lookAtPrompts);

  it("starts no process in Restricted Mode", () => {
    expect(processes(workbench.home, "dist/cli.js")).toEqual([]);
  });

  it("can be trusted, which runs nothing", async () => {
    await workbench.command("View: Close All Editors"); // what is open is looked into
    await workbench.command("Workspaces: Manage Workspace Trust");
    const editor = workbench.page.locator(".workspace-trust-editor");
    await editor
      .locator(".monaco-button", { hasText: /^Trust$/ })
      .first()
      .click();
    await editor.getByText("You trust this folder").waitFor();
    await until(async () => (await workbench.offered("ULPT: Train")).includes("ULPT: Train…"));
    expect(processes(workbench.home, "dist/cli.js")).toEqual([]);
  });

  it("shows its runs, trusted", lookAtRuns);
  it("shows its experiments, trusted", lookAtExperiments);
  it("shows its prompts, trusted", lookAtPrompts);

  it("cannot have a process ended that is not its own", async () => {
    for (const label of ["owned-0", "owned-1", "owned-by-init"]) {
      await workbench.menu(workbench.treeItem(label), "Stop Run Now");
      await workbench.page.locator(".monaco-dialog-box .monaco-button", { hasText: "Stop Now" }).click();
      await until(async () => (await workbench.toasts()).some((text) => text.includes("gets no signal")));
      await workbench.command("Notifications: Clear All Notifications");
    }
  });

  it("is answered in words where its files take for ever", async () => {
    await workbench.openFile("endless.ulpt.json");
    await workbench.page.locator(".codelens-decoration a", { hasText: "Preview Data" }).click();
    await until(
      async () => (await workbench.toasts()).length > 0,
      60_000,
      async () => (await workbench.toasts()).join("\n"),
    );
  });
});
