/** @file The text of an answer while its tokens come: pieces that nothing takes back, which joined are the answer, and texts that end it. */
import type { Tokenizer } from "./tokenizer.ts";

export class AnswerText {
  private readonly tokenizer: Pick<Tokenizer, "decode" | "decodeSettled">;
  private readonly stops: readonly string[];
  /** All pieces so far. */
  private given = "";
  private stopped = false;

  /** @param stops texts that end an answer and are no part of it; none of them empty */
  constructor(tokenizer: Pick<Tokenizer, "decode" | "decodeSettled">, stops: readonly string[] = []) {
    this.tokenizer = tokenizer;
    this.stops = stops;
  }

  /** Whether one of the texts that end the answer has come. */
  get isStopped(): boolean {
    return this.stopped;
  }

  /** The next piece, of all tokens so far; empty where what is new may still change, or begin a text that ends the answer. */
  take(tokens: readonly number[]): string {
    if (this.stopped) return "";
    const settled = this.tokenizer.decodeSettled(tokens);
    const stop = this.firstStop(settled);
    this.stopped = stop !== undefined;
    return this.give(settled.slice(0, stop ?? settled.length - this.beginOfStop(settled)));
  }

  /** The last piece, and the whole answer. */
  finish(tokens: readonly number[]): { piece: string; text: string } {
    const whole = this.stopped ? this.given : this.tokenizer.decode(tokens);
    const piece = this.give(whole.slice(0, this.firstStop(whole)));
    return { piece, text: this.given };
  }

  private give(text: string): string {
    const piece = text.slice(this.given.length);
    this.given += piece;
    return piece;
  }

  /** Where the text begins that comes to its end first; of those that end together, the longest. */
  private firstStop(text: string): number | undefined {
    const found = this.stops
      .map((stop) => ({ begin: text.indexOf(stop, this.given.length), length: stop.length }))
      .filter(({ begin }) => begin >= 0)
      .sort((a, b) => a.begin + a.length - (b.begin + b.length) || a.begin - b.begin);
    return found[0]?.begin;
  }

  /** The length of the longest end of `text` that may become a stop. */
  private beginOfStop(text: string): number {
    const room = text.length - this.given.length;
    return Math.max(0, ...this.stops.map((stop) => overlap(text, stop, Math.min(room, stop.length - 1))));
  }
}

/** The length, at most `longest`, of the longest end of `text` that `next` begins with. */
function overlap(text: string, next: string, longest: number): number {
  let length = longest;
  while (length > 0 && !text.endsWith(next.slice(0, length))) length -= 1;
  return length;
}
