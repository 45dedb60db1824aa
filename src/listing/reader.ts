/** @file A run's journal, read once and from then on only what was added, as what the run came to. */
import { RunResult } from "../results/fold.ts";
import { JournalReader, type StepChoice } from "../runs/journal.ts";
import { runPaths } from "../runs/layout.ts";

/** Of a journal so much is in memory as events at a time. */
const sliceBytes = 2 ** 20;

export class RunReader {
  private journal: JournalReader;
  private folded = new RunResult();

  /** @param steps `last` leaves the losses unread: what it finds is all but the curve and the time */
  constructor(directory: string, steps: StepChoice = "all") {
    this.journal = new JournalReader(runPaths(directory).events, steps);
  }

  /** By what has been read; another object once the journal was replaced. */
  get result(): RunResult {
    return this.folded;
  }

  /**
   * Reads on, about `maxBytes` at most. Returns whether there is more.
   * @throws UlptError RUN_INVALID where the journal exists and cannot be read
   */
  read(maxBytes = Number.POSITIVE_INFINITY): boolean {
    for (let left = maxBytes; ; left -= sliceBytes) {
      const { events, restarted, more } = this.journal.readNew(Math.min(left, sliceBytes));
      if (restarted) this.folded = new RunResult();
      this.folded.append(events);
      if (!more || left <= sliceBytes) return more;
    }
  }

  /** Reads a last line without its newline as well: for who will not read on. */
  finish(): void {
    this.folded.append(this.journal.finish().events);
  }
}

/** What the run in `directory` came to, all of its journal. @throws UlptError RUN_INVALID where that cannot be read */
export function readResult(directory: string, steps?: StepChoice): RunResult {
  const reader = new RunReader(directory, steps);
  reader.read();
  reader.finish();
  return reader.result;
}
