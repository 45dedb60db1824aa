/** @file Whitespace, words and bytes as the tokenizers library means them, which is not always what JavaScript means. */

/** U+0085 counts, U+FEFF does not: the other way round than in `\s` and `trim`. */
const whitespace = /^\p{White_Space}$/u;
const word = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]$/u;

export function isWhitespace(character: string): boolean {
  return whitespace.test(character);
}

export function isWordCharacter(character: string): boolean {
  return word.test(character);
}

/** The code point that begins at a position. */
export function characterAt(text: string, index: number): string {
  return String.fromCodePoint(text.codePointAt(index)!);
}

/** The code point that ends at a position above 0. */
export function characterBefore(text: string, end: number): string {
  const unit = text.charCodeAt(end - 1);
  const low = unit >= 0xdc00 && unit <= 0xdfff && end > 1;
  return low ? characterAt(text, end - 2) : text[end - 1]!;
}

/** The first position from `start` on that has no whitespace. All whitespace is one UTF-16 unit. */
export function afterWhitespace(text: string, start = 0): number {
  let index = start;
  while (index < text.length && isWhitespace(text[index]!)) index += 1;
  return index;
}

/** The last position up to `end` before which there is no whitespace. */
export function beforeWhitespace(text: string, end = text.length): number {
  let index = end;
  while (index > 0 && isWhitespace(text[index - 1]!)) index -= 1;
  return index;
}

const encoder = new TextEncoder();

export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** GPT-2's letters for bytes: those that print stand for themselves, the others for the letters from U+0100 on. */
export const byteLetters: readonly string[] = (() => {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const prints = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    return String.fromCharCode(prints ? byte : next++);
  });
})();
const letterBytes: ReadonlyMap<string, number> = new Map(byteLetters.map((letter, byte) => [letter, byte]));

/** The bytes of a text as letters. */
export function toByteLetters(text: string): string {
  let letters = "";
  for (const byte of utf8(text)) letters += byteLetters[byte];
  return letters;
}

/** The bytes for which letters stand; undefined if one of them stands for none. */
export function fromByteLetters(letters: string): number[] | undefined {
  const bytes: number[] = [];
  for (const letter of letters) {
    const byte = letterBytes.get(letter);
    if (byte === undefined) return undefined;
    bytes.push(byte);
  }
  return bytes;
}

/** The token of a byte in vocabularies that fall back to bytes. */
export function byteToken(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
}
