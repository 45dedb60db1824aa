/** @file Requests go through the proxy that the environment names, which Node.js by itself heeds only where it is told to. */
import { getProxyForUrl } from "proxy-from-env";
import { UlptError } from "../errors.ts";

type Fetch = typeof fetch;

/** By the address of the proxy. */
const proxied = new Map<string, Promise<Fetch>>();

/**
 * As `fetch`, through the proxy of HTTPS_PROXY, HTTP_PROXY or ALL_PROXY unless NO_PROXY names the host.
 * @throws OPTION_INVALID for a proxy that is no web address
 */
export async function fetchFrom(url: URL, options: RequestInit): Promise<Response> {
  const proxy = getProxyForUrl(url.href);
  if (proxy === "") return fetch(url, options);
  const known = proxied.get(proxy) ?? fetchThrough(checked(proxy, url));
  proxied.set(proxy, known);
  return (await known)(url, options);
}

async function fetchThrough(proxy: string): Promise<Fetch> {
  const { ProxyAgent, fetch: fetchWith } = await import("undici");
  const dispatcher = new ProxyAgent(proxy);
  // Node.js has the same fetch inside, whose types differ in details that nobody here uses.
  return ((url: string | URL, options: object) => fetchWith(url, { ...options, dispatcher })) as unknown as Fetch;
}

/** The address may hold a password: errors do not repeat it. */
function checked(proxy: string, { protocol }: URL): string {
  if (URL.canParse(proxy) && /^https?:$/.test(new URL(proxy).protocol)) return proxy;
  throw new UlptError("OPTION_INVALID", "The address of the proxy is not a web address.", {
    where: `${protocol.slice(0, -1).toUpperCase()}_PROXY`,
    expected: "an address like http://proxy.example.org:3128",
    hint: "Correct the environment variable, or remove it.",
  });
}
