/** @file Work threads for questions that come at any time: one is enough as long as it does not fall silent. */
import { type WorkOptions, WorkThread } from "./workThread.ts";

/** A thread in which nothing has had its turn for so long holds up nobody but itself. All times in milliseconds. */
const silence = 2_000;
const lookInterval = 500;
/** Each may hold models in memory. */
const mostThreads = 4;
/** How long a task that is asked to stop may go on, and how long its thread may then take to end. */
const patience = 1_000;

export class WorkThreads {
  private readonly idle: WorkThread[] = [];
  private readonly busy = new Set<WorkThread>();
  private readonly waiting: ((thread: WorkThread) => void)[] = [];
  private timer: NodeJS.Timeout | undefined;

  /** Does a task in a thread that is free. Where the signal aborts and the task does not end, its thread is ended. */
  async run(task: string, args: readonly unknown[], options: WorkOptions & { signal: AbortSignal }): Promise<unknown> {
    const { signal } = options;
    const thread = await this.take();
    let timer: NodeJS.Timeout | undefined;
    let abandon = () => {};
    try {
      const abandoned = new Promise<never>((_, reject) => {
        abandon = () => {
          timer = setTimeout(() => reject(signal.reason), patience);
        };
        signal.addEventListener("abort", abandon, { once: true });
        if (signal.aborted) reject(signal.reason);
      });
      const result = await Promise.race([thread.run(task, args, options), abandoned]);
      this.give(thread);
      return result;
    } catch (error) {
      // Whether it still works at what has failed is all that matters: an answer that is late would be taken for the next one's.
      if (thread.isBusy) this.drop(thread);
      else this.give(thread);
      throw error;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abandon);
    }
  }

  /** Ends all threads. */
  async close(): Promise<void> {
    clearInterval(this.timer);
    await Promise.all([...this.idle, ...this.busy].map((thread) => thread.end(patience)));
  }

  private take(): Promise<WorkThread> {
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      this.serveNext();
    });
  }

  private give(thread: WorkThread): void {
    this.busy.delete(thread);
    if (thread.isUsable) this.idle.push(thread);
    this.serveNext();
  }

  private drop(thread: WorkThread): void {
    this.busy.delete(thread);
    void thread.end(patience);
    this.serveNext();
  }

  /** Gives the one that waits longest a thread, if there is one for it; else looks again a little later. */
  private serveNext(): void {
    while (this.waiting.length > 0) {
      const thread = this.free();
      if (!thread) break;
      this.busy.add(thread);
      this.waiting.shift()!(thread);
    }
    clearInterval(this.timer);
    if (this.waiting.length > 0) this.timer = setInterval(() => this.serveNext(), lookInterval);
  }

  private free(): WorkThread | undefined {
    const idle = this.idle.pop();
    if (idle?.isUsable) return idle;
    const busy = [...this.busy];
    const areSilent = busy.every((thread) => thread.silence > silence);
    return areSilent && busy.length < mostThreads ? new WorkThread() : undefined;
  }
}
