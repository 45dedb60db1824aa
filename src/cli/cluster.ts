/** @file `ulpt cluster`: tries the Slurm of this login node with a job of a minute, and says what it saw. */
import { existsSync, rmSync } from "node:fs";
import { availableParallelism, hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { hasCode, UlptError } from "../errors.ts";
import { writeFileAtomic } from "../formats/atomic.ts";
import { endOfFile } from "../launch/log.ts";
import { type LaunchProfile, profilesPath, readProfile } from "../launch/profiles.ts";
import { type ClusterAnswer, type ClusterEvent, clusterAnswer } from "../launch/slurm/checkEvents.ts";
import { missingPart } from "../launch/slurm/missing.ts";
import { listPartitions, requirePartition } from "../launch/slurm/partitions.ts";
import { askQueue, nextPause } from "../launch/slurm/poll.ts";
import { batchScript } from "../launch/slurm/script.ts";
import { cancel, jobName, submit } from "../launch/slurm/submit.ts";
import { describeJob, type JobWords } from "../launch/slurm/words.ts";
import { stateFolder } from "../runs/layout.ts";
import { makeOwnFolders, writeOwnFile } from "../runs/ownFiles.ts";
import { readJson } from "../runs/schema.ts";
import { hideFromGit } from "../runs/store.ts";
import { visibleLine } from "../words/surfaces.ts";
import { reportDevices } from "./devices.ts";
import { answerCommand } from "./hiddenCommands.ts";
import { ownProgram } from "./ownProgram.ts";
import { say, sayJson } from "./terminal.ts";
import { openWorkspace } from "./workspace.ts";

const answerName = "answer.json";

export interface ClusterOptions {
  profile?: string;
  /** Minutes in the queue. */
  wait: number;
  workspace?: string;
  json: boolean;
}

/** What the check is about to look at, and says. */
interface Check {
  profile: LaunchProfile;
  /** Of the job and its folder. */
  name: string;
  folder: string;
  log: string;
  signal: AbortSignal;
  /** Milliseconds the job may stay in the queue. */
  wait: number;
  tell: (event: ClusterEvent) => void;
}

/** @throws UlptError PROFILE_INVALID, OPTION_INVALID, SLURM_MISSING, SLURM_REFUSED, SLURM_SILENT, SLURM_FAILED, STOPPED */
export async function checkCluster(options: ClusterOptions): Promise<void> {
  const profile = readProfile(profilesPath(process.env), options.profile);
  const workspace = openWorkspace(options.workspace);
  const stopping = stopOnSignal();
  const name = jobName("check");
  const folder = join(stateFolder(workspace), "cluster", name);
  const tell = options.json ? sayJson : sayEvent;
  const { signal } = stopping;
  const check = { profile, name, folder, log: join(folder, "log"), signal, wait: options.wait * 60_000, tell };
  try {
    await examine(check, workspace);
  } finally {
    stopping.release();
  }
}

/** The first signal asks for an end that cancels the job; a second one ends the process as usual. */
function stopOnSignal(): { signal: AbortSignal; release: () => void } {
  const stopping = new AbortController();
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const onSignal = () => {
    release();
    stopping.abort(new UlptError("STOPPED", "Stopped."));
  };
  const release = () => {
    for (const signal of signals) process.off(signal, onSignal);
  };
  for (const signal of signals) process.on(signal, onSignal);
  return { signal: stopping.signal, release };
}

async function examine(check: Check, workspace: string): Promise<void> {
  const { profile, name, folder, log, tell, signal } = check;
  const partitions = await listPartitions(signal);
  for (const partition of partitions) tell({ type: "partition", partition });
  requirePartition(profile.partition, partitions);

  makeOwnFolders(folder);
  hideFromGit(workspace);
  const script = join(folder, "job.sh");
  const command = { folder, node: process.execPath, runtime: ownProgram, args: [answerCommand, answerName] };
  writeOwnFile(script, batchScript(profile, command), { tag: "check" });
  let over = false;
  try {
    const job = await submit(profile, { name, script, folder, log, time: "1" }, { signal });
    tell({ type: "submitted", job });
    tell({ type: "answer", answer: await awaitAnswer(check) });
    over = true;
  } catch (error) {
    over = hasCode(error, "STOPPED");
    throw await withJobCancelled(error, check);
  } finally {
    if (over || !existsSync(log)) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Who asks for an end waits no longer than this for a controller that may not answer. In milliseconds. */
const stoppingTime = 1_500;

/** An end before the job's: it is taken from the queue, and where that did not succeed the error says so. */
async function withJobCancelled(error: unknown, { name }: Check): Promise<unknown> {
  if (!(error instanceof UlptError) || error.code === "SLURM_MISSING") return error;
  if (await cancel(name, error.code === "STOPPED" ? stoppingTime : undefined)) return error;
  const { code, message, hint, ...rest } = error;
  const also = `The job may still be there: \`scancel --name=${name}\` ends it.`;
  return new UlptError(code, error.message, { ...rest, hint: hint ? `${hint} ${also}` : also });
}

/** How long a shared file system may take to show a file that another node wrote. */
const visibleTime = 60_000;
/** The folder is looked into this often: that asks nothing of the controller. */
const lookTime = 500;

/** Looks for the answer's file, and asks the queue now and then. */
async function awaitAnswer(check: Check): Promise<ClusterAnswer> {
  const { name, folder, signal, profile, tell } = check;
  const began = Date.now();
  let [asked, silences, nextQuestion] = [0, 0, began];
  let told = "";
  let overSince: { time: number; words: JobWords } | undefined;
  for (;;) {
    const answer = readJson(join(folder, answerName), clusterAnswer);
    if (answer) return answer;
    const missing = missingPart(folder, ownProgram);
    if (missing) throw missing;
    if (overSince && Date.now() - overSince.time > (overSince.words.phase === "failed" ? 2_000 : visibleTime)) {
      throw unanswered(check, overSince.words);
    }
    if (!overSince && Date.now() >= nextQuestion) {
      const queue = await askQueue({ names: [name], each: false }, { signal });
      silences = queue.kind === "unknown" ? silences + 1 : 0;
      const pause = nextPause(asked++, silences, profile.pollSeconds);
      nextQuestion = Date.now() + 1_000 * pause;
      if (queue.kind === "unknown") tell({ type: "silent", why: queue.why, seconds: pause });
      else {
        const job = queue.jobs[0];
        const words: JobWords = job
          ? describeJob(job, Date.now() / 1_000)
          : { phase: "completed", text: "is no longer in the queue" };
        if (words.text !== told) tell({ type: "job", ...words });
        told = words.text;
        if (words.phase === "stuck") throw refused(words);
        if (words.phase === "completed" || words.phase === "failed") overSince = { time: Date.now(), words };
        if (words.phase === "waiting" && Date.now() - began > check.wait) throw late(words, check.wait);
      }
      if (queue.kind === "unknown" && Date.now() - began > check.wait) throw silent(queue.why, name);
    }
    await pauseFor(lookTime, signal);
  }
}

async function pauseFor(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal }).catch(() => undefined);
  signal.throwIfAborted();
}

function refused({ text }: JobWords): UlptError {
  return new UlptError("SLURM_REFUSED", `Slurm will not start the job: it ${text}.`, {
    expected: "a job that starts when its turn comes",
    hint: "Change the launch profile or the job as that says, and try again; this job is cancelled.",
  });
}

function late({ text }: JobWords, wait: number): UlptError {
  return new UlptError("SLURM_FAILED", `The job did not start in ${wait / 60_000} min: it ${text}.`, {
    expected: "a job that starts in that time",
    hint: "Choose a partition with idle nodes, or wait longer with --wait MINUTES; this job is cancelled.",
  });
}

function silent(why: string, name: string): UlptError {
  return new UlptError("SLURM_SILENT", "The Slurm controller does not answer: how the job is nobody knows.", {
    where: why,
    expected: "an answer of squeue",
    hint: `Look with \`squeue --name=${name}\` when it is back.`,
  });
}

function unanswered({ folder, log }: Check, { phase, text }: JobWords): UlptError {
  const lines = endOfFile(log, 2_000).trim().split("\n").slice(-3).join(" / ");
  if (lines === "" && phase !== "failed") {
    return new UlptError("SLURM_FAILED", `The job ${text}, but what it wrote is not to be seen here.`, {
      where: folder,
      expected: "a folder that login node and compute nodes share",
      hint: "Work in a folder of a shared file system, such as your home folder.",
    });
  }
  const unseen = "it wrote nothing: the compute node may not see this folder";
  return new UlptError("SLURM_FAILED", `The job gave no answer: it ${text}.`, {
    where: `${log}: ${lines || unseen}`,
    expected: "the runtime to run on the compute node",
    hint: lines ? "Its last lines say why." : "Work in a folder of a shared file system, such as your home folder.",
  });
}

function sayEvent(event: ClusterEvent): void {
  say(visibleLine(eventText(event)));
}

function eventText(event: ClusterEvent): string {
  if (event.type === "partition") {
    const { name, available, timeLimit, nodes } = event.partition;
    const counts = nodes.map(({ state, count }) => `${count} ${state}`).join(", ");
    return `partition ${name}: ${available}, jobs up to ${timeLimit}, nodes: ${counts}`;
  }
  if (event.type === "submitted") return `submitted job ${event.job}`;
  if (event.type === "job") return `the job ${event.text}`;
  if (event.type === "silent") {
    return `Slurm does not say how the job is (${event.why}); it may well run. Asked again in ${event.seconds}s`;
  }
  const { host, node, cores, devices } = event.answer;
  const working = devices.filter(({ works }) => works).map(({ device }) => device);
  const runs = working.length ? `the runtime works there on ${working.join(", ")}` : "no device works there";
  return `${host} sees this folder and Node.js ${node}; ${cores} cores; ${runs}`;
}

/** Writes what a compute node sees, for whoever waits on the login node. */
export async function writeAnswer(file: string): Promise<void> {
  const devices = (await reportDevices()).map(({ device, works }) => ({ device, works }));
  const answer: ClusterAnswer = {
    host: process.env.SLURMD_NODENAME ?? hostname(),
    node: process.versions.node,
    cores: availableParallelism(),
    devices,
  };
  writeFileAtomic(file, `${JSON.stringify(answer)}\n`, { tag: "answer" });
}
