/** @file Tasks of type `ulpt`: the one way to train, with a terminal that follows a process which outlives it. */
import { isAbsolute, join, relative, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as vscode from "vscode";
import { exitCodes, UlptError } from "../../errors.ts";
import type { LaunchEnd } from "../../launch/launcher.ts";
import { endOfFile, Tail, terminalText } from "../../launch/log.ts";
import type { Launch } from "../../launch/records.ts";
import { runPaths, runsFolder } from "../../runs/layout.ts";
import { labelText } from "../../words/surfaces.ts";
import { problemMatcher, taskType } from "../ids.ts";
import { findExperimentFiles } from "../runs/runsView.ts";
import { errorText } from "../window/log.ts";
import { showBriefly } from "../window/window.ts";
import { isOnCluster, type Training, type Trainings } from "./trainings.ts";

const { t } = vscode.l10n;

/** An entry of tasks.json. */
export interface UlptTaskDefinition extends vscode.TaskDefinition {
  type: typeof taskType;
  /** Path of the experiment file, absolute or relative to the workspace folder. */
  experiment?: string;
  /** A run to go on with: its folder, or `experiment/run`. */
  resume?: string;
  /** A sweep to go on with: its name. */
  sweep?: string;
  /** Settings to change, as `key=value`. */
  set?: string[];
  /** The launch profile by which a cluster trains; without one this machine does. */
  on?: string;
  /** Tells a training from one of the same experiment that goes on: VS Code runs each task once, and would ask which to end. */
  copy?: number;
}

export class UlptTasks implements vscode.TaskProvider {
  private readonly trainings: Trainings;

  constructor(trainings: Trainings) {
    this.trainings = trainings;
  }

  async provideTasks(): Promise<vscode.Task[]> {
    const files = await findExperimentFiles();
    return files.flatMap((uri) => {
      const folder = vscode.workspace.getWorkspaceFolder(uri);
      return folder ? [this.task(this.define(folder, uri), folder)] : [];
    });
  }

  /** The definition must stay the same object: VS Code looks for it. */
  resolveTask(task: vscode.Task): vscode.Task | undefined {
    const folder = folderOfScope(task.scope);
    // One that names nothing to train is a task, too: it says what is missing.
    return folder && this.task(task.definition as UlptTaskDefinition, folder, task.name);
  }

  /** Starts training and resolves when its terminal is there. */
  async run(training: Training): Promise<vscode.TaskExecution> {
    const { folder } = training;
    const definition = this.definitionOf(training);
    return vscode.tasks.executeTask(this.task(distinct(definition), folder));
  }

  private definitionOf(training: Training): UlptTaskDefinition {
    const { folder } = training;
    if ("sweep" in training) return { type: taskType, sweep: training.sweep };
    if ("resume" in training) return { type: taskType, resume: relative(folder.uri.fsPath, training.resume) };
    return this.define(folder, vscode.Uri.file(training.experiment), training);
  }

  private define(
    folder: vscode.WorkspaceFolder,
    file: vscode.Uri,
    { set = [], on }: { set?: readonly string[]; on?: string | undefined } = {},
  ): UlptTaskDefinition {
    const experiment = relative(folder.uri.fsPath, file.fsPath).replaceAll("\\", "/");
    return {
      type: taskType,
      experiment,
      ...(set.length ? { set: [...set] } : {}),
      ...(on === undefined ? {} : { on }),
    };
  }

  private task(
    definition: UlptTaskDefinition,
    folder: vscode.WorkspaceFolder,
    name = taskName(definition),
  ): vscode.Task {
    const execution = new vscode.CustomExecution(
      async (resolved) =>
        new TrainingTerminal(() => trainingOf(resolved as UlptTaskDefinition, folder), this.trainings),
    );
    const task = new vscode.Task(definition, folder, name, taskType, execution, [
      problemMatcher,
      `${problemMatcher}-list`,
    ]);
    task.detail = detailOf(definition);
    // Each training has a terminal of its own: several may run.
    task.presentationOptions = {
      panel: vscode.TaskPanelKind.Dedicated,
      reveal: vscode.TaskRevealKind.Always,
      clear: true,
    };
    return task;
  }
}

/** The definition, or a copy that no task has that is being run. */
function distinct(definition: UlptTaskDefinition): UlptTaskDefinition {
  const running = new Set(vscode.tasks.taskExecutions.map(({ task }) => keyOf(task.definition)));
  if (!running.has(keyOf(definition))) return definition;
  for (let copy = 2; ; copy++) if (!running.has(keyOf({ ...definition, copy }))) return { ...definition, copy };
}

function keyOf({ type, experiment, resume, sweep, set, on, copy }: vscode.TaskDefinition): string {
  return JSON.stringify([type, experiment, resume, sweep, set ?? [], on, copy]);
}

function detailOf({ resume, sweep }: UlptTaskDefinition): string {
  if (sweep) return t("Goes on with a sweep");
  return resume ? t("Goes on with a run") : t("Trains every run of the experiment");
}

function taskName({ copy, ...definition }: UlptTaskDefinition): string {
  const name = plainName(definition);
  return copy === undefined ? name : `${name} (${copy})`;
}

function plainName({ experiment, resume, sweep, set, on }: UlptTaskDefinition): string {
  if (sweep) return labelText(t("continue the sweep {0}", sweep));
  if (resume) return labelText(t("resume {0}", resume.replace(/^\.ulpt[\\/]runs[\\/]/, "").replaceAll("\\", "/")));
  const where = on === undefined ? [] : [t("on {0}", on)];
  return labelText([t("train {0}", experiment ?? ""), ...(set ?? []), ...where].join(" "));
}

function folderOfScope(scope: vscode.Task["scope"]): vscode.WorkspaceFolder | undefined {
  return typeof scope === "object" ? scope : vscode.workspace.workspaceFolders?.[0];
}

/** @throws UlptError for a definition that names nothing to train */
function trainingOf(
  { experiment, resume, sweep, set, on }: UlptTaskDefinition,
  folder: vscode.WorkspaceFolder,
): Training {
  const root = folder.uri.fsPath;
  if (sweep) return { sweep, folder };
  if (resume) {
    const isName = /^[^/\\]+[/\\][^/\\]+$/.test(resume);
    return { resume: isName ? join(runsFolder(root), resume) : resolve(root, resume), folder };
  }
  if (!experiment) {
    throw new UlptError("OPTION_INVALID", t('A task of type "ulpt" needs "experiment", "resume" or "sweep".'), {
      hint: t("Name an experiment file, relative to the workspace folder."),
    });
  }
  const list = (Array.isArray(set) ? set : []).map(String);
  const file = isAbsolute(experiment) ? experiment : join(root, experiment);
  return { experiment: file, set: list, folder, ...(on === undefined ? {} : { on: String(on) }) };
}

const interruptKey = "\x03";
const tailMilliseconds = 100;
/** Output written in the same tick as the end of a terminal is lost (microsoft/vscode#85257). */
const closingMilliseconds = 50;
const killedExitCode = 137;
const logTailLines = 20;
const logTailBytes = 16 * 1024;

/** A terminal that shows the log of a launch. Closing it leaves the training running. */
class TrainingTerminal implements vscode.Pseudoterminal {
  private readonly writeEmitter = new vscode.EventEmitter<string>();
  readonly onDidWrite = this.writeEmitter.event;
  private readonly closeEmitter = new vscode.EventEmitter<number>();
  readonly onDidClose = this.closeEmitter.event;

  private readonly training: () => Training;
  private readonly trainings: Trainings;
  private launch: Launch | undefined;
  private onCluster = false;
  private interrupts = 0;
  private isClosed = false;
  private hasEnded = false;

  /** @param training throws where the task names nothing that can be trained */
  constructor(training: () => Training, trainings: Trainings) {
    this.training = training;
    this.trainings = trainings;
  }

  /** Nothing may be written before this is called. */
  open(): void {
    void this.follow();
  }

  private async follow(): Promise<void> {
    let code: number;
    try {
      const training = this.training();
      this.onCluster = isOnCluster(training);
      this.writeDim(
        this.onCluster
          ? t("Ctrl+C ends following: the cluster goes on, and so it does when the terminal is closed.")
          : t("Ctrl+C saves and stops. Closing the terminal stops nothing."),
      );
      this.write("\n\n");
      const { launch, end } = await this.trainings.start(training);
      this.launch = launch;
      if (this.interrupts > 0) await this.interruptOnce();
      code = await this.tail(launch, end);
    } catch (error) {
      const text = error instanceof UlptError ? error.describe() : errorText(error);
      this.write(`${text}\n`);
      this.trainings.report("training", error);
      code = error instanceof UlptError ? error.exitCode : exitCodes.internal;
    }
    this.hasEnded = true;
    await sleep(closingMilliseconds);
    if (!this.isClosed) this.closeEmitter.fire(code);
  }

  private async tail(launch: Launch, end: Promise<LaunchEnd>): Promise<number> {
    const log = new Tail(launch.log);
    let ended: LaunchEnd | undefined;
    void end.then((how) => {
      ended = how;
    });
    while (!ended) {
      await Promise.race([end, sleep(tailMilliseconds)]);
      this.write(log.read());
    }
    this.write(log.read());
    for (const { run, directory } of await this.trainings.interruptedRuns(launch)) {
      this.write(crashText(run, directory, ended));
    }
    if (ended.signal && this.interrupts > 1) this.write(`\n${t("Ended at once. Interrupted runs can be resumed.")}\n`);
    return ended.code ?? killedExitCode;
  }

  handleInput(data: string): void {
    if (!data.includes(interruptKey) || this.hasEnded) return;
    this.interrupts += 1;
    if (this.launch) void this.interruptOnce();
  }

  private async interruptOnce(): Promise<void> {
    if (!this.launch) return;
    if (this.interrupts === 1) {
      this.write("\n");
      this.writeDim(
        this.onCluster
          ? t("The cluster goes on. Stop Sweep, or Stop Run, ends what it trains.")
          : t("Saving and stopping… Ctrl+C again ends it at once."),
      );
      this.write("\n");
      await this.trainings.stopLaunch(this.launch);
    } else {
      await this.trainings.killLaunch(this.launch);
    }
  }

  /** The terminal was closed, or the task terminated: the training is not. */
  close(): void {
    this.isClosed = true;
    if (this.hasEnded) return;
    showBriefly(t("The training goes on in the background: see the Runs view."), 8000);
  }

  private write(text: string): void {
    if (text !== "" && !this.isClosed) this.writeEmitter.fire(terminalText(text));
  }

  private writeDim(text: string): void {
    if (!this.isClosed) this.writeEmitter.fire(`\x1b[2m${terminalText(text)}\x1b[22m`);
  }
}

/** What a process that ended without a word leaves to go by. */
function crashText(run: string, directory: string, { code, signal }: LaunchEnd): string {
  const how = signal ?? t("exit code {0}", String(code));
  const lines = lastLines(runPaths(directory).log);
  const log = lines ? `\n${t("The end of its run.log:")}\n${lines}` : "";
  return `\n${t("{0} was interrupted: its process ended with {1}. It can be resumed.", run, how)}${log}\n`;
}

function lastLines(path: string): string {
  return endOfFile(path, logTailBytes).trimEnd().split("\n").slice(-logTailLines).join("\n");
}
