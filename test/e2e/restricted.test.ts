/** @file Restricted Mode in a real VS Code: everything can be looked at, nothing runs, and words say why. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundle } from "../support/bundle.ts";
import type { TestHub } from "../support/hub.ts";
import { hubEnvironment, hubModel, startRegistryHub } from "../support/registryHub.ts";
import { photographFailures } from "./support/failures.ts";
import { prepareOrSkip } from "./support/install.ts";
import { packedExtension } from "./support/vsix.ts";
import { until, Workbench } from "./support/workbench.ts";
import { SampleWorkspace } from "./support/workspace.ts";

const { server, skipped } = prepareOrSkip();

/** The processes whose command line has this in it. */
function processes(words: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      } catch {
        return []; // it has ended
      }
    })
    .filter((command) => command.includes(words));
}

describe.skipIf(!server)(`Restricted Mode${skipped}`, () => {
  let hub: TestHub;
  let workspace: SampleWorkspace;
  let workbench: Workbench;

  beforeAll(async () => {
    hub = await startRegistryHub(["sst2"]);
    workspace = new SampleWorkspace();
    const ofHub = { model: hubModel, task: "sst2", rank: 2, training: { steps: 10 } };
    workspace.write("of-hub.ulpt.json", JSON.stringify(ofHub));
    workspace.experiment("tiny", { steps: 8, evaluateEvery: 4 });
    const options = { cwd: workspace.folder, stdio: "pipe" } as const;
    execFileSync(process.execPath, [bundle, "train", "tiny.ulpt.json", "--workspace", workspace.folder], options);
    workbench = await Workbench.open({
      server: server!,
      folder: workspace.folder,
      vsix: packedExtension(),
      trusted: false,
      environment: hubEnvironment(hub, join(workspace.folder, "..", "cache")),
    });
  });
  afterAll(async () => {
    await workbench?.close();
    await workspace?.dispose();
    await hub?.close();
  });
  photographFailures(() => workbench);

  it("offers no command that trains", async () => {
    const offered = await workbench.offered("ULPT:");
    expect(offered).toContain("ULPT: Open Run Panel");
    expect(offered).not.toContain("ULPT: Train…");
    expect(offered).not.toContain("ULPT: Sweep Ranks…");
    expect(offered).not.toContain("ULPT: Preview Data…");
    expect(offered).not.toContain("ULPT: Delete Run…");
    expect(offered).not.toContain("ULPT: Delete Evaluation…");
    expect(offered).not.toContain("ULPT: Download Model and Data…");
  });

  it("shows runs, but starts nothing to look into a checkpoint, and says so", async () => {
    await workbench.openView("ULPT Lab");
    await workbench.expand(workbench.treeItem("tiny"));
    await workbench.expand(workbench.treeItem("ulpt-r2-seed1"));
    await workbench.treeItem("step 8").click();
    const sentence = "# This checkpoint has not been looked into yet, and in Restricted Mode nothing is started.";
    await until(
      async () => (await workbench.lines()).includes(sentence),
      60_000,
      () => workbench.lines(),
    );
  });

  it("draws the runs in the panel, where training is off", async () => {
    await workbench.command("ULPT: Open Run Panel");
    const panel = await workbench.webview("tiny");
    await until(() => panel.evaluate(() => document.body.dataset.lastStep === "8"));
    expect(await panel.locator("body").innerText()).toContain("Training is off in Restricted Mode");
    expect(await panel.locator("vscode-button", { hasText: "Train" }).first().getAttribute("disabled")).not.toBeNull();
  });

  it("asks the Hub nothing, whatever an experiment names", async () => {
    await workbench.openFile("of-hub.ulpt.json");
    await workbench.page.locator(".codelens-decoration a", { hasText: "Preview Data" }).click();
    await until(
      async () => (await workbench.toasts()).some((text) => /Restricted Mode/.test(text)),
      60_000,
      async () => (await workbench.toasts()).join("\n"),
    );
    await workbench.command("Notifications: Clear All Notifications");
    expect(hub.requests).toEqual([]);
  });

  it("refuses to train from the lens of an experiment, with the reason", async () => {
    await workbench.openFile("tiny.ulpt.json");
    await workbench.page.locator(".codelens-decoration a", { hasText: "Train" }).click();
    await until(async () => (await workbench.toasts()).length > 0);
    expect(await workbench.toasts()).toEqual(["ULPT Lab runs nothing in Restricted Mode. Trust this workspace first."]);
  });

  it("has started no process, and complains about nothing but that", () => {
    expect(workspace.launches()).toEqual([]);
    expect(
      processes("dist/cli.js").filter(
        (command) => command.includes("ulpt-lab.ulpt-lab") && command.includes(workbench.home),
      ),
    ).toEqual([]);
    expect(workbench.complaints().filter((text) => !text.includes("ULPT Lab runs nothing in Restricted Mode"))).toEqual(
      [],
    );
  });
});
