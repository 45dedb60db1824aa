/** @file What is told while a model is downloaded or rows are read: a bar on a terminal, a line now and then elsewhere. */
import cliProgress from "cli-progress";
import type { Preparation } from "../training/resources.ts";
import { durationText } from "../words/numbers.ts";
import { visibleLine } from "../words/surfaces.ts";
import { formatBytes, formatCount } from "./format.ts";

/** Work that is done sooner than this is not worth a word. In milliseconds. */
const quiet = 1_000;
const lineInterval = 5_000;

/** What there is to wait for: before a run, or while steps are timed. */
export type Waiting = Preparation | { stage: "time"; what: string; done: number; total: number };

const verbs = {
  download: "downloading",
  read: "reading",
  tokenize: "tokenizing",
  quantize: "rounding weights",
  time: "timing",
} as const;

interface Told {
  /** What is being done, and what to: `reading train`. */
  title: string;
  done: number;
  total: number;
  /** `120.4 of 892.0 MB  12.1 MB/s` */
  amount: string;
  secondsLeft: number | undefined;
}

/** The state of the work in words; the time left is told from its own start where the stage does not know. */
class Teller {
  private title = "";
  private started = 0;
  private begun = 0;

  tell(progress: Waiting): Told & { since: number } {
    const isDownload = progress.stage === "download";
    const title = visibleLine(`${verbs[progress.stage]} ${isDownload ? progress.file : progress.what}`);
    const key = isDownload ? verbs.download : title; // the files of one download are one piece of work
    const [done, total] = isDownload ? [progress.bytes, progress.totalBytes] : [progress.done, progress.total];
    const now = Date.now();
    if (key !== this.title) {
      this.title = key;
      this.started = now;
      this.begun = done;
    }
    const since = now - this.started;
    const rate = since > 0 ? (done - this.begun) / (since / 1000) : 0;
    const secondsLeft = isDownload ? progress.secondsLeft : rate > 0 ? (total - done) / rate : undefined;
    const amount = isDownload
      ? `${formatBytes(done)} of ${formatBytes(total)}  ${formatBytes(progress.bytesPerSecond)}/s`
      : progress.stage === "quantize"
        ? `${formatBytes(done)} of ${formatBytes(total)}`
        : `${formatCount(done)} of ${formatCount(total)} ${progress.stage === "time" ? "steps" : "rows"}`;
    return { title, done, total, amount, secondsLeft, since };
  }
}

/** For machines: every report of a download, and of other work what is worth a word. */
export class PreparationFilter {
  private readonly teller = new Teller();

  isWorthTelling(progress: Waiting): boolean {
    return this.teller.tell(progress).since >= quiet || progress.stage === "download";
  }
}

export class PreparationBar {
  private readonly teller = new Teller();
  private bar: cliProgress.SingleBar | undefined;
  private work = "";

  show(progress: Waiting): void {
    const { title, done, total, amount, secondsLeft, since } = this.teller.tell(progress);
    const work = progress.stage === "download" ? "download" : title;
    if (work !== this.work) this.stop();
    this.work = work;
    if (!this.bar && (since < quiet || done >= total)) return;
    const payload = { title, amount, left: secondsLeft === undefined ? "–" : durationText(secondsLeft) };
    if (this.bar) {
      this.bar.update(done, payload);
      if (done >= total) this.stop();
      return;
    }
    this.bar = new cliProgress.SingleBar(
      { format: "  {bar} {amount}  ETA {left}  {title}", barsize: 24, hideCursor: true, gracefulExit: false },
      cliProgress.Presets.shades_classic,
    );
    this.bar.start(total, done, payload);
  }

  stop(): void {
    this.bar?.stop();
    this.bar = undefined;
  }
}

export class PreparationLines {
  private readonly teller = new Teller();
  private readonly write: (line: string) => void;
  private lastLine = 0;

  constructor(write: (line: string) => void) {
    this.write = write;
  }

  show(progress: Waiting): void {
    const { title, amount, secondsLeft, since } = this.teller.tell(progress);
    const now = Date.now();
    if (since < quiet || now - this.lastLine < lineInterval) return;
    this.lastLine = now;
    this.write(`  ${title}  ${amount}  ETA ${secondsLeft === undefined ? "–" : durationText(secondsLeft)}`);
  }
}
