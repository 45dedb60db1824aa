/** @file Normalizers of tokenizer.json: from the text as written to the text that is split. */
import { z } from "zod";
import { afterWhitespace, beforeWhitespace, isWhitespace, toByteLetters } from "./characters.ts";
import { CharacterMap } from "./charsmap.ts";
import { compilePattern, patternSchema, replaceMatches } from "./pattern.ts";
import { type Builder, members, type Place, settings } from "./place.ts";

export type Normalizer = (text: string) => string;

const stripSchema = z.object({ strip_left: z.boolean(), strip_right: z.boolean() });
const replaceSchema = z.object({ pattern: patternSchema, content: z.string() });
const prependSchema = z.object({ prepend: z.string() });
const precompiledSchema = z.object({ precompiled_charsmap: z.base64().nullable() });
const bertSchema = z.object({
  clean_text: z.boolean(),
  handle_chinese_chars: z.boolean(),
  strip_accents: z.boolean().nullable(),
  lowercase: z.boolean(),
});

export const normalizers: Readonly<Record<string, Builder<Normalizer>>> = {
  Sequence: (json, place) => {
    const steps = members("normalizer", () => normalizers, "normalizers")(json, place);
    return (text) => steps.reduce((done, step) => step(done), text);
  },
  NFC: () => (text) => text.normalize("NFC"),
  NFD: () => (text) => text.normalize("NFD"),
  NFKC: () => (text) => text.normalize("NFKC"),
  NFKD: () => (text) => text.normalize("NFKD"),
  Lowercase: () => lowercase,
  StripAccents: () => (text) => text.replace(/\p{M}/gu, ""),
  Strip: (json, place) => {
    const { strip_left, strip_right } = settings(stripSchema, json, place);
    return (text) => {
      const end = strip_right ? beforeWhitespace(text) : text.length;
      return text.slice(strip_left ? Math.min(afterWhitespace(text), end) : 0, end);
    };
  },
  Replace: (json, place) => {
    const { pattern, content } = settings(replaceSchema, json, place);
    const expression = compilePattern(pattern, place.at("pattern"));
    return (text) => replaceMatches(text, pattern, expression, content);
  },
  Prepend: (json, place) => {
    const { prepend } = settings(prependSchema, json, place);
    return (text) => (text === "" ? "" : prepend + text);
  },
  Precompiled: (json, place) => {
    const { precompiled_charsmap: written } = settings(precompiledSchema, json, place);
    return characterMap(Buffer.from(written ?? "", "base64"), place.at("precompiled_charsmap"));
  },
  Nmt: () => (text) =>
    text
      .replace(/[\u0001-\u0008\u000b\u000e-\u001f\u007f\u008f\u009f]/g, "")
      .replace(/[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/g, " "),
  BertNormalizer: (json, place) => {
    const { clean_text, handle_chinese_chars, strip_accents, lowercase: lower } = settings(bertSchema, json, place);
    const steps: Normalizer[] = [];
    if (clean_text) steps.push(cleanText);
    if (handle_chinese_chars) steps.push((text) => text.replace(ideographs, " $& "));
    if (strip_accents ?? lower) steps.push((text) => text.normalize("NFD").replace(/\p{Mn}/gu, ""));
    if (lower) steps.push(lowercase);
    return (text) => steps.reduce((done, step) => step(done), text);
  },
  ByteLevel: () => toByteLetters,
};

/** An empty map leaves texts as they are. @throws TOKENIZER_INVALID */
export function characterMap(bytes: Uint8Array, place: Place): Normalizer {
  if (bytes.length === 0) return (text) => text;
  const map = new CharacterMap(bytes, place);
  return (text) => map.normalize(text);
}

/** Character by character: a sigma at the end of a word is no other than one within it. */
function lowercase(text: string): string {
  return text
    .split("Σ")
    .map((part) => part.toLowerCase())
    .join("σ");
}

const ideographs =
  /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/gu;

/** Without control characters, each whitespace as a space. */
function cleanText(text: string): string {
  let out = "";
  for (const character of text) {
    if (/[\t\n\r]/.test(character)) out += " ";
    else if (/[\0\ufffd\p{Cc}\p{Cf}\p{Co}]/u.test(character)) continue;
    else out += isWhitespace(character) ? " " : character;
  }
  return out;
}
