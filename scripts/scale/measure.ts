/**
 * @file How the window bears very many runs: the packaged extension in a real VS Code on a workspace of scripts/scale/workspace.ts.
 *
 *   npm run bench:scale [-- --runs 10000 --steps 800 --long 1000000 --curves 25 --workspace FOLDER --vsix FILE]
 *
 * The workspace is made in a temporary folder unless FOLDER has one; without a FILE the sources are packed. Beside the times stands the processor time that the extension
 * host took meanwhile, and the load of the machine: on a busy one the first says little and the second much.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Frame } from "playwright-core";
import { mean, median } from "simple-statistics";
import { runsFolder } from "../../src/runs/layout.ts";
import { prepare } from "../../test/e2e/support/install.ts";
import { packedExtension } from "../../test/e2e/support/vsix.ts";
import { Workbench } from "../../test/e2e/support/workbench.ts";
import { createScaleWorkspace } from "./workspace.ts";

const longest = 600_000;
const ticksPerSecond = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));
/** In slices: the engine collects its garbage a few times when it finds itself idle, which takes all of one. */
const idleSlices = 12;
const sliceSeconds = 5;
const settleSeconds = 10;
const hovers = 100;
const longestHovering = 120;

interface Figure {
  what: string;
  value: string;
  limit: string;
  /** Processor time of the extension host meanwhile, in seconds. */
  host?: string;
}

interface Processes {
  host: number;
  renderer: number;
}

/** The processes below this one whose command line has these words. */
function processesWith(words: string): number[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const isMeant = readFileSync(`/proc/${name}/cmdline`, "utf8").includes(words) && isBelow(Number(name));
      return isMeant ? [Number(name)] : [];
    } catch {
      return []; // it has just ended
    }
  });
}

function isBelow(pid: number): boolean {
  for (let each = pid; each > 1; each = parentOf(each)) if (each === process.pid) return true;
  return false;
}

function statOf(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

function parentOf(pid: number): number {
  return Number(statOf(pid)[1]);
}

function processorSeconds(pid: number): number {
  const fields = statOf(pid);
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** Megabytes of `VmRSS` (now) or `VmHWM` (the most so far). */
function megabytes(pid: number, field: "VmRSS" | "VmHWM"): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return (1024 * Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1])) / 1e6;
}

function findProcesses(): Processes {
  const host = processesWith("--type=extensionHost").at(-1);
  // Of the renderers the largest is the workbench, whose page the webviews are frames of.
  const [renderer] = processesWith("--type=renderer").sort((a, b) => megabytes(b, "VmRSS") - megabytes(a, "VmRSS"));
  if (!host || !renderer) throw new Error("The extension host or the renderer is not there.");
  return { host, renderer };
}

async function timed(host: number, work: () => Promise<unknown>): Promise<{ seconds: number; host: string }> {
  const [began, before] = [performance.now(), processorSeconds(host)];
  await work();
  const seconds = (performance.now() - began) / 1000;
  return { seconds, host: `${(processorSeconds(host) - before).toFixed(2)} s` };
}

const sleep = (seconds: number) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

/** Until every shown curve has its points. */
async function untilDrawn(frame: Frame): Promise<void> {
  await frame.waitForFunction(() => Number(document.body.dataset.points ?? 0) > 0, undefined, { timeout: longest });
}

async function openPanel(workbench: Workbench, experiment: string): Promise<Frame> {
  const row = workbench.treeItem(experiment);
  await row.hover();
  await row.locator('a.action-label[aria-label^="Open Run Panel"]').click();
  const frame = await workbench.webview(experiment, longest);
  await untilDrawn(frame);
  return frame;
}

/** Milliseconds from a movement of the pointer over the loss chart until what it changed is on screen, sorted. */
async function hoverTimes(workbench: Workbench, frame: Frame): Promise<number[]> {
  const canvas = frame.locator(".chart-box.loss canvas").first();
  const box = await canvas.boundingBox();
  if (!box) throw new Error("The loss chart is not shown.");
  await frame.evaluate(() => {
    const times: number[] = [];
    (window as unknown as { hoverTimes: number[] }).hoverTimes = times;
    addEventListener("mousemove", ({ timeStamp }) => {
      requestAnimationFrame(() => {
        // A task after the frame's own work: what the movement changed has been drawn.
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => times.push(performance.now() - timeStamp);
        port2.postMessage(null);
      });
    });
  });
  const until = performance.now() + 1000 * longestHovering;
  for (let step = 0; step < hovers && performance.now() < until; step++) {
    const x = box.x + box.width * (0.15 + (0.8 * step) / hovers);
    await workbench.page.mouse.move(x, box.y + box.height * (0.3 + 0.4 * Math.sin(step)));
    await sleep(0.05);
  }
  await sleep(1);
  const times = await frame.evaluate(() => (window as unknown as { hoverTimes: number[] }).hoverTimes);
  return times.sort((a, b) => a - b);
}

/** Ticks runs of the list until so many are shown. */
async function showCurves(frame: Frame, count: number): Promise<void> {
  const shown = () => frame.locator('.run-row[aria-checked="true"]').count();
  for (let known = await shown(); known < count; known = await shown()) {
    await frame.locator('.run-row[aria-checked="false"]').first().click();
    await frame.waitForFunction(
      (before) => document.querySelectorAll('.run-row[aria-checked="true"]').length > before,
      known,
      { timeout: longest },
    );
  }
  await sleep(2);
}

interface Options {
  folder: string;
  vsix: string;
  curves: number;
}

async function measure({ folder, vsix, curves }: Options): Promise<Figure[]> {
  const { server, reason } = prepare();
  if (!server) throw new Error(reason);
  const figures: Figure[] = [];
  const note = (figure: Figure) => {
    console.error(`${figure.what}: ${figure.value}${figure.host ? `, of the host ${figure.host}` : ""}`);
    figures.push(figure);
  };
  const workbench = await Workbench.open({ server, folder, vsix });
  try {
    workbench.page.setDefaultTimeout(longest);
    await sleep(2);
    const { host } = findProcesses();
    const add = (what: string, limit: string, { seconds, host }: { seconds: number; host: string }) =>
      note({ what, limit, value: `${seconds.toFixed(2)} s`, host });
    const rows = workbench.page.locator('.sidebar [role="treeitem"][aria-level="2"]');
    add(
      "the experiments in the Runs view",
      "1 s",
      await timed(host, async () => {
        await workbench.openView("ULPT");
        await workbench.treeItem("many").waitFor();
      }),
    );
    add(
      "the runs of one, opened",
      "1 s",
      await timed(host, async () => {
        await workbench.treeItem("many").click();
        await rows.first().waitFor();
      }),
    );
    await sleep(settleSeconds);
    await workbench.collapse(workbench.treeItem("many"));
    let panel: Frame | undefined;
    add(
      "the run panel of 10,000, with its curves",
      "2 s",
      await timed(host, async () => {
        panel = await openPanel(workbench, "many");
      }),
    );
    await sleep(settleSeconds);
    const idle: number[] = [];
    for (let slice = 0; slice < idleSlices; slice++) {
      const before = processorSeconds(host);
      await sleep(sliceSeconds);
      idle.push((100 * (processorSeconds(host) - before)) / sliceSeconds);
    }
    const value = `${median(idle).toFixed(2)} %, with its garbage ${mean(idle).toFixed(2)} %`;
    note({ what: "idle host, view and panel shown", limit: "1 %", value });
    await showCurves(panel!, curves);
    const times = await hoverTimes(workbench, panel!);
    const at = (share: number) => times[Math.floor(share * (times.length - 1))]!.toFixed(0);
    note({
      what: `hover over ${curves} curves: median, 95th percentile`,
      limit: "50 ms",
      value: `${at(0.5)}, ${at(0.95)} ms`,
    });
    const memory = (of: string) => {
      const { renderer } = findProcesses();
      const each = [host, renderer].map((pid) => [megabytes(pid, "VmRSS"), megabytes(pid, "VmHWM")]);
      const [ofHost, ofRenderer] = each.map(([now, most]) => `${now!.toFixed(0)} (${most!.toFixed(0)}) MB`);
      note({ what: `host, ${of}: now (the most)`, limit: "500 MB", value: ofHost! });
      note({ what: `renderer, ${of}: now (the most)`, limit: "700 MB", value: ofRenderer! });
    };
    memory("10,000 runs");
    if (existsSync(join(runsFolder(folder), "long"))) {
      let long: Frame | undefined;
      add(
        "the panel of the long run, its first points",
        "2 s",
        await timed(host, async () => {
          long = await openPanel(workbench, "long");
        }),
      );
      add(
        "its whole curve",
        "",
        await timed(host, async () => {
          await long!.waitForFunction(() => document.querySelector(".notes")?.textContent === "", undefined, {
            timeout: longest,
          });
        }),
      );
      memory("and the long run");
    }
    return figures;
  } finally {
    await workbench.close();
  }
}

const text = { type: "string" } as const;
const { values } = parseArgs({
  options: { runs: text, steps: text, long: text, curves: text, workspace: text, vsix: text },
});
const folder = values.workspace ?? mkdtempSync(join(tmpdir(), "ulpt-scale-"));
try {
  if (!existsSync(runsFolder(folder))) {
    const runs = Number(values.runs ?? 10_000);
    const [steps, long] = [Number(values.steps ?? 800), Number(values.long ?? 1_000_000)];
    createScaleWorkspace(folder, { runs, each: runs, steps, long });
  }
  const before = loadavg()[0]!;
  const figures = await measure({
    ...{ folder, curves: Number(values.curves ?? 25) },
    vsix: values.vsix ?? packedExtension(),
  });
  console.log(`load ${before.toFixed(1)} at the start, ${loadavg()[0]!.toFixed(1)} at the end`);
  console.log("| | measured | wanted | processor time of the host |\n|---|---:|---:|---:|");
  for (const { what, value, limit, host = "" } of figures) console.log(`| ${what} | ${value} | ${limit} | ${host} |`);
} finally {
  if (values.workspace === undefined) rmSync(folder, { recursive: true, force: true });
}
