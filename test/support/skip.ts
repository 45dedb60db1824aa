/** @file Tests that cannot run everywhere say so, and why. */

/** What to append to the title of such tests; where they cannot run, the reason is also printed. */
export function unless(available: boolean, reason: string): string {
  if (available) return "";
  console.warn(`Tests are skipped: ${reason}`);
  return ` — SKIPPED: ${reason}`;
}
