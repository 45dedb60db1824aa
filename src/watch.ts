/**
 * @file What this thread is decoding of what others wrote, for a thread that watches it. Decoders and regular expressions of a file
 * may never come back, and nothing in their own thread could then say so: so who decodes tells which file it is in and gives a sign
 * of life for each piece, in memory that the watcher sees. Without a watcher all of this does nothing.
 */
import type { ErrorCode } from "./errors.ts";

/** Something that is decoded, in the words of the error that is due if it never ends. */
export interface Decoded {
  code: ErrorCode;
  /** The file. */
  where: string;
  /** `The tokenizer`, `The parquet file`. */
  what: string;
  hint: string;
}

/** Something that is decoded piece by piece. */
export interface Subject extends Decoded {
  readonly id: number;
}

/** Positions in the memory that both threads see. */
const slots = { subject: 0, signs: 1, turns: 2, engine: 3 } as const;
const turnInterval = 200;

export interface Watcher {
  memory: Int32Array;
  /** Called for each subject before it is decoded. */
  onSubject: (subject: Subject) => void;
}

let watcher: Watcher | undefined;
let lastId = 0;

/** Memory for a thread and its watcher. */
export function watchedMemory(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4 * Object.keys(slots).length));
}

/** From now on this thread is watched: what it decodes, and whether it still takes its turns. */
export function watchThisThread(by: Watcher): void {
  watcher = by;
  setInterval(() => Atomics.add(by.memory, slots.turns, 1), turnInterval).unref();
}

/** What is going to be decoded by `decoding`, once or many times. */
export function subjectOf(decoded: Decoded): Subject {
  const subject = { ...decoded, id: ++lastId };
  watcher?.onSubject(subject);
  return subject;
}

/** Does a piece of the decoding, which on its own must not take long. */
export function decoding<T>(subject: Subject, work: () => T): T {
  if (!watcher) return work();
  const { memory } = watcher;
  const outer = Atomics.exchange(memory, slots.subject, subject.id);
  Atomics.add(memory, slots.signs, 1);
  try {
    return work();
  } finally {
    Atomics.store(memory, slots.subject, outer);
  }
}

/** Calls the engine, which would take the whole process with it if its thread were ended meanwhile. */
export async function inEngine<T>(call: () => Promise<T>): Promise<T> {
  if (!watcher) return call();
  const { memory } = watcher;
  Atomics.add(memory, slots.engine, 1);
  try {
    return await call();
  } finally {
    Atomics.sub(memory, slots.engine, 1);
  }
}

/** What the watcher sees. */
export interface Signs {
  /** The id of what is being decoded, or 0. */
  subject: number;
  /** Two counts that go on as long as the thread does: of pieces that were decoded, and of its turns. */
  signs: number;
  turns: number;
  /** Calls of the engine that have not come back. */
  engine: number;
}

export function readSigns(memory: Int32Array): Signs {
  const read = (slot: keyof typeof slots) => Atomics.load(memory, slots[slot]);
  return { subject: read("subject"), signs: read("signs"), turns: read("turns"), engine: read("engine") };
}
