/** @file The parts of a checkpoint's text: what folds, what the outline lists, and where each token stands. */

export interface Section {
  /** What stands between the brackets: `metrics`, `token 000`. */
  name: string;
  /** Counted from 0, both included. */
  firstLine: number;
  lastLine: number;
  /** Length of the first line. */
  length: number;
  /** Of a section about one prompt token its index. */
  token: number | undefined;
}

/** A section begins with a line like `[token 007]  norm 1.832` and ends before the next one; blank lines belong to none. */
export function outline(text: string): Section[] {
  const sections: Section[] = [];
  for (const [line, content] of text.split("\n").entries()) {
    const name = /^\[([^\]]+)\]/.exec(content)?.[1];
    const last = sections.at(-1);
    if (name !== undefined) {
      const digits = /^token (\d+)$/.exec(name)?.[1];
      const token = digits === undefined ? undefined : Number(digits);
      sections.push({ name, firstLine: line, lastLine: line, length: content.trimEnd().length, token });
    } else if (last && content.trim() !== "") last.lastLine = line;
  }
  return sections;
}
