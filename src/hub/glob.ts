/** @file The patterns by which a data set's card names files: `*`, `?`, `[abc]` within a folder, `**` through folders. */

type Token =
  | { kind: "character"; test: (character: string) => boolean }
  /** Any characters but a slash. */
  | { kind: "star" }
  /** Any characters. */
  | { kind: "globstar" }
  /** Any number of folders, each with its slash. */
  | { kind: "folders" };

/** Whether a path matches; takes time in proportion to the lengths of both, whatever the pattern. */
export function globMatcher(pattern: string): (path: string) => boolean {
  const wild = pattern.search(/[*?[]/);
  if (wild < 0) return (path) => path === pattern;
  const prefix = pattern.slice(0, wild);
  const tokens = tokensOf(pattern.slice(wild));
  return (path) => path.startsWith(prefix) && matches(tokens, path.slice(prefix.length));
}

function tokensOf(pattern: string): Token[] {
  const tokens: Token[] = [];
  let previous = "/";
  for (const [part] of pattern.matchAll(/\*\*\/|\*+|\?|\[[!^]?\]?[^\]]*\]|./gs)) {
    if (part === "**/" && previous.endsWith("/")) tokens.push({ kind: "folders" });
    else if (part === "**/") tokens.push({ kind: "globstar" }, character("/"));
    else if (part.startsWith("*")) tokens.push({ kind: part.length > 1 ? "globstar" : "star" });
    else if (part === "?") tokens.push({ kind: "character", test: (one) => one !== "/" });
    else if (part.length > 1) tokens.push(characterClass(part.slice(1, -1)));
    else tokens.push(character(part));
    previous = part;
  }
  return tokens;
}

function character(wanted: string): Token {
  return { kind: "character", test: (one) => one === wanted };
}

/** `a-z_`, with ! or ^ before it what is none of these. */
function characterClass(content: string): Token {
  const isNegated = /^[!^]/.test(content);
  const members = isNegated ? content.slice(1) : content;
  const ranges = [...members.matchAll(/(.)-(.)|(.)/gs)].map(
    ([, from, to, single]) => [from ?? single!, to ?? single!] as const,
  );
  const test = (one: string) => one !== "/" && ranges.some(([from, to]) => from <= one && one <= to) !== isNegated;
  return { kind: "character", test };
}

/** Follows all ways through the tokens at once. */
function matches(tokens: readonly Token[], path: string): boolean {
  let places = new Set<number>();
  enter(0, tokens, places);
  for (const one of path) {
    const next = new Set<number>();
    for (const place of places) {
      const token = tokens[place];
      if (token?.kind === "character") {
        if (token.test(one)) enter(place + 1, tokens, next);
      } else if (token?.kind === "globstar" || (token?.kind === "star" && one !== "/")) {
        enter(place, tokens, next);
      } else if (token?.kind === "folders") {
        next.add(place);
        if (one === "/") enter(place + 1, tokens, next);
      }
    }
    places = next;
  }
  return places.has(tokens.length);
}

/** A token that may stand for nothing is also passed over. */
function enter(place: number, tokens: readonly Token[], places: Set<number>): void {
  for (let at = place; ; at++) {
    places.add(at);
    const token = tokens[at];
    if (!token || token.kind === "character") return;
  }
}
