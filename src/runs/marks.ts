/** @file What a person says of a run: a star, tags, a note and a name, and whether it is hidden, in one small file beside run.json that nothing else depends on. */
import { z } from "zod";
import { UlptError } from "../errors.ts";
import { runPaths } from "./layout.ts";
import { writeOwnFile } from "./ownFiles.ts";
import { readJson } from "./schema.ts";

const longestTag = 64;
const mostTags = 100;
const longestNote = 10_000;
const longestName = 200;

/** Far above all that fits into them: a table reads those of thousands of runs. */
const mostBytes = 2 ** 18;

const tag = z.string().min(1).max(longestTag);

/** marks.json */
const marksJson = z.object({
  version: z.literal(1),
  starred: z.boolean(),
  /** Each once, in the order in which they were given. */
  tags: z.array(tag).max(mostTags),
  note: z.string().max(longestNote),
  /** Of before there are none of these. */
  name: z.string().max(longestName).default(""),
  hidden: z.boolean().default(false),
});

export interface Marks {
  starred: boolean;
  tags: readonly string[];
  /** Empty where there is none. */
  note: string;
  /** What it is to be called in tables; empty for its own name. */
  name: string;
  /** Left out of tables until hidden runs are asked for. */
  hidden: boolean;
}

export const noMarks: Marks = { starred: false, tags: [], note: "", name: "", hidden: false };

/** The marks of the run in `directory`. @throws UlptError RUN_INVALID where the file is damaged, or none of ours */
export function readMarks(directory: string): Marks {
  const marks = readJson(runPaths(directory).marks, marksJson, mostBytes) ?? noMarks;
  return marksOf(marks);
}

/**
 * Changes what is said and keeps the rest; returns what holds then.
 * @throws UlptError OPTION_INVALID for a tag or note that is too long, or too many tags; RUN_INVALID, RUN_UNWRITABLE, DISK_FULL
 */
export function changeMarks(directory: string, change: (marks: Marks) => Marks): Marks {
  const marks = marksOf(change(readMarks(directory)));
  const { error } = marksJson.safeParse({ version: 1, ...marks });
  if (error) {
    throw new UlptError("OPTION_INVALID", "That cannot be kept with a run.", {
      where: error.issues[0]!.path.join("."),
      expected: `tags of 1 to ${longestTag} characters, ${mostTags} at most, a note of at most ${longestNote} and a name of at most ${longestName}`,
      hint: "Shorten it, or take some away.",
    });
  }
  writeOwnFile(runPaths(directory).marks, `${JSON.stringify({ version: 1, ...marks }, null, 2)}\n`, { tag: "marks" });
  return marks;
}

/** Each tag once. */
function marksOf({ starred, tags, note, name, hidden }: Marks): Marks {
  return { starred, tags: [...new Set(tags)], note, name, hidden };
}
