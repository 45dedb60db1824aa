/**
 * @file Words that look alike and are not the same: letters put together from others (NFD), characters that nobody sees, other
 * spaces, letters of another script, small and capital letters.
 */

/** In the form in which names are compared: letters with accents as one character where there is one. */
export function nfc(text: string): string {
  return /^[\u0000-\u007f]*$/.test(text) ? text : text.normalize("NFC");
}

/** What is drawn as nothing, or as a space that is not the usual one. */
const unseen = /[\p{Default_Ignorable_Code_Point}\p{Cf}\p{Cc}]|(?! )\p{Zs}|[\u2028\u2029]/gu;

/** Which characters of a text nobody sees, as U+200B, each once. */
export function unseenCharacters(text: string): string[] {
  return [...new Set((text.match(unseen) ?? []).map(codePointName))];
}

function codePointName(character: string): string {
  return `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}`;
}

/** A text in quotes, as JSON has it, with what nobody sees written out. */
export function quoteVisibly(text: string): string {
  return JSON.stringify(text).replaceAll(unseen, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}

/** Cyrillic and Greek letters that are drawn as Latin ones, and those (the single letters of confusables.txt of Unicode's UTS 39). */
const twins = new Map([
  ...pairUp("аеорсухіјѕһԁԛԝАВЕКМНОРСТУХЅІЈԚԜ", "aeopcyxijshdqwABEKMHOPCTYXSIJQW"),
  ...pairUp("ονΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ovABEZHIKMNOPTYX"),
]);

function pairUp(letters: string, latin: string): [string, string][] {
  return Array.from(letters, (letter, index) => [letter, latin[index]!]);
}

const foreign = new RegExp(`[${[...twins.keys()].join("")}]`, "g");

/** What is left of a text that looks the same to everybody. */
function drawn(text: string): string {
  return text
    .normalize("NFKC")
    .replaceAll(foreign, (letter) => twins.get(letter)!)
    .replaceAll(/[\p{Default_Ignorable_Code_Point}\p{Cf}]/gu, "")
    .replaceAll(/[\s\p{Cc}]+/gu, " ")
    .trim();
}

/** How two texts that are not the same differ where they look alike, in words; undefined where they look different. */
export function describeLikeness(a: string, b: string): string | undefined {
  if (a === b) return undefined;
  const [first, second] = [drawn(a), drawn(b)];
  if (first === second) {
    const letters = differingTwins(a.normalize("NFKC"), b.normalize("NFKC"));
    if (letters.length > 0) return `only in letters of another script that are drawn alike (${letters.join(", ")})`;
    const characters = [...new Set([...unseenCharacters(a), ...unseenCharacters(b)])];
    if (characters.length > 0) return `only in characters that nobody sees (${characters.join(", ")})`;
    return a.trim() === b.trim() || a.replaceAll(/\s+/g, " ").trim() === b.replaceAll(/\s+/g, " ").trim()
      ? "only in spaces"
      : "only in how their characters are encoded";
  }
  return first.toLowerCase() === second.toLowerCase() ? "only in small and capital letters" : undefined;
}

/** The letters of another script that only one of two texts has, as U+0430, each once. */
function differingTwins(a: string, b: string): string[] {
  const [first, second] = [a, b].map((text) => new Set(text.match(foreign))) as [Set<string>, Set<string>];
  return [...first, ...second].filter((letter) => first.has(letter) !== second.has(letter)).map(codePointName);
}

/** Which of `candidates` looks like `text` and is not the same. */
export function lookalike(text: string, candidates: Iterable<string>): string | undefined {
  for (const candidate of candidates) if (describeLikeness(text, candidate) !== undefined) return candidate;
  return undefined;
}

/** The pairs of texts that look alike, each text once, in their order. */
export function lookalikes(texts: readonly string[]): [string, string][] {
  const seen = new Map<string, string>();
  const pairs: [string, string][] = [];
  for (const text of texts) {
    const key = drawn(text).toLowerCase();
    const other = seen.get(key);
    if (other === undefined) seen.set(key, text);
    else if (other !== text) pairs.push([other, text]);
  }
  return pairs;
}
