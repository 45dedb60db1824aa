/** @file What an error says to a person, wherever it came from: an UlptError, or one like it from the runtime. */
import { messageOf } from "../../errors.ts";

export interface Explanation {
  /** What happened, a sentence. */
  message: string;
  /** The file, line or field concerned; empty where that is not known. */
  where: string;
  /** What to do, a sentence; empty where nobody knows. */
  hint: string;
  /** The stable code of the error, if it has one. */
  code: string | undefined;
}

export function explain(error: unknown): Explanation {
  const details: Record<string, unknown> = typeof error === "object" && error !== null ? { ...error } : {};
  const text = (value: unknown) => (typeof value === "string" ? value : "");
  return {
    message: messageOf(error),
    where: text(details.where),
    hint: text(details.hint),
    code: text(details.code) || undefined,
  };
}
