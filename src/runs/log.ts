/** @file run.log: what a person reads about a run, one dated line at a time. */
import { closeSync } from "node:fs";
import { asWriteError, writeFully } from "../formats/atomic.ts";
import { visibleText } from "../words/surfaces.ts";
import { openOwnFile } from "./ownFiles.ts";

export interface RunLog {
  /** Appends a line; further lines of the text are indented, and what a terminal would obey is escaped. @throws UlptError DISK_FULL, RUN_UNWRITABLE */
  line(text: string): void;
  close(): void;
}

/** Opens the log at `path` for appending. @throws UlptError RUN_UNWRITABLE; RUN_INVALID where something else than a file is in its place */
export function openLog(path: string, now: () => Date = () => new Date()): RunLog {
  const guarded = <T>(action: () => T): T => {
    try {
      return action();
    } catch (error) {
      throw asWriteError(error, path);
    }
  };
  const { descriptor } = guarded(() => openOwnFile(path, "append"));
  return {
    line(text) {
      const indented = visibleText(text).trimEnd().replaceAll("\n", "\n    ");
      guarded(() => writeFully(descriptor, `${now().toISOString()} ${indented}\n`));
    },
    close() {
      closeSync(descriptor);
    },
  };
}
