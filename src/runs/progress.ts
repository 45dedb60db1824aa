/** @file How far a run is, out of its journal: read as it grows, without parsing the steps that make up most of it. */
import { parseJson } from "../json.ts";
import { bestOf } from "../metrics/kinds.ts";
import { LineReader, type MergedJournal, mergeAttempts } from "./journal.ts";
import { type JournalEvent, journalEvent } from "./schema.ts";

export interface Progress {
  /** Last step done. */
  step: number;
  totalSteps: number | null;
  /** Best validation score by `metric`, and the first step that had it. */
  bestScore: number | null;
  bestStep: number | null;
  /** Newest test score, as a fraction. */
  testScore: number | null;
  /** Of the validation scores. */
  metric: string | null;
}

export const noProgress: Progress = {
  step: 0,
  totalSteps: null,
  bestScore: null,
  bestStep: null,
  testScore: null,
  metric: null,
};

/** Follows the journal at `path`. Nearly all of its lines are steps: only the last of them is parsed. */
export class ProgressReader {
  readonly path: string;
  private lines: LineReader;
  private events: JournalEvent[] = [];
  private lastStepLine = "";

  constructor(path: string) {
    this.path = path;
    this.lines = new LineReader(path);
  }

  /**
   * Reads on, about `maxBytes` at most. Returns whether there is more.
   * @throws UlptError RUN_INVALID where the file exists and cannot be read
   */
  read(maxBytes = Number.POSITIVE_INFINITY): boolean {
    const { restarted, more } = this.lines.read((text) => this.take(text), maxBytes);
    if (!restarted) return more;
    // The file was replaced: what came of the old one is forgotten with what this call read of the new one.
    this.lines = new LineReader(this.path);
    this.events = [];
    this.lastStepLine = "";
    return this.lines.read((text) => this.take(text), maxBytes).more;
  }

  private take(text: string | null): void {
    if (!text) return;
    if (text.includes('"type":"step"')) {
      if (text.endsWith("}")) this.lastStepLine = text;
      return;
    }
    const event = tryParse(text);
    if (event) this.events.push(event);
  }

  get progress(): Progress {
    const lastStep = tryParse(this.lastStepLine);
    const { evaluations } = mergeAttempts(this.events);
    const validations = evaluations.filter(({ split, score }) => split === "validation" && !Number.isNaN(score));
    const best = bestOf(validations);
    const totals = this.events.flatMap((event) => (event.type === "status" ? (event.totalSteps ?? []) : []));
    return {
      step: lastStep?.type === "step" ? lastStep.step : 0,
      totalSteps: totals.at(-1) ?? null,
      bestScore: best?.score ?? null,
      bestStep: best?.step ?? null,
      testScore: evaluations.findLast(({ split }) => split === "test")?.score ?? null,
      metric: (validations.at(-1) ?? evaluations.at(-1))?.metric ?? null,
    };
  }

  /** Evaluations and checkpoints so far; without the losses. */
  get course(): Omit<MergedJournal, "losses"> {
    return mergeAttempts(this.events);
  }
}

function tryParse(text: string): JournalEvent | undefined {
  try {
    return journalEvent.safeParse(parseJson(text)).data;
  } catch {
    return undefined;
  }
}
