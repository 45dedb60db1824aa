/** @file `ulpt tag`, `ulpt note` and `ulpt star`: what a person says of a run. */
import { changeMarks, type Marks } from "../runs/marks.ts";
import { findRun } from "../training/references.ts";
import { visibleLine } from "../words/surfaces.ts";
import { say, sayJson } from "./terminal.ts";

interface MarkOptions {
  remove: boolean;
  json: boolean;
}

/** @throws RUN_MISSING, OPTION_INVALID, RUN_INVALID, RUN_UNWRITABLE, DISK_FULL */
export function tagRun(name: string, tags: string[], { remove, json }: MarkOptions): void {
  mark(name, json, (marks) => ({
    ...marks,
    tags: remove ? marks.tags.filter((tag) => !tags.includes(tag)) : [...marks.tags, ...tags],
  }));
}

/** @throws as `tagRun` */
export function noteRun(name: string, text: string | undefined, { remove, json }: MarkOptions): void {
  mark(name, json, (marks) => (remove ? { ...marks, note: "" } : { ...marks, note: text ?? marks.note }));
}

/** @throws as `tagRun` */
export function starRun(name: string, { remove, json }: MarkOptions): void {
  mark(name, json, (marks) => ({ ...marks, starred: !remove }));
}

function mark(name: string, json: boolean, change: (marks: Marks) => Marks): void {
  const { directory, spec } = findRun(name);
  const { starred, tags, note } = changeMarks(directory, change);
  if (json) sayJson({ type: "marks", experiment: spec.experiment, run: spec.run, starred, tags, note });
  else {
    const parts = [starred ? "starred" : "not starred", ...(tags.length > 0 ? [`tags ${tags.join(", ")}`] : [])];
    say(`${visibleLine(`${spec.experiment}/${spec.run}: ${parts.join("; ")}`)}${note === "" ? "" : `\n${note}`}`);
  }
}
