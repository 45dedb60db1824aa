/** @file One run as the panel follows it: its journal, a slice at a time, and what its folder says about it now. */
import { memoryOf } from "../../launch/memory.ts";
import { DeviceMemoryWatch } from "../../launch/nvidia.ts";
import type { RunReader } from "../../listing/reader.ts";
import type { CurveCursor } from "../../results/curve.ts";
import type { RunResult } from "../../results/fold.ts";
import { type KeptEvaluation, listEvaluations } from "../../runs/evaluations.ts";
import { runPaths, stepName } from "../../runs/layout.ts";
import { readExit, readHolder } from "../../runs/owner.ts";
import { listOwnNames, lookAt } from "../../runs/ownFiles.ts";
import { type RunState, runState } from "../../runs/store.ts";
import type { AskedView, CheckpointView, SeriesChange } from "../../shared/panel.ts";
import { hintFor } from "../window/hints.ts";
import { untranslated } from "../window/translate.ts";

const sliceBytes = 1 << 20;

/** One for all runs: the driver is asked about all processes at once. */
const devices = new DeviceMemoryWatch();

export class RunFollower {
  readonly directory: string;
  state: RunState;
  /** Whether the journal has been read to its end once. */
  reading = true;
  private readonly smoothing: () => number;
  private readonly reader: RunReader;
  /** What was read when `read` last looked: somebody else may read the same journal on. */
  private seen: { result: RunResult; events: number } | undefined;
  private cursor: CurveCursor | undefined;
  /** How many of its evaluations and checkpoints were told; −1 where they are to be told again. */
  private told = { evaluations: -1, checkpoints: -1 };
  private checkpointFiles = new Set<string>();
  private checkpointsChanged = 0;
  private known: { changed: number; asked: readonly AskedView[] } = { changed: 0, asked: [] };
  private knownReason: { state: RunState; text: string | null } | undefined;
  /** Losses of the curve when `change` was last asked. */
  private toldLength = -1;

  /** @param reader of its whole journal */
  constructor(directory: string, state: RunState, reader: RunReader, smoothing: () => number) {
    this.directory = directory;
    this.state = state;
    this.reader = reader;
    this.smoothing = smoothing;
  }

  /** What it came to, as far as its journal was read. */
  get result(): RunResult {
    return this.reader.result;
  }

  /** Reads on. True where there was something new. @throws UlptError RUN_INVALID */
  read(): boolean {
    const wasReading = this.reading;
    this.reading = this.reader.read(sliceBytes);
    const { result, seen } = this;
    const isReplaced = seen !== undefined && seen.result !== result;
    if (isReplaced) this.startOver();
    if (this.findCheckpointFiles()) this.told.checkpoints = -1;
    this.seen = { result, events: result.counts.events };
    return result.counts.events !== (seen?.events ?? 0) || isReplaced || wasReading !== this.reading;
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
      if (exit?.error) return [exit.error.message, hintFor(exit.error, untranslated)].filter(Boolean).join(" ");
      return exit?.reason ?? null;
    } catch {
      return null;
    }
  }

  /** The next `change` tells everything again. */
  startOver(): void {
    this.cursor = undefined;
    this.told = { evaluations: -1, checkpoints: -1 };
  }

  /** What has to be drawn since the last call; null where that is nothing. */
  change(): SeriesChange | null {
    const { curve, counts, evaluations } = this.result;
    curve.smooth(this.smoothing());
    const { from, columns, cursor } = curve.changeSince(this.cursor);
    const known = this.cursor;
    const sameLength = known?.generation === cursor.generation && this.toldLength === curve.length;
    const sameEvaluations = this.told.evaluations === counts.evaluations;
    const sameCheckpoints = sameEvaluations && this.told.checkpoints === counts.checkpoints; // one of them is the best
    this.cursor = cursor;
    this.toldLength = curve.length;
    if (sameLength && sameEvaluations && sameCheckpoints) return null;
    const change: SeriesChange = { id: this.directory, from, columns };
    if (!sameEvaluations) change.evaluations = [...evaluations];
    if (!sameCheckpoints) change.checkpoints = this.checkpoints();
    this.told = { evaluations: counts.evaluations, checkpoints: counts.checkpoints };
    return change;
  }

  /** Bytes of the process that trains it; null where it does not, or on another machine or system. */
  memory(): { now: number; peak: number } | null {
    if (this.state !== "running") return null;
    const owner = readHolder(this.directory)?.owner;
    return owner ? memoryOf(owner) : null;
  }

  /** Bytes of that process on NVIDIA's devices; null where it has none, and where the driver does not say. */
  deviceMemory(): number | null {
    if (this.state !== "running") return null;
    const owner = readHolder(this.directory)?.owner;
    return owner && memoryOf(owner) ? devices.of(owner.pid) : null;
  }

  /** What somebody had its checkpoints evaluated on, read again where that changed. */
  asked(): readonly AskedView[] {
    const folder = runPaths(this.directory).evaluations;
    const changed = lookAt(folder)?.mtimeMs ?? 0;
    if (changed !== this.known.changed) this.known = { changed, asked: listEvaluations(folder).flatMap(askedView) };
    return this.known.asked;
  }

  /** Those whose files exist: an experiment may keep only the best and the last. */
  private checkpoints(): CheckpointView[] {
    const best = this.result.best?.step;
    return this.result.checkpoints
      .filter(({ step }) => this.checkpointFiles.has(`${stepName(step)}.safetensors`))
      .map((checkpoint) => ({ ...checkpoint, best: checkpoint.step === best }));
  }

  private findCheckpointFiles(): boolean {
    const folder = runPaths(this.directory).checkpoints;
    const changed = lookAt(folder)?.mtimeMs ?? 0;
    if (changed === this.checkpointsChanged) return false;
    this.checkpointsChanged = changed;
    this.checkpointFiles = new Set(listOwnNames(folder, "checkpoint"));
    return true;
  }
}

function askedView({ name, subject, on, metric, score, interval, count, precision }: KeptEvaluation): AskedView[] {
  if (subject.kind !== "checkpoint" || precision !== undefined) return [];
  return [{ name, step: subject.step, split: on.rows, file: on.file, metric, score, interval, count }];
}
