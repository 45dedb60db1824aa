/**
 * @file What happens to jobs on a real Slurm as a person reads it: cancelled, held, preempted, out of time and memory, on a node that
 * fails or does not see the folder, with a partition that is not there, without Slurm's programs, and with a squeue that hangs.
 *
 *   npm run slurm -- --scenarios
 */
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Cluster } from "./cluster.ts";
import { cli, writeSample } from "./sample.ts";

const profiles = {
  default: { pollSeconds: 1 },
  slow: { pollSeconds: 1, concurrency: 1 },
  held: { pollSeconds: 1, sbatch: ["--hold"] },
  low: { pollSeconds: 1, partition: "low", sbatch: ["--nodelist=n1"] },
  short: { pollSeconds: 1, partition: "low", time: "1", warningSeconds: 15 },
  tight: { pollSeconds: 1, memory: "30M", sbatch: ["--nodelist=n1"] },
  second: { pollSeconds: 1, sbatch: ["--nodelist=n2"] },
  unknown: { partition: "mian" },
};

const lines = [
  "KillWait=5",
  "PreemptType=preempt/partition_prio",
  "PreemptMode=REQUEUE",
  "PartitionName=low Nodes=n1,n2 PriorityTier=1 MaxTime=60 State=UP",
  "PartitionName=high Nodes=n1,n2 PriorityTier=9 MaxTime=60 State=UP",
];

/** How long what is expected may take. In milliseconds. */
const patience = 150_000;

class Scenarios {
  readonly failures: string[] = [];
  private readonly cluster: Cluster;
  private readonly workspace: string;
  private readonly env: NodeJS.ProcessEnv;

  constructor(cluster: Cluster) {
    this.cluster = cluster;
    this.workspace = join(cluster.folder, "workspace");
    const config = join(cluster.folder, "config");
    mkdirSync(join(config, "ulpt"), { recursive: true });
    writeFileSync(join(config, "ulpt", "launch.json"), JSON.stringify({ profiles }));
    this.env = { ...process.env, ...cluster.env, XDG_CONFIG_HOME: config };
    writeSample(this.workspace, "brief", { runs: 1, steps: 20, evaluateEvery: 10 });
  }

  async all(): Promise<void> {
    await this.refusals();
    await this.cancelled();
    await this.goesOn();
    await this.held();
    await this.preempted();
    await this.withoutMemory();
    await this.onFailedNode();
    await this.outOfTime();
    await this.hidden();
  }

  private async refusals(): Promise<void> {
    await this.expect(
      "unknown partition",
      ["train", "brief.ulpt.json", "--on", "unknown"],
      /does not have the partition "mian"/,
    );
    const without = { PATH: "/nonexistent" };
    await this.expect(
      "sbatch absent",
      ["train", "brief.ulpt.json", "--on", "slurm"],
      /This machine does not have/,
      without,
    );
  }

  private async cancelled(): Promise<void> {
    await this.submit("cancelled", "slow");
    await this.reads("running", /cancelled .*seed1 .*runs on n\d/);
    await this.reads("waits for another", /cancelled .*seed2 .*waits: as many of its runs/);
    await this.ulpt(["stop", "cancelled/ulpt-r2-seed2"]);
    await this.reads("one run cancelled", /cancelled .*seed2 .*was cancelled by \S+@/);
    const bin = join(this.cluster.folder, "slow");
    mkdirSync(bin);
    writeFileSync(join(bin, "squeue"), "#!/bin/sh\nexec sleep 600\n");
    chmodSync(join(bin, "squeue"), 0o755);
    await sleep(2_000);
    await this.expect("squeue slow", ["runs"], /cancelled .*seed1 .*runs on n\d/, {
      PATH: `${bin}:${process.env.PATH}`,
    });
    await this.ulpt(["sweep", "stop"]);
    await this.reads(
      "sweep cancelled, the run that was trained saved",
      /cancelled .*seed1 .*(stopped|was cancelled by)/,
    );
    await this.empty();
    await this.submit("foreign", "default");
    await this.reads("running", /foreign .*seed1 .*runs on n\d/);
    this.cluster.call("scancel", ["--me"]);
    await this.reads(
      "cancelled with scancel",
      /foreign .*seed1 .*(was cancelled, by its user or an administrator|stopped)/,
    );
    await this.empty();
  }

  private async goesOn(): Promise<void> {
    writeSample(this.workspace, "again", { runs: 2, steps: 400, evaluateEvery: 200 });
    await this.ulpt(["train", "again.ulpt.json", "--on", "default", "--detach"]);
    await this.reads("running", /again .*seed1 .*runs on n\d/);
    await this.ulpt(["sweep", "stop", "again-1"]);
    await this.expect(
      "stopped, and gone on with at once",
      ["sweep", "continue", "again-1"],
      /runs: .ulpt\/runs\/again/,
    );
    await this.reads("its first run at its end", /again .*seed1 .*finished .*400\/400/);
    await this.reads("its second run at its end", /again .*seed2 .*finished .*400\/400/);
    await this.empty();
  }

  private async held(): Promise<void> {
    await this.submit("held", "held");
    await this.reads("held", /held .*is held by/);
    await this.empty();
  }

  private async preempted(): Promise<void> {
    await this.submit("preempted", "low", 1);
    await this.reads("running", /preempted .*seed1 .*\d+\/100000/);
    this.cluster.call("sbatch", [
      "--partition=high",
      "--nodelist=n1",
      "--wrap=sleep 20",
      `--output=${this.cluster.folder}/high.log`,
    ]);
    await this.reads("preempted", /preempted .*seed1 .*(had to leave its node|waits: )/);
    await this.reads("goes on after that", /preempted .*seed1 .*runs on n1/);
    await this.empty();
  }

  private async withoutMemory(): Promise<void> {
    await this.expect(
      "out of memory",
      ["train", "brief.ulpt.json", "--on", "tight"],
      /needed more memory than it asked for/,
    );
    await this.empty();
  }

  private async onFailedNode(): Promise<void> {
    await this.submit("failed", "second");
    await this.reads("running", /failed .*seed1 .*runs on n2/);
    await this.cluster.end("n2", "SIGKILL");
    await this.reads("node failed", /failed .*seed1 .*(waits: |was lost with its node)/);
    this.cluster.startNode("n2");
    await this.empty();
  }

  private async outOfTime(): Promise<void> {
    await this.submit("timed", "short");
    await this.reads("running", /timed .*seed1 .*runs on n\d/);
    await this.reads("saved before its time was over, and back in the queue", /timed .*seed1 .*waits: /);
    await this.empty();
  }

  /** A node that has something else where the workspace lies. */
  private async hidden(): Promise<void> {
    await this.cluster.end("n2");
    this.cluster.startNode("n2", this.workspace);
    await this.expect("no shared folder", ["train", "brief.ulpt.json", "--on", "second"], /may not see this folder/);
    await this.empty();
  }

  /** Runs that go on as long as nobody ends them. */
  private submit(experiment: string, profile: string, runs = 2): Promise<{ code: number | null; output: string }> {
    writeSample(this.workspace, experiment, { runs, steps: 100_000, evaluateEvery: 1_000 });
    return this.ulpt(["train", `${experiment}.ulpt.json`, "--on", profile, "--detach"]);
  }

  /** Waits until `ulpt runs` says it, and shows the line. */
  private async reads(what: string, says: RegExp): Promise<void> {
    const deadline = Date.now() + patience;
    for (;;) {
      const { output } = await this.ulpt(["runs"]);
      const line = output.split("\n").findLast((one) => says.test(one));
      if (line !== undefined) return console.log(`── ${what}: ${line.trim().replaceAll(/\s{2,}/g, "  ")}`);
      if (Date.now() > deadline) {
        this.failures.push(what);
        console.log(`── ${what}: NOT as expected\n${output}`);
        return;
      }
      await sleep(500);
    }
  }

  private async expect(
    what: string,
    args: readonly string[],
    says: RegExp,
    env: NodeJS.ProcessEnv = {},
  ): Promise<void> {
    const { output } = await this.ulpt(args, env);
    const isSo = says.test(output);
    if (!isSo) this.failures.push(what);
    console.log(`── ${what}: ${isSo ? "" : "NOT as expected"}\n${output.trim().split("\n").slice(-8).join("\n")}`);
  }

  private async empty(): Promise<void> {
    this.cluster.call("scancel", ["--me"]);
    const deadline = Date.now() + patience;
    while (this.cluster.call("squeue", ["-h"]).trim() !== "" && Date.now() < deadline) await sleep(500);
  }

  private ulpt(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<{ code: number | null; output: string }> {
    const child = spawn(process.execPath, [cli, ...args], {
      cwd: this.workspace,
      env: { ...this.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => {
        output += chunk;
      });
    }
    return new Promise((resolve) => child.on("close", (code) => resolve({ code, output })));
  }
}

/** Returns what was not as expected. */
export async function proveScenarios(): Promise<string[]> {
  const cluster = new Cluster(lines, { memory: true });
  try {
    await cluster.start();
    const scenarios = new Scenarios(cluster);
    await scenarios.all();
    return scenarios.failures;
  } finally {
    await cluster.stop();
  }
}
