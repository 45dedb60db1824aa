/**
 * @file A thread for work that could hold up its process: decoding what others wrote, and calls of the engine, during which nothing
 * else in their thread runs. The thread that started it stays awake, sees whether it goes on, and can end it.
 */
import { SHARE_ENV, Worker } from "node:worker_threads";
import { systemErrorCode, UlptError } from "../errors.ts";
import { readSigns, type Signs, type Subject, watchedMemory } from "../watch.ts";
import { terminalFacts, writeFor } from "./terminal.ts";
import { errorFrom, type FromWork, faultText, type ToWork, type WorkData } from "./work.ts";

/** How often a thread is looked at. All times in milliseconds. */
const lookInterval = 250;
/** As much as a main thread has; threads get half of it otherwise. */
const stackMegabytes = 8;
/** Of new objects. By default it is 48, which takes memory from a model and makes nothing here faster. */
const youngMegabytes = 6;
/** Gives a main thread as much of them: semi-spaces are a third of it each. */
export const youngFlag = `--max-semi-space-size=${youngMegabytes / 3}`;
const secondsVariable = "ULPT_DECODING_SECONDS";
const defaultSeconds = 60;

/** How long one piece of decoding may take: a page of a file, the tokens of a text. */
function decodingTime(): number {
  const seconds = Number(process.env[secondsVariable] ?? defaultSeconds);
  return 1000 * (seconds > 0 ? seconds : defaultSeconds);
}

/** A fault of the program, as the thread in which it happened would print it. */
export class WorkFault extends Error {
  constructor(text: string) {
    super(text.split("\n")[0]!.replace(/^\w*Error: /, ""));
    this.stack = text;
  }
}

export interface WorkOptions {
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: unknown) => void) | undefined;
}

interface Running {
  resolve: (result: unknown) => void;
  reject: (error: unknown) => void;
  onProgress: ((progress: unknown) => void) | undefined;
}

export class WorkThread {
  /** Resolves when the thread is gone. */
  readonly gone: Promise<void>;
  private readonly worker: Worker;
  private readonly memory = watchedMemory();
  private readonly subjects = new Map<number, Subject>();
  private readonly timer: NodeJS.Timeout;
  private running: Running | undefined;
  private seen: Signs = { subject: 0, signs: 0, turns: 0, engine: 0 };
  private lastSign = Date.now();
  private lastTurn = Date.now();
  private working = false;
  private isGone = false;

  constructor() {
    const workerData: WorkData = { memory: this.memory, terminal: terminalFacts() };
    // Native code reads the environment of the process, which is no copy.
    this.worker = new Worker(new URL("work.js", import.meta.url), {
      workerData,
      env: SHARE_ENV,
      resourceLimits: { stackSizeMb: stackMegabytes, maxYoungGenerationSizeMb: youngMegabytes },
    });
    this.worker.on("message", (message: FromWork) => this.receive(message));
    this.worker.on("error", (error) => this.fail(this.crash(error)));
    this.gone = new Promise((resolve) => {
      this.worker.once("exit", () => {
        this.isGone = true;
        clearInterval(this.timer);
        this.fail(new WorkFault("The work thread ended before its work."));
        resolve();
      });
    });
    this.timer = setInterval(() => this.look(), lookInterval);
    this.timer.unref();
  }

  /**
   * Does one of the tasks; only when it has ended, the next.
   * @throws what the task throws, UlptErrors as such and others as WorkFault; the code of what is decoded if that does not end;
   *   OUT_OF_MEMORY
   */
  async run(task: string, args: readonly unknown[], { signal, onProgress }: WorkOptions = {}): Promise<unknown> {
    signal?.throwIfAborted();
    const abort = () => this.abort(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    try {
      return await new Promise<unknown>((resolve, reject) => {
        if (this.isGone) return reject(new WorkFault("The work thread is gone."));
        this.running = { resolve, reject, onProgress };
        this.lastSign = this.lastTurn = Date.now();
        this.working = true;
        this.post({ type: "run", task, args });
      });
    } finally {
      signal?.removeEventListener("abort", abort);
      this.running = undefined;
    }
  }

  /** Asks the task to stop. */
  private abort(reason: unknown): void {
    const error = reason instanceof UlptError ? reason : new UlptError("STOPPED", "Stopped.");
    this.post({ type: "abort", reason: error.toJSON() });
  }

  /** For how long nothing else in the thread has had its turn, in milliseconds. */
  get silence(): number {
    this.look();
    return Date.now() - this.lastTurn;
  }

  get isUsable(): boolean {
    return !this.isGone;
  }

  /** Whether it works at a task that has neither ended nor failed, in whatever way whoever asked was answered. */
  get isBusy(): boolean {
    return this.working && !this.isGone;
  }

  /** Lets the thread close what it has open and end; after `milliseconds` it is ended. */
  async close(milliseconds: number): Promise<void> {
    this.post({ type: "close" });
    await Promise.race([this.gone, pause(milliseconds)]);
    if (!this.isGone) await this.end(milliseconds);
  }

  /**
   * Ends the thread; returns whether it has ended in time. It is asked to first, since ended from outside within a call of the
   * engine it would abort the process: there it cannot be ended.
   */
  async end(milliseconds: number): Promise<boolean> {
    this.post({ type: "exit" });
    await Promise.race([this.gone, pause(milliseconds / 2)]);
    if (!this.isGone && readSigns(this.memory).engine === 0) {
      await Promise.race([this.worker.terminate(), pause(milliseconds / 2)]);
    }
    return this.isGone;
  }

  private post(message: ToWork): void {
    this.worker.postMessage(message);
  }

  private receive(message: FromWork): void {
    switch (message.type) {
      case "decoding":
        this.subjects.set(message.subject.id, message.subject);
        break;
      case "output":
        writeFor(message.stream, message.chunk);
        break;
      case "progress":
        this.running?.onProgress?.(message.progress);
        break;
      case "done":
        this.working = false;
        this.running?.resolve(message.result);
        break;
      case "failed":
        this.working = false;
        this.fail(message.error ? errorFrom(message.error) : new WorkFault(message.fault));
        break;
    }
  }

  private fail(error: unknown): void {
    this.running?.reject(error);
  }

  private look(): void {
    const now = Date.now();
    const signs = readSigns(this.memory);
    if (signs.turns !== this.seen.turns) this.lastTurn = now;
    if (signs.signs !== this.seen.signs || signs.subject === 0) this.lastSign = now;
    this.seen = signs;
    const limit = decodingTime();
    if (this.running && now - this.lastSign > limit) this.fail(this.endless(limit));
  }

  private endless(limit: number): UlptError {
    const { code, where, what, hint } = this.subjects.get(this.seen.subject)!;
    return new UlptError(
      code,
      `${what} gets no further: one piece of it has taken more than ${limit / 1000} seconds.`,
      {
        where,
        expected: `pieces that take less; ${secondsVariable} in the environment allows more`,
        hint,
      },
    );
  }

  private crash(error: unknown): unknown {
    if (systemErrorCode(error) !== "ERR_WORKER_OUT_OF_MEMORY") return new WorkFault(faultText(error));
    const subject = this.subjects.get(readSigns(this.memory).subject);
    return new UlptError("OUT_OF_MEMORY", "The memory that this process may use is full.", {
      where: subject?.where,
      hint: "Use less data, or allow more memory with NODE_OPTIONS=--max-old-space-size=8192, in megabytes.",
      cause: error,
    });
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds).unref();
  });
}
