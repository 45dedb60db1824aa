/** @file How often and how much Slurm is asked about launches, by a scheduler and a clock that are imitated, and what is told of a run's job. */
import { closeSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { runFolder } from "../../runs/layout.ts";
import { createLaunch, listLaunches, recordJobs, type SlurmLaunch, updateJobs } from "../records.ts";
import { accountedEnd } from "./accounting.ts";
import { arrayName, noteCancelled, writeJobRuns } from "./jobs.ts";
import { parseQueue, type Queue, type QueueQuestion } from "./poll.ts";
import { describeRunJob, endJobs, jobWords, lookAtQueue, nextQuestion, openJobs, readSeen } from "./queue.ts";

let workspace: string;
beforeEach(() => {
  workspace = mkdtempSync(join(tmpdir(), "ulpt-queue-"));
});
afterEach(() => rmSync(workspace, { recursive: true, force: true }));

function launchOf(runs: number, arrays: SlurmLaunch["arrays"]): SlurmLaunch {
  const created = createLaunch(workspace);
  closeSync(created.descriptor);
  const facts = { experiment: "e", profile: "default", user: "ada", pollSeconds: 60, args: ["train"] };
  const launch = recordJobs(created, { ...facts, runs });
  mkdirSync(launch.folder);
  writeJobRuns(launch.folder, { experiment: "e", runs: Array.from({ length: runs }, (_, run) => `r${run}`) });
  return updateJobs(launch, { arrays });
}

const known = (text: string): Queue => ({ kind: "known", jobs: parseQueue(text) });

/** Seconds that a finished job stays in the list, as Slurm has it by itself. */
const minJobAge = 300;

/** Arrays whose elements run in order, so many at a time, each so many seconds. */
class Scheduler {
  asked = 0;
  bytes = 0;
  silent = false;
  private readonly arrays: SlurmLaunch["arrays"];
  private readonly slots: number;
  private readonly seconds: number;

  constructor(arrays: SlurmLaunch["arrays"], { slots, seconds }: { slots: number; seconds: number }) {
    this.arrays = arrays;
    this.slots = slots;
    this.seconds = seconds;
  }

  answer(second: number): Queue {
    this.asked += 1;
    if (this.silent) return { kind: "unknown", why: "Unable to contact slurm controller" };
    const text = this.arrays.map((array) => this.lines(array, second)).join("");
    this.bytes = Math.max(this.bytes, text.length);
    return known(text);
  }

  private lines({ first, count, job }: SlurmLaunch["arrays"][number], second: number): string {
    const waiting: number[] = [];
    let lines = "";
    for (let element = 0; element < count; element++) {
      const begins = Math.floor((first + element) / this.slots) * this.seconds;
      const ended = second - begins - this.seconds;
      if (second < begins) waiting.push(element);
      else if (ended < 0) lines += `${job}|${element}|RUNNING|node${element % 50}|${begins}|None\n`;
      else if (ended < minJobAge) lines += `${job}|${element}|COMPLETED|node${element % 50}|${begins}|None\n`;
    }
    if (waiting.length > 0) lines += `${job}|${waiting[0]}-${waiting.at(-1)}|PENDING||N/A|Resources\n`;
    return lines;
  }
}

/** Looks whenever it may, until nothing is left, and returns the seconds that went by. */
async function followed(launch: SlurmLaunch, scheduler: Scheduler, until = Number.POSITIVE_INFINITY): Promise<number> {
  let now = 0;
  let current = launch;
  while (current.ended === undefined && now < until) {
    now = Math.max(now + 1, Math.ceil(nextQuestion(current, readSeen(current)) / 1_000));
    const ask = async (_question: QueueQuestion) => scheduler.answer(now);
    [current] = (await lookAtQueue([current], { now: () => 1_000 * now, ask })) as [SlurmLaunch];
  }
  return now;
}

describe("10,000 runs, in ten arrays", () => {
  const arrays = Array.from({ length: 10 }, (_, index) => ({ first: 1_000 * index, count: 1_000, job: 100 + index }));

  it("cost one question a minute, each answered in few bytes, and none when nothing is left", async () => {
    const launch = launchOf(10_000, arrays);
    const scheduler = new Scheduler(arrays, { slots: 200, seconds: 600 });
    const seconds = await followed(launch, scheduler);
    expect(seconds).toBeGreaterThanOrEqual(50 * 600);
    expect(scheduler.asked).toBeLessThanOrEqual(seconds / 60 + 8);
    expect(scheduler.bytes).toBeLessThan(20_000);
    expect(openJobs(workspace)).toEqual([]);
    const asked = scheduler.asked;
    await lookAtQueue(listLaunches(workspace) as SlurmLaunch[], { ask: async () => scheduler.answer(0) });
    expect(scheduler.asked).toBe(asked);
  });

  it("cost less where the controller is silent, and are not taken for gone", async () => {
    const launch = launchOf(10_000, arrays);
    const scheduler = new Scheduler(arrays, { slots: 200, seconds: 600 });
    await followed(launch, scheduler, 1_200);
    scheduler.silent = true;
    const before = scheduler.asked;
    await followed(launch, scheduler, 1_200 + 36_000);
    expect(scheduler.asked - before).toBeLessThanOrEqual(36_000 / 480 + 4);
    expect(openJobs(workspace)).toHaveLength(1);
    expect(readSeen(launch)!.jobs.length).toBeGreaterThan(0);
  });
});

describe("several launches", () => {
  it("are asked about at once, by whoever is first: the others read the answer", async () => {
    const one = launchOf(3, [{ first: 0, count: 3, job: 1 }]);
    const other = launchOf(2, [{ first: 0, count: 2, job: 2 }]);
    const questions: QueueQuestion[] = [];
    const ask = async (question: QueueQuestion) => {
      questions.push(question);
      return known("1|0|RUNNING|n1|5|None\n2|0-1|PENDING||N/A|Priority\n");
    };
    await lookAtQueue(openJobs(workspace), { ask, now: () => 10_000 });
    await lookAtQueue(openJobs(workspace), { ask, now: () => 10_500 });
    expect(questions).toEqual([{ names: [arrayName(one, { first: 0 }), arrayName(other, { first: 0 })], each: true }]);
    expect(describeRunJob(one, readSeen(one), 0, 10_000).text).toBe("runs on n1");
    expect(describeRunJob(other, readSeen(other), 1, 10_000).text).toBe("waits: others are before it");
  });
});

describe("a run's job", () => {
  const arrays = [{ first: 0, count: 3, job: 1 }];
  const seenAs = async (launch: SlurmLaunch, text: string) => {
    await lookAtQueue([launch], { ask: async () => known(text) });
    return readSeen(launch);
  };

  it("that nothing submitted is not said to wait in the queue", () => {
    expect(describeRunJob(launchOf(3, []), null, 0, 0)).toMatchObject({
      phase: "stuck",
      text: expect.stringContaining("is not submitted yet"),
    });
    expect(describeRunJob(launchOf(3, [{ first: 0, count: 1, job: 1 }]), null, 2, 0).text).toContain(
      "takes no more jobs",
    );
  });

  it("is told who cancelled it, also where it waited, of which Slurm keeps nothing", async () => {
    const launch = launchOf(3, arrays);
    noteCancelled(launch.folder, 1);
    const seen = await seenAs(launch, "1|0|RUNNING|n1|5|None\n1|2|CANCELLED|n1|5|None\n");
    expect(describeRunJob(launch, seen, 1, 0).text).toMatch(/^was cancelled by .+@.+/);
    expect(describeRunJob(launch, seen, 2, 0).text).toContain("squeue does not say which");
    expect(describeRunJob(launch, seen, 0, 0).text).toBe("runs on n1");
  });

  it("waits where it is not submitted yet, or nobody knows whether it was", () => {
    const launch = launchOf(5, [{ first: 0, count: 3, job: null }]);
    expect(describeRunJob(launch, null, 0, 0).text).toContain("did not say whether it took the job");
    expect(describeRunJob(launch, null, 4, 0).text).toContain("takes no more jobs of yours");
  });

  it("is over only when Slurm said twice that nothing is left", async () => {
    const launch = launchOf(3, arrays);
    const ask = async () => known("1|0|COMPLETED|n1|5|None\n");
    const [once] = await lookAtQueue([launch], { ask, now: () => 0 });
    expect(once!.ended).toBeUndefined();
    const [twice] = await lookAtQueue([launch], { ask, now: () => 5_000 });
    expect(twice!.ended).toBeDefined();
  });

  it("stands beside the run that it trains, unless that says itself how it ended", () => {
    const launch = launchOf(3, arrays);
    const run = (name: string, state: string) => ({ directory: runFolder(workspace, "e", name), state, updated: 0 });
    const words = jobWords([launch], [run("r0", "created"), run("r1", "finished"), run("other", "created")], 0);
    expect([...words.keys()]).toEqual([runFolder(workspace, "e", "r0")]);
  });

  it("is told also when the launch is over, as long as its run was not touched since and says nothing itself", async () => {
    const launch = launchOf(3, arrays);
    await seenAs(launch, "1|0|OUT_OF_MEMORY|n1|5|None\n1|1|TIMEOUT|n1|5|None\n");
    const over = endJobs(launch, 1_000);
    const run = (name: string, state: string, updated = 0) => ({
      ...{ directory: runFolder(workspace, "e", name), state, updated },
    });
    const words = jobWords([over], [run("r0", "interrupted"), run("r1", "stopped"), run("r2", "created")], 0);
    expect([...words.values()].map(({ text }) => text)).toEqual([expect.stringContaining("more memory")]);
    expect(jobWords([over], [run("r0", "interrupted", 2_000)], 0)).toEqual(new Map());
  });

  it("of a list that somebody changed says nothing", () => {
    const launch = launchOf(3, arrays);
    const path = join(launch.folder, "runs.json");
    writeFileSync(path, readFileSync(path, "utf8").replace("r1", "../../r1"));
    expect(
      jobWords([launch], [{ directory: runFolder(workspace, "e", "r0"), state: "created", updated: 0 }], 0),
    ).toEqual(new Map());
  });
});

describe.skipIf(process.platform === "win32")("the accounting", () => {
  /** What it says of a job. */
  async function said(lines: string, code = 0) {
    const bin = mkdtempSync(join(workspace, "bin-"));
    writeFileSync(join(bin, "sacct"), `#!/bin/sh\nprintf '${lines}'\nexit ${code}\n`, { mode: 0o755 });
    vi.stubEnv("PATH", `${bin}:/usr/bin:/bin`);
    const told = await accountedEnd("7_3");
    vi.unstubAllEnvs();
    return told?.text;
  }

  it("says who cancelled a job, and how the last of its times ended", async () => {
    expect(await said(`CANCELLED by ${process.getuid?.()}|n1\\n`)).toBe("was cancelled by you");
    expect(await said("CANCELLED by 4711|None assigned\\n")).toBe("was cancelled by the user with the number 4711");
    expect(await said("REQUEUED|n1\\nOUT_OF_MEMORY|n2\\n")).toContain("needed more memory");
    expect(await said("NODE_FAIL|n2\\n")).toContain("was lost with its node");
  });

  it("says nothing where there is none, or it does not have the job", async () => {
    expect(await said("", 1)).toBeUndefined();
    expect(await said("")).toBeUndefined();
    vi.stubEnv("PATH", workspace);
    expect(await accountedEnd("7_3")).toBeNull();
    vi.unstubAllEnvs();
  });
});
