/** @file A test hub with an empty cache and a client for it, closed after each test. */
import { afterEach } from "vitest";
import { Hub } from "../../src/hub/hub.ts";
import type { HubSettings } from "../../src/hub/settings.ts";
import { temporaryFolder } from "./folder.ts";
import { hollowModel, startHub, type TestHub, type TestRepository } from "./hub.ts";

export interface HubFixture {
  hub: TestHub;
  cache: string;
  /** Retries come at once. */
  settings: HubSettings;
  client: Hub;
  /** Another client of the same hub and cache. */
  clientWith(changes: Partial<HubSettings>): Hub;
  /** What was asked since the last call, as `/path` at the hub and `storage:/name` at the storage. */
  asked(): string[];
}

type StartOptions = Partial<Parameters<typeof startHub>[0]>;

/** To be called where tests are described; the result starts a hub, with the model "org/tiny" unless told otherwise. */
export function hubFixture(): (options?: StartOptions) => Promise<HubFixture> {
  const folder = temporaryFolder();
  const hubs: TestHub[] = [];
  afterEach(async () => {
    await Promise.all(hubs.splice(0).map((hub) => hub.close()));
  });
  let caches = 0;
  return async (options = {}) => {
    const tiny: TestRepository = { type: "model", id: "org/tiny", files: hollowModel() };
    const hub = await startHub({ repositories: [tiny], ...options });
    hubs.push(hub);
    const settings: HubSettings = {
      endpoint: hub.endpoint,
      cache: folder(`cache-${caches++}`),
      offline: false,
      patience: { firstDelay: 1, longestDelay: 1, poll: 5 },
    };
    const clientWith = (changes: Partial<HubSettings>): Hub => new Hub({ ...settings, ...changes });
    const asked = (): string[] =>
      hub.requests.splice(0).map(({ at, path }) => (at === "hub" ? path : `storage:${path.replace(/^\/\w+/, "")}`));
    return { hub, cache: settings.cache, settings, client: new Hub(settings), clientWith, asked };
  };
}
