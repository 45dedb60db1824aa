/** @file What a person says of a run: a star, tags and a note, in one small file beside run.json that nothing else depends on. */
import { z } from "zod";
import { UlptError } from "../errors.ts";
import { runPaths } from "./layout.ts";
import { writeOwnFile } from "./ownFiles.ts";
import { readJson } from "./schema.ts";

const longestTag = 64;
const mostTags = 100;
const longestNote = 10_000;

const tag = z.string().min(1).max(longestTag);

/** marks.json */
const marksJson = z.object({
  version: z.literal(1),
  starred: z.boolean(),
  /** Each once, in the order in which they were given. */
  tags: z.array(tag).max(mostTags),
  note: z.string().max(longestNote),
});

export interface Marks {
  starred: boolean;
  tags: readonly string[];
  /** Empty where there is none. */
  note: string;
}

export const noMarks: Marks = { starred: false, tags: [], note: "" };

/** The marks of the run in `directory`. @throws UlptError RUN_INVALID where the file is damaged, or none of ours */
export function readMarks(directory: string): Marks {
  const { starred, tags, note } = readJson(runPaths(directory).marks, marksJson) ?? noMarks;
  return { starred, tags: [...new Set(tags)], note };
}

/**
 * Changes what is said and keeps the rest; returns what holds then.
 * @throws UlptError OPTION_INVALID for a tag or note that is too long, or too many tags; RUN_INVALID, RUN_UNWRITABLE, DISK_FULL
 */
export function changeMarks(directory: string, change: (marks: Marks) => Marks): Marks {
  const { starred, tags, note } = change(readMarks(directory));
  const marks = { starred, tags: [...new Set(tags)], note };
  const { error } = marksJson.safeParse({ version: 1, ...marks });
  if (error) {
    throw new UlptError("OPTION_INVALID", "That cannot be kept with a run.", {
      where: error.issues[0]!.path.join("."),
      expected: `tags of 1 to ${longestTag} characters, ${mostTags} at most, and a note of at most ${longestNote}`,
      hint: "Shorten it, or take some away.",
    });
  }
  writeOwnFile(runPaths(directory).marks, `${JSON.stringify({ version: 1, ...marks }, null, 2)}\n`, { tag: "marks" });
  return marks;
}
