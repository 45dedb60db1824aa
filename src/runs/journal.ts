/** @file The journal of a run or a sweep, events.jsonl: appended to line by line, read whole or as it grows. */
import { closeSync, fsyncSync, readSync } from "node:fs";
import { z } from "zod";
import { messageOf, systemErrorCode, UlptError } from "../errors.ts";
import { asWriteError, writeFully } from "../formats/atomic.ts";
import { parseJson } from "../json.ts";
import { openOwnFile, statOwnFile } from "./ownFiles.ts";
import { anyEvent, eventTypes, issueText, type JournalEvent, journalEvent } from "./schema.ts";

type Stamp = Pick<JournalEvent, "t" | "attempt" | "seq">;
/** An event before the journal stamps it with time, attempt and sequence number. */
export type Unstamped<Event extends Stamp> = Event extends unknown ? Omit<Event, keyof Stamp> : never;
export type NewEvent = Unstamped<JournalEvent>;

/** What the lines of a journal are. */
export interface EventKind<Event extends Stamp> {
  schema: z.ZodType<Event>;
  /** The types that this version knows. */
  types: ReadonlySet<string>;
}

export const runEvents: EventKind<JournalEvent> = { schema: journalEvent, types: eventTypes };

const newline = 0x0a;

/** Appends the events of one attempt: one write per event, a complete line. */
export class JournalWriter<Event extends Stamp = JournalEvent> {
  readonly path: string;
  readonly attempt: number;
  private readonly schema: z.ZodType<Event>;
  private readonly descriptor: number;
  private readonly now: () => number;
  private seq = 0;
  /** Whether the file ended inside a line when it was opened. */
  readonly startsTorn: boolean;
  /** Whether the file may end inside a line. */
  private torn: boolean;

  private constructor(path: string, attempt: number, schema: z.ZodType<Event>, now: () => number) {
    const { descriptor, size } = openOwnFile(path, "append");
    this.path = path;
    this.schema = schema;
    this.attempt = attempt;
    this.descriptor = descriptor;
    this.now = now;
    this.startsTorn = !endsWithNewline(descriptor, size);
    this.torn = this.startsTorn;
  }

  /** @throws UlptError DISK_FULL, RUN_UNWRITABLE; RUN_INVALID where something else than a file is in its place */
  static open(path: string, attempt: number, now: () => number = Date.now): JournalWriter {
    return JournalWriter.openOf(runEvents, path, attempt, now);
  }

  /** As `open`, of a journal with events of another kind. */
  static openOf<Event extends Stamp>(
    { schema }: EventKind<Event>,
    path: string,
    attempt: number,
    now: () => number = Date.now,
  ): JournalWriter<Event> {
    try {
      return new JournalWriter(path, attempt, schema, now);
    } catch (error) {
      throw asWriteError(error, path);
    }
  }

  /** @throws UlptError DISK_FULL, RUN_UNWRITABLE */
  append(event: Unstamped<Event>): Event {
    const stamped = { t: this.now(), attempt: this.attempt, seq: this.seq + 1, ...event } as unknown as Event;
    const line = `${JSON.stringify(z.encode(this.schema, stamped))}\n`;
    try {
      // A newline first parts this event from what a killed attempt, or a write cut short, left of a line.
      writeFully(this.descriptor, this.torn ? `\n${line}` : line);
    } catch (error) {
      this.torn = true;
      throw asWriteError(error, this.path);
    }
    this.torn = false;
    this.seq += 1;
    return stamped;
  }

  /** Makes everything appended so far outlast a power cut. @throws UlptError DISK_FULL, RUN_UNWRITABLE */
  flush(): void {
    try {
      fsyncSync(this.descriptor);
    } catch (error) {
      throw asWriteError(error, this.path);
    }
  }

  close(): void {
    closeSync(this.descriptor);
  }
}

function endsWithNewline(descriptor: number, size: number): boolean {
  const last = Buffer.alloc(1);
  return size === 0 || readSync(descriptor, last, 0, 1, size - 1) === 0 || last[0] === newline;
}

/** A line that is no event, and why. Lines count from 1. */
export interface SkippedLine {
  line: number;
  reason: string;
}

export interface JournalContent<Event = JournalEvent> {
  events: Event[];
  skipped: SkippedLine[];
}

/**
 * The whole journal; empty where the file does not exist. Damaged lines are skipped and said.
 * @throws UlptError RUN_INVALID where it cannot be read, or where so many lines are damaged that it is none
 */
export function readJournal(path: string): JournalContent {
  return readJournalOf(runEvents, path);
}

/** As `readJournal`, of a journal with events of another kind. */
export function readJournalOf<Event extends Stamp>(kind: EventKind<Event>, path: string): JournalContent<Event> {
  const content: JournalContent<Event> = { events: [], skipped: [] };
  const lines = new LineReader(path);
  const take: OnLine = (text, line) => parseInto(kind, content, text, line);
  lines.read(take);
  lines.finish(take);
  return content;
}

/** Far above the journal of any sweep, whose events are in memory as long as it is looked at. */
const mostGrowingBytes = 64 * 2 ** 20;

/** All events of a journal that grows, of which each call reads what is new. */
export class GrowingJournal<Event extends Stamp> {
  private readonly kind: EventKind<Event>;
  private readonly lines: LineReader;
  private readonly path: string;
  private events: Event[] = [];

  constructor(kind: EventKind<Event>, path: string) {
    this.kind = kind;
    this.path = path;
    this.lines = new LineReader(path);
  }

  /** Those so far; a last line still without its newline waits. @throws as `readJournal`; RUN_INVALID where it is far too long */
  read(): readonly Event[] {
    const content: JournalContent<Event> = { events: [], skipped: [] };
    const size = statOwnFile(this.path)?.size ?? 0;
    if (size > mostGrowingBytes) throw tooLong(this.path, size);
    const { restarted } = this.lines.read((text, line) => parseInto(this.kind, content, text, line));
    this.events = (restarted ? [] : this.events).concat(content.events);
    return this.events;
  }
}

export interface NewContent extends JournalContent {
  /** The file became shorter: it was replaced, and `events` begin again at its first line. */
  restarted: boolean;
  /** `maxBytes` was reached before the end of the file. */
  more: boolean;
}

/** Which step events to give out: nearly all of a journal is steps. `last`: of those in a row only the last, the others unread. */
export type StepChoice = "all" | "last";

/** Follows a journal that grows. A last line still without its newline waits for the next call. */
export class JournalReader {
  private readonly lines: LineReader;
  private readonly steps: StepChoice;

  constructor(path: string, steps: StepChoice = "all") {
    this.lines = new LineReader(path);
    this.steps = steps;
  }

  /** What was added since the last call, after reading about `maxBytes` at most. */
  readNew(maxBytes = Number.POSITIVE_INFINITY): NewContent {
    const content: JournalContent = { events: [], skipped: [] };
    let waiting: [text: string, line: number] | undefined;
    const progress = this.lines.read((text, line) => {
      const isWhole = text?.includes('"type":"step"') && text.endsWith("}");
      if (this.steps === "last" && isWhole) {
        waiting = [text!, line];
        return false;
      }
      const before = waiting !== undefined && parseInto(runEvents, content, ...waiting);
      waiting = undefined;
      return parseInto(runEvents, content, text, line) || before;
    }, maxBytes);
    if (waiting) parseInto(runEvents, content, ...waiting);
    return { ...content, ...progress };
  }

  /** What follows the last newline, of a file that nobody writes any more. */
  finish(): JournalContent {
    const content: JournalContent = { events: [], skipped: [] };
    this.lines.finish((text, line) => parseInto(runEvents, content, text, line));
    return content;
  }
}

/** Returns whether the line is damaged. */
function parseInto<Event extends Stamp>(
  kind: EventKind<Event>,
  content: JournalContent<Event>,
  text: string | null,
  line: number,
): boolean {
  if (text === "") return false; // a writer's newline after a torn line that had its own
  const result = text === null ? `longer than ${maxLineBytes} bytes` : parseLine(kind, text);
  if (typeof result === "string") content.skipped.push({ line, reason: result });
  else if (result) content.events.push(result);
  return typeof result === "string";
}

/** The event of a line; null for one of an unknown type; or the reason why it is none. */
function parseLine<Event extends Stamp>({ schema, types }: EventKind<Event>, text: string): Event | null | string {
  let json: unknown;
  try {
    json = parseJson(text);
  } catch (error) {
    return `not complete JSON, an interrupted write (${messageOf(error)})`;
  }
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const other = anyEvent.safeParse(json);
  return other.success && !types.has(other.data.type) ? null : `not an event (${issueText(result.error)})`;
}

const chunkBytes = 1 << 20;
/** Far above any event; guards the memory of whoever opens a file that has no lines. */
const maxLineBytes = 16 << 20;

/** Attempts that were killed tear a line each. Who reads on in what is no journal holds up everybody, for nothing. */
const mostDamagedLines = 1000;

/** `text` is null for a line over `maxLineBytes`; says whether the line is damaged. */
type OnLine = (text: string | null, line: number) => boolean;

/** Splits a growing file into lines, a chunk at a time; every byte is read once. */
class LineReader {
  private readonly path: string;
  private offset = 0;
  private line = 0;
  /** The parts of a line whose end has not been read yet; emptied and closed for more once it is too long. */
  private pending: Buffer[] = [];
  private pendingBytes = 0;
  private damagedLines = 0;

  constructor(path: string) {
    this.path = path;
  }

  /** @throws UlptError RUN_INVALID where the file exists and cannot be read, or is no journal */
  read(onLine: OnLine, maxBytes = Number.POSITIVE_INFINITY): { restarted: boolean; more: boolean } {
    let opened: ReturnType<typeof openOwnFile>;
    try {
      opened = openOwnFile(this.path);
    } catch (error) {
      if (error instanceof UlptError) throw error;
      if (systemErrorCode(error) !== "ENOENT") throw unreadable(this.path, error);
      return { restarted: this.restartIfShorter(0), more: false };
    }
    const { descriptor, size } = opened;
    try {
      const restarted = this.restartIfShorter(size);
      this.requireJournal();
      const stop = this.offset + maxBytes;
      while (this.offset < size && this.offset < stop) {
        const chunk = Buffer.allocUnsafe(Math.min(chunkBytes, size - this.offset));
        const length = readSync(descriptor, chunk, 0, chunk.length, this.offset);
        if (length === 0) break;
        this.offset += length;
        this.split(chunk.subarray(0, length), onLine);
      }
      return { restarted, more: this.offset < size };
    } catch (error) {
      throw systemErrorCode(error) ? unreadable(this.path, error) : error;
    } finally {
      closeSync(descriptor);
    }
  }

  /** Gives out what follows the last newline, for a file that nobody writes any more. */
  finish(onLine: OnLine): void {
    if (this.pendingBytes) this.endLine(Buffer.alloc(0), onLine);
  }

  private restartIfShorter(size: number): boolean {
    if (size >= this.offset) return false;
    this.offset = this.line = this.pendingBytes = this.damagedLines = 0;
    this.pending = [];
    return true;
  }

  private split(chunk: Buffer, onLine: OnLine): void {
    let start = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      this.endLine(chunk.subarray(start, end), onLine);
      start = end + 1;
    }
    if (start === chunk.length) return;
    this.pendingBytes += chunk.length - start;
    if (this.pendingBytes > maxLineBytes) this.pending = [];
    else this.pending.push(chunk.subarray(start));
  }

  private endLine(rest: Buffer, onLine: OnLine): void {
    const tooLong = this.pendingBytes + rest.length > maxLineBytes;
    const bytes = this.pending.length ? Buffer.concat([...this.pending, rest]) : rest;
    this.pending = [];
    this.pendingBytes = 0;
    this.line += 1;
    if (!onLine(tooLong ? null : bytes.toString("utf8"), this.line)) return;
    this.damagedLines += 1;
    this.requireJournal();
  }

  private requireJournal(): void {
    if (this.damagedLines <= mostDamagedLines) return;
    throw new UlptError("RUN_INVALID", `More than ${mostDamagedLines} lines of the journal are no events.`, {
      where: this.path,
      expected: "an event on each line, as ULPT Lab writes them",
      hint: "Something else wrote into it: restore it from a copy, or delete the folder that it lies in.",
    });
  }
}

function tooLong(path: string, size: number): UlptError {
  return new UlptError("RUN_INVALID", `The journal has ${size} bytes.`, {
    where: path,
    expected: `at most ${mostGrowingBytes}`,
    hint: "Something else wrote into it: restore it from a copy, or delete the folder that it lies in.",
  });
}

function unreadable(path: string, error: unknown): UlptError {
  return new UlptError("RUN_INVALID", `The journal cannot be read: ${messageOf(error)}.`, {
    where: path,
    hint: "Check its permissions and the disk.",
    cause: error,
  });
}
