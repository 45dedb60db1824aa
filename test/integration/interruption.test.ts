/** @file Runs that are killed, stopped, contended for or out of disk, and resumed: they end as if nothing had happened. */
import { execFileSync, spawnSync } from "node:child_process";
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemErrorCode } from "../../src/errors.ts";
import { listCheckpoints } from "../../src/runs/checkpoints.ts";
import { readJournal } from "../../src/runs/journal.ts";
import { runPaths } from "../../src/runs/layout.ts";
import { loadState } from "../../src/runs/state.ts";
import { runState } from "../../src/runs/store.ts";
import { shellWord } from "../../src/words/shell.ts";
import { bundle } from "../support/bundle.ts";
import { Command, expectFailure, jsonLines, killLeftovers, type Line, ulpt, ulptOk } from "../support/cli.ts";
import { temporaryFolder } from "../support/folder.ts";
import { journalOf } from "../support/journal.ts";
import { Random } from "../support/random.ts";
import {
  causalModel,
  courseOf,
  createWorkspace,
  expectReadable,
  keptBytes,
  type Workspace,
} from "../support/workspace.ts";

const folder = temporaryFolder();
const name = "ulpt-r2-seed1";
let workspace: Workspace;
/** The run that nothing happens to, and what it wrote. */
let undisturbed: string;
let undisturbedLines: Line[];

beforeAll(async () => {
  workspace = createWorkspace(folder("workspace"));
  const first = train("undisturbed");
  const { code, stdout } = await first.end;
  expect(code).toBe(0);
  undisturbedLines = jsonLines(stdout);
  undisturbed = workspace.run("undisturbed", name);
});
afterAll(killLeftovers);

/** What all tests here train: an epoch has ten steps, the last of them of three rows. */
const training = { steps: 60, batchSize: 5, evaluateEvery: 15 };

/** Starts that training as an experiment of this name. */
function train(experiment: string, more: object = {}): Command {
  const file = workspace.experiment(experiment, { training: { ...training, ...more } });
  return new Command(["train", file, "--json"], { cwd: workspace.folder });
}

function resume(experiment: string, ...more: string[]): Command {
  return new Command(["resume", `${experiment}/${name}`, "--json", ...more], { cwd: workspace.folder });
}

function expectAsUndisturbed(experiment: string): void {
  const run = workspace.run(experiment, name);
  expect(runState(run)).toBe("finished");
  expect(courseOf(run)).toEqual(courseOf(undisturbed));
  // A stopped run has one more checkpoint: of the step it stopped at.
  expect(keptBytes(run)).toMatchObject(keptBytes(undisturbed));
}

async function expectResumes(experiment: string): Promise<void> {
  const { code, stderr } = await resume(experiment).end;
  expect(code, stderr).toBe(0);
  expectAsUndisturbed(experiment);
}

const isStep = (step: number) => (line: Line) => line.type === "step" && line.step >= step;

describe("a run killed with SIGKILL", () => {
  it("20 times at random moments computes, bit for bit, what an undisturbed run does", async () => {
    const seed = 20;
    const random = new Random(seed);
    const run = workspace.run("killed", name);
    const moments = [...startUpMoments(random, 4), ...courseMoments(random, 16)];
    const killed: string[] = [];
    for (const { after, position, delay } of moments) {
      const command = existsSync(run) ? resume("killed") : train("killed");
      const positionOf = positionTracker();
      if (position !== undefined) await command.until((line) => positionOf(line) >= position);
      await new Promise((resolve) => setTimeout(resolve, delay)); // what makes the moment random
      command.signal("SIGKILL");
      const { signal, stderr } = await command.end;
      killed.push(`${after} + ${delay} ms`);
      expect(signal, `seed ${seed}: ${killed.join(", ")}\n${stderr}`).toBe("SIGKILL");
      if (existsSync(run)) expectReadable(run);
    }
    expect(killed).toHaveLength(20);
    await expectResumes("killed").catch((error: Error) => {
      error.message += `\nseed ${seed}: ${killed.join(", ")}`;
      throw error;
    });
  });

  it("between two evaluations goes on from the state it saves every few seconds", async () => {
    const settings = { training: { steps: 1_000_000, evaluateEvery: 1_000_000 } };
    const file = workspace.experiment("long", settings);
    const run = workspace.run("long", name);
    const command = new Command(["train", file, "--json"], { cwd: workspace.folder });
    const savedStep = () => Number(loadState(run)?.values.step ?? 0);
    await command.until((line) => line.type === "step" && savedStep() > 0 && line.step > savedStep() + 10);
    command.signal("SIGKILL");
    await command.end;
    const saved = savedStep();
    const last = journalOf(run).losses.at(-1)!.step;
    expect(last).toBeGreaterThan(saved + 9);

    const second = resume("long");
    await second.until(isStep(last));
    second.signal("SIGKILL");
    await second.end;
    const { events } = readJournal(runPaths(run).events);
    const lossesOf = (attempt: number) => {
      const ofAttempt = events.flatMap((event) => (event.type === "step" && event.attempt === attempt ? [event] : []));
      return new Map(ofAttempt.map(({ step, loss }) => [step, loss]));
    };
    const [before, after] = [lossesOf(1), lossesOf(2)];
    expect(Math.min(...after.keys())).toBe(saved + 1);
    for (let step = saved + 1; step <= last; step++) expect(after.get(step), `step ${step}`).toBe(before.get(step));
  });

  it("within a line of its journal, or of a file, has that skipped and cleared away, and says so", async () => {
    const command = train("torn");
    await command.until(isStep(20));
    command.signal("SIGKILL");
    await command.end;
    const run = workspace.run("torn", name);
    const leftover = join(run, ".state.safetensors.1.1.0000abcd.tmp");
    writeFileSync(leftover, "cut off");
    appendFileSync(runPaths(run).events, '{"t":1,"attempt":1,"seq":99,"type":"step","step":21,"lo');
    const listed = await ulptOk(["runs"], { cwd: workspace.folder });
    expect(listed.stdout).toMatch(/torn\s+ulpt-r2-seed1\s+interrupted/);
    await expectResumes("torn");
    expect(existsSync(leftover)).toBe(false);
    const { events, skipped } = readJournal(runPaths(run).events);
    expect(skipped).toHaveLength(1);
    expect(events.some((event) => event.type === "warning" && event.code === "JOURNAL_TORN")).toBe(true);
  });
});

interface Moment {
  /** For people. */
  after: string;
  /** Of the line after which to kill; undefined: count from the start of the process. */
  position: number | undefined;
  delay: number;
}

function startUpMoments(random: Random, count: number): Moment[] {
  return Array.from({ length: count }, () => ({
    after: "start",
    position: undefined,
    delay: random.integer(0, 600),
  }));
}

/**
 * One moment in each part of the course: after a line of the undisturbed run's output and a few milliseconds more. A line
 * "evaluation" is followed by the writing of a checkpoint, and "checkpoint" by that of the state.
 */
function courseMoments(random: Random, count: number): Moment[] {
  const positionOf = positionTracker();
  const lines = undisturbedLines.map((line) => ({ after: describeLine(line), position: positionOf(line) }));
  const end = lines.findIndex(({ after }) => after === "evaluation test"); // what follows is too short to be hit
  return Array.from({ length: count }, (_, part) => {
    const [from, to] = [part, part + 1].map((edge) => 1 + Math.floor((edge * (end - 1)) / count)) as [number, number];
    const writes = lines.slice(from, to).filter(({ after }) => /^(evaluat|checkpoint)/.test(after));
    const chosen = writes.length > 0 && random.boolean() ? random.pick(writes) : lines[random.integer(from, to - 1)]!;
    return { ...chosen, delay: random.pick([0, 0, 1, 2, 3, 5, 8, 13]) };
  });
}

function describeLine(line: Line): string {
  if (line.type === "step" || line.type === "checkpoint") return `${line.type} ${line.step}`;
  return line.type === "evaluating" || line.type === "evaluation" ? `${line.type} ${line.split}` : line.type;
}

/** How far in its course a run is at each of its lines, which are to be given in order. */
function positionTracker(): (line: Line) => number {
  let step = 0;
  const stages = ["step", "evaluating validation", "evaluation validation", "checkpoint", "evaluating test"];
  return (line) => {
    if (line.type === "status") step = line.fromStep ?? step;
    if (line.type === "step") step = line.step;
    const stage = stages.findLastIndex((prefix) => describeLine(line).startsWith(prefix));
    return stage < 0 ? -1 : step * stages.length + stage;
  };
}

describe("a run that is asked to stop", () => {
  const ways: [string, (command: Command, experiment: string) => unknown][] = [
    ["SIGINT", (command) => command.signal("SIGINT")],
    ["SIGTERM", (command) => command.signal("SIGTERM")],
    ["ulpt-stop", (_, experiment) => ulptOk(["stop", `${experiment}/${name}`], { cwd: workspace.folder })],
  ];
  it.each(ways)("by %s saves a checkpoint, ends with exit code 130 and resumes exactly", async (way, ask) => {
    const experiment = `stopped-by-${way}`;
    const command = train(experiment);
    await command.until(isStep(20));
    command.signal("SIGSTOP"); // so that the run is not over before it is asked
    await ask(command, experiment);
    command.signal("SIGCONT");
    const end = await command.end;
    expect(end.code, end.stderr).toBe(130);
    const run = workspace.run(experiment, name);
    expect(runState(run)).toBe("stopped");
    expectReadable(run);
    const { losses } = journalOf(run);
    expect(listCheckpoints(run).at(-1)!.step).toBe(losses.at(-1)!.step);
    expect(JSON.parse(readFileSync(runPaths(run).exit, "utf8"))).toMatchObject({
      code: 130,
      state: "stopped",
      step: losses.at(-1)!.step,
    });
    await expectResumes(experiment);
  });

  it.each(["validation", "test"])(
    "during an evaluation on the %s rows stops there and resumes exactly",
    async (split) => {
      const experiment = `stopped-in-${split}`;
      const command = train(experiment);
      await command.until((line) => line.type === "evaluating" && line.split === split);
      command.signal("SIGINT");
      expect((await command.end).code).toBe(130);
      expect(runState(workspace.run(experiment, name))).toBe("stopped");
      await expectResumes(experiment);
    },
  );

  it("twice ends at once, and still resumes exactly", async () => {
    // A busy machine may hand over the second signal after the first was obeyed: then the run is stopped, and it is tried again.
    const states: string[] = [];
    while (states.at(-1) !== "interrupted" && states.length < 5) {
      const experiment = `stopped-twice-${states.length}`;
      const command = train(experiment);
      await command.until(isStep(20));
      command.signal("SIGSTOP"); // both signals are there when it goes on
      command.signal("SIGINT");
      command.signal("SIGTERM");
      command.signal("SIGCONT");
      const { code, signal } = await command.end;
      expect(signal ?? code).toBe(signal === null ? 130 : "SIGTERM"); // within a call of the engine it dies of the signal
      states.push(runState(workspace.run(experiment, name)));
      await expectResumes(experiment);
    }
    expect(states.at(-1)).toBe("interrupted");
    expect(new Set(states.slice(0, -1))).toEqual(new Set(states.length > 1 ? ["stopped"] : []));
  });

  it("before its first step resumes exactly", async () => {
    const command = train("stopped-early");
    await command.until(({ type }) => type === "run");
    command.signal("SIGINT");
    expect((await command.end).code).toBe(130);
    await expectResumes("stopped-early");
  });
});

describe("a run on a model that goes on with its text", () => {
  it("killed with SIGKILL at random steps computes, bit for bit, what an undisturbed run does", async () => {
    symlinkSync(causalModel, workspace.path("causal"), "junction");
    const settings = {
      model: "causal",
      task: { template: "{text} answer:" },
      training: { steps: 30, evaluateEvery: 10 },
    };
    const start = (experiment: string) =>
      new Command(["train", workspace.experiment(experiment, settings), "--json"], { cwd: workspace.folder });
    expect((await start("causal").end).code).toBe(0);

    const seed = 9;
    const random = new Random(seed);
    const steps = [0, 1, 2].map((part) => 1 + part * 9 + random.integer(0, 8));
    for (const step of steps) {
      const command = step === steps[0] ? start("causal-killed") : resume("causal-killed");
      await command.until(isStep(step));
      command.signal("SIGKILL");
      expect((await command.end).signal, `seed ${seed}: ${steps.join(", ")}`).toBe("SIGKILL");
      expectReadable(workspace.run("causal-killed", name));
    }
    const { code, stderr } = await resume("causal-killed").end;
    expect(code, stderr).toBe(0);
    const [run, whole] = [workspace.run("causal-killed", name), workspace.run("causal", name)];
    expect(courseOf(run), `seed ${seed}: ${steps.join(", ")}`).toEqual(courseOf(whole));
    expect(keptBytes(run)).toEqual(keptBytes(whole));
    expect(courseOf(run)).not.toEqual(courseOf(undisturbed));
  });
});

describe("a run with dropout", () => {
  it("draws the masks of each step again when it is resumed", async () => {
    expect((await train("dropout", { dropout: 0.1 }).end).code).toBe(0);
    const command = train("dropout-stopped", { dropout: 0.1 });
    await command.until(isStep(18));
    command.signal("SIGKILL");
    await command.end;
    const { code, stderr } = await resume("dropout-stopped").end;
    expect(code, stderr).toBe(0);
    const course = courseOf(workspace.run("dropout-stopped", name));
    expect(course).toEqual(courseOf(workspace.run("dropout", name)));
    expect(course).not.toEqual(courseOf(undisturbed));
  });
});

describe("a run of a version that filled the last batch of an epoch, and did not record that", () => {
  it("is resumed as it began", async () => {
    const filled = { lastBatch: "filled" };
    expect((await train("filled", filled).end).code).toBe(0);
    const command = train("of-before", filled);
    await command.until(isStep(12)); // behind the first epoch, in which both kinds of batches are alike
    command.signal("SIGINT");
    expect((await command.end).code).toBe(130);
    const path = runPaths(workspace.run("of-before", name)).run;
    const spec = JSON.parse(readFileSync(path, "utf8"));
    delete spec.settings.training.lastBatch;
    delete spec.settings.task.cleanUpSpaces;
    delete spec.settings.task.functionAlias;
    writeFileSync(path, JSON.stringify(spec));
    const { code, stderr } = await resume("of-before").end;
    expect(code, stderr).toBe(0);
    const course = courseOf(workspace.run("of-before", name));
    expect(course).toEqual(courseOf(workspace.run("filled", name)));
    expect(course).not.toEqual(courseOf(undisturbed));
  });
});

describe("a resume that fails before it trains", () => {
  it("leaves the run's progress as it was, and says what to do about the state", async () => {
    const command = train("damaged-state");
    await command.until(isStep(20));
    command.signal("SIGINT");
    expect((await command.end).code).toBe(130);
    const run = workspace.run("damaged-state", name);
    const { exit, state } = runPaths(run);
    const progressOf = () => {
      const { step, summary } = JSON.parse(readFileSync(exit, "utf8")) as { step: number; summary: object };
      return { step, summary };
    };
    const [before, saved] = [progressOf(), readFileSync(state)];
    expect(before).toMatchObject({ step: expect.any(Number), summary: { totalSteps: 60, bestStep: 15 } });

    truncateSync(state, saved.length - 8);
    const end = await resume("damaged-state").end;
    expectFailure(end, { code: "CHECKPOINT_INVALID", exit: 3, where: "state.safetensors" });
    expect(end.stderr).toContain("Delete this file");
    expect(runState(run)).toBe("failed");
    expect(progressOf()).toEqual(before);
    writeFileSync(state, saved);
    await expectResumes("damaged-state");
  });
});

describe("the command that a stop tells", () => {
  /** Stops a training of `experiment` that was started in `cwd`, and returns the command. */
  async function commandAfterStop(file: string, cwd: string): Promise<string> {
    const command = new Command(["train", file], { cwd });
    await command.untilText(/validation accuracy/);
    command.signal("SIGINT");
    const { code, stderr } = await command.end;
    expect(code, stderr).toBe(130);
    return /^`ulpt (resume .+)` goes on exactly there\.$/m.exec(stderr)![1]!;
  }

  it("names the run where the workspace is the current one, also where its folder has another name than the experiment", async () => {
    const file = workspace.experiment("Zwei Wörter", { training: { steps: 100_000, evaluateEvery: 10 } });
    const told = await commandAfterStop(file, workspace.folder);
    expect(told).toBe(`resume Zwei-Wörter/${name}`);
    for (const run of [`Zwei-Wörter/${name}`, `Zwei Wörter/${name}`]) {
      const { stdout } = await ulptOk(["stop", run], { cwd: workspace.folder });
      expect(stdout).toContain("is not running: it is stopped");
    }
  });

  it("names the run's folder, quoted where a shell needs it, where the workspace is another one", async () => {
    const other = createWorkspace(folder("it's another"));
    const file = other.experiment("elsewhere", { training: { steps: 100_000, evaluateEvery: 10 } });
    const told = await commandAfterStop(join("it's another", file), folder());
    const run = join("it's another", ".ulpt", "runs", "elsewhere", name);
    expect(told).toBe(`resume ${shellWord(run)}`);
    expect((await ulptOk(["stop", run], { cwd: folder() })).stdout).toContain("it is stopped");
  });
});

describe("two processes on one run", () => {
  it("are one too many: the second gets RUN_BUSY, and the first does not notice", async () => {
    const first = train("busy");
    await first.until(isStep(20));
    first.signal("SIGSTOP"); // alive, and not done before the second comes
    const second = await resume("busy").end;
    first.signal("SIGCONT");
    expectFailure(second, { code: "RUN_BUSY", exit: 1, where: workspace.run("busy", name) });
    expect(second.stderr).toContain(`\`ulpt resume busy/${name} --take-over\``);
    expect(jsonLines(second.stdout).map(({ type }) => type)).not.toContain("report"); // the run goes on: it has no end to tell
    const { code, stderr } = await first.end;
    expect(code, stderr).toBe(0);
    expectAsUndisturbed("busy");
    const { events } = readJournal(runPaths(workspace.run("busy", name)).events);
    expect(events.every(({ attempt }) => attempt === 1)).toBe(true);
  });

  it("may follow each other by --take-over: the first ends with RUN_FENCED and spoils nothing", async () => {
    const first = train("fenced");
    await first.until(isStep(20));
    first.signal("SIGSTOP");
    const second = await resume("fenced", "--take-over").end;
    expect(second.code, second.stderr).toBe(0);
    const run = workspace.run("fenced", name);
    const state = readFileSync(runPaths(run).state);
    first.signal("SIGCONT");
    const end = await first.end;
    expectFailure(end, { code: "RUN_FENCED", exit: 1, where: run });
    expect(jsonLines(end.stdout).at(-2)).toMatchObject({ type: "report", state: "interrupted" });
    expectAsUndisturbed("fenced");
    expect(readFileSync(runPaths(run).state)).toEqual(state);
    expect(JSON.parse(readFileSync(runPaths(run).exit, "utf8"))).toMatchObject({ attempt: 2, state: "finished" });
  });
});

describe("a run that nobody listens to any more", () => {
  it("goes on to its end", async () => {
    const command = train("unheard");
    await command.until(isStep(10));
    command.closeOutput();
    const { code, stderr } = await command.end;
    expect(code, stderr).toBe(0);
    expectAsUndisturbed("unheard");
  });

  it.skipIf(!existsSync("/dev/full"))("goes on to its end where its output goes to a disk that is full", () => {
    const file = workspace.experiment("unwritten", { training });
    const full = openSync("/dev/full", "w");
    try {
      const { status } = spawnSync(process.execPath, [bundle, "train", file], {
        cwd: workspace.folder,
        stdio: ["ignore", full, full],
      });
      expect(status).toBe(0);
    } finally {
      closeSync(full);
    }
    expectAsUndisturbed("unwritten");
  });
});

/** Whether this user may mount file systems, as root in most containers may not. */
function canMount(): boolean {
  const target = "/tmp/ulpt-mount-trial";
  try {
    mkdirSync(target, { recursive: true });
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", target], { stdio: "ignore" });
    execFileSync("umount", [target], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  } finally {
    rmSync(target, { recursive: true, force: true });
  }
}

const mayMount = process.platform === "linux" && canMount();
const needsMount = mayMount ? "" : " — SKIPPED, because this user may not mount a small disk";

describe.skipIf(!mayMount)(`on a disk of its own${needsMount}`, () => {
  let small: Workspace;
  const mount = (...options: string[]) => execFileSync("mount", [...options, small.path(".ulpt")]);
  const ballast = () => small.path(".ulpt", "ballast");

  beforeAll(() => {
    small = createWorkspace(folder("small-disk"));
    mkdirSync(small.path(".ulpt"));
    mount("-t", "tmpfs", "-o", "size=512k", "tmpfs");
    small.experiment("full", { training });
  });
  afterAll(() => {
    execFileSync("umount", [small.path(".ulpt")]);
  });

  function fillDisk(): void {
    const descriptor = openSync(ballast(), "w");
    const page = Buffer.alloc(4096);
    try {
      for (;;) writeSync(descriptor, page);
    } catch (error) {
      expect(systemErrorCode(error)).toBe("ENOSPC");
    } finally {
      closeSync(descriptor);
    }
  }

  it("a run that finds it full is DISK_FULL and is not made", async () => {
    fillDisk();
    const end = await ulpt(["train", "full.ulpt.json"], { cwd: small.folder });
    expectFailure(end, { code: "DISK_FULL", exit: 1, where: ".ulpt" });
    rmSync(ballast());
    expect((await ulptOk(["runs"], { cwd: small.folder })).stdout).toMatch(/^No runs/);
  });

  it("a run that fills it up is DISK_FULL, and when there is space again it resumes exactly", async () => {
    const command = new Command(["train", "full.ulpt.json", "--json"], { cwd: small.folder });
    await command.until(isStep(20));
    command.signal("SIGSTOP");
    fillDisk();
    command.signal("SIGCONT");
    const end = await command.end;
    expectFailure(end, { code: "DISK_FULL", exit: 1, where: small.run("full", name) });
    expect(jsonLines(end.stdout).at(-2)).toMatchObject({ type: "report", state: "interrupted" });
    expectReadable(small.run("full", name));
    rmSync(ballast());
    await ulptOk(["resume", `full/${name}`], { cwd: small.folder });
    expect(runState(small.run("full", name))).toBe("finished");
    expect(courseOf(small.run("full", name))).toEqual(courseOf(undisturbed));
    expect(keptBytes(small.run("full", name))).toEqual(keptBytes(undisturbed));
  });

  it("a run that may only be read is RUN_UNWRITABLE to a training, and can be evaluated", async () => {
    rmSync(join(small.run("full", name), "exit.json"));
    mount("-o", "remount,ro");
    const end = await ulpt(["resume", `full/${name}`], { cwd: small.folder });
    expectFailure(end, { code: "RUN_UNWRITABLE", exit: 1, where: small.run("full", name) });
    expect(end.stderr).toContain("read-only");
    await ulptOk(["evaluate", `full/${name}`], { cwd: small.folder });
  });
});
