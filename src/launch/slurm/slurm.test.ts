/**
 * @file What Slurm 22.05.8 printed for partitions, pending reasons and refusals, as it was captured, and for what a cluster of two nodes
 * without accounting does not show (accounts, preemption, time and memory limits) lines written from its names of states.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { LaunchProfile } from "../profiles.ts";
import { parsePartitions, requirePartition } from "./partitions.ts";
import { askQueue, type JobStatus, nextPause, parseQueue } from "./poll.ts";
import { batchScript, missingName } from "./script.ts";
import { jobName, parseJobId, sbatchArguments, submit } from "./submit.ts";
import { toolEnvironment } from "./tools.ts";
import { describeJob, explainRefusal, isOverMemory } from "./words.ts";

const profile: LaunchProfile = { setup: [], environment: {}, pollSeconds: 60, warningSeconds: 120, sbatch: [] };
const batch = { name: "ulpt-check-1", script: "/w/job.sh", folder: "/w", log: "/w/100%j/log" };

describe("squeue", () => {
  it("is read into typed states, the reason being a sentence or a list", () => {
    const text = [
      "10|N/A|CANCELLED||2|Resources",
      "6|N/A|FAILED|n1|1796021971|JobLaunchFailure",
      "Welcome to the cluster",
      "11|N/A|PENDING||N/A|ReqNodeNotAvail, UnavailableNodes:n2",
      "5|1|PENDING||N/A|a|b",
      "",
    ].join("\n");
    const [cancelled, failed, pending, element] = parseQueue(text);
    expect(cancelled).toMatchObject({ arrayId: 10, elements: null, state: "CANCELLED", nodes: "" });
    expect(failed).toMatchObject({ state: "FAILED", nodes: "n1", start: 1796021971 });
    expect(pending).toMatchObject({ start: null, reason: "ReqNodeNotAvail, UnavailableNodes:n2" });
    expect(element).toMatchObject({ arrayId: 5, elements: [[1, 1]], reason: "a|b" });
  });

  it("has one line for all elements of an array that wait", () => {
    const text = "1|2-4,6,21-99%2|PENDING||N/A|JobArrayTaskLimit\n1|0|RUNNING|n1|1796021971|None\n";
    const [waiting, running] = parseQueue(text);
    expect(waiting!.elements).toEqual([
      [2, 4],
      [6, 6],
      [21, 99],
    ]);
    expect(running!.elements).toEqual([[0, 0]]);
  });

  it("is asked soon at first, then as seldom as the profile says, and less where nobody answers", () => {
    expect([0, 1, 2, 5, 1000].map((asked) => nextPause(asked, 0, 60))).toEqual([2, 4, 8, 60, 60]);
    expect([1, 2, 3, 9].map((silences) => nextPause(3, silences, 60))).toEqual([120, 240, 480, 480]);
  });
});

describe("a job as a person reads it", () => {
  const now = 1_000_000;
  const job = (state: string, reason = "None", more: Partial<JobStatus> = {}): JobStatus => ({
    ...{ arrayId: 1, elements: null, state, nodes: "", start: null, reason },
    ...more,
  });
  const runs = { nodes: "n1" };

  it.each([
    [
      job("PENDING", "Resources", { start: now + 720 }),
      "waiting",
      "waits: what it needs is in use; it may start in 12m",
    ],
    [job("PENDING", "Priority"), "waiting", "waits: others are before it"],
    [job("PENDING", "ReqNodeNotAvail, UnavailableNodes:n2"), "waiting", "waits: nodes that it needs are not there: n2"],
    [job("PENDING", "FrontEndDown"), "waiting", "waits: Slurm says FrontEndDown"],
    [job("PENDING", "constructor"), "waiting", "waits: Slurm says constructor"],
    [job("PENDING", "JobHeldUser"), "stuck", "is held by its user: `scontrol release` lets it go on"],
    [job("PENDING", "JobHeldAdmin"), "stuck", "is held by an administrator of the cluster: ask them why"],
    [job("PENDING", "DependencyNeverSatisfied"), "stuck", "waits for a job that failed, which will never change"],
    [
      job("PENDING", "PartitionTimeLimit"),
      "stuck",
      "asks for more time than its partition gives: ask for less, or choose another partition",
    ],
    [
      job("PENDING", "launch failed requeued held"),
      "stuck",
      "could not be started on its node and is held: `scontrol release` tries again; tell an administrator if it stays",
    ],
    [job("RUNNING", "None", runs), "running", "runs on n1"],
    [job("SUSPENDED", "None", runs), "running", "is suspended on n1: it keeps its node and goes on later"],
    [job("PREEMPTED", "None", runs), "waiting", "had to leave its node to a job of more importance"],
    [job("REQUEUED"), "waiting", "was put back in the queue"],
    [job("REQUEUE_HOLD"), "stuck", "was put back in the queue and is held: `scontrol release` lets it go on"],
    [job("COMPLETED", "None", runs), "completed", "ended well on n1"],
    [job("FAILED", "NonZeroExitCode", runs), "failed", "failed on n1"],
    [job("TIMEOUT", "TimeLimit"), "failed", "reached its time limit: raise the profile's time"],
    [job("OUT_OF_MEMORY"), "failed", "needed more memory than it asked for and was ended: raise the profile's memory"],
    [job("NODE_FAIL"), "failed", "was lost with its node, which failed"],
    [job("CANCELLED"), "failed", "was cancelled, by its user or an administrator (squeue does not say which)"],
    [job("NEW_STATE", "None", runs), "waiting", "is in a state that is not known here: NEW_STATE on n1"],
  ])("$state $reason", (status, phase, text) => {
    expect(describeJob(status, now)).toEqual({ phase, text });
  });

  it("needed too much memory where Slurm writes so into its log, whatever its state is", () => {
    const lines = [
      "slurmstepd-n1: error: StepId=9.batch exceeded memory limit (91185152 > 31457280), being killed",
      "slurmstepd: error: Exceeded job memory limit",
      "slurmstepd: error: Detected 1 oom_kill event in StepId=9.batch. Some of the step tasks have been OOM Killed.",
    ];
    expect(lines.map(isOverMemory)).toEqual([true, true, true]);
    expect(isOverMemory("slurmstepd-n1: error: *** JOB 9 ON n1 CANCELLED AT 2026-11-30T09:41:19 ***")).toBe(false);
  });

  it.each([
    ["sbatch: error: invalid partition specified: nope", "The cluster does not have the partition."],
    [
      "sbatch: error: Batch job submission failed: Invalid account or account/partition combination specified",
      "The cluster wants another account, or any at all.",
    ],
    ["sbatch: error: Memory specification can not be satisfied", "No node has what the job asks for."],
    [
      "sbatch: error: Invalid generic resource (gres) specification",
      "The cluster does not have the devices that the job asks for.",
    ],
    ["", "Slurm did not take the job."],
  ])("refused: %s", (said, message) => {
    expect(explainRefusal(said, profile)).toMatchObject({ code: "SLURM_REFUSED", message });
  });
});

describe("sinfo", () => {
  const partitions = parsePartitions("main|up|1:00:00|1|allocated\nmain|up|1:00:00|1|down*\ngpu|up|infinite|2|idle\n");

  it("is read into partitions with their nodes", () => {
    const nodes = [
      { state: "allocated", count: 1 },
      { state: "down*", count: 1 },
    ];
    expect(partitions[0]).toEqual({ name: "main", available: "up", timeLimit: "1:00:00", nodes });
    expect(partitions).toHaveLength(2);
  });

  it("tells a partition that is not there, and which was meant", () => {
    const hint = expect.stringContaining("main");
    expect(() => requirePartition("mian", partitions)).toThrow(
      expect.objectContaining({ code: "SLURM_REFUSED", hint }),
    );
    expect(() => requirePartition("gpu", partitions)).not.toThrow();
  });
});

describe("sbatch", () => {
  it("is given the profile as single arguments, with paths that are no patterns", () => {
    const args = sbatchArguments(
      { ...profile, partition: "main", cpus: 4, time: "30", sbatch: ["--qos=normal"] },
      batch,
    );
    expect(args).toEqual(expect.arrayContaining(["--parsable", "--export=NONE", "--output=/w/100%%j/log"]));
    expect(args.slice(-5)).toEqual(["--partition=main", "--time=30", "--cpus-per-task=4", "--qos=normal", "/w/job.sh"]);
  });

  it("succeeded only where its last line is a number", () => {
    expect(["13\n", "a greeting\n13;other\n", "", "Submitted batch job 13\n"].map(parseJobId)).toEqual([
      13,
      13,
      undefined,
      undefined,
    ]);
  });

  it("is called in the environment of no other job", () => {
    const env = { SLURM_CONF: "/c", SLURM_JOB_ID: "1", SBATCH_PARTITION: "x", SQUEUE_FORMAT: "%i", HOME: "/h" };
    expect(toolEnvironment(env)).toEqual({
      SLURM_CONF: "/c",
      HOME: "/h",
      SLURM_TIME_FORMAT: "%s",
      SLURM_BITSTR_LEN: "0",
      LC_ALL: "C",
    });
  });

  it("gives names that nobody else has", () => {
    expect(jobName("check")).toMatch(/^ulpt-check-[0-9a-f]{12}$/);
    expect(jobName("check")).not.toBe(jobName("check"));
  });
});

describe.skipIf(process.platform === "win32")("programs", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "ulpt-slurm-"));
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true, force: true });
  });
  const program = (name: string, lines: string) => {
    writeFileSync(join(folder, name), `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
    vi.stubEnv("PATH", `${folder}:/usr/bin:/bin`);
  };

  it("that hang are ended, and a job that they submitted is found by its name", async () => {
    program("sbatch", "exec sleep 600");
    program("squeue", 'case "$*" in *--name=ulpt-check-1*) echo "7|N/A|RUNNING|n1|1|None";; esac');
    expect(await submit(profile, batch, { time: 200 })).toBe(7);
    program("squeue", "exec sleep 600");
    expect(await askQueue({ names: ["x"], each: false }, { time: 200 })).toEqual({
      kind: "unknown",
      why: expect.stringContaining("too long"),
    });
    program("squeue", "exit 1");
    await expect(submit(profile, batch, { time: 200 })).rejects.toMatchObject({ code: "SLURM_SILENT" });
  });

  it("are ended at once for who stops submitting, and no answer is waited for", async () => {
    const stopped = new Error("stopped");
    program("squeue", "exec sleep 600");
    for (const sbatch of ["sleep 5; echo 7", "exit 0"]) {
      program("sbatch", sbatch); // takes its time; or says nothing, so that the queue is asked, which hangs
      const stopping = new AbortController();
      const submitted = submit(profile, batch, { signal: stopping.signal });
      setTimeout(() => stopping.abort(stopped), 300);
      await expect(submitted).rejects.toBe(stopped);
    }
  });

  it("that fail say nothing of the jobs", async () => {
    program("squeue", "echo 'slurm_load_jobs error: Unable to contact slurm controller (connect failure)' >&2; exit 1");
    expect(await askQueue({ names: ["x"], each: false })).toEqual({
      kind: "unknown",
      why: expect.stringContaining("Unable to contact"),
    });
  });

  it("that are not there are named", async () => {
    vi.stubEnv("PATH", folder);
    await expect(submit(profile, batch)).rejects.toMatchObject({ code: "SLURM_MISSING" });
  });

  it("of a batch script get their words whole, whatever stands in them", () => {
    const work = join(folder, "it's $HOME `x`");
    const runtime = join(work, "cli.js");
    mkdirSync(work);
    writeFileSync(
      runtime,
      'require("fs").writeFileSync("out", JSON.stringify([process.argv.slice(2), process.env.A]))',
    );
    const command = { folder: work, node: process.execPath, runtime, args: ["a b", "$(touch c)"] };
    const run = (script: string) => execFileSync("bash", ["-c", script], { cwd: folder, stdio: "ignore" });
    run(batchScript({ ...profile, environment: { A: "'; exit" }, setup: ["cd /"] }, command));
    expect(JSON.parse(readFileSync(join(work, "out"), "utf8"))).toEqual([["a b", "$(touch c)"], "'; exit"]);
    expect(() => run(batchScript({ ...profile, node: "/no/node" }, command))).toThrow();
    expect(readFileSync(join(work, missingName), "utf8")).toBe("node");
  });
});
