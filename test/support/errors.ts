/** @file Catches the error that an action is expected to end in. */
import { type ErrorCode, UlptError } from "../../src/errors.ts";

/** The UlptError that `action` throws or rejects with; fails if there is none, or one of another kind. */
export async function errorOf(action: () => unknown): Promise<UlptError> {
  try {
    await action();
  } catch (error) {
    if (error instanceof UlptError) return error;
    throw error;
  }
  throw new Error("Nothing was thrown.");
}

/** Checks what every error owes its reader: its code, where it happened (containing `where`), and what to do. */
export async function expectError(action: () => unknown, code: ErrorCode, where: string): Promise<UlptError> {
  const error = await errorOf(action);
  const problems = [
    error.code === code ? [] : [`code ${error.code} instead of ${code}`],
    error.where?.includes(where) ? [] : [`where is "${error.where}", without "${where}"`],
    error.hint ? [] : ["no hint"],
  ].flat();
  if (problems.length > 0) throw new Error(`${problems.join("; ")}\n${error.describe()}`, { cause: error });
  return error;
}
