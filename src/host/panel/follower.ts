/** @file One run as the panel follows it: its journal, a slice at a time, and what its folder says about it now. */
import { readFileSync } from "node:fs";
import { JournalReader } from "../../runs/journal.ts";
import { runPaths, stepName } from "../../runs/layout.ts";
import { readExit, readHolder, thisObserver } from "../../runs/owner.ts";
import { listOwnNames, lookAt } from "../../runs/ownFiles.ts";
import { RunSeries, type SeriesCursor } from "../../runs/series.ts";
import { type RunState, runState } from "../../runs/store.ts";
import type { CheckpointView, EvaluationView, SeriesChange } from "../../shared/panel.ts";

const sliceBytes = 1 << 20;

export class RunFollower {
  readonly directory: string;
  state: RunState;
  /** Whether the journal has been read to its end once. */
  reading = true;
  series: RunSeries;
  private readonly smoothing: () => number;
  private readonly journal: JournalReader;
  private cursor: SeriesCursor | undefined;
  private told = { evaluations: false, checkpoints: false };
  private checkpointFiles = new Set<string>();
  private checkpointsChanged = 0;
  private knownReason: { state: RunState; text: string | null } | undefined;
  /** Losses of the series when `change` was last asked. */
  private toldLength = -1;

  constructor(directory: string, state: RunState, smoothing: () => number) {
    this.directory = directory;
    this.state = state;
    this.smoothing = smoothing;
    this.series = new RunSeries({ smoothing: smoothing() });
    this.journal = new JournalReader(runPaths(directory).events);
  }

  /** Reads on. True where there was something new. @throws UlptError RUN_INVALID */
  read(): boolean {
    const { events, restarted, more } = this.journal.readNew(sliceBytes);
    const wasReading = this.reading;
    this.reading = more;
    if (restarted) this.forget();
    this.series.smooth(this.smoothing());
    this.series.append(events);
    if (events.some(({ type }) => type === "evaluation")) this.told.evaluations = false;
    if (this.findCheckpointFiles() || events.some(({ type }) => type === "checkpoint")) this.told.checkpoints = false;
    return events.length > 0 || restarted || wasReading !== more;
  }

  /** Looks whether it still runs. True where that changed. @throws UlptError RUN_INVALID */
  checkState(): boolean {
    const before = this.state;
    this.state = runState(this.directory);
    return this.state !== before;
  }

  /** Why it ended as it did; null while it runs, and where nothing is known. Read once for each state. */
  get reason(): string | null {
    if (this.knownReason?.state !== this.state) this.knownReason = { state: this.state, text: this.readReason() };
    return this.knownReason.text;
  }

  private readReason(): string | null {
    if (this.state === "running" || this.state === "created" || this.state === "interrupted") return null;
    try {
      const exit = readExit(this.directory);
      if (exit?.error) return [exit.error.message, exit.error.hint].filter(Boolean).join(" ");
      return exit?.reason ?? null;
    } catch {
      return null;
    }
  }

  /** The next `change` tells everything again. */
  startOver(): void {
    this.cursor = undefined;
    this.told = { evaluations: false, checkpoints: false };
  }

  /** What has to be drawn since the last call; null where that is nothing. */
  change(): SeriesChange | null {
    this.series.smooth(this.smoothing());
    const { from, columns, cursor } = this.series.changeSince(this.cursor);
    const known = this.cursor;
    const sameLength = known?.generation === cursor.generation && this.toldLength === this.series.length;
    this.cursor = cursor;
    this.toldLength = this.series.length;
    if (sameLength && this.told.evaluations && this.told.checkpoints) return null;
    const change: SeriesChange = { id: this.directory, from, columns };
    if (!this.told.evaluations) change.evaluations = this.evaluations();
    if (!this.told.checkpoints) change.checkpoints = this.checkpoints();
    this.told = { evaluations: true, checkpoints: true };
    return change;
  }

  /** Bytes of the process that trains it; null where it does not, or on another machine or system. */
  memory(): { now: number; peak: number } | null {
    if (this.state !== "running" || process.platform !== "linux") return null;
    const owner = readHolder(this.directory)?.owner;
    const { host, processStart } = thisObserver();
    // Another process may have its number.
    if (!owner || owner.host !== host || processStart(owner.pid) !== owner.processStart) return null;
    try {
      const status = readFileSync(`/proc/${owner.pid}/status`, "utf8");
      const bytes = (name: string) => 1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1]);
      const memory = { now: bytes("VmRSS"), peak: bytes("VmHWM") };
      return memory.now > 0 ? memory : null;
    } catch {
      return null;
    }
  }

  private evaluations(): EvaluationView[] {
    return this.series.evaluations.map(({ step, seconds, examples, split, metric, score, loss, interval }) => ({
      step,
      seconds,
      examples,
      split,
      metric,
      score,
      loss,
      interval,
    }));
  }

  /** Those whose files exist: an experiment may keep only the best and the last. */
  private checkpoints(): CheckpointView[] {
    const best = this.series.best?.step;
    return this.series.checkpoints
      .filter(({ step }) => this.checkpointFiles.has(`${stepName(step)}.safetensors`))
      .map(({ step, seconds, examples, bytes, score }) => ({
        step,
        seconds,
        examples,
        bytes,
        score,
        best: step === best,
      }));
  }

  private findCheckpointFiles(): boolean {
    const folder = runPaths(this.directory).checkpoints;
    const changed = lookAt(folder)?.mtimeMs ?? 0;
    if (changed === this.checkpointsChanged) return false;
    this.checkpointsChanged = changed;
    this.checkpointFiles = new Set(listOwnNames(folder, "checkpoint"));
    return true;
  }

  private forget(): void {
    this.series = new RunSeries({ smoothing: this.smoothing() });
    this.startOver();
  }
}
