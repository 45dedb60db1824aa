/** @file What a work thread does: the tasks that the main thread names, one at a time, watched and stoppable by it. */
import { parentPort, workerData } from "node:worker_threads";
import { UlptError } from "../errors.ts";
import { type Subject, watchThisThread } from "../watch.ts";
import { adoptTerminal, type OutputStream, type TerminalFacts } from "./terminal.ts";

export interface TaskContext {
  signal: AbortSignal;
  onProgress: (progress: unknown) => void;
}

/** A task takes and gives what can be sent to another thread. */
export type Task = (context: TaskContext, ...args: never[]) => unknown;

export interface WorkData {
  memory: Int32Array;
  terminal: TerminalFacts;
}

export type ToWork =
  | { type: "run"; task: string; args: readonly unknown[] }
  /** The reason is an UlptError as JSON. */
  | { type: "abort"; reason: unknown }
  /** To end at once, if not within a call of the engine. */
  | { type: "exit" }
  /** There is nothing more to do: the thread ends when what it has open is closed. */
  | { type: "close" };

export type FromWork =
  | { type: "decoding"; subject: Subject }
  | { type: "output"; stream: OutputStream; chunk: string | Uint8Array }
  | { type: "progress"; progress: unknown }
  | { type: "done"; result: unknown }
  /** `error` is an UlptError as JSON; of any other fault there is `fault`, what Node would print. */
  | { type: "failed"; error: Record<string, unknown> | undefined; fault: string };

/** Makes this thread a work thread. */
export function work(tasks: Readonly<Record<string, Task>>): void {
  const port = parentPort!;
  const { memory, terminal } = workerData as WorkData;
  const post = (message: FromWork) => port.postMessage(message);
  watchThisThread({ memory, onSubject: (subject) => post({ type: "decoding", subject }) });
  adoptTerminal(terminal, (stream, chunk) => post({ type: "output", stream, chunk }));
  let stopping = new AbortController();
  port.on("message", async (message: ToWork) => {
    if (message.type === "close") port.close();
    else if (message.type === "exit") process.exit();
    else if (message.type === "abort") stopping.abort(errorFrom(message.reason));
    else {
      stopping = new AbortController();
      const { signal } = stopping;
      try {
        const onProgress = (progress: unknown) => post({ type: "progress", progress });
        post({
          type: "done",
          result: await tasks[message.task]!({ signal, onProgress }, ...(message.args as never[])),
        });
      } catch (error) {
        post({
          type: "failed",
          error: error instanceof UlptError ? error.toJSON() : undefined,
          fault: faultText(error),
        });
      }
    }
  });
}

/** An error that came from another thread as JSON. */
export function errorFrom(json: unknown): UlptError {
  const { code, message, ...details } = json as UlptError;
  return new UlptError(code, message, details);
}

export function faultText(error: unknown): string {
  return (error instanceof Error && error.stack) || String(error);
}
