/**
 * @file SentencePiece's precompiled character map: a double-array trie (darts-clone) over UTF-8 and the texts its leaves point
 * to. It is applied as the tokenizers library applies it: to each grapheme of less than six bytes as a whole, else to each of
 * its characters; what the trie finds first, the shortest prefix, stands for all of it.
 */
import { characterAt, characterBefore, utf8 } from "./characters.ts";
import type { Place } from "./place.ts";

/** From so many bytes on a grapheme is only looked up character by character. */
const longGrapheme = 6;

/**
 * Characters that can be of one grapheme with a neighbour. All others but \r before \n are graphemes by themselves, and
 * segmenting is slow.
 */
const joining =
  /[\p{M}\p{Cf}\p{Grapheme_Extend}\p{Regional_Indicator}\p{Emoji_Modifier}\u0d4e\u0e33\u0eb3\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff\u{111c2}\u{111c3}\u{1193f}\u{11941}\u{11a3a}\u{11a84}-\u{11a89}\u{11d46}]/gu;
const joiningHere = new RegExp(joining.source, "uy");
const segmenter = new Intl.Segmenter("und", { granularity: "grapheme" });

export class CharacterMap {
  private readonly trie: Uint32Array;
  private readonly texts: Uint8Array;
  /** What stands for code points looked up before; undefined for those that stay. */
  private readonly known = new Map<number, string | undefined>();
  private readonly ascii: readonly (string | undefined)[];

  /** @throws TOKENIZER_INVALID if the map is cut off */
  constructor(bytes: Uint8Array, place: Place) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const size = bytes.length >= 4 ? view.getUint32(0, true) : 0;
    if (size === 0 || size % 4 !== 0 || size > bytes.length - 4) {
      throw place.invalid(`The character map of ${bytes.length} bytes claims a trie of ${size} bytes.`);
    }
    this.trie = Uint32Array.from({ length: size / 4 }, (_, index) => view.getUint32(4 + 4 * index, true));
    this.texts = bytes.subarray(4 + size);
    this.ascii = Array.from({ length: 128 }, (_, code) => this.find(String.fromCharCode(code)));
  }

  normalize(text: string): string {
    const parts: string[] = [];
    let done = 0;
    for (const [begin, end] of clusters(text)) {
      this.characters(text, done, begin, parts);
      for (const grapheme of graphemes(text, begin, end)) this.grapheme(grapheme, parts);
      done = end;
    }
    this.characters(text, done, text.length, parts);
    return parts.join("");
  }

  private grapheme(grapheme: string, parts: string[]): void {
    const whole = utf8(grapheme).length < longGrapheme ? this.find(grapheme) : undefined;
    if (whole !== undefined) parts.push(whole);
    else this.characters(grapheme, 0, grapheme.length, parts);
  }

  /** Appends the text from `begin` to `end`, character by character. */
  private characters(text: string, begin: number, end: number, parts: string[]): void {
    let copied = begin;
    let index = begin;
    while (index < end) {
      const code = text.codePointAt(index)!;
      const mapped = code < 128 ? this.ascii[code] : this.character(code);
      const next = index + (code > 0xffff ? 2 : 1);
      if (mapped !== undefined) {
        if (copied < index) parts.push(text.slice(copied, index));
        parts.push(mapped);
        copied = next;
      }
      index = next;
    }
    if (copied < end) parts.push(text.slice(copied, end));
  }

  private character(code: number): string | undefined {
    if (!this.known.has(code)) this.known.set(code, this.find(String.fromCodePoint(code)));
    return this.known.get(code);
  }

  /** What stands for a text in the map, if anything does. */
  private find(text: string): string | undefined {
    const { trie } = this;
    let node = offset(trie[0]!);
    for (const byte of utf8(text)) {
      if (byte === 0) return undefined;
      node ^= byte;
      const unit = trie[node];
      if (unit === undefined || (unit & 0x800000ff) >>> 0 !== byte) return undefined;
      node ^= offset(unit);
      if ((unit >>> 8) & 1) return this.textAt((trie[node] ?? 0) & 0x7fffffff);
    }
    return undefined;
  }

  /** The text that begins at a position and ends before a zero. */
  private textAt(begin: number): string {
    const end = this.texts.indexOf(0, begin);
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(
      this.texts.subarray(begin, end < 0 ? this.texts.length : end),
    );
  }
}

function offset(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}

/** Stretches that may have graphemes of several characters: those that join, each with the characters on either side. */
function* clusters(text: string): Generator<[begin: number, end: number]> {
  let done = 0;
  let lineEnd = text.indexOf("\r\n");
  let joiner = nextJoining(text, 0);
  while (lineEnd >= 0 || joiner >= 0) {
    if (lineEnd >= 0 && (joiner < 0 || lineEnd < joiner)) {
      // Nothing joins with a line end.
      done = lineEnd + 2;
      yield [lineEnd, done];
    } else {
      const begin = joiner > done ? joiner - characterBefore(text, joiner).length : joiner;
      done = joined(text, joiner);
      yield [begin, done];
    }
    if (lineEnd >= 0 && lineEnd < done) lineEnd = text.indexOf("\r\n", done);
    if (joiner >= 0 && joiner < done) joiner = nextJoining(text, done);
  }
}

/** Where a stretch ends that has a joining character at `begin`. */
function joined(text: string, begin: number): number {
  let end = begin;
  while (isJoining(text, end)) {
    while (isJoining(text, end)) end += characterAt(text, end).length;
    if (text.startsWith("\r\n", end)) return end;
    if (end < text.length) end += characterAt(text, end).length;
  }
  return end;
}

/** The segmenter's time grows faster than the length of the text: it gets so many UTF-16 units at a time. */
const segmented = 256;

function* graphemes(text: string, begin: number, end: number): Generator<string> {
  if (text.startsWith("\r\n", begin)) {
    yield "\r\n";
    return;
  }
  let start = begin;
  let length = segmented;
  while (start < end) {
    const part = text.slice(start, Math.min(end, start + length));
    const segments = Array.from(segmenter.segment(part), ({ segment }) => segment);
    // The last may go on.
    const complete = start + part.length < end ? segments.slice(0, -1) : segments;
    yield* complete;
    for (const segment of complete) start += segment.length;
    length = complete.length > 0 ? segmented : 2 * length;
  }
}

function nextJoining(text: string, from: number): number {
  joining.lastIndex = from;
  return joining.exec(text)?.index ?? -1;
}

function isJoining(text: string, index: number): boolean {
  joiningHere.lastIndex = index;
  return joiningHere.test(text);
}
