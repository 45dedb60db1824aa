/** @file Strict UTF-8: text as it was written, or the place where it is something else. */
import { isUtf8 } from "node:buffer";

export type Decoded =
  | { text: string }
  /** `line` counts from 1, `byte` from 0 and from the start of the file. */
  | { text: undefined; line: number; byte: number; looksLike: "UTF-16" | undefined };

const lineFeed = 0x0a;
const replacementCharacter = Buffer.from("\ufffd");

/** Text without its byte order mark, or where the first byte that is not UTF-8 stands. */
export function decodeUtf8(bytes: Uint8Array): Decoded {
  if (isUtf8(bytes)) return { text: new TextDecoder().decode(bytes) };
  const byte = firstInvalidByte(bytes);
  let line = 1;
  for (let i = 0; i < byte; i++) if (bytes[i] === lineFeed) line++;
  const mark = (bytes[0]! << 8) | bytes[1]!;
  return { text: undefined, line, byte, looksLike: mark === 0xfffe || mark === 0xfeff ? "UTF-16" : undefined };
}

/** Of bytes that are not UTF-8. A lenient decoder puts U+FFFD there; one that stands in the file itself is three bytes. */
function firstInvalidByte(bytes: Uint8Array): number {
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
