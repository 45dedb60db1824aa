/**
 * @file Two hosts train one sweep of a shared folder at once; the one that leads it is killed in the middle. At the end every run was
 * finished exactly once, with the losses of a sweep that nothing happened to. For the kernel of Linux, which can make hosts.
 *
 *   npm run hosts
 */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { runPaths, sweepPaths } from "../../src/runs/layout.ts";
import type { Owner } from "../../src/runs/schema.ts";
import { runState } from "../../src/runs/store.ts";
import { openSweep, sweepState } from "../../src/runs/sweeps.ts";
import setup from "../../test/support/bundle.ts";
import { killLeftovers, type Line } from "../../test/support/cli.ts";
import { expectEachOnce, runsOf } from "../../test/support/sweep.ts";
import { createWorkspace, type Workspace } from "../../test/support/workspace.ts";
import { findHosts, type Host } from "./host.ts";

const settings = { method: "ulpt", rank: [1, 2, 3, 4], seed: [1, 2], training: { steps: 120, evaluateEvery: 20 } };

/** The hosts of the attempts at each run, in their order. */
function hostsOf(workspace: Workspace, sweep: string): Map<string, string[]> {
  const runs = runsOf(workspace, "shared", sweep);
  return new Map(
    [...runs].map(([name, [run]]) => {
      const { attempts } = runPaths(run!);
      const owners = readdirSync(attempts).map(
        (file) => JSON.parse(readFileSync(join(attempts, file), "utf8")) as Owner,
      );
      return [name, owners.sort((a, b) => a.attempt - b.attempt).map(({ host }) => host)];
    }),
  );
}

const atStep = (step: number) => (line: Line) => line.type === "step" && line.step >= step;

async function prove(makeHost: (name: string) => Host, workspace: Workspace): Promise<void> {
  const { folder } = workspace;
  const [a, b, c] = ["host-a", "host-b", "host-c"].map(makeHost) as [Host, Host, Host];
  const alone = await c.ulpt(["train", workspace.experiment("alone", settings), "--json"], folder).end;
  assert.equal(alone.code, 0, alone.stderr);
  const undisturbed = runsOf(workspace, "alone", "alone-1");

  const file = workspace.experiment("shared", settings);
  const leading = a.ulpt(["train", file, "--json"], folder);
  await leading.until(atStep(1));
  const joined = b.ulpt(["sweep", "join", "shared", "--json"], folder);
  await joined.until(atStep(20));
  await leading.until(atStep(60));
  leading.signal("SIGKILL");
  await leading.end;
  const open = [...runsOf(workspace, "shared", "shared-1").values()].flat();
  const orphan = open.find((one) => runState(one) === "running" && hostOf(one) === a.name);
  assert.ok(orphan, "the host was to be killed while it trained");
  console.log(`${a.name} is killed while it trains ${basename(orphan)}; ${b.name} goes on.`);
  const refused = await c.ulpt(["resume", orphan], folder).end;
  console.log(`\nAt once, on a third host: ulpt resume ${basename(orphan)}\n${refused.stderr.trim()}\n`);
  assert.match(refused.stderr, /RUN_BUSY.*on host-a since.*sign of life/);
  const led = await c.ulpt(["sweep", "continue", "shared-1"], folder).end;
  console.log(`And: ulpt sweep continue shared-1\n${led.stderr.trim()}\n`);
  assert.match(led.stderr, /RUN_BUSY.*on host-a since/);

  const { code, stderr } = await joined.end;
  assert.equal(code, 0, stderr);
  expectEachOnce(workspace, "shared", undisturbed);
  const sweep = openSweep(folder, "shared-1");
  assert.equal(sweepState(sweep), "finished");
  const hosts = hostsOf(workspace, "shared-1");
  for (const [name, names] of hosts) console.log(`${name}: ${names.join(", then ")}`);
  const places = [...hosts.values()];
  assert.ok(places.some(([first]) => first === a.name) && places.some(([first]) => first === b.name), "both trained");
  assert.ok(
    places.some((names) => names.join() === "host-a,host-b"),
    "what the one had begun the other ended",
  );
  const leaders = readdirSync(sweepPaths(sweep.directory).attempts).length;
  console.log(`\n${hosts.size} runs on two hosts, each finished exactly once, losses bit-equal; led ${leaders} times.`);
}

function hostOf(run: string): string {
  return (JSON.parse(readFileSync(runPaths(run).owner, "utf8")) as Owner).host;
}

const makeHost = findHosts();
if (typeof makeHost !== "function") {
  console.error(`This needs namespaces of Linux, which cannot be made here: ${makeHost.why}`);
  process.exit(1);
}
setup();
const folder = mkdtempSync(join(tmpdir(), "ulpt-hosts-"));
try {
  await prove(makeHost, createWorkspace(folder));
} finally {
  killLeftovers();
  rmSync(folder, { recursive: true, force: true });
}
