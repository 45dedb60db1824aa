/**
 * @file One request and its answer: redirects by hand, the token only for the endpoint's own origin, and a time limit on
 * silence, and on what is hardly more, instead of one on the whole.
 */
import { messageOf, systemErrorCode } from "../errors.ts";
import { retryAfter } from "./pauses.ts";
import { fetchFrom } from "./proxy.ts";
import { type Patience, patienceOf, type Site } from "./site.ts";

/** What may be tried again: a connection that failed or fell silent, a server that is busy. */
export class Interrupted extends Error {
  readonly kind: "network" | "name" | "refused" | "certificate" | "silence" | "busy";
  /** The HTTP status, where there was an answer. */
  readonly status: number | undefined;
  /** Milliseconds to wait, where the server said so. */
  readonly retryAfter: number | undefined;

  constructor(
    kind: Interrupted["kind"],
    message: string,
    details: { status?: number; retryAfter?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, { cause: details.cause });
    this.kind = kind;
    this.status = details.status;
    this.retryAfter = details.retryAfter;
  }
}

/** A redirect that leads nowhere. */
export class Misdirected extends Error {
  /** Queries may hold signatures: the address without its query. */
  readonly where: string;

  constructor({ origin, pathname }: URL, what: string) {
    super(`The server ${what}.`);
    this.where = origin + pathname;
  }
}

export interface Exchange {
  response: Response;
  /** The answer came from the site's own origin, not from the storage it redirected to. */
  fromSite: boolean;
  /** The body, piece by piece. Throws Interrupted where the connection breaks or falls silent. */
  chunks(): AsyncGenerator<Uint8Array>;
  /** Ends the exchange, read or not. To be called always. */
  close(): void;
}

const redirects = new Set([301, 302, 303, 307, 308]);
const mostRedirects = 5;

/**
 * Sends a GET request and waits for the head of the answer.
 * @throws Interrupted if no answer came; Misdirected; the reason of `signal`
 */
export async function exchange(
  address: string,
  site: Site,
  options: { headers?: Record<string, string>; signal?: AbortSignal | undefined; deadline?: number | undefined } = {},
): Promise<Exchange> {
  const { signal, headers, deadline = Number.POSITIVE_INFINITY } = options;
  signal?.throwIfAborted();
  const controller = new AbortController();
  const patience = patienceOf(site);
  const waiting = new Waiting(patience, deadline);
  const home = new URL(site.endpoint).origin;
  const stop = () => controller.abort();
  signal?.addEventListener("abort", stop, { once: true });
  const close = (): void => {
    signal?.removeEventListener("abort", stop);
    controller.abort();
  };

  /** Only the wait for the other side is timed, not what is done with its data. */
  const awaited = async <T>(work: Promise<T>): Promise<T> => {
    const started = performance.now();
    const { milliseconds, reason } = waiting.next();
    let silent = false;
    const timer = setTimeout(() => {
      silent = true;
      controller.abort();
    }, milliseconds);
    try {
      return await work;
    } catch (error) {
      signal?.throwIfAborted();
      if (silent) throw new Interrupted("silence", reason, { cause: error });
      throw interruption(error);
    } finally {
      clearTimeout(timer);
      waiting.add(performance.now() - started);
    }
  };

  try {
    let url = new URL(address);
    for (let followed = 0; ; followed++) {
      const fromSite = url.origin === home;
      const response = await awaited(
        fetchFrom(url, {
          redirect: "manual",
          signal: controller.signal,
          headers: { ...headers, ...(fromSite && site.token && { authorization: `Bearer ${site.token}` }) },
        }),
      );
      const location = response.headers.get("location");
      if (!redirects.has(response.status) || location === null) {
        return { response, fromSite, close, chunks: () => chunksOf(response, awaited, waiting) };
      }
      await response.body?.cancel().catch(() => {});
      if (followed === mostRedirects) throw new Misdirected(url, `redirects more than ${mostRedirects} times`);
      url = redirected(url, location);
    }
  } catch (error) {
    close();
    throw error;
  }
}

/** How long the other side may still be waited for. All times in milliseconds. */
class Waiting {
  private readonly patience: Patience;
  /** For the whole exchange. */
  private readonly deadline: number;
  private total = 0;
  /** Of the window that is open: the time in it, and what came. */
  private window = 0;
  private bytes = 0;

  constructor(patience: Patience, deadline: number) {
    this.patience = patience;
    this.deadline = deadline;
  }

  /** How long the next piece may take, and what to say if it does not come. */
  next(): { milliseconds: number; reason: string } {
    const { idle, window } = this.patience;
    const seconds = (time: number) => `${time / 1000} seconds`;
    const ends = [
      { milliseconds: idle, reason: `nothing came for ${seconds(idle)}` },
      { milliseconds: window - this.window, reason: `only ${this.bytes} bytes came in ${seconds(window)}` },
      { milliseconds: this.deadline - this.total, reason: `the answer took more than ${seconds(this.deadline)}` },
    ];
    return ends.reduce((first, end) => (end.milliseconds < first.milliseconds ? end : first));
  }

  add(milliseconds: number): void {
    this.total += milliseconds;
    this.window += milliseconds;
  }

  received(bytes: number): void {
    this.bytes += bytes;
    if (this.bytes < this.patience.leastBytes) return;
    this.window = 0;
    this.bytes = 0;
  }
}

async function* chunksOf(
  response: Response,
  awaited: <T>(work: Promise<T>) => Promise<T>,
  waiting: Waiting,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = response.body?.getReader();
  if (!reader) return;
  for (;;) {
    const { done, value } = await awaited(reader.read());
    if (done) return;
    waiting.received(value.length);
    yield value;
  }
}

function redirected(from: URL, location: string): URL {
  if (!URL.canParse(location, from.href)) throw new Misdirected(from, "redirects to what is no address");
  const to = new URL(location, from);
  const secure = to.protocol === "https:" || (to.protocol === "http:" && from.protocol === "http:");
  if (!secure) throw new Misdirected(from, `redirects to an address with ${to.protocol}`);
  return to;
}

/** @throws Interrupted where the server is busy, or has a fault of its own: it may be asked again */
export function checkBusy({ response: { status, headers }, fromSite }: Exchange): void {
  // Storage refuses an address whose signature has expired: the site gives out a new one.
  const expired = !fromSite && (status === 401 || status === 403);
  if (status !== 408 && status !== 425 && status !== 429 && status < 500 && !expired) return;
  throw new Interrupted("busy", `the server answered with status ${status}`, {
    status,
    retryAfter: retryAfter(headers.get("retry-after")),
  });
}

/** What a person can do where patience did not help. @param address whose address it is, and what says it */
export function hintFor({ kind }: Interrupted, address: string): string {
  switch (kind) {
    case "busy":
      return "The fault is the server's: try again later. What has been downloaded is kept.";
    case "certificate":
      return "If a proxy opens encrypted connections, give Node its certificate in NODE_EXTRA_CA_CERTS.";
    case "name":
    case "refused":
      return `Check the network connection, ${address} and the proxy (HTTPS_PROXY), if there is one.`;
    default:
      return "Check the network connection and try again: what has been downloaded is kept.";
  }
}

const kinds: Readonly<Record<string, Interrupted["kind"]>> = {
  ENOTFOUND: "name",
  EAI_AGAIN: "name",
  ECONNREFUSED: "refused",
};

/** fetch() wraps what went wrong in a TypeError that only says "fetch failed" or "terminated". */
function interruption(error: unknown): Interrupted {
  let cause = error;
  while (cause instanceof Error && systemErrorCode(cause) === undefined) {
    // Where the host has several addresses, there is one error for each.
    const inner: unknown = cause instanceof AggregateError ? cause.errors[0] : cause.cause;
    if (inner === undefined) break;
    cause = inner;
  }
  const code = systemErrorCode(cause) ?? "";
  const certificate = /CERT|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|ALTNAME|^ERR_TLS|^ERR_SSL/.test(code);
  const message = messageOf(cause) || code || messageOf(error);
  return new Interrupted(certificate ? "certificate" : (kinds[code] ?? "network"), message, { cause: error });
}
