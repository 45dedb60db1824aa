import type * as fs from "node:fs";
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { GrowingJournal, JournalReader, JournalWriter, type NewEvent, readJournal, runEvents } from "./journal.ts";
import type { StepEvent } from "./schema.ts";

const disk = vi.hoisted(() => ({ full: false }));
vi.mock("node:fs", async (original) => {
  const real = await original<typeof fs>();
  const writeSync = (descriptor: number, bytes: Uint8Array, offset: number, length: number): number => {
    if (disk.full) throw Object.assign(new Error("ENOSPC: no space left"), { code: "ENOSPC" });
    return real.writeSync(descriptor, bytes, offset, length);
  };
  return { ...real, writeSync };
});

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ulpt-journal-"));
  path = join(folder, "events.jsonl");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function step(number: number, loss: number): NewEvent {
  return {
    type: "step",
    step: number,
    loss,
    learningRate: 0.3,
    gradientNorm: 1,
    examples: 8,
    tokens: 99,
    seconds: 0.1,
  };
}

function write(attempt: number, ...events: NewEvent[]): void {
  const journal = JournalWriter.open(path, attempt);
  for (const event of events) journal.append(event);
  journal.flush();
  journal.close();
}

function losses(): number[] {
  return readJournal(path).events.flatMap((event) => (event.type === "step" ? [event.loss] : []));
}

describe("what is written reads back", () => {
  it("numbers are bit-equal, also those of a diverged run", () => {
    const values = [0.1 + 0.2, Math.fround(0.1), 5e-324, Number.MAX_VALUE, -0, 0, Number.NaN, Infinity, -Infinity];
    write(1, ...values.map((loss, index) => step(index, loss)));
    const read = losses();
    expect(read).toHaveLength(values.length);
    for (const [index, value] of values.entries()) expect(Object.is(read[index], value)).toBe(true);
  });

  it("random float64 and float32 losses survive", () => {
    const bits = new DataView(new ArrayBuffer(8));
    const values = Array.from({ length: 2000 }, (_, index) => {
      bits.setBigUint64(0, BigInt.asUintN(64, BigInt(index + 1) * 0x9e3779b97f4a7c15n));
      return index % 2 ? bits.getFloat64(0) : bits.getFloat32(0);
    });
    write(1, ...values.map((loss, index) => step(index, loss)));
    for (const [index, loss] of losses().entries()) expect(Object.is(loss, values[index])).toBe(true);
  });

  it("every kind of event, with attempt, time and a counter", () => {
    const events: NewEvent[] = [
      { type: "status", state: "running", fromStep: 0, totalSteps: 400 },
      {
        type: "evaluation",
        step: 200,
        split: "validation",
        metric: "accuracy",
        score: 0.75,
        count: 40,
        interval: [0.6, 0.86],
        loss: Number.NaN,
        seconds: 2,
        invalid: 0.025,
        baselines: { mostFrequent: 0.5, undefined: Number.NaN },
      },
      {
        type: "checkpoint",
        step: 200,
        file: "checkpoints/step-000200.safetensors",
        bytes: 2048,
        best: true,
        score: 0.75,
      },
      { type: "warning", code: "LABEL_RARE", message: 'Only 3 rows have the label "yes\nno".' },
      { type: "status", state: "early-stopped", message: "no better for 10 evaluations" },
    ];
    const journal = JournalWriter.open(path, 3, () => 1_700_000_000_000);
    for (const event of events) journal.append(event);
    journal.close();
    const expected = events.map((event, index) => ({ t: 1_700_000_000_000, attempt: 3, seq: index + 1, ...event }));
    expect(readJournal(path)).toEqual({ events: expected, skipped: [] });
  });

  it("is plain JSON on one line per event", () => {
    write(1, step(0, Number.NaN), step(1, 0.5));
    const lines = readFileSync(path, "utf8").split("\n");
    expect(lines).toHaveLength(3);
    expect(JSON.parse(lines[0]!)).toMatchObject({ step: 0, loss: "NaN" });
    expect(JSON.parse(lines[1]!)).toMatchObject({ step: 1, loss: 0.5 });
  });

  it("an event that readers would refuse is not written", () => {
    expect(() => write(1, { ...step(0, 1), step: -1 } as NewEvent)).toThrow();
    expect(readFileSync(path, "utf8")).toBe("");
  });
});

describe("damage", () => {
  it("a torn last line is skipped and said", () => {
    write(1, step(0, 1), step(1, 2));
    truncateSync(path, readFileSync(path).length - 20);
    expect(losses()).toEqual([1]);
    expect(readJournal(path).skipped).toEqual([{ line: 2, reason: expect.stringContaining("interrupted write") }]);
  });

  it("a new attempt starts on a new line after a torn one, and nothing else is lost", () => {
    write(1, step(0, 1), step(1, 2));
    truncateSync(path, readFileSync(path).length - 20);
    write(2, step(1, 2), step(2, 3));
    expect(losses()).toEqual([1, 2, 3]);
    expect(readJournal(path).skipped).toEqual([{ line: 2, reason: expect.any(String) }]);
  });

  it("an event that lacks only its newline counts", () => {
    write(1, step(0, 1));
    truncateSync(path, readFileSync(path).length - 1);
    expect(losses()).toEqual([1]);
    write(2, step(1, 2));
    expect(losses()).toEqual([1, 2]);
    expect(readJournal(path).skipped).toEqual([]);
  });

  it("zeros after a power cut, foreign JSON and wrong fields are skipped with the field named", () => {
    write(1, step(0, 1));
    appendFileSync(path, `${"\0".repeat(50)}\n42\n{"t":1,"attempt":1,"seq":9,"type":"step","step":"two"}\n`);
    write(2, step(1, 2));
    expect(losses()).toEqual([1, 2]);
    const { skipped } = readJournal(path);
    expect(skipped.map(({ line }) => line)).toEqual([2, 3, 4]);
    expect(skipped[2]!.reason).toContain("step");
  });

  it("event types of a newer version are left out without complaint", () => {
    write(1, step(0, 1));
    appendFileSync(path, '{"t":1,"attempt":1,"seq":2,"type":"energy","joules":3}\n');
    expect(readJournal(path)).toMatchObject({ events: [{ type: "step" }], skipped: [] });
  });

  it("a journal that does not exist is empty", () => {
    expect(readJournal(path)).toEqual({ events: [], skipped: [] });
    expect(existsSync(path)).toBe(false);
  });

  it("one endless line does not end up in memory as a string", () => {
    writeFileSync(path, "x".repeat(17 << 20));
    appendFileSync(path, "\n");
    write(1, step(0, 1));
    expect(losses()).toEqual([1]);
    expect(readJournal(path).skipped).toEqual([{ line: 1, reason: expect.stringContaining("longer than") }]);
  });

  it("a full disk is DISK_FULL", () => {
    const journal = JournalWriter.open(path, 1);
    disk.full = true;
    expect(() => journal.append(step(0, 1))).toThrow(expect.objectContaining({ code: "DISK_FULL" }));
    disk.full = false;
    journal.append(step(0, 2));
    journal.close();
    expect(losses()).toEqual([2]);
  });

  it("a missing folder is RUN_UNWRITABLE", () => {
    const missing = join(folder, "missing", "events.jsonl");
    expect(() => JournalWriter.open(missing, 1)).toThrow(
      expect.objectContaining({ code: "RUN_UNWRITABLE", where: missing }),
    );
  });
});

describe("following a journal that grows", () => {
  const stepsOf = (content: { events: readonly { type: string }[] }) =>
    content.events.map((event) => (event as StepEvent).step);

  it("gives every event once, however the bytes arrive", () => {
    write(1, step(0, 1), step(1, 2), { type: "warning", code: "X", message: "ünïcödé 🧪" }, step(3, 4));
    const bytes = readFileSync(path);
    rmSync(path);
    const reader = new JournalReader(path);
    expect(reader.readNew().events).toEqual([]);
    const seen = [];
    for (let start = 0; start < bytes.length; start += 7) {
      appendFileSync(path, bytes.subarray(start, start + 7));
      const content = reader.readNew();
      expect(content.skipped).toEqual([]);
      seen.push(...content.events);
    }
    expect(seen).toEqual(readJournal(path).events);
    expect(seen).toHaveLength(4);
  });

  it("an incomplete last line waits, and is skipped once a new attempt goes on", () => {
    write(1, step(0, 1));
    const reader = new JournalReader(path);
    reader.readNew();
    appendFileSync(path, '{"t":1,"att');
    expect(reader.readNew()).toMatchObject({ events: [], skipped: [] });
    write(2, step(1, 2));
    const content = reader.readNew();
    expect(stepsOf(content)).toEqual([1]);
    expect(content.skipped).toEqual([{ line: 2, reason: expect.any(String) }]);
  });

  it("starts again, and says so, when the file was replaced by a shorter one", () => {
    write(1, step(0, 1), step(1, 2));
    const reader = new JournalReader(path);
    expect(reader.readNew().restarted).toBe(false);
    rmSync(path);
    write(1, step(7, 1));
    const content = reader.readNew();
    expect(content.restarted).toBe(true);
    expect(stepsOf(content)).toEqual([7]);
  });

  it("reads a long journal in portions", () => {
    write(1, ...Array.from({ length: 100 }, (_, index) => step(index, index)));
    const reader = new JournalReader(path);
    const first = reader.readNew(1);
    expect(first.more).toBe(false); // a portion is at least one chunk of the disk
    writeFileSync(path, readFileSync(path, "utf8").repeat(150));
    const rest = [];
    let portions = 0;
    for (let more = true; more; portions++) {
      const content = reader.readNew(1 << 20);
      rest.push(...content.events);
      more = content.more;
    }
    expect(portions).toBeGreaterThan(1);
    expect(first.events.length + rest.length).toBe(15_000);
  });

  it("of hundreds of thousands of lines is read whole", () => {
    write(1, ...Array.from({ length: 1000 }, (_, index) => step(index, index / 3)));
    writeFileSync(path, readFileSync(path, "utf8").repeat(200));
    expect(readJournal(path).events).toHaveLength(200_000);
  });
});

describe("a file that is no journal", () => {
  it("is not read on after a thousand lines that are no events, nor when it is looked at again", () => {
    write(1, step(1, 0.5));
    appendFileSync(path, "x\n".repeat(1000));
    expect(readJournal(path).skipped).toHaveLength(1000);
    appendFileSync(path, "x\n");
    const reader = new JournalReader(path);
    const read = () => reader.readNew();
    const refusal = expect.objectContaining({ code: "RUN_INVALID", where: path });
    expect(() => readJournal(path)).toThrow(refusal);
    expect(read).toThrow(refusal);
    appendFileSync(path, `${JSON.stringify({ t: 1, attempt: 1, seq: 1, ...step(2, 0.5) })}\n`);
    expect(read).toThrow(refusal);
    rmSync(path);
    write(1, step(1, 0.5));
    expect(reader.readNew()).toMatchObject({ restarted: true, events: [{ step: 1 }] });
  });
});

describe("all of a journal that grows", () => {
  it("is the same as read anew, however it grew, and begins again where it was replaced", () => {
    const journal = new GrowingJournal(runEvents, path);
    expect(journal.read()).toEqual([]);
    for (let number = 1; number <= 3; number++) {
      write(number, step(number, 0.5), step(number + 1, 0.25));
      expect(journal.read()).toEqual(readJournal(path).events);
    }
    rmSync(path);
    write(1, step(9, 0.5));
    expect(journal.read()).toEqual(readJournal(path).events);
  });

  it("is refused where it is far longer than any", () => {
    const journal = new GrowingJournal(runEvents, path);
    write(1, step(1, 0.5));
    truncateSync(path, 65 * 2 ** 20);
    expect(() => journal.read()).toThrow(expect.objectContaining({ code: "RUN_INVALID", where: path }));
  });
});
