/** @file A server that files are fetched from, and how patiently. */

/** Who is asked. */
export interface Site {
  /** Without a slash at its end. */
  endpoint: string;
  /** Sent to the endpoint's origin and nowhere else; never part of an error. */
  token?: string | undefined;
  patience?: Partial<Patience> | undefined;
}

/** How long to wait for what. All times in milliseconds. */
export interface Patience {
  /** Without a byte for this long, a connection counts as lost. */
  idle: number;
  /** A connection that brings fewer bytes than `leastBytes` in so long counts as lost as well: it could go on for ever. */
  window: number;
  leastBytes: number;
  /** For the whole of an answer that is read in a moment: a commit, a list of files. */
  answer: number;
  /** Attempts after the first one, counted from the last `leastBytes` that came. */
  retries: number;
  /** Before the first retry; doubled for each further one. */
  firstDelay: number;
  longestDelay: number;
  /** A server that asks for a longer pause (Retry-After) is not waited for. */
  longestRetryAfter: number;
  /** The sign of life that a process gives while it downloads a file. */
  heartbeat: number;
  /** Without a sign of life for this long, another process's download is taken over. */
  claim: number;
  /** How often another process's download is looked at. */
  poll: number;
}

export const defaultPatience: Patience = {
  idle: 30_000,
  window: 60_000,
  leastBytes: 2 ** 14,
  answer: 120_000,
  retries: 5,
  firstDelay: 500,
  longestDelay: 20_000,
  longestRetryAfter: 120_000,
  heartbeat: 2_000,
  claim: 30_000,
  poll: 250,
};

export function patienceOf(site: Site): Patience {
  return { ...defaultPatience, ...site.patience };
}
