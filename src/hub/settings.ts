/** @file Where the Hub is, who asks, where its files are kept: read from the environment variables that huggingface_hub reads. */
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { UlptError } from "../errors.ts";
import type { Site } from "../fetching/site.ts";

export interface HubSettings extends Site {
  /** The cache folder, shared with the Python tools. */
  cache: string;
  /** Nothing is asked of the Hub: what the cache has must do. */
  offline: boolean;
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
