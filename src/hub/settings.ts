/** @file Where the Hub is, who asks, where its files are kept: read from the environment variables that huggingface_hub reads. */
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { UlptError } from "../errors.ts";

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

export interface HubSettings {
  /** Without a slash at its end. */
  endpoint: string;
  /** Sent to the endpoint's origin and nowhere else; never part of an error. */
  token?: string | undefined;
  /** The cache folder, shared with the Python tools. */
  cache: string;
  /** Nothing is asked of the Hub: what the cache has must do. */
  offline: boolean;
  patience?: Partial<Patience> | undefined;
}

const defaultEndpoint = "https://huggingface.co";

/**
 * The settings as the environment has them: HF_ENDPOINT, HF_TOKEN, HF_HUB_CACHE (or HUGGINGFACE_HUB_CACHE, HF_HOME,
 * XDG_CACHE_HOME) and HF_HUB_OFFLINE. An empty variable counts as absent.
 * @throws UlptError OPTION_INVALID if HF_ENDPOINT is no web address, or HF_TOKEN cannot be a token
 */
export function hubSettings(env: Readonly<Record<string, string | undefined>>): HubSettings {
  const token = env.HF_TOKEN?.trim() || undefined;
  const settings: HubSettings = {
    endpoint: (env.HF_ENDPOINT?.trim() || defaultEndpoint).replace(/\/+$/, ""),
    cache: cacheFolder(env),
    offline: /^(1|on|yes|true)$/i.test(env.HF_HUB_OFFLINE?.trim() ?? ""),
    ...(token && { token }),
  };
  checkSettings(settings);
  return settings;
}

/** The order in which huggingface_hub looks: the first that is set. */
function cacheFolder(env: Readonly<Record<string, string | undefined>>): string {
  const cache = env.HF_HUB_CACHE || env.HUGGINGFACE_HUB_CACHE;
  if (cache) return absolute(cache);
  if (env.HF_HOME) return join(absolute(env.HF_HOME), "hub");
  return join(absolute(env.XDG_CACHE_HOME || join(homedir(), ".cache")), "huggingface", "hub");
}

function absolute(path: string): string {
  return resolve(path.replace(/^~(?=$|[\\/])/, homedir()));
}

/** @throws UlptError OPTION_INVALID; the message repeats neither the token nor a password in the address */
export function checkSettings({ endpoint, token }: HubSettings): void {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (!url || !["https:", "http:"].includes(url.protocol) || url.username || url.password || url.search || url.hash) {
    throw new UlptError("OPTION_INVALID", "The address of the Hugging Face Hub is not a plain web address.", {
      where: "HF_ENDPOINT",
      expected: `an address like ${defaultEndpoint}, without user name, password or query`,
      hint: "Correct the environment variable, or remove it.",
    });
  }
  // fetch() would refuse such a header with a message that repeats it.
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
    throw new UlptError(
      "OPTION_INVALID",
      "The access token of the Hugging Face Hub has characters that no token has.",
      {
        where: "HF_TOKEN",
        expected: "a token as the Hub shows it, beginning with hf_",
        hint: "Copy the token again from the Hub's page Settings, Access Tokens.",
      },
    );
  }
}

export function patienceOf(settings: HubSettings): Patience {
  return { ...defaultPatience, ...settings.patience };
}
