/** @file Names of experiments and runs as names of folders, safe on every system. */

const maxCharacters = 100;
/** File systems allow 255 bytes; the rest is for suffixes and temporary files. */
const maxBytes = 200;

/** Devices of Windows, reserved with any extension (learn.microsoft.com/windows/win32/fileio/naming-a-file). */
const reserved = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)/i;

/**
 * A single path segment that still reads like `name`: letters, digits and `._-+=,@()` stay, everything else becomes `-`.
 * It neither starts nor ends with a dot or a dash, is no reserved name, and has 1 to 100 characters.
 */
export function safeName(name: string): string {
  const readable = name.normalize("NFC").replaceAll(/[^\p{L}\p{M}\p{N}._\-+=,@()]+/gu, "-");
  const safe = shorten(readable.replace(/^[.-]+/, ""), maxCharacters, maxBytes);
  if (safe === "") return "unnamed";
  return reserved.test(safe) ? `_${safe}` : safe;
}

/** `name-2`, shortened where the suffix would make it too long. */
export function suffixedName(name: string, suffix: number): string {
  const end = `-${suffix}`;
  return shorten(name, maxCharacters - end.length, maxBytes - end.length) + end;
}

function shorten(name: string, characters: number, bytes: number): string {
  let points = [...name].slice(0, characters);
  while (Buffer.byteLength(points.join("")) > bytes) points = points.slice(0, -1);
  return points.join("").replace(/[.-]+$/, "");
}
