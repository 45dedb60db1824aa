/** @file How long to pause before a request is made again. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Patience } from "./site.ts";

/** Doubling, with up to a quarter less by chance, so that many clients do not come back in step. */
export function backoff(attempt: number, { firstDelay, longestDelay }: Patience, random = Math.random): number {
  return Math.min(firstDelay * 2 ** (attempt - 1), longestDelay) * (1 - random() / 4);
}

/**
 * Milliseconds that a Retry-After header asks for: it holds seconds or a date (RFC 9110, 10.2.3). Undefined where it holds
 * neither.
 */
export function retryAfter(header: string | null, now = Date.now()): number | undefined {
  if (header === null) return undefined;
  if (/^\s*\d+\s*$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** Rejects with the signal's reason as soon as it is aborted. */
export async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(milliseconds, undefined, signal && { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
