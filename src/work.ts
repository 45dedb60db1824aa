/** @file Composition root of a work thread: what commands and an editor's questions have done there. */
import { bench } from "./cli/bench.ts";
import { showCost } from "./cli/cost.ts";
import { cudaPreparation, installDevice } from "./cli/cuda.ts";
import { download, showData } from "./cli/data.ts";
import { diff } from "./cli/diff.ts";
import { evaluate } from "./cli/evaluate.ts";
import { noteEnd } from "./cli/launchNotes.ts";
import { endBar } from "./cli/output.ts";
import { predict } from "./cli/predict.ts";
import { quantize } from "./cli/quantize.ts";
import { serviceTasks } from "./cli/service.ts";
import { exportTo, importFrom } from "./cli/share.ts";
import { show } from "./cli/show.ts";
import { tell } from "./cli/supervise.ts";
import { continueSweep, joinSweep } from "./cli/sweep.ts";
import { resume, train } from "./cli/train.ts";
import { verify } from "./cli/verify.ts";
import { type Task, work } from "./cli/work.ts";
import { exitCodes, UlptError } from "./errors.ts";
import { prepareEngineBy } from "./graph/engine.ts";

/** Commands by name. What they are given is followed by the signal that asks them to stop. */
const commands = {
  train,
  resume,
  continueSweep,
  joinSweep,
  evaluate,
  diff,
  predict,
  show,
  export: exportTo,
  import: importFrom,
  verify,
  data: showData,
  cost: showCost,
  download,
  quantize,
  installDevice,
  bench,
} as const;
export type ThreadCommand = keyof typeof commands;

/** A command as a task: what ends it is told in its own thread, where its bar is, and its exit code is the result. */
function asTask(command: (...args: never[]) => unknown): Task {
  return async ({ signal }, ...args) => {
    try {
      await command(...args, signal as never);
      noteEnd();
      return exitCodes.ok;
    } catch (error) {
      endBar();
      tell(error, (args.at(-1) as { json?: boolean } | undefined)?.json === true);
      return error instanceof UlptError ? error.exitCode : exitCodes.internal;
    }
  };
}

prepareEngineBy(cudaPreparation);
const tasks = Object.entries(commands).map(([name, command]) => [name, asTask(command)]);
work({ ...Object.fromEntries(tasks), ...serviceTasks() });
