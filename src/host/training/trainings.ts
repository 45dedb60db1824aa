/** @file Starting, stopping and finding the runtime processes that train. Every way to train ends here. */
import { basename, dirname } from "node:path";
import * as vscode from "vscode";
import { UlptError } from "../../errors.ts";
import { experimentExtension, readExperiment } from "../../experiment/parse.ts";
import type { Started } from "../../launch/launcher.ts";
import { isOfLaunch, killTraining, launcherOf } from "../../launch/launchers.ts";
import { type Launch, listLaunches } from "../../launch/records.ts";
import type { RunSummary } from "../../listing/summary.ts";
import { safeName } from "../../runs/names.ts";
import { readHolder } from "../../runs/owner.ts";
import { requestStop } from "../../runs/store.ts";
import { openSweep } from "../../runs/sweeps.ts";
import { type HubAccess, mayRunPrograms } from "../hub/hubAccess.ts";
import { localFolders } from "../runs/experiments.ts";
import type { RunStore } from "../runs/store.ts";
import { findRuntime, requireTrust } from "../service/runtime.ts";
import { type Log, showError } from "../window/log.ts";

/** What to train, and for an experiment the launch profile by which a cluster does; without one this machine does: the runs of an experiment file, one run that goes on, or what is left of a sweep. */
export type Training =
  | { experiment: string; set: readonly string[]; folder: vscode.WorkspaceFolder; on?: string | undefined }
  | { resume: string; folder: vscode.WorkspaceFolder }
  | { sweep: string; folder: vscode.WorkspaceFolder };

export class Trainings {
  private readonly extensionPath: string;
  private readonly store: RunStore;
  private readonly log: Log;
  private readonly hub: Pick<HubAccess, "environment">;

  constructor(extensionPath: string, store: RunStore, log: Log, hub: Pick<HubAccess, "environment">) {
    this.extensionPath = extensionPath;
    this.store = store;
    this.log = log;
    this.hub = hub;
  }

  /** @throws UlptError in Restricted Mode, where the runtime is missing or cannot be started, where the disk refuses */
  async start(training: Training): Promise<Started> {
    requireTrust();
    const runtime = findRuntime(this.extensionPath);
    // A token goes into the environment: arguments are recorded, and other users of the machine can read them.
    const env = { ...runtime.env, ...(await this.hub.environment()) };
    const workspace = training.folder.uri.fsPath;
    const args = [...commandOf(training), ...(mayRunPrograms() ? ["--run-generated-code"] : [])];
    const started = await launcherOf({ launcher: "local" }).start(
      { ...runtime, env },
      { workspace, args, experiment: experimentOf(training) },
    );
    this.log.info(`started ${started.launch.id}: ulpt ${started.launch.args.join(" ")}`);
    this.store.follow(started.launch, training.folder, started.end);
    void started.end.then(({ code, signal }) => {
      this.log.info(`${started.launch.id} ended: ${signal ?? `exit code ${code}`}`);
    });
    return started;
  }

  /** Asks a launch to save and stop: by a signal where its process is proven and there are signals, else by a request to its run. */
  async stopLaunch(launched: Launch): Promise<void> {
    requireTrust();
    if (await launcherOf(launched).stop(launched)) return;
    for (const run of await this.runsOf(launched)) requestStop(run.directory);
  }

  /** Ends a launch that has no run yet: there is nothing to save. @throws UlptError RUN_BUSY where its process is not proven */
  async endStarting(launched: Launch): Promise<void> {
    requireTrust();
    this.log.info(`asked ${launched.id} to stop before its first run`);
    const launcher = launcherOf(launched);
    if (!(await launcher.stop(launched))) await launcher.kill(launched);
  }

  /** @throws UlptError RUN_BUSY where its process is not proven */
  async killLaunch(launched: Launch): Promise<void> {
    requireTrust();
    await launcherOf(launched).kill(launched);
  }

  /** Asks for a checkpoint and the end of a run, wherever it is trained. @throws UlptError RUN_UNWRITABLE */
  stopRun(run: RunSummary): void {
    requireTrust();
    requestStop(run.directory);
    this.log.info(`asked ${run.directory} to stop`);
  }

  /**
   * Ends the process of a run and what it started. Where nothing proves that the process is the run's, it asks for a checkpoint and
   * the end instead.
   * @throws UlptError RUN_BUSY, saying that and why
   */
  async killRun(run: RunSummary): Promise<void> {
    requireTrust();
    const { owner } = run;
    if (!owner) return;
    this.log.info(`killing attempt ${owner.attempt} at ${run.directory}`);
    try {
      await killTraining(run.directory, owner, this.launchesAround(run));
    } catch (error) {
      if (!(error instanceof UlptError) || error.code !== "RUN_BUSY") throw error;
      requestStop(run.directory);
      throw askedInstead(error);
    } finally {
      await this.store.run(run.directory);
      this.store.changed({ experiment: dirname(run.directory), directory: run.directory });
    }
  }

  /** The launches of the workspace that a run is of. */
  private launchesAround(run: RunSummary): Launch[] {
    const folder = this.store.experimentOf(run.directory)?.folder;
    return folder ? listLaunches(folder.uri.fsPath) : [];
  }

  private async runsOf(launched: Launch): Promise<RunSummary[]> {
    const runs = await this.runsBeside(launched);
    return runs.filter(({ owner }) => isOfLaunch(owner, launched));
  }

  /** The runs that a launch left without an end: its process was killed or crashed. */
  async interruptedRuns(launched: Launch): Promise<RunSummary[]> {
    const runs = await this.runsBeside(launched);
    const interrupted = runs.filter(
      ({ state, directory }) => state === "interrupted" && isOfLaunch(readHolder(directory)?.owner, launched),
    );
    for (const { directory } of interrupted) this.store.changed({ experiment: dirname(directory), directory });
    return interrupted;
  }

  private async runsBeside({ experiment }: Launch): Promise<RunSummary[]> {
    const entries = await this.store.experiments();
    const runs = await Promise.all(
      entries.filter(({ name }) => experiment === undefined || name === experiment).map((one) => this.store.runs(one)),
    );
    return runs.flat();
  }

  /** Tells why nothing could be started, also to whoever does not look at the terminal. */
  report(what: string, error: unknown): void {
    showError(this.log, what, error);
  }
}

function askedInstead({ code, message, where, expected, cause }: UlptError): UlptError {
  const hint = vscode.l10n.t(
    "The run was asked to save and stop instead. If it goes on, find the process that trains it, and end that one yourself.",
  );
  return new UlptError(code, message, { where, expected, hint, cause });
}

function commandOf(training: Training): string[] {
  if ("resume" in training) return ["resume", training.resume];
  if ("sweep" in training) return ["sweep", "continue", training.sweep, "--workspace", training.folder.uri.fsPath];
  const settings = training.set.flatMap((one) => ["--set", one]);
  const on = training.on === undefined ? [] : ["--on", training.on];
  return ["train", training.experiment, "--workspace", training.folder.uri.fsPath, ...settings, ...on];
}

/** Whether a cluster trains it, which goes on whoever follows. */
export function isOnCluster(training: Training): boolean {
  if ("resume" in training) return false;
  if ("experiment" in training) return training.on !== undefined;
  return openSweep(training.folder.uri.fsPath, training.sweep).spec.on !== undefined;
}

/** Folder of the experiment. @throws UlptError RUN_MISSING, RUN_INVALID of a sweep. What is wrong with a file the runtime will say; then its name is that of the file. */
function experimentOf(training: Training): string {
  if ("resume" in training) return basename(dirname(training.resume));
  if ("sweep" in training) return openSweep(training.folder.uri.fsPath, training.sweep).spec.folder;
  try {
    return safeName(readExperiment(training.experiment, training.set).name);
  } catch {
    return safeName(basename(training.experiment, experimentExtension));
  }
}

/** The local workspace folder of a file. @throws UlptError where it is in none */
export function folderOf(uri: vscode.Uri): vscode.WorkspaceFolder {
  const folder = vscode.workspace.getWorkspaceFolder(uri);
  if (folder && localFolders().includes(folder)) return folder;
  throw new UlptError(
    "EXPERIMENT_UNREADABLE",
    vscode.l10n.t("{0} is in no folder of this workspace.", basename(uri.path)),
    {
      hint: vscode.l10n.t("Open its folder first: runs are kept beside the experiment, in the workspace."),
    },
  );
}
