/** @file Strict UTF-8: text as it was written, or the place where it is something else, and what that seems to be. */
import { isUtf8 } from "node:buffer";

export type Decoded =
  | { text: string }
  /** `line` counts from 1, `byte` from 0 and from the start of the file. */
  | { text: undefined; line: number; byte: number; looksLike: string | undefined };

const lineFeed = 0x0a;
const replacementCharacter = Buffer.from("\ufffd");

/** Text without its byte order mark, or where the first byte that is not UTF-8 stands. */
export function decodeUtf8(bytes: Uint8Array): Decoded {
  if (isUtf8(bytes)) return { text: new TextDecoder().decode(bytes) };
  const byte = firstInvalidByte(bytes);
  let line = 1;
  for (let i = 0; i < byte; i++) if (bytes[i] === lineFeed) line++;
  return { text: undefined, line, byte, looksLike: encodingName(bytes, byte) };
}

/** Of bytes that are not UTF-8. A lenient decoder puts U+FFFD there; one that stands in the file itself is three bytes. */
export function firstInvalidByte(bytes: Uint8Array): number {
  let lineStart = 0;
  while (lineStart < bytes.length) {
    const next = bytes.indexOf(lineFeed, lineStart);
    const lineEnd = next < 0 ? bytes.length : next + 1;
    const line = bytes.subarray(lineStart, lineEnd);
    if (!isUtf8(line)) {
      let within = 0;
      for (const character of new TextDecoder("utf-8", { ignoreBOM: true }).decode(line)) {
        if (character === "\ufffd" && !replacementCharacter.equals(line.subarray(within, within + 3))) break;
        within += Buffer.byteLength(character);
      }
      return lineStart + within;
    }
    lineStart = lineEnd;
  }
  return bytes.length;
}

/** The encoding that bytes seem to have; `at`: where they are not UTF-8. Undefined where there are several it might be. */
export function encodingName(bytes: Uint8Array, at: number): string | undefined {
  const [a, b] = [bytes[0], bytes[1]];
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff)) return "UTF-16";
  // Without a mark: the text of most tables and of all JSON begins with characters of which one byte is 0.
  if (bytes.length >= 4 && (a === 0) !== (b === 0) && (bytes[2] === 0) === (a === 0) && (bytes[3] === 0) === (b === 0))
    return "UTF-16 without a byte order mark";
  const byte = bytes[at];
  const isAlone = (bytes[at - 1] ?? 0) < 0x80 && (bytes[at + 1] ?? 0) < 0x80;
  if (byte === undefined || byte < 0x80 || !isAlone) return undefined;
  return byte >= 0xa0 ? "Latin-1 (ISO 8859-1, or Windows-1252)" : "Windows-1252";
}
