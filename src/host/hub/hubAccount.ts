/** @file Which Hub is asked, with which token: rules that decide where a token may go. Knows no `vscode`. */
import type { Translate } from "../window/translate.ts";

const defaultEndpoint = "https://huggingface.co";

type Environment = Readonly<Record<string, string | undefined>>;

/** The address of the Hub: that of the setting, else of the environment, else the public one. Without a slash at its end. */
export function hubEndpoint(setting: string, env: Environment): string {
  return (setting.trim() || env.HF_ENDPOINT?.trim() || defaultEndpoint).replace(/\/+$/, "");
}

/** Scheme, host and port of an address; undefined where it is no address of the web. */
export function originOf(address: string): string | undefined {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  return url && /^https?:$/.test(url.protocol) ? url.origin : undefined;
}

/** The host of an address, for people. */
export function hostOf(address: string): string {
  return URL.canParse(address) ? new URL(address).host : address;
}

/**
 * What a runtime process is given beside its own environment.
 * @param token that somebody signed in with at the Hub of `endpoint`
 * @param endpoint of the setting; empty where it says nothing
 */
export function hubEnvironment(
  { token, endpoint, offline }: { token: string | undefined; endpoint: string; offline: boolean },
  env: Environment,
): Record<string, string> {
  const address = hubEndpoint(endpoint, env);
  // The environment's own token belongs to the environment's own Hub.
  const isElsewhere = originOf(address) !== originOf(hubEndpoint("", env));
  return {
    ...(endpoint.trim() ? { HF_ENDPOINT: address } : {}),
    ...(offline ? { HF_HUB_OFFLINE: "1" } : {}),
    ...(token !== undefined ? { HF_TOKEN: token } : isElsewhere ? { HF_TOKEN: "" } : {}),
  };
}

/** The key of a token in the secret storage: one for each Hub, so that none is sent to another. */
export function tokenKey(endpoint: string): string {
  return `ulpt.hub.token ${originOf(endpoint) ?? ""}`;
}

/** What is wrong with the form of a token; only the Hub knows whether it is valid. */
export function tokenProblem(text: string, t: Translate): string | undefined {
  const token = text.trim();
  if (token === "") return t("Paste a token of your account.");
  if (!token.startsWith("hf_")) return t("A token begins with hf_.");
  return /^hf_[A-Za-z0-9_-]{8,200}$/.test(token) ? undefined : t("A token is hf_ and some letters and digits.");
}

/** The page of the Hub where an account's tokens are made. */
export function tokensPage(endpoint: string): string {
  return `${originOf(endpoint)?.startsWith("https:") ? endpoint : defaultEndpoint}/settings/tokens`;
}

/**
 * The page that an error names, if it is one to open: of the Hub that is asked or the public one, and over https. What an error
 * says may come from anywhere.
 */
export function pageToOpen(where: string | undefined, endpoint: string): string | undefined {
  if (where === undefined || !URL.canParse(where)) return undefined;
  const url = new URL(where);
  if (url.protocol !== "https:" || url.username || url.password) return undefined;
  return [originOf(endpoint), originOf(defaultEndpoint)].includes(url.origin) ? url.href : undefined;
}
