/** @file Decoders of tokenizer.json: from tokens back to text. */
import { z } from "zod";
import { cleanUpSpaces } from "../cleanUp.ts";
import { fromByteLetters, utf8 } from "./characters.ts";
import { compilePattern, patternSchema, replaceMatches } from "./pattern.ts";
import { type Builder, members, settings } from "./place.ts";

/** From tokens to parts of the text, which joined are the text. */
export type Decoder = (tokens: readonly string[]) => readonly string[];

const metaspaceSchema = z.object({
  replacement: z.string(),
  prepend_scheme: z.enum(["always", "first", "never"]).default("always"),
  add_prefix_space: z.boolean().nullish(),
});
const replaceSchema = z.object({ pattern: patternSchema, content: z.string() });
const stripSchema = z.object({ content: z.string(), start: z.int().min(0), stop: z.int().min(0) });
const wordPieceSchema = z.object({ prefix: z.string(), cleanup: z.boolean() });

/** As Rust does, an order mark is text; what is no UTF-8 becomes U+FFFD. */
const lenient = new TextDecoder("utf-8", { ignoreBOM: true });
const strict = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });

export const decoders: Readonly<Record<string, Builder<Decoder>>> = {
  Sequence: (json, place) => {
    const steps = members("decoder", () => decoders, "decoders")(json, place);
    return (tokens) => steps.reduce((parts, step) => step(parts), tokens);
  },
  ByteLevel: () => (tokens) => {
    const bytes: number[] = [];
    for (const token of tokens) for (const byte of fromByteLetters(token) ?? utf8(token)) bytes.push(byte);
    return [lenient.decode(Uint8Array.from(bytes))];
  },
  Metaspace: (json, place) => {
    const { replacement, prepend_scheme, add_prefix_space } = settings(metaspaceSchema, json, place);
    const prepended = prepend_scheme !== "never" && add_prefix_space !== false;
    return (tokens) => tokens.map((token, index) => token.replaceAll(replacement, index === 0 && prepended ? "" : " "));
  },
  ByteFallback: () => joinBytes,
  Fuse: () => (tokens) => [tokens.join("")],
  Replace: (json, place) => {
    const { pattern, content } = settings(replaceSchema, json, place);
    const expression = compilePattern(pattern, place.at("pattern"));
    return (tokens) => tokens.map((token) => replaceMatches(token, pattern, expression, content));
  },
  Strip: (json, place) => {
    const { content, start, stop } = settings(stripSchema, json, place);
    return (tokens) => tokens.map((token) => strip(token, content, start, stop));
  },
  WordPiece: (json, place) => {
    const { prefix, cleanup } = settings(wordPieceSchema, json, place);
    return (tokens) =>
      tokens.map((token, index) => {
        const continues = prefix !== "" && token.startsWith(prefix);
        const part = index === 0 ? token : continues ? token.slice(prefix.length) : ` ${token}`;
        return cleanup ? withoutSpaces(part) : part;
      });
  },
};

/** At most so many times `content` at either end. */
function strip(token: string, content: string, start: number, stop: number): string {
  const characters = [...token];
  let begin = 0;
  while (begin < start && characters[begin] === content) begin += 1;
  let end = characters.length;
  while (characters.length - end < stop && end > begin && characters[end - 1] === content) end -= 1;
  return characters.slice(begin, end).join("");
}

/** A token of one byte. What it stands for depends on all that are in a row with it. */
export const byteToken = /^<0x([0-9A-Fa-f]{2})>$/;

/** Tokens of bytes in a row as what they encode; where that is no UTF-8, each as U+FFFD. */
function joinBytes(tokens: readonly string[]): string[] {
  const parts: string[] = [];
  let bytes: number[] = [];
  const flush = () => {
    if (bytes.length === 0) return;
    try {
      parts.push(strict.decode(Uint8Array.from(bytes)));
    } catch {
      for (const _ of bytes) parts.push("\ufffd");
    }
    bytes = [];
  };
  for (const token of tokens) {
    const hex = byteToken.exec(token)?.[1];
    if (hex !== undefined) bytes.push(Number.parseInt(hex, 16));
    else {
      flush();
      parts.push(token);
    }
  }
  flush();
  return parts;
}

/** The library's clean-up of a part: that of Transformers and one replacement more, which none of the others meets. */
function withoutSpaces(text: string): string {
  return cleanUpSpaces(text).replaceAll(" do not", " don't");
}
