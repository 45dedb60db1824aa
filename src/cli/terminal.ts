/**
 * @file The one way to stdout and stderr. What is printed quotes files, the Hub and the system: whatever a terminal would obey is
 * written as an escape, also into a pipe, where somebody reads it later. A lint rule keeps both streams out of all other files.
 */
import { writeSync } from "node:fs";
import { Writable } from "node:stream";
import { systemErrorCode } from "../errors.ts";
import { jsonLine, visibleText } from "../words/surfaces.ts";

/** Whether a person watches, so that a bar may be drawn. */
export function isTerminal(): boolean {
  return process.stdout.isTTY === true;
}

/** Whether a person can be asked something. */
export function canAsk(): boolean {
  return process.stdin.isTTY === true && isTerminal();
}

/** Asks a question that is answered by yes only where somebody says so. Main thread only. */
export async function askYes(question: string): Promise<boolean> {
  const { createInterface } = await import("node:readline");
  const reader = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await new Promise<string>((resolve) => {
    reader.on("close", () => resolve("")); // Ctrl+C or Ctrl+D
    reader.question(`${visibleText(question)} [y/N] `, resolve);
  });
  reader.close();
  return /^y(es)?$/i.test(answer.trim());
}

/** What only the main thread can find out about the streams. */
export interface TerminalFacts {
  stdout: boolean;
  stderr: boolean;
  columns: number | undefined;
}

export function terminalFacts(): TerminalFacts {
  const { stdout, stderr } = process;
  return { stdout: stdout.isTTY, stderr: stderr.isTTY, columns: stdout.columns };
}

export type OutputStream = "stdout" | "stderr";
type Chunk = string | Uint8Array;

/**
 * Makes the streams of this thread look like those of the main thread, which writes what they are given. By themselves they would
 * each wait for the other side, so that a bar on one could end after the line behind it on the other.
 */
export function adoptTerminal(
  { stdout, stderr, columns }: TerminalFacts,
  post: (stream: OutputStream, chunk: Chunk) => void,
): void {
  Object.assign(process.stdout, { isTTY: stdout, columns, write: writerTo("stdout", post) });
  Object.assign(process.stderr, { isTTY: stderr, columns, write: writerTo("stderr", post) });
}

function writerTo(stream: OutputStream, post: (stream: OutputStream, chunk: Chunk) => void) {
  return (chunk: Chunk, ...callbacks: unknown[]): boolean => {
    post(stream, chunk);
    const done = callbacks.at(-1);
    if (typeof done === "function") done();
    return true;
  };
}

/** Writes what a thread was given to write, which `say` and the like have prepared there. */
export function writeFor(stream: OutputStream, chunk: Chunk): void {
  process[stream].write(chunk);
}

/** Gives a terminal its cursor back, which a bar that was not taken to its end has hidden; at once. */
export function showCursor(): void {
  if (isTerminal()) writeSync(1, "\x1b[?25h");
}

/** In columns. */
export function terminalWidth(): number {
  return process.stdout.columns ?? 100;
}

/** Prints lines to stdout. A name or message that must stay on its line goes through `visibleLine` before. */
export function say(text: string): void {
  process.stdout.write(wholeLines(text));
}

/** A text that is printed while it comes, as `say` would print the whole. */
export class LiveText {
  private text = "";
  private printed = 0;

  add(piece: string): void {
    this.text += piece;
    // How these are shown depends on what follows them.
    this.print(visibleText(this.text.replace(/[\r\u200c\u200d]+$/, "")));
  }

  /** Ends the text, and its line. */
  end(): void {
    this.print(wholeLines(this.text));
  }

  private print(visible: string): void {
    process.stdout.write(visible.slice(this.printed));
    this.printed = visible.length;
  }
}

/** As `say`, to stderr. */
export function complain(text: string): void {
  process.stderr.write(wholeLines(text));
}

/** A text as it may be printed, with the end of its last line. */
export function wholeLines(text: string): string {
  const visible = visibleText(text);
  return visible.endsWith("\n") ? visible : `${visible}\n`;
}

/** Prints one JSON value on a line of stdout. */
export function sayJson(value: unknown): void {
  process.stdout.write(`${jsonLine(value)}\n`);
}

/** As `sayJson`, before an exit at once, for which a stream to a pipe would not wait. */
export function sayJsonNow(value: unknown): void {
  writeSync(1, `${jsonLine(value)}\n`);
}

/** Whoever read our output may have had enough (`ulpt runs | head`), or the disk it went to is full: that ends no training. */
const outputLosses = ["EPIPE", "ENOSPC", "EDQUOT", "EIO"];

export function outliveOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error) => {
      if (!outputLosses.includes(systemErrorCode(error) ?? "")) throw error;
    });
  }
}

/** The real stdout, for a protocol; from now on, what anything else writes there goes to stderr. */
export function takeStdout(): Writable {
  const write = process.stdout.write.bind(process.stdout);
  process.stdout.write = process.stderr.write.bind(process.stderr) as typeof process.stdout.write;
  return new Writable({
    write: (chunk: Buffer, _encoding, done) => void write(chunk, (error) => done(error)),
  });
}
