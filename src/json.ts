/** @file JSON that others wrote: how deep it is nested is known before it is parsed, since what walks it is recursive. */

/** Nothing that is read here comes near; what is nested deeper would end in a stack overflow somewhere behind the parser. */
export const deepestJson = 100;

/**
 * As `JSON.parse`, with a bound on the nesting.
 * @throws SyntaxError with what is wrong, to be put behind the name of the file
 */
export function parseJson(text: string, revive?: (key: string, value: unknown) => unknown): unknown {
  if (isTooDeep(text)) throw new SyntaxError(`it is nested more than ${deepestJson} levels deep`);
  return JSON.parse(text, revive);
}

/** Whether a JSON text opens more lists and objects inside each other than `deepestJson`. */
export function isTooDeep(text: string): boolean {
  return opensMany(text) && depthOf(text) > deepestJson;
}

/** Looks for brackets natively: most texts have too few of them, wherever they stand, to be worth a closer look. */
function opensMany(text: string): boolean {
  if (text.length <= deepestJson) return false;
  let found = 0;
  for (const bracket of ["[", "{"]) {
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1)) {
      if (++found > deepestJson) return true;
    }
  }
  return false;
}

const [quote, backslash, openList, openObject, closeList, closeObject] = [...'"\\[{]}'].map((one) =>
  one.charCodeAt(0),
) as [number, number, number, number, number, number];

/** The deepest nesting of a JSON text; brackets in its strings do not count. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) at = endOfString(text, at);
    else if (code === openList || code === openObject) deepest = Math.max(deepest, ++depth);
    else if (code === closeList || code === closeObject) depth--;
  }
  return deepest;
}

/** Where the string that begins at `start` ends: at its closing quote, or at the end of the text. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; ; at++) {
    at = text.indexOf('"', at);
    if (at < 0) return text.length;
    let escapes = 0;
    while (text.charCodeAt(at - 1 - escapes) === backslash) escapes++;
    if (escapes % 2 === 0) return at;
  }
}
