/** @file "Did you mean …": the candidate that was meant by a word that was not found. */

/** Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let best = Math.min(last[j]! + 1, current[j - 1]! + 1, substitution);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, beforeLast[j - 2]! + 1);
      current.push(best);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length]!;
}

/** What is longer is no slip of the pen, and comparing takes the product of two lengths. */
const longestWord = 200;
/** Of more candidates, as a file of data may have columns, the first are enough. */
const mostCandidates = 2_000;

/**
 * The candidate that was meant by `word`, case aside: one of which it is a whole part, else one that begins with it, else the one
 * with the fewest wrong letters. Of several that have it, the shortest; of equals the first.
 */
export function suggest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > longestWord) return undefined;
  const all = [...candidates].slice(0, mostCandidates);
  return shortened(word, all) ?? misspelt(word, all);
}

/** What stands between the parts of a name: `google/flan-t5-base`, `superglue-wsc.fixed`, `yelp_polarity`. */
const separator = /[-._/]/;

/** The shortest candidate that has `word` between its separators, else the shortest that begins with it. */
function shortened(word: string, candidates: readonly string[]): string | undefined {
  // One letter begins too many names to stand for one.
  if (word.length < 2) return undefined;
  const meant = word.toLowerCase();
  return (
    shortest(candidates.filter((candidate) => hasPart(candidate.toLowerCase(), meant))) ??
    shortest(candidates.filter((candidate) => candidate.toLowerCase().startsWith(meant)))
  );
}

function hasPart(name: string, part: string): boolean {
  const isEnd = (at: number) => at < 0 || at >= name.length || separator.test(name[at]!);
  for (let at = name.indexOf(part); at >= 0; at = name.indexOf(part, at + 1)) {
    if (isEnd(at - 1) && isEnd(at + part.length)) return true;
  }
  return false;
}

function shortest(names: readonly string[]): string | undefined {
  return names.reduce<string | undefined>(
    (best, name) => (best === undefined || name.length < best.length ? name : best),
    undefined,
  );
}

/** The candidate nearest to `word`, if it is near enough to be a slip: case aside, a third of the letters wrong. */
export function misspelt(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > longestWord) return undefined;
  const meant = word.toLowerCase();
  let nearest: string | undefined;
  let nearestDistance = Math.max(1, Math.floor(meant.length / 3)) + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - meant.length) >= nearestDistance) continue;
    const distance = editDistance(meant, candidate.toLowerCase());
    // A one-letter word is within one edit of every other: only its other case is a suggestion.
    if (distance >= nearestDistance || distance >= candidate.length) continue;
    nearest = candidate;
    nearestDistance = distance;
  }
  return nearest;
}

/** `"a", "b" and "c"`, shortened after `limit` words. */
export function quoteList(words: readonly string[], conjunction: "and" | "or" = "and", limit = 12): string {
  const quoted = words.slice(0, limit).map((word) => JSON.stringify(word));
  if (words.length > limit) return `${quoted.join(", ")} ${conjunction} ${words.length - limit} more`;
  if (quoted.length < 2) return quoted.join("");
  return `${quoted.slice(0, -1).join(", ")} ${conjunction} ${quoted.at(-1)}`;
}
