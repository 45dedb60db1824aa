/** @file How far a request has come, over all of its files, a few times a second. */

export interface FetchProgress {
  /** The file being fetched, as its path in the repository. */
  file: string;
  /** Bytes that are here, of all files of the request; what was here before counts. */
  bytes: number;
  totalBytes: number;
  /** Over the last seconds, of what came over the network in this request. */
  bytesPerSecond: number;
  /** Undefined as long as there is no rate to tell from. */
  secondsLeft: number | undefined;
}

export type OnProgress = (progress: FetchProgress) => void;

/** Milliseconds between two reports. */
const interval = 250;
/** Milliseconds over which the rate is taken. */
const span = 5_000;

export class ProgressMeter {
  private readonly totalBytes: number;
  private readonly onProgress: OnProgress | undefined;
  private readonly now: () => number;
  /** Per file, so that starting one again takes its bytes back. */
  private readonly done = new Map<string, number>();
  private bytes = 0;
  private received = 0;
  private samples: { time: number; received: number }[] = [];
  private lastReport = Number.NEGATIVE_INFINITY;

  constructor(totalBytes: number, onProgress: OnProgress | undefined, now: () => number = () => performance.now()) {
    this.totalBytes = totalBytes;
    this.onProgress = onProgress;
    this.now = now;
  }

  /** `bytes` of `file` are here now, `received` of them since the last call, over the network. */
  set(file: string, bytes: number, received = 0): void {
    const before = this.bytes;
    const begins = !this.done.has(file);
    this.bytes += bytes - (this.done.get(file) ?? 0);
    this.done.set(file, bytes);
    this.received += received;
    const time = this.now();
    const last = this.bytes === this.totalBytes;
    const ends = last && before !== this.bytes;
    if (time - this.lastReport < interval && !begins && !ends) return;
    this.lastReport = time;
    this.samples.push({ time, received: this.received });
    while (this.samples.length > 2 && this.samples[1]!.time < time - span) this.samples.shift();
    const { totalBytes } = this;
    const bytesPerSecond = this.rate();
    const secondsLeft = last ? 0 : bytesPerSecond > 0 ? (totalBytes - this.bytes) / bytesPerSecond : undefined;
    this.onProgress?.({ file, bytes: this.bytes, totalBytes, bytesPerSecond, secondsLeft });
  }

  private rate(): number {
    const first = this.samples[0]!;
    const latest = this.samples.at(-1)!;
    if (latest.time <= first.time) return 0;
    return ((latest.received - first.received) * 1000) / (latest.time - first.time);
  }
}
