/**
 * @file Kills a sweep's process at random moments, continues it each time, and checks at the end that every run was finished exactly
 * once, with the losses of a sweep that nothing happened to.
 *
 *   npm run sweep:kills [-- kills [parallel [seed]]]
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { sweepNames } from "../../src/runs/sweeps.ts";
import setup from "../../test/support/bundle.ts";
import { Command, killLeftovers, ulptOk } from "../../test/support/cli.ts";
import { Random } from "../../test/support/random.ts";
import { expectEachOnce, runsOf } from "../../test/support/sweep.ts";
import { createWorkspace, type Workspace } from "../../test/support/workspace.ts";

const [kills, parallel, seed] = [20, 1, 1].map((usual, i) => Number(process.argv[2 + i] ?? usual)) as [
  number,
  number,
  number,
];
/** One kill in so many comes while the process starts; the others after so many steps at most. */
const startShare = 5;
const mostSteps = 60;

const settings = { method: "ulpt", rank: [1, 2, 3, 4], seed: [1, 2], training: { steps: 60, evaluateEvery: 10 } };

function command(workspace: Workspace, experiment: string): Command {
  const isThere = sweepNames(workspace.folder).includes(`${experiment}-1`);
  const args = isThere
    ? ["sweep", "continue", `${experiment}-1`]
    : ["train", workspace.experiment(experiment, settings), "--parallel", String(parallel)];
  return new Command([...args, "--json"], { cwd: workspace.folder });
}

/** A moment at random: soon after the start, or a little after some step. Returns what it was; undefined if the command ended first. */
async function moment(running: Command, random: Random): Promise<string | undefined> {
  const delay = random.integer(0, 300);
  if (random.integer(1, startShare) === 1) {
    const wait = delay + random.integer(0, 2_000);
    const first = await Promise.race([running.end, sleep(wait, "waited" as const)]);
    return first === "waited" ? `${wait} ms after its start` : undefined;
  }
  let steps = random.integer(1, mostSteps);
  const of = steps;
  const found = await running.find((line) => line.type === "step" && --steps === 0);
  await sleep(delay);
  return found ? `${delay} ms after ${of} steps` : undefined;
}

async function main(): Promise<void> {
  setup();
  const folder = mkdtempSync(join(tmpdir(), "ulpt-kills-"));
  try {
    const workspace = createWorkspace(folder);
    const file = workspace.experiment("undisturbed", settings);
    await ulptOk(["train", file, "--json", "--parallel", String(parallel)], { cwd: folder });
    const undisturbed = runsOf(workspace, "undisturbed", "undisturbed-1");

    const random = new Random(seed);
    let killed = 0;
    let ended = 0;
    while (killed < kills) {
      const running = command(workspace, "killed");
      const when = await moment(running, random);
      if (when === undefined) {
        const first = await running.end;
        ended += 1; // there was nothing left to do: begin again, so that as many kills hit a sweep at work
        if (first.code !== 0) throw new Error(`the sweep ended with ${first.code}: ${first.stderr}`);
        expectEachOnce(workspace, "killed", undisturbed);
        rmSync(join(folder, ".ulpt", "runs", "killed"), { recursive: true });
        rmSync(join(folder, ".ulpt", "sweeps", "killed-1"), { recursive: true });
        continue;
      }
      running.signal("SIGKILL");
      await running.end;
      killed += 1;
      const runs = existsSync(join(folder, ".ulpt", "runs", "killed"))
        ? runsOf(workspace, "killed", "killed-1").size
        : 0;
      console.log(`kill ${killed} of ${kills} ${when}: ${runs} of ${undisturbed.size} runs there`);
    }
    const last = await command(workspace, "killed").end;
    if (last.code !== 0) throw new Error(`the last continuation ended with ${last.code}: ${last.stderr}`);
    expectEachOnce(workspace, "killed", undisturbed);
    const between = ended === 0 ? "" : `, ${ended} sweeps came to their end between two of them`;
    console.log(
      `${undisturbed.size} runs, ${parallel} at a time, ${kills} kills (seed ${seed})${between}: each finished exactly once, losses bit-equal.`,
    );
  } finally {
    killLeftovers();
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
