import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { distinctBytes } from "../../test/support/hub.ts";
import { type HubFixture, hubFixture } from "../../test/support/hubFixture.ts";
import { Claim } from "../fetching/claim.ts";
import { defaultPatience } from "../fetching/site.ts";

const start = hubFixture();
const weights = distinctBytes(300_000);
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

const program = `
import { Hub } from ${JSON.stringify(new URL("hub.ts", import.meta.url).href)};
const { folder } = await new Hub(JSON.parse(process.argv[1])).model("org/tiny");
console.log(folder);
`;

/** Another process that downloads org/tiny and writes the folder to its output. */
function download({ settings }: HubFixture): { child: ChildProcess; folder: Promise<string> } {
  const args = ["--import", "tsx", "--input-type=module", "--eval", program, JSON.stringify(settings)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  let output = "";
  child.stdout!.on("data", (text) => {
    output += text;
  });
  return { child, folder: once(child, "close").then(() => output.trim()) };
}

function blobs({ cache }: HubFixture): string {
  return join(cache, "models--org--tiny", "blobs");
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Waits until the unfinished weights are on disk up to `bytes`. */
async function untilWritten(fixture: HubFixture, bytes: number): Promise<void> {
  await vi.waitUntil(
    () =>
      names(blobs(fixture)).some(
        (name) => name.endsWith(".incomplete") && statSync(join(blobs(fixture), name)).size === bytes,
      ),
    { timeout: 60_000 },
  );
}

function expectWhole(folder: string): void {
  expect(readFileSync(join(folder, "model.safetensors")).equals(weights)).toBe(true);
}

describe("several processes", () => {
  it("that want the same model at once download each file once", async () => {
    const fixture = await start();
    const { hub } = fixture;
    const { met, release } = hub.fail({ at: "storage", stallAfter: 100_000 });
    const first = download(fixture);
    await met;
    const second = download(fixture);
    const third = fixture.client.model("org/tiny");
    // The others have nothing left to ask: they wait for the weights.
    await vi.waitUntil(() => hub.requests.filter(({ path }) => path.includes("/revision/")).length === 3, {
      timeout: 60_000,
    });
    release();
    for (const folder of await Promise.all([first.folder, second.folder, third.then((model) => model.folder)]))
      expectWhole(folder);
    const files = hub.requests.map(({ path }) => path).filter((path) => !path.startsWith("/api/"));
    expect(files).toEqual([...new Set(files)]);
    expect(files).toHaveLength(5);
    expect(names(blobs(fixture))).toHaveLength(4);
    expect(names(join(fixture.cache, ".locks", "models--org--tiny"))).toEqual([]);
  });

  it("go on where one was killed", async () => {
    const fixture = await start();
    const { hub } = fixture;
    const { met } = hub.fail({ at: "storage", stallAfter: 100_000 });
    const { child, folder } = download(fixture);
    await met;
    await untilWritten(fixture, 100_000);
    child.kill("SIGKILL");
    await folder;
    expect(names(join(fixture.cache, ".locks", "models--org--tiny"))).toHaveLength(1);
    expectWhole((await fixture.client.model("org/tiny")).folder);
    const ranges = hub.requests.filter(({ at }) => at === "storage").map(({ headers }) => headers.range);
    expect(ranges).toEqual([undefined, "bytes=100000-"]);
    expect(names(blobs(fixture))).toHaveLength(4);
    expect(names(join(fixture.cache, ".locks", "models--org--tiny"))).toEqual([]);
  });

  it("take over from one that is killed while they wait", async () => {
    const fixture = await start();
    const { hub } = fixture;
    const { met } = hub.fail({ at: "storage", stallAfter: 100_000 });
    const { child } = download(fixture);
    await met;
    await untilWritten(fixture, 100_000);
    const waiting = fixture.client.model("org/tiny");
    await vi.waitUntil(() => hub.requests.filter(({ path }) => path.includes("/revision/")).length === 2, {
      timeout: 60_000,
    });
    child.kill("SIGKILL");
    expectWhole((await waiting).folder);
  });

  it("take over from one that is stopped, which then finishes without harm", async () => {
    const fixture = await start();
    const { hub, settings } = fixture;
    const { met, release } = hub.fail({ at: "storage", stallAfter: 100_000 });
    const stopped = download(fixture);
    await met;
    await untilWritten(fixture, 100_000);
    stopped.child.kill("SIGSTOP");
    const patience = { ...settings.patience, claim: 200 };
    const { folder } = await fixture.clientWith({ patience }).model("org/tiny");
    expectWhole(folder);
    release();
    stopped.child.kill("SIGCONT");
    expect(await stopped.folder).toBe(folder);
    expectWhole(folder);
    expect(names(blobs(fixture))).toHaveLength(4);
  });
});

describe("two calls of one process", () => {
  it("download each file once", async () => {
    const { hub, client } = await start();
    const models = await Promise.all([client.model("org/tiny"), client.model("org/tiny")]);
    for (const { folder } of models) expectWhole(folder);
    expect(hub.requests.filter(({ at }) => at === "storage")).toHaveLength(1);
  });

  it("do not wait for each other for ever when the first one is aborted", async () => {
    const { hub, client } = await start();
    const { met } = hub.fail({ at: "storage", stallAfter: 1000 });
    const controller = new AbortController();
    const first = client.model("org/tiny", { signal: controller.signal });
    await met;
    const second = client.model("org/tiny");
    controller.abort(new Error("stopped"));
    await expect(first).rejects.toThrow("stopped");
    expectWhole((await second).folder);
  });
});

describe("Claim", () => {
  it("belongs to one owner until that releases it", async () => {
    const { cache } = await start();
    const path = join(cache, ".locks", "x", "y.ulpt");
    const claim = await Claim.take(path, defaultPatience);
    expect(claim).toBeDefined();
    expect(await Claim.take(path, defaultPatience)).toBeUndefined();
    await claim!.release();
    const next = await Claim.take(path, defaultPatience);
    expect(next).toBeDefined();
    await claim!.release(); // again, by who no longer has it
    expect(await Claim.take(path, defaultPatience)).toBeUndefined();
    await next!.release();
  });

  it("is renewed as long as it is held", async () => {
    const { cache } = await start();
    const path = join(cache, "y.ulpt");
    const claim = await Claim.take(path, { ...defaultPatience, heartbeat: 5 });
    utimesSync(path, 1, 1);
    await vi.waitUntil(() => statSync(path).mtimeMs > 1_000_000, { timeout: 60_000 });
    await claim!.release();
  });

  it("that holds nothing readable is taken over after a while", async () => {
    const fixture = await start();
    const { client, clientWith, cache, settings } = fixture;
    await client.model("org/tiny");
    const etag = createHash("sha256").update(weights).digest("hex");
    rmSync(join(blobs(fixture), etag));
    writeFileSync(join(cache, ".locks", "models--org--tiny", `${etag}.ulpt`), "");
    expectWhole((await clientWith({ patience: { ...settings.patience, claim: 50 } }).model("org/tiny")).folder);
  });
});
