/** @file "Did you mean …": the candidate closest to a word that was not found. */

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

/** The candidate nearest to `word`, if it is near enough to be what was meant: case aside, a third of the letters wrong. */
export function suggest(word: string, candidates: Iterable<string>): string | undefined {
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
