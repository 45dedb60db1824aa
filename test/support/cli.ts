/** @file The real command line in child processes, followed by the JSON lines it writes. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { expect } from "vitest";
import type { ErrorCode } from "../../src/errors.ts";
import type { GroupReport } from "../../src/results/comparison.ts";
import type { RunReport } from "../../src/results/report.ts";
import type { RunProgress } from "../../src/training/execute.ts";
import type { Preparation } from "../../src/training/resources.ts";
import { bundle } from "./bundle.ts";

/** A line of `--json`. */
export type Line =
  | (RunProgress & { run: string })
  | { type: "note"; text: string }
  | ({ type: "preparation" } & Preparation)
  | { type: "run"; run: string; directory: string; index: number; count: number; parameters: number }
  | ({ type: "report" } & RunReport)
  | { type: "sweep"; sweep: string; state: string; done: number; of: number; secondsLeft: number | null }
  | { type: "comparison"; experiment: string; groups: GroupReport[] }
  | { type: "error"; code: ErrorCode; message: string; where?: string; expected?: string; hint?: string };

export interface End {
  /** Null where a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

const running = new Set<ChildProcess>();

/** Ends what a failed test left running. */
export function killLeftovers(): void {
  for (const child of running) child.kill("SIGKILL");
}

interface Options {
  cwd: string;
  /** Variables beside those of this process. */
  env?: Readonly<Record<string, string>>;
  /** On a terminal of its own, by `script` of util-linux. */
  terminal?: boolean;
  /** A program with arguments that runs what follows them. */
  within?: readonly string[];
}

export const haveTerminal = process.platform === "linux" && spawnSync("script", ["--version"]).status === 0;

function quote(word: string): string {
  return word === "exec" ? word : `'${word}'`;
}

/** A command that runs; with `--json` its lines can be awaited. */
export class Command {
  readonly end: Promise<End>;
  private readonly child: ChildProcess;
  private readonly lines: Line[] = [];
  private stdout = "";
  private stderr = "";
  private partial = "";
  private ended = false;
  private wake: () => void = () => {};

  constructor(args: readonly string[], { cwd, env = {}, terminal = false, within = [] }: Options) {
    const json = args.includes("--json");
    const [program, ...rest] = terminal
      ? ["script", "-qec", ["exec", process.execPath, bundle, ...args].map(quote).join(" "), "/dev/null"]
      : [...within, process.execPath, bundle, ...args];
    this.child = spawn(program!, rest, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    running.add(this.child);
    this.child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
      if (json) this.take(text);
      this.wake();
    });
    this.child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    this.end = new Promise((resolve, reject) => {
      this.child.on("error", reject);
      this.child.on("close", (code, signal) => {
        running.delete(this.child);
        this.ended = true;
        this.wake();
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr });
      });
    });
  }

  private take(text: string): void {
    const parts = (this.partial + text).split("\n");
    this.partial = parts.pop()!;
    this.lines.push(...parts.map((part) => JSON.parse(part) as Line));
  }

  /** The first line, written or still to come, that `accept` takes; undefined if the command ends without one. */
  async find(accept: (line: Line) => boolean): Promise<Line | undefined> {
    for (let position = 0; ; ) {
      for (; position < this.lines.length; position++) if (accept(this.lines[position]!)) return this.lines[position];
      if (this.ended) return undefined;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  /** Waits until its output has this in it. */
  async untilText(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.stdout)) {
      if (this.ended) throw new Error(`The command ended without writing ${pattern}.\n${this.stdout}\n${this.stderr}`);
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  /** As `find`; fails if there is no such line. */
  async until(accept: (line: Line) => boolean): Promise<Line> {
    const line = await this.find(accept);
    if (!line) throw new Error(`The command ended before the line it was to write.\n${this.stdout}\n${this.stderr}`);
    return line;
  }

  /** Nobody reads its output any more: writing to it fails. */
  closeOutput(): void {
    this.child.stdout!.destroy();
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}

export function ulpt(args: readonly string[], options: Options): Promise<End> {
  return new Command(args, options).end;
}

/** As `ulpt`; fails where the command does. */
export async function ulptOk(args: readonly string[], options: Options): Promise<End> {
  const end = await ulpt(args, options);
  if (end.code !== 0)
    throw new Error(`ulpt ${args.join(" ")}: ${end.code ?? end.signal}\n${end.stdout}\n${end.stderr}`);
  return end;
}

export function jsonLines<T = Line>(text: string): T[] {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as T);
}

/** Checks that a command ended as errors must: with the code's exit code and the code, where it happened and what to do. */
export function expectFailure({ code, stderr }: End, expected: { code: ErrorCode; exit: number; where: string }): void {
  expect(stderr).toContain(`error ${expected.code}: `);
  expect(stderr.split("\n").find((line) => line.startsWith("  where: ")) ?? stderr).toContain(expected.where);
  expect(stderr).toMatch(/^ {2}to do: {4}\S/m);
  expect(stderr).not.toMatch(/^\s+at /m); // no stack: an error that a person can act on
  expect(code).toBe(expected.exit);
}
