/** @file Whatever can start the runtime and end it: on this machine, or by a scheduler. Who trains knows a launch by its id alone. */
import type { Launch, LocalLaunch } from "./records.ts";

/** How to start the runtime: `command ...args` followed by the command of ulpt. */
export interface Runtime {
  command: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
}

/** What is to be started: `ulpt ...args` for a workspace. */
export interface LaunchOrder {
  workspace: string;
  args: readonly string[];
  /** Where it runs; in the workspace, unless that is said. */
  cwd?: string | undefined;
  /** Folder of the experiment that its runs belong to. */
  experiment?: string | undefined;
}

export interface LaunchEnd {
  /** Null where a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface Started {
  launch: LocalLaunch;
  end: Promise<LaunchEnd>;
}

/** As far as is known now, which is good enough to show. `ended`: also where nothing is known of it. */
export type LaunchPhase = "running" | "ended";

/** What can be done about a launch of a kind, whoever started it. */
export interface Launcher<Of extends Launch = Launch> {
  /**
   * Asks a launch to save and stop, or of several runs only the one in that folder. False where it cannot be asked by its launcher:
   * then its runs can be (`requestStop`).
   */
  stop(launch: Of, run?: string): Promise<boolean>;
  /**
   * Ends a launch and whatever it started, at once, or of several runs only the one in that folder. One already gone is no error.
   * @throws UlptError RUN_BUSY where nothing proves what would be ended to be the launch's: then it is left alone
   */
  kill(launch: Of, run?: string): Promise<void>;
  /** Waits for nobody: what has to be asked for is asked for elsewhere. */
  state(launch: Of): LaunchPhase;
}

/** Starts processes of this machine. */
export interface LocalLauncher extends Launcher<LocalLaunch> {
  /**
   * Starts `ulpt ...args`, which goes on when this process ends, and records it. What it writes goes to the launch's log; the file
   * for its state, and with it its id, is in its environment.
   * @throws UlptError DEVICE_FAILED where the runtime cannot be started, RUN_INVALID, RUN_UNWRITABLE, DISK_FULL
   */
  start(runtime: Runtime, order: LaunchOrder): Promise<Started>;
}
