/**
 * @file A workspace made by somebody who wants to hurt whoever opens it. Around its one good run lie copies of it, each with one
 * thing changed: links out of the workspace, records that name others' files and processes, names that are commands, files that
 * take for ever or all memory.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import {
  evaluationsFolder,
  jobPaths,
  launchesFolder,
  launchPaths,
  promptsFolder,
  runPaths,
  runsFolder,
  stateFolder,
  sweepPaths,
} from "../../src/runs/layout.ts";
import { createSweep } from "../../src/runs/sweeps.ts";
import { bundle } from "./bundle.ts";
import { endlessParquet } from "./parquetPages.ts";
import { Surroundings } from "./surroundings.ts";
import { createWordWorkspace } from "./wordModel.ts";
import { rewriteJson, rewriteMetadata } from "./workspace.ts";

/** A command of VS Code behind a link; the workspace's tasks make it touch the canary. */
const link = "[click](command:workbench.action.tasks.build)";
/** Sets a terminal's title, clears it and says something else. */
const escapes = "\u001b]0;owned\u0007\u001b[2J\u001b[31mall is well\u001b[0m\r";

/** What of a run is replaced by a link to a copy of it outside. */
export const linkedParts = [
  "run.json",
  "owner.json",
  "attempts",
  "events.jsonl",
  "checkpoints",
  "inspections",
  "predictions",
  "state.safetensors",
  "exit.json",
  "run.log",
  "control",
  "evaluations",
  "marks.json",
] as const;

/** What of a sweep is replaced by a link to a copy of it outside. */
export const linkedSweepParts = ["sweep.json", "events.jsonl", "owner.json", "attempts", "control", "claims"] as const;

const experiment = "mood";
const goodRun = "ulpt-r2-seed3";

export interface HostileWorkspace {
  folder: string;
  /** Files beside the workspace. */
  outside: Surroundings;
  /** A process that has nothing to do with it. */
  bystander: ChildProcess;
  experiment: string;
  goodRun: string;
  /** The folder of a run. */
  run(name: string, experiment?: string): string;
  /** The folders of the runs whose names and messages are links and escapes. */
  named: readonly string[];
  /** The names of its sweeps: one for each of `linkedSweepParts`, then others. */
  sweeps: readonly string[];
  /** The one whose words are commands. */
  wordy: string;
  /** The names of its experiment files, of which only `mood.ulpt.json` means well. */
  experiments: readonly string[];
  /** What was done outside, to the bystander, or by a command of the workspace, in words. */
  harm(): string[];
  dispose(): void;
}

/** Makes the workspace in `parent`, an empty folder, as `workspace`, and what it aims at beside it. Takes a few seconds. */
export function createHostileWorkspace(parent: string): HostileWorkspace {
  const folder = join(parent, "workspace");
  const outside = new Surroundings(join(parent, "outside"));
  const canary = join(parent, "canary");
  mkdirSync(folder);
  createWordWorkspace(folder);
  const options = { cwd: folder, stdio: "pipe" } as const;
  execFileSync(process.execPath, [bundle, "train", "mood.ulpt.json", "--set", "method=ulpt"], options);
  execFileSync(process.execPath, [bundle, "export", `${experiment}/${goodRun}`, "good"], options);
  const bystander = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore", detached: true });
  const run = (name: string, of = experiment) => join(runsFolder(folder), of, name);
  const copyRun = (name: string, of = experiment) => {
    cpSync(run(goodRun), run(name, of), { recursive: true });
    rewriteJson(runPaths(run(name, of)).run, (spec) => {
      spec.run = name;
    });
    return run(name, of);
  };

  for (const part of linkedParts) linkOut(copyRun(`linked-${part}`), part, outside);
  linkCheckpoint(copyRun("linked-checkpoint"), outside);
  cpSync(run(goodRun), outside.path("run"), { recursive: true });
  symlinkSync(outside.path("run"), run("linked-run"));
  mkdirSync(outside.path("experiment"));
  cpSync(run(goodRun), outside.path("experiment", "run"), { recursive: true });
  symlinkSync(outside.path("experiment"), join(runsFolder(folder), "linked-experiment"));

  const starts = [null, processStart(bystander.pid!)];
  for (const [index, start] of starts.entries()) claimFor(copyRun(`owned-${index}`), bystander.pid!, start);
  claimFor(copyRun("owned-by-init"), 1, null);
  launchRecords(folder, outside, bystander.pid!, starts);

  const named = [
    copyRun(`run ${link}`),
    copyRun(`run ${escapes}`),
    copyRun("run", `experiment ${link}`),
    copyRun("texts"),
  ];
  for (const directory of named) failWith(directory, `${link} ${escapes}\n\n${link}`);
  rewriteJson(runPaths(copyRun("names-outside")).run, (spec) => {
    spec.experiment = "../../../../outside";
    spec.run = "../../../../../outside/run";
    spec.directory = "../../outside";
  });
  const names = readFileSync(runPaths(copyRun("checkpoint-outside")).events, "utf8");
  const target = "../../../../../outside/launch.json";
  writeFileSync(
    runPaths(run("checkpoint-outside")).events,
    names.replaceAll(/"file":"[^"]+"/g, `"file":${JSON.stringify(target)}`),
  );
  writeFileSync(runPaths(copyRun("deep")).run, nested(10_000));
  writeFileSync(runPaths(copyRun("deep-events")).events, `${nested(10_000)}\n`);

  const sweeps = sweepsOf(folder, outside);
  jobLaunches(folder, outside);
  mkdirSync(outside.path("evaluations"));
  symlinkSync(outside.path("evaluations"), evaluationsFolder(folder));
  mkdirSync(outside.path("cluster"));
  symlinkSync(outside.path("cluster"), join(stateFolder(folder), "cluster"));

  prompts(folder, outside);
  const experiments = experimentFiles(folder);
  settings(folder, canary);

  outside.remember();
  return {
    folder,
    outside,
    bystander,
    experiment,
    goodRun,
    run,
    named,
    ...sweeps,
    experiments,
    harm: () => [
      ...outside.changes().map((name) => `outside/${name} was changed`),
      ...(bystander.exitCode === null && bystander.signalCode === null ? [] : ["the bystander was ended"]),
      ...readdirSync(parent)
        .filter((name) => name !== "workspace" && name !== "outside")
        .map((name) => `${name} was made beside the workspace`),
    ],
    dispose: () => {
      bystander.kill("SIGKILL");
    },
  };
}

/** Moves a part of a run outside and leaves a link to it; a part that the run has not got is made there first. */
function linkOut(directory: string, part: string, outside: Surroundings): void {
  const name = `${directory.split("/").at(-1)}-${part}.part`;
  const isFile = /\.\w+$/.test(part);
  try {
    cpSync(join(directory, part), outside.path(name), { recursive: true });
  } catch {
    if (isFile) outside.write(name, "");
    else mkdirSync(outside.path(name));
  }
  rmSync(join(directory, part), { recursive: true, force: true });
  symlinkSync(outside.path(name), join(directory, part));
}

function linkCheckpoint(directory: string, outside: Surroundings): void {
  const { checkpoints } = runPaths(directory);
  for (const name of readdirSync(checkpoints)) {
    outside.write(name, readFileSync(join(checkpoints, name)));
    rmSync(join(checkpoints, name));
    symlinkSync(outside.path(name), join(checkpoints, name));
  }
}

/** When the kernel says a process began, as owner.json has it; null where there is no /proc. */
function processStart(pid: number): string | null {
  if (process.platform !== "linux") return null;
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]!;
}

/** The run says that a process trains it which does not. */
function claimFor(directory: string, pid: number, start: string | null): void {
  const paths = runPaths(directory);
  rmSync(paths.exit, { force: true });
  const record = { attempt: 1, host: hostname(), pid, processStart: start, started: new Date().toISOString() };
  writeFileSync(paths.owner, JSON.stringify(record));
  for (const name of readdirSync(paths.attempts)) writeFileSync(join(paths.attempts, name), JSON.stringify(record));
}

/** More records than are kept, so that the oldest are forgotten: by their own names, or by those that they say. */
function launchRecords(
  folder: string,
  outside: Surroundings,
  bystander: number,
  starts: readonly (string | null)[],
): void {
  const launches = launchesFolder(folder);
  mkdirSync(launches, { recursive: true });
  for (const ending of ["json", "log"]) outside.write(`launch.${ending}`, "of somebody else");
  const record = (name: string, changes: Record<string, unknown>) => {
    const log = join(launches, `${name}.log`);
    writeFileSync(log, escapes);
    const fields = {
      version: 1,
      id: name,
      pid: 2 ** 22 + 1, // above every pid of Linux
      host: hostname(),
      processStart: "1",
      args: ["train", "mood.ulpt.json"],
      started: "2026-01-01T00:00:00.000Z",
      log,
      experiment,
    };
    writeFileSync(join(launches, `${name}.json`), JSON.stringify({ ...fields, ...changes }));
  };
  const ids = ["../../../outside/launch", outside.path("launch"), "..\\..\\..\\outside\\launch"];
  for (let index = 0; index < 60; index++) record(`2026-01-01T00-00-00-000Z-${1000 + index}`, { id: ids[index % 3] });
  record("2026-02-01T00-00-00-000Z-0000", { log: outside.path("launch.log") });
  record("2026-02-02T00-00-00-000Z-0000", { experiment: "../../../outside" });
  for (const [index, start] of starts.entries())
    record(`2026-03-01T00-00-00-000Z-000${index}`, { pid: bystander, processStart: start, args: ["train", escapes] });
  record("2026-03-02T00-00-00-000Z-0000", { pid: 1, processStart: null });
}

/** A sweep for each part that leads outside, one whose words are commands, and one that names what is outside. */
function sweepsOf(folder: string, outside: Surroundings): { sweeps: string[]; wordy: string } {
  const plan = { name: goodRun, steps: 8, rungs: [], bracket: "" };
  const spec = {
    ...{
      experiment,
      folder: experiment,
      file: "mood.ulpt.json",
      adopts: true,
      parallel: 1,
      halving: null,
      runs: [plan],
    },
    written: JSON.parse(readFileSync(join(folder, "mood.ulpt.json"), "utf8")) as unknown,
  };
  const event = { t: 1, attempt: 1, seq: 1 };
  const make = (change: Partial<typeof spec>, events: readonly object[]) => {
    const { name, directory } = createSweep(folder, { ...spec, ...change });
    const paths = sweepPaths(directory);
    for (const path of [paths.attempts, paths.control, paths.claims]) mkdirSync(path);
    writeFileSync(paths.events, events.map((one) => `${JSON.stringify({ ...event, ...one })}\n`).join(""));
    return { name, directory };
  };
  const begun = { type: "run", run: goodRun, folder: goodRun, state: "running", step: 0 };
  const linked = linkedSweepParts.map((part) => {
    const made = make({}, [begun]);
    linkOut(made.directory, part, outside);
    return made;
  });
  const words = make({ file: "//host/share/mood.ulpt.json" }, [
    { type: "status", state: "failed", code: link, message: `${link} ${escapes}` },
    { ...begun, folder: "../../../outside" },
  ]);
  const lines = make({}, []);
  writeFileSync(sweepPaths(lines.directory).events, "x\n".repeat(2_000_000));
  return { sweeps: [...linked, words, lines].map(({ name }) => name), wordy: words.name };
}

/** Jobs of a scheduler whose folders lead outside, and whose words are commands. */
function jobLaunches(folder: string, outside: Surroundings): void {
  for (const [index, part] of ["", "logs", "states"].entries()) {
    const id = `2026-04-01T00-00-00-000Z-000${index}`;
    const paths = launchPaths(folder, id);
    const record = {
      ...{ version: 1, launcher: "slurm", args: ["train", link], started: "2026-04-01T00:00:00.000Z", experiment },
      ...{ profile: link, user: escapes, pollSeconds: 1, runs: 1, arrays: [{ first: 0, count: 1, job: 1 }] },
    };
    writeFileSync(paths.record, JSON.stringify(record));
    writeFileSync(paths.log, escapes);
    mkdirSync(paths.folder);
    const jobs = jobPaths(paths.folder);
    writeFileSync(jobs.runs, JSON.stringify({ experiment, runs: ["texts"] }));
    const job = {
      arrayId: 1,
      elements: [[0, 0]],
      state: "PENDING",
      nodes: link,
      start: null,
      reason: `${link} ${escapes}`,
    };
    const seen = { asked: 0, answered: 1, asks: 1, silences: 0, why: escapes, jobs: [job], idle: false };
    writeFileSync(jobs.queue, JSON.stringify(seen));
    for (const inner of [jobs.logs, jobs.states]) mkdirSync(inner);
    writeFileSync(jobs.log(0, 0), "of somebody else");
    linkOut(part === "" ? launchesFolder(folder) : paths.folder, part === "" ? `${id}.jobs` : part, outside);
  }
}

/** The run's end and its warnings say a text. */
function failWith(directory: string, text: string): void {
  rewriteJson(runPaths(directory).exit, (exit) => {
    exit.state = "failed";
    exit.code = 1;
    exit.reason = text;
    exit.error = { code: "NOT_FINITE", message: text, where: text, expected: text, hint: text };
  });
  const warning = { t: Date.now(), attempt: 1, seq: 9999, type: "warning", code: text, message: text };
  writeFileSync(runPaths(directory).events, `${JSON.stringify(warning)}\n`, { flag: "a" });
}

function prompts(folder: string, outside: Surroundings): void {
  const good = join(promptsFolder(folder), "good.prompt.safetensors");
  const copy = (name: string, changes: Record<string, string>) => {
    const path = join(promptsFolder(folder), `${name}.prompt.safetensors`);
    cpSync(good, path);
    rewriteMetadata(path, (metadata) => Object.assign(metadata, changes));
  };
  copy(`prompt ${link}`, { method: link, modelRevision: escapes });
  copy("model-of-the-hub", { model: "google-t5/t5-small", directory: "" });
  copy("model-outside", { model: "../outside", directory: "../.." });
  copy("model-at-file", { model: "file:///etc/passwd", directory: "" });
  outside.write("linked.prompt.safetensors", readFileSync(good));
  symlinkSync(outside.path("linked.prompt.safetensors"), join(promptsFolder(folder), "linked.prompt.safetensors"));
}

function nested(depth: number): string {
  return `${'{"settings":'.repeat(depth)}1${"}".repeat(depth)}`;
}

function experimentFiles(folder: string): string[] {
  const base = JSON.parse(readFileSync(join(folder, "mood.ulpt.json"), "utf8")) as { task: object };
  const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
  const files: Record<string, string> = {
    "grid.ulpt.json": JSON.stringify({ ...base, rank: numbers(400), seed: numbers(400), promptLength: numbers(400) }),
    "deep.ulpt.json": `{"model":"model","task":${"[".repeat(5000)}${"]".repeat(5000)}}`,
    "keys.ulpt.json": JSON.stringify(Object.fromEntries(numbers(20_000).map((key) => [`key ${key} ${link}`, key]))),
    "long.ulpt.json": JSON.stringify({ ...base, promptLength: 2_000_000, training: { steps: 1, batchSize: 1e9 } }),
    "share.ulpt.json": JSON.stringify({ ...base, model: "//host/share/model" }),
    "share-data.ulpt.json": JSON.stringify({ ...base, task: { ...base.task, train: "\\\\host\\share\\data.jsonl" } }),
    "file.ulpt.json": JSON.stringify({
      ...base,
      model: "file:///etc",
      task: { ...base.task, train: "file:///etc/passwd" },
    }),
    "endless.ulpt.json": JSON.stringify({
      ...base,
      task: { train: "endless.parquet", template: "{texts[0]}", target: "{texts[0]}" },
    }),
    [`name ${link}.ulpt.json`]: JSON.stringify({ ...base, name: `${link} ${escapes}`, [link]: escapes }),
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  writeFileSync(join(folder, "endless.parquet"), endlessParquet());
  return ["mood.ulpt.json", ...Object.keys(files)];
}

/** The workspace would have its own programs run, and itself taken for the Hub. */
function settings(folder: string, canary: string): void {
  const program = join(folder, "program.sh");
  writeFileSync(program, `#!/bin/sh\ntouch '${canary}'\n`);
  chmodSync(program, 0o755);
  const touch = { type: "shell", command: `touch '${canary}'`, problemMatcher: [] };
  const tasks = [
    { ...touch, label: "evil", group: { kind: "build", isDefault: true } },
    { ...touch, label: "evil too", runOptions: { runOn: "folderOpen" } },
    { type: "ulpt", experiment: "mood.ulpt.json", label: "evil three", runOptions: { runOn: "folderOpen" } },
  ];
  writeFileSync(join(folder, ".vscode", "tasks.json"), JSON.stringify({ version: "2.0.0", tasks }));
  const values = {
    "ulpt.runtime.nodePath": program,
    "ulpt.hub.endpoint": "http://127.0.0.1:9",
    "ulpt.runGeneratedCode": true,
  };
  writeFileSync(join(folder, ".vscode", "settings.json"), JSON.stringify(values));
}
