/**
 * @file A sweep on a real Slurm while its runtimes, slurmstepd, slurmd, nodes and controller are killed at random, and whoever
 * follows it as well. Every run has to finish exactly once, with the losses of a sweep that nobody disturbed, bit for bit; no two
 * attempts at a run may write at the same time, and nothing may be left.
 *
 *   npm run slurm -- --sweep 20 [--seed 1]
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Cluster, nodeNames } from "./cluster.ts";
import { cli, writeSample } from "./sample.ts";

const steps = 40;
const evaluateEvery = 5;

/** A generator whose numbers a seed repeats (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Line {
  attempt: number;
  type: string;
  step?: number;
  state?: string;
  fromStep?: number;
  loss?: number;
  split?: string;
  score?: number;
}

/** The journals of the runs of a workspace, by the runs' names. */
function journals(workspace: string): Map<string, Line[]> {
  const folder = join(workspace, ".ulpt", "runs", "kills");
  return new Map(readdirSync(folder).map((run) => [run, linesOf(join(folder, run, "events.jsonl"))]));
}

/** None of a run that has not begun; what a killed attempt left of a line is none. */
function linesOf(path: string): Line[] {
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  return text.split("\n").flatMap((line) => {
    try {
      return [JSON.parse(line) as Line];
    } catch {
      return [];
    }
  });
}

/** Kills and restarts what it finds, and counts. */
class Disturber {
  readonly counts = { runtime: 0, stepd: 0, slurmd: 0, node: 0, controller: 0, follower: 0 };
  private readonly cluster: Cluster;
  private readonly random: () => number;
  private readonly follower: () => ChildProcess | undefined;
  private isOver = false;
  private readonly restarts = new Set<Promise<void>>();
  private readonly down = new Set<string>();

  constructor(cluster: Cluster, random: () => number, follower: () => ChildProcess | undefined) {
    this.cluster = cluster;
    this.random = random;
    this.follower = follower;
  }

  async untilStopped(): Promise<void> {
    while (!this.isOver) {
      await sleep(6_000 + 12_000 * this.random());
      if (!this.isOver) await this.disturb();
    }
    await Promise.all(this.restarts);
  }

  stop(): void {
    this.isOver = true;
  }

  private async disturb(): Promise<void> {
    const kinds = [
      "runtime",
      "runtime",
      "runtime",
      "stepd",
      "stepd",
      "slurmd",
      "node",
      "controller",
      "follower",
    ] as const;
    const kind = this.one(kinds)!;
    const node = this.one(nodeNames)!;
    const runtime = this.one(this.cluster.runtimes());
    if (kind === "follower") {
      if (!this.follower()?.kill("SIGKILL")) return;
    } else if (kind === "runtime" || kind === "stepd") {
      if (!runtime || runtime.parent <= 1) return;
      killIfThere(kind === "runtime" ? runtime.pid : runtime.parent);
    } else if (kind === "controller") {
      if (this.down.has("controller")) return;
      await this.cluster.end("controller", this.random() < 0.5 ? "SIGTERM" : "SIGKILL");
      this.restart("controller", () => this.cluster.startController());
    } else {
      if (this.down.has(node)) return;
      await this.cluster.end(node, "SIGKILL");
      // A node that dies takes its jobs with it; without its slurmd alone they go on, and Slurm may begin them elsewhere.
      const jobs = kind === "node" ? this.cluster.runtimes().filter((one) => one.node === node) : [];
      for (const { pid, parent } of jobs) [parent, pid].forEach(killIfThere);
      this.restart(node, () => this.cluster.startNode(node));
    }
    this.counts[kind] += 1;
    console.log(`  killed: ${kind}${kind === "slurmd" || kind === "node" ? ` ${node}` : ""}`);
  }

  private restart(name: string, start: () => void): void {
    this.down.add(name);
    const restarted = sleep(2_000 + 12_000 * this.random()).then(() => {
      start();
      this.down.delete(name);
    });
    this.restarts.add(restarted);
    void restarted.finally(() => this.restarts.delete(restarted));
  }

  private one<T>(things: readonly T[]): T | undefined {
    return things[Math.floor(this.random() * things.length)];
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended meanwhile.
  }
}

/** What is wrong with the journals of a sweep beside those of one that nobody disturbed. */
function faultsOf(journal: ReadonlyMap<string, Line[]>, undisturbed: ReadonlyMap<string, Line[]>): string[] {
  return [...undisturbed].flatMap(([run, expected]) => {
    const lines = journal.get(run);
    return lines ? faultsOfRun(run, lines, expected) : [`${run} is missing`];
  });
}

function faultsOfRun(run: string, lines: readonly Line[], expected: readonly Line[]): string[] {
  const faults: string[] = [];
  const finished = lines.filter(({ type, state }) => type === "status" && state === "finished").length;
  if (finished !== 1) faults.push(`${run} finished ${finished} times`);
  const mixed = lines.some(({ attempt }, index) => index > 0 && attempt < lines[index - 1]!.attempt);
  if (mixed) faults.push(`${run}: an older attempt wrote after a newer one`);
  const right = new Map(expected.flatMap((line) => measured(line)));
  const seen = new Map<string, string>();
  for (const [what, value] of lines.flatMap((line) => measured(line))) {
    seen.set(what, value);
    if (right.get(what) !== value) faults.push(`${run}: ${what} is ${value}, not ${right.get(what)}`);
  }
  for (const what of right.keys()) if (!seen.has(what)) faults.push(`${run}: ${what} is missing`);
  return faults;
}

/** What a step or an evaluation measured, as the journal writes it: equal texts are equal bits. */
function measured({ type, step, split, loss, score }: Line): [string, string][] {
  if (type === "step") return [[`step ${step}`, JSON.stringify(loss)]];
  return type === "evaluation" ? [[`${split} at step ${step}`, JSON.stringify([loss, score])]] : [];
}

/** Runs the proof; returns what is wrong. */
export async function proveSweep(runs: number, seed: number): Promise<string[]> {
  console.log(`${runs} runs, seed ${seed}`);
  const cluster = new Cluster(["KillWait=5", "MinJobAge=600"], { cpus: 2 });
  try {
    await cluster.start();
    return await disturbed(cluster, runs, seed);
  } finally {
    for (const { pid } of cluster.runtimes()) killIfThere(pid);
    await cluster.stop();
  }
}

/** The same sweep in one process, on one core as each job has. */
function leftAlone(workspace: string, env: NodeJS.ProcessEnv): Promise<unknown> {
  const args = ["-c", "0", process.execPath, cli, "train", "kills.ulpt.json"];
  const child = spawn("taskset", args, { cwd: workspace, env, stdio: "ignore" });
  return new Promise((resolve) => child.on("close", resolve));
}

async function disturbed(cluster: Cluster, runs: number, seed: number): Promise<string[]> {
  const [calm, wild, config] = ["calm", "wild", "config"].map((name) => join(cluster.folder, name)) as [
    string,
    string,
    string,
  ];
  for (const workspace of [calm, wild]) writeSample(workspace, "kills", { runs, steps, evaluateEvery });
  mkdirSync(join(config, "ulpt"), { recursive: true });
  writeFileSync(join(config, "ulpt", "launch.json"), JSON.stringify({ profiles: { default: { pollSeconds: 3 } } }));

  const env = { ...process.env, ...cluster.env, XDG_CONFIG_HOME: config };
  const began = Date.now();
  const left = leftAlone(calm, env);
  let follower: ChildProcess | undefined;
  const disturber = new Disturber(cluster, randomFrom(seed), () => follower);
  const disturbing = disturber.untilStopped();
  const isDone = () => {
    try {
      const done = [...journals(wild).values()].filter((lines) =>
        lines.some(({ state }) => state === "finished"),
      ).length;
      if (done >= 0.9 * runs) disturber.stop(); // what is left has to come to its end
      return done === runs;
    } catch {
      return false;
    }
  };
  let [followed, ticks] = [0, 0];
  let args = ["train", "kills.ulpt.json", "--on", "slurm"];
  let output = "";
  while (!isDone()) {
    followed += 1;
    follower = spawn(process.execPath, [cli, ...args], { cwd: wild, env, stdio: ["ignore", "pipe", "pipe"] });
    output = "";
    for (const stream of [follower.stdout!, follower.stderr!]) stream.on("data", (chunk) => (output += chunk));
    const ended = new Promise((resolve) => follower!.on("close", resolve));
    while (follower.exitCode === null && follower.signalCode === null) {
      await Promise.race([ended, sleep(2_000)]);
      isDone();
      if (ticks++ % 5 === 0) cluster.administer();
    }
    // One that was killed before it had a sweep has to begin with one.
    const hasSweep = readdirSync(wild).includes(".ulpt") && readdirSync(join(wild, ".ulpt")).includes("sweeps");
    if (hasSweep) args = ["sweep", "continue", "kills-1"];
    if (followed > 20 + runs) return [`it was followed ${followed} times without coming to its end: ${output}`];
    await sleep(1_000);
  }
  disturber.stop();
  await disturbing;
  const seconds = Math.round((Date.now() - began) / 1_000);
  console.log(output.split("\n").slice(-14).join("\n"));

  await left;
  const found = journals(wild);
  const faults = faultsOf(found, journals(calm));
  // Slurm notices late that it lost a job; begun again, such a one finds its run finished.
  const isQueued = () => cluster.call("squeue", ["-h", "-t", "PENDING,RUNNING,COMPLETING"]).trim();
  for (const deadline = Date.now() + 300_000; isQueued() && Date.now() < deadline; ) await sleep(2_000);
  if (isQueued()) faults.push(`left in the queue: ${isQueued()}`);
  const orphans = cluster.runtimes().length;
  if (orphans > 0) faults.push(`${orphans} runtimes are left`);

  const lines = [...found.values()].flat();
  const begun = lines.filter(({ type, state }) => type === "status" && state === "running");
  const midway = begun.filter(({ fromStep = 0 }) => fromStep > 0).length;
  console.log(
    `${found.size} runs in ${seconds} s; killed ${JSON.stringify(disturber.counts)}; followed ${followed} times`,
  );
  console.log(`${begun.length} attempts, ${midway} of them from a saved step above 0`);
  return faults;
}
