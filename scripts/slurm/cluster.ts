/** @file A Slurm of two nodes on this machine, on loopback alone and in a folder of its own: munged, slurmctld and two slurmd. */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const programs = ["munged", "slurmctld", "slurmd", "sbatch", "squeue", "sinfo", "scancel", "scontrol"];
export const nodeNames = ["n1", "n2"] as const;
export type NodeName = (typeof nodeNames)[number];
/** Others may have a cluster on this machine, too. */
const port = 20_000 + 4 * (process.pid % 5_000);
const ports = { controller: port, n1: port + 1, n2: port + 2 };

/** Daemons lie where the PATH of ordinary users does not lead. */
const path = `${process.env.PATH}:/usr/sbin:/sbin`;

/** Those of Slurm's programs that are not installed. */
export function missingPrograms(): string[] {
  return programs.filter((name) => !path.split(":").some((folder) => existsSync(join(folder, name))));
}

export interface Process {
  pid: number;
  parent: number;
  /** Its command line. */
  words: readonly string[];
  /** The node of the cluster that it runs on, of a job. */
  node: string | undefined;
}

/** One that ended and whose end nobody asked for is still listed. */
function lives(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

export type DaemonName = "controller" | "munge" | NodeName;

export class Cluster {
  readonly folder = mkdtempSync(join(tmpdir(), "ulpt-slurm-"));
  /** What its clients have to be told. */
  readonly env = { SLURM_CONF: join(this.folder, "slurm.conf") };
  /** Of the daemons that were started. */
  private readonly pidFiles = new Set<string>();
  /** Further lines of its configuration. */
  private readonly lines: readonly string[];
  /** Whether jobs are ended that take more memory than they asked for. */
  private readonly memory: boolean;
  /** How many jobs a node takes. */
  private readonly cpus: number;

  constructor(lines: readonly string[] = [], { memory = false, cpus = 1 } = {}) {
    this.lines = lines;
    this.cpus = cpus;
    this.memory = memory;
  }

  async start(): Promise<void> {
    mkdirSync(join(this.folder, "state"));
    writeFileSync(join(this.folder, "key"), randomBytes(128), { mode: 0o400 });
    writeFileSync(this.env.SLURM_CONF, this.configuration());
    const files = { socket: "munge.socket", "key-file": "key", "pid-file": "munge.pid", "log-file": "munge.log" };
    const options = Object.entries({ ...files, "seed-file": "munge.seed" });
    this.daemon(
      "munged",
      ["--force", ...options.map(([name, file]) => `--${name}=${join(this.folder, file)}`)],
      "munge",
    );
    this.startController();
    for (const node of nodeNames) this.startNode(node);
    await this.until(() => this.call("sinfo", ["-h", "-o", "%D|%T"]).trim() === "2|idle");
  }

  startController(): void {
    this.daemon("slurmctld", [], "controller");
  }

  /** @param hidden a folder in whose place the node has an empty one */
  startNode(node: NodeName, hidden?: string): void {
    const command = `mount -t tmpfs none "$1" && exec slurmd -N "$2"`;
    if (hidden === undefined) this.daemon("slurmd", ["-N", node], node);
    else this.daemon("unshare", ["--mount", "sh", "-c", command, "sh", hidden, node], node);
  }

  /** Ends a daemon, or has it killed, and waits until it is gone. */
  async end(name: DaemonName, signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const pid = this.pidOf(name);
    if (pid !== undefined) {
      process.kill(pid, signal);
      await this.until(() => !lives(pid));
    }
    this.pidFiles.delete(name);
  }

  /** Of a daemon that runs. */
  private pidOf(name: DaemonName): number | undefined {
    const file = join(this.folder, `${name}.pid`);
    const pid = existsSync(file) ? Number(readFileSync(file, "utf8")) : 0;
    return pid > 1 && lives(pid) ? pid : undefined;
  }

  /**
   * Does what a cluster's administrator does: nodes that the controller drained, as for a job that it forgot and they did not, take
   * jobs again, and jobs that could not be launched several times are released.
   */
  administer(): void {
    try {
      for (const node of nodeNames) {
        if (!this.call("scontrol", ["show", "node", node]).includes("DRAIN")) continue;
        this.call("scontrol", ["update", `nodename=${node}`, "state=resume"]);
      }
      const waiting = this.call("squeue", ["-h", "-r", "-t", "PENDING", "-o", "%F_%K %r"]).split("\n");
      const held = waiting.filter((line) => /requeued held/i.test(line)).map((line) => line.split(" ")[0]!);
      for (const job of held) this.call("scontrol", ["release", job]);
    } catch {
      // The controller is being restarted.
    }
  }

  /** Runtimes of jobs of this cluster, with the process that Slurm watches each by. */
  runtimes(): Process[] {
    return this.processes().filter(({ words }) => words.includes("array-job"));
  }

  /** Whatever was started by this cluster. */
  private processes(): Process[] {
    return readdirSync("/proc").flatMap((name) => {
      try {
        if (!/^\d+$/.test(name) || !lives(Number(name))) return [];
        const environment = readFileSync(`/proc/${name}/environ`, "utf8").split("\0");
        if (!environment.includes(`SLURM_CONF=${this.env.SLURM_CONF}`)) return [];
        const words = readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0");
        const parent = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${name}/status`, "utf8"))?.[1]);
        const node = environment.find((one) => one.startsWith("SLURMD_NODENAME="))?.split("=")[1];
        return [{ pid: Number(name), parent, words, node }];
      } catch {
        return []; // it ended meanwhile, or is another user's
      }
    });
  }

  /** What a client program of this cluster prints. */
  call(program: string, args: readonly string[]): string {
    return execFileSync(program, args, {
      encoding: "utf8",
      env: { ...process.env, ...this.env, PATH: path },
      stdio: "pipe",
    });
  }

  /** Ends everything and removes the folder. */
  async stop(): Promise<void> {
    for (const name of [...nodeNames, "controller", "munge"] as const) {
      if (this.pidFiles.has(name)) await this.end(name);
    }
    // Jobs outlive their daemons.
    for (const { pid } of this.processes()) {
      if (pid !== process.pid) process.kill(pid, "SIGKILL");
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  private daemon(program: string, args: readonly string[], name: string): void {
    this.pidFiles.add(name);
    execFileSync(program, args, {
      cwd: this.folder,
      env: { ...process.env, ...this.env, PATH: path },
      stdio: "ignore",
    });
  }

  private async until(isSo: () => boolean): Promise<void> {
    const deadline = Date.now() + 60_000;
    while (!isSo()) {
      if (Date.now() > deadline) throw new Error(`The cluster in ${this.folder} is not ready; its logs say why.`);
      await sleep(200);
    }
  }

  private configuration(): string {
    const { folder } = this;
    const user = userInfo().username;
    const nodes = nodeNames.map(
      (name) =>
        `NodeName=${name} NodeHostname=${name} NodeAddr=127.0.0.1 Port=${ports[name]} CPUs=${this.cpus} RealMemory=1000`,
    );
    return [
      "ClusterName=ulpt",
      "SlurmctldHost=localhost(127.0.0.1)",
      `SlurmctldPort=${ports.controller}`,
      `SlurmUser=${user}`,
      `SlurmdUser=${user}`,
      "AuthType=auth/munge",
      `AuthInfo=socket=${folder}/munge.socket`,
      "CommunicationParameters=NoInAddrAny,NoCtldInAddrAny",
      "ProctrackType=proctrack/linuxproc",
      "TaskPlugin=task/none",
      ...(this.memory
        ? ["JobAcctGatherType=jobacct_gather/linux", "JobAcctGatherFrequency=1", "JobAcctGatherParams=OverMemoryKill"]
        : ["JobAcctGatherType=jobacct_gather/none"]),
      "MpiDefault=none",
      "SelectType=select/cons_tres",
      `SelectTypeParameters=${this.memory ? "CR_Core_Memory" : "CR_Core"}`,
      ...(this.memory ? ["DefMemPerCPU=400"] : []),
      "ReturnToService=2",
      "SlurmdTimeout=10",
      "SchedulerParameters=sched_interval=1,bf_interval=1",
      `SlurmctldPidFile=${folder}/controller.pid`,
      `SlurmdPidFile=${folder}/%n.pid`,
      `StateSaveLocation=${folder}/state`,
      `SlurmdSpoolDir=${folder}/spool-%n`,
      `SlurmctldLogFile=${folder}/controller.log`,
      `SlurmdLogFile=${folder}/%n.log`,
      ...this.lines,
      ...nodes,
      `PartitionName=main Nodes=${nodeNames.join(",")} Default=YES MaxTime=60 State=UP`,
      "",
    ].join("\n");
  }
}
