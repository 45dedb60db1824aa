/**
 * @file A sweep on a real Slurm from a real VS Code: the cluster is checked, the sweep is started there, its window is closed and
 * opened again, and sees it end.
 *
 *   npm run slurm:window [-- PICTURES]
 */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openJobs } from "../../src/launch/slurm/queue.ts";
import { readHolder } from "../../src/runs/owner.ts";
import { prepare } from "../../test/e2e/support/install.ts";
import { packedExtension } from "../../test/e2e/support/vsix.ts";
import { until, Workbench } from "../../test/e2e/support/workbench.ts";
import { SampleWorkspace } from "../../test/e2e/support/workspace.ts";
import setup from "../../test/support/bundle.ts";
import { Cluster, missingPrograms } from "./cluster.ts";

const [pictures] = process.argv.slice(2);
const runs = [1, 2].flatMap((rank) => [1, 2].map((seed) => `ulpt-r${rank}-seed${seed}`));
/** Of a machine that others use. In milliseconds. */
const patience = 180_000;

async function show(workbench: Workbench, name: string): Promise<void> {
  if (pictures) await workbench.picture(join(pictures, `${name}.png`));
}

async function checkCluster(workbench: Workbench): Promise<void> {
  await workbench.command("ULPT: Check Cluster…");
  await workbench.pick("default");
  let text = "";
  await until(
    async () => {
      const pages = workbench.page.frames().map((frame) => frame.locator("body").innerText({ timeout: 2_000 }));
      const texts = (await Promise.allSettled(pages)).flatMap((end) => (end.status === "fulfilled" ? end.value : []));
      text = texts.find((one) => one.startsWith("ULPT Lab: cluster")) ?? text;
      return text.includes("The cluster trains");
    },
    patience,
    () => text,
  );
  await show(workbench, "cluster-check");
  console.log(text);
}

async function startSweep(workbench: Workbench): Promise<void> {
  await workbench.openView("ULPT Lab");
  await workbench.command("ULPT: Train…");
  await workbench.pick("grid");
  await workbench.input();
  await show(workbench, "where-to-train");
  await workbench.pick(/The cluster: default/);
}

async function watchSweep(workbench: Workbench, workspace: SampleWorkspace): Promise<void> {
  const texts = async () => (await workbench.treeTexts()).join("\n");
  const says = (pattern: RegExp) =>
    until(
      async () => pattern.test(await texts()),
      patience,
      async () => `${pattern} in\n${await texts()}\n${await workbench.terminal()}`,
    );
  await says(/runs on n\d/);
  await says(/waits: /);
  await show(workbench, "runs-on-nodes");
  console.log(`\nThe Runs view:\n${await texts()}\n`);

  const address = workbench.page.url();
  await workbench.page.goto("about:blank");
  const isDone = (run: string) => workspace.state("grid", run) === "finished";
  await until(
    () => runs.some(isDone),
    patience,
    () => runs.map((run) => workspace.state("grid", run)).join(),
  );
  console.log(
    `The window is closed; ${runs.filter(isDone).length} of ${runs.length} runs are finished. It is opened again.`,
  );
  await workbench.page.goto(address);
  await workbench.openView("ULPT Lab");
  for (const run of runs) await workbench.treeItem(run, /test \d/).waitFor({ timeout: patience });
  await until(async () => !/interrupted/.test(await texts()), patience, texts);
  await until(
    async () => !(await workbench.statusBar()).includes("ULPT"),
    patience,
    () => workbench.statusBar(),
  );
  await show(workbench, "ended");
  console.log(`\nThe Runs view at the end:\n${await texts()}\n`);
}

async function checkRuns(workspace: SampleWorkspace): Promise<void> {
  for (const run of runs) {
    assert.equal(workspace.state("grid", run), "finished", run);
    const { attempt, owner } = readHolder(workspace.run("grid", run))!;
    console.log(`${run}: attempt ${attempt}, launch ${owner?.launch}`);
  }
  // Slurm has to say twice that nothing is left.
  await until(
    () => openJobs(workspace.folder).length === 0,
    patience,
    () => "a launch that nobody saw end",
  );
}

const missing = missingPrograms();
if (missing.length > 0) {
  console.error(`Slurm is not installed here (${missing.join(", ")}). On Debian: apt-get install slurm-wlm munge`);
  process.exit(1);
}
const { server, reason } = prepare();
if (!server) {
  console.error(reason);
  process.exit(1);
}
if (pictures) mkdirSync(pictures, { recursive: true });
setup();
const cluster = new Cluster();
const workspace = new SampleWorkspace();
let workbench: Workbench | undefined;
try {
  await cluster.start();
  const config = join(cluster.folder, "config");
  mkdirSync(join(config, "ulpt"), { recursive: true });
  const profiles = { default: { pollSeconds: 2, cpus: 1 }, night: { time: "8:00:00" } };
  writeFileSync(join(config, "ulpt", "launch.json"), JSON.stringify({ profiles }));
  workspace.experiment("grid", { rank: [1, 2], seed: [1, 2], steps: 200, evaluateEvery: 100 });
  const environment = { ...cluster.env, XDG_CONFIG_HOME: config, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  workbench = await Workbench.open({ server, folder: workspace.folder, vsix: packedExtension(), environment });
  await checkCluster(workbench);
  await startSweep(workbench);
  await watchSweep(workbench, workspace);
  await checkRuns(workspace);
} finally {
  await workbench?.close();
  await cluster.stop();
  await workspace.dispose();
}
