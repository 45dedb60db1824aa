import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import type * as fs from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterEach, describe, expect, it, vi } from "vitest";
import { errorOf, expectError } from "../../test/support/errors.ts";
import { distinctBytes, type HubRequest } from "../../test/support/hub.ts";
import { type HubFixture, hubFixture } from "../../test/support/hubFixture.ts";
import { machine } from "../formats/maker.ts";
import type { FetchProgress } from "./hub.ts";

const disk = vi.hoisted(() => ({ symlinks: true, freeBytes: undefined as number | undefined, full: false }));
vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof fs>();
  return {
    ...real,
    symlink: async (...args: Parameters<typeof real.symlink>) => {
      if (!disk.symlinks) throw Object.assign(new Error("EPERM: operation not permitted"), { code: "EPERM" });
      return real.symlink(...args);
    },
    statfs: async (path: string) =>
      disk.freeBytes === undefined ? real.statfs(path) : { bavail: disk.freeBytes, bsize: 1 },
    open: async (...args: Parameters<typeof real.open>) => {
      const handle = await real.open(...args);
      if (disk.full && String(args[0]).endsWith(".incomplete")) {
        handle.write = () => Promise.reject(Object.assign(new Error("ENOSPC: no space left"), { code: "ENOSPC" }));
      }
      return handle;
    },
  };
});
afterEach(() => Object.assign(disk, { symlinks: true, freeBytes: undefined, full: false }));

const start = hubFixture();
const weights = distinctBytes(300_000);
const weightsHash = createHash("sha256").update(weights).digest("hex");

function blobsOf({ cache }: HubFixture): string {
  return join(cache, "models--org--tiny", "blobs");
}

function incompleteIn(fixture: HubFixture): string[] {
  return readdirSync(blobsOf(fixture)).filter((name) => name.endsWith(".incomplete"));
}

/** The ranges asked for of the weights, oldest first; "" where all was asked for. */
function ranges(requests: readonly HubRequest[]): string[] {
  return requests.filter(({ at }) => at === "storage").map(({ headers }) => headers.range ?? "");
}

async function expectWhole({ client }: HubFixture): Promise<string> {
  const { folder } = await client.model("org/tiny");
  expect(readFileSync(join(folder, "model.safetensors")).equals(weights)).toBe(true);
  return folder;
}

const deadPid = 2 ** 22 + 1; // above the largest process id of Linux

/** Downloads all but the weights, and leaves `content` of them as a process that has died did. */
async function leavePart(fixture: HubFixture, content: Buffer, owner = `${machine}-${deadPid}`): Promise<string> {
  fixture.hub.fail({ at: "storage", status: 503 });
  const impatient = fixture.clientWith({ patience: { retries: 0 } });
  await expectError(() => impatient.model("org/tiny"), "HUB_UNREACHABLE", "org/tiny");
  expect(incompleteIn(fixture)).toEqual([]);
  fixture.hub.requests.length = 0;
  const path = join(blobsOf(fixture), `${weightsHash}.${owner}-0a1b2c3d.incomplete`);
  writeFileSync(path, content);
  return path;
}

describe("a connection that breaks", () => {
  it("goes on where it was cut, as often as something comes", async () => {
    const fixture = await start();
    fixture.hub.fail({ at: "storage", cutAfter: 40_000, times: 7 });
    await expectWhole(fixture);
    const starts = ranges(fixture.hub.requests).map((range) => Number(/\d+/.exec(range)?.[0] ?? 0));
    expect(starts).toHaveLength(8);
    expect(starts).toEqual([...new Set(starts)].sort((a, b) => a - b));
  });

  it("ends in an error where nothing comes any more, and the next call goes on where this one ended", async () => {
    const fixture = await start();
    fixture.hub.fail({ at: "storage", cutAfter: 100_000 });
    fixture.hub.fail({ at: "storage", status: 503, times: 5 });
    const error = await expectError(() => fixture.client.model("org/tiny"), "HUB_UNREACHABLE", "org/tiny");
    expect(error.message).toContain("503");
    const [left] = incompleteIn(fixture);
    const { size } = statSync(join(blobsOf(fixture), left!));
    expect(size).toBeGreaterThan(0);
    fixture.hub.requests.length = 0;
    await expectWhole(fixture);
    expect(ranges(fixture.hub.requests)).toEqual([`bytes=${size}-`]);
    expect(incompleteIn(fixture)).toEqual([]);
  });

  it("is taken as broken when it falls silent", async () => {
    const fixture = await start();
    fixture.hub.fail({ at: "storage", stallAfter: 50_000 });
    await fixture.clientWith({ patience: { ...fixture.settings.patience, idle: 500 } }).model("org/tiny");
    await expectWhole(fixture);
    expect(ranges(fixture.hub.requests)[1]).toMatch(/^bytes=[1-9]\d*-$/);
  });

  it("is taken as broken when hardly anything comes, and given up when that stays so", async () => {
    const fixture = await start();
    fixture.hub.fail({ at: "storage", drip: 5, times: Number.POSITIVE_INFINITY });
    const patience = { ...fixture.settings.patience, idle: 5_000, window: 200, retries: 2 };
    const error = await expectError(
      () => fixture.clientWith({ patience }).model("org/tiny"),
      "HUB_UNREACHABLE",
      "org/tiny",
    );
    expect(error.message).toMatch(/only \d+ bytes came in 0\.2 seconds/);
    expect(fixture.hub.requests.filter(({ at }) => at === "storage")).toHaveLength(3);
  });

  it("is not waited for without an end where a short answer drips", async () => {
    const fixture = await start();
    fixture.hub.fail({ path: "/api/", answer: " ".repeat(10_000), drip: 5, times: Number.POSITIVE_INFINITY });
    const patience = { ...fixture.settings.patience, answer: 200, retries: 1 };
    const error = await expectError(
      () => fixture.clientWith({ patience }).model("org/tiny"),
      "HUB_UNREACHABLE",
      "org/tiny",
    );
    expect(error.message).toContain("the answer took more than 0.2 seconds");
  });

  it("counts what was there before as done, in the progress and the request", async () => {
    const fixture = await start();
    await leavePart(fixture, weights.subarray(0, 200_000));
    const reports: FetchProgress[] = [];
    await fixture.client.model("org/tiny", { onProgress: (progress) => reports.push(progress) });
    const total = reports[0]!.totalBytes;
    expect(reports[0]!.bytes).toBeLessThan(1000); // the small files, from the cache
    expect(reports.at(-1)).toMatchObject({ bytes: total, secondsLeft: 0 });
    expect(ranges(fixture.hub.requests)).toEqual(["bytes=200000-"]);
  });
});

describe("what a dead process left", () => {
  it("is gone on with", async () => {
    const fixture = await start();
    const left = await leavePart(fixture, weights.subarray(0, 123_456));
    const { ino } = statSync(left);
    const folder = await expectWhole(fixture);
    expect(ranges(fixture.hub.requests)).toEqual(["bytes=123456-"]);
    expect(statSync(join(folder, "model.safetensors")).ino).toBe(ino);
    expect(incompleteIn(fixture)).toEqual([]);
  });

  it("is copied, not written to, where the process may still live", async () => {
    for (const owner of ["0123abcd-1", `${machine}-${process.ppid}`]) {
      const fixture = await start();
      const left = await leavePart(fixture, weights.subarray(0, 1000), owner);
      const { ino } = statSync(left);
      const folder = await expectWhole(fixture);
      expect(ranges(fixture.hub.requests)).toEqual(["bytes=1000-"]);
      expect(statSync(join(folder, "model.safetensors")).ino).not.toBe(ino);
    }
  });

  it("is thrown away where it is not the beginning of the file, or longer than it", async () => {
    for (const [rubbish, expected] of [
      [Buffer.alloc(5000), ["bytes=5000-", ""]],
      [Buffer.alloc(300_000), [""]],
      [Buffer.alloc(300_001), [""]],
    ] as const) {
      const fixture = await start();
      await leavePart(fixture, rubbish);
      await expectWhole(fixture);
      expect(ranges(fixture.hub.requests)).toEqual(expected);
    }
  });

  it("is left alone where huggingface_hub wrote it", async () => {
    const fixture = await start();
    await leavePart(fixture, Buffer.alloc(0));
    const theirs = join(blobsOf(fixture), `${weightsHash}.incomplete`);
    writeFileSync(theirs, weights.subarray(0, 1000));
    await expectWhole(fixture);
    expect(ranges(fixture.hub.requests)).toEqual([""]);
    expect(readFileSync(theirs)).toHaveLength(1000);
  });
});

describe("a server that answers a range in its own way", () => {
  it("may send everything: the file begins again", async () => {
    const fixture = await start();
    await leavePart(fixture, weights.subarray(0, 100_000));
    fixture.hub.fail({ at: "storage", ignoreRange: true });
    await expectWhole(fixture);
  });

  it("does not keep the download going for ever where it ignores ranges and always breaks", async () => {
    const fixture = await start();
    fixture.hub.fail({ at: "storage", ignoreRange: true, cutAfter: 100_000, times: Number.POSITIVE_INFINITY });
    await expectError(() => fixture.client.model("org/tiny"), "HUB_UNREACHABLE", "org/tiny");
    expect(ranges(fixture.hub.requests).length).toBeLessThan(10);
  });

  it("may say that there is no such range, or send another one: the file begins again", async () => {
    for (const failure of [
      { status: 416 },
      { status: 206, headers: { "content-range": "bytes 5-9/300000" }, answer: "wrong" },
    ]) {
      const fixture = await start();
      await leavePart(fixture, weights.subarray(0, 100_000));
      fixture.hub.fail({ at: "storage", ...failure });
      await expectWhole(fixture);
      expect(ranges(fixture.hub.requests)).toEqual(["bytes=100000-", ""]);
    }
  });
});

describe("content that is not what the Hub lists", () => {
  const wrong = [
    { name: "a wrong byte", failure: { corrupt: true } },
    { name: "too few bytes", failure: { content: weights.subarray(0, 1000) } },
    { name: "too many bytes", failure: { content: distinctBytes(300_001) } },
  ];
  for (const { name, failure } of wrong) {
    it(`is fetched once more: ${name}`, async () => {
      const fixture = await start();
      fixture.hub.fail({ at: "storage", ...failure });
      await expectWhole(fixture);
      expect(ranges(fixture.hub.requests)).toEqual(["", ""]);
    });

    it(`is refused when it comes twice, and nothing of it stays: ${name}`, async () => {
      const fixture = await start();
      fixture.hub.fail({ at: "storage", ...failure, times: 2 });
      await expectError(() => fixture.client.model("org/tiny"), "HUB_CORRUPT", "model.safetensors");
      expect(readdirSync(blobsOf(fixture)).filter((blob) => blob.startsWith(weightsHash))).toEqual([]);
      await expectWhole(fixture);
    });
  }

  it("is noticed in small files too, by git's hash", async () => {
    const fixture = await start();
    fixture.hub.fail({ path: "resolve", corrupt: true, times: 2 });
    await expectError(() => fixture.client.model("org/tiny"), "HUB_CORRUPT", "config.json");
  });
});

describe("a busy server", () => {
  it("is asked again: 429 after the time that it names, 5xx, in the API and for files", async () => {
    const fixture = await start();
    fixture.hub.fail({ path: "/revision/", status: 429, headers: { "retry-after": "0" } });
    fixture.hub.fail({ path: "/tree/", status: 500 });
    fixture.hub.fail({ path: "/resolve/", status: 503, times: 2 });
    fixture.hub.fail({ at: "storage", status: 429, headers: { "retry-after": new Date().toUTCString() } });
    await expectWhole(fixture);
  });

  it("is not waited for longer than is bearable, and the error says what helps", async () => {
    const fixture = await start();
    fixture.hub.fail({ status: 429, headers: { "retry-after": "86400" } });
    const error = await expectError(() => fixture.client.model("org/tiny"), "HUB_UNREACHABLE", "org/tiny");
    expect(error.hint).toContain("HF_TOKEN");
    expect(fixture.hub.requests).toHaveLength(1);
  });

  it("is given up after some attempts", async () => {
    const fixture = await start();
    fixture.hub.fail({ path: "/api/", status: 502, times: Number.POSITIVE_INFINITY });
    await expectError(() => fixture.client.model("org/tiny"), "HUB_UNREACHABLE", "org/tiny");
    expect(fixture.hub.requests).toHaveLength(6);
  });

  it("hands out a new address where the storage says that the old one has expired", async () => {
    const fixture = await start();
    fixture.hub.fail({ at: "storage", status: 403 });
    await expectWhole(fixture);
    expect(fixture.asked().filter((path) => path.endsWith("/model.safetensors"))).toEqual([
      expect.stringContaining("/resolve/"),
      "storage:/model.safetensors",
      expect.stringContaining("/resolve/"),
      "storage:/model.safetensors",
    ]);
  });
});

describe("the token", () => {
  const token = "hf_secretsecret";

  it("goes to the Hub with every request and never to the storage it redirects to", async () => {
    const fixture = await start();
    await fixture.clientWith({ token }).model("org/tiny");
    const { requests } = fixture.hub;
    const atHub = requests.filter(({ at }) => at === "hub");
    expect(atHub.map(({ headers }) => headers.authorization)).toEqual(atHub.map(() => `Bearer ${token}`));
    const atStorage = requests.filter(({ at }) => at === "storage");
    expect(atStorage).toHaveLength(1);
    expect(JSON.stringify(atStorage)).not.toContain(token);
  });

  it("does not follow a list of files to another host", async () => {
    const fixture = await start();
    fixture.hub.fail({
      path: "/tree/",
      headers: { link: `<${fixture.hub.storage}/next>; rel="next"` },
      answer: [],
    });
    await errorOf(() => fixture.clientWith({ token }).model("org/tiny"));
    const elsewhere = fixture.hub.requests.filter(({ at }) => at === "storage");
    expect(elsewhere).toHaveLength(1);
    expect(elsewhere[0]!.headers.authorization).toBeUndefined();
  });

  it("is in no error, nor is the signature of a storage address", async () => {
    for (const failure of [
      { status: 401 },
      { status: 403 },
      { status: 500 },
      { answer: "<html>" },
      { answer: "[".repeat(100_000) + "]".repeat(100_000) },
      { at: "storage" as const, status: 404 },
      { at: "storage" as const, status: 503 },
      { at: "storage" as const, cutAfter: 10 },
      { at: "storage" as const, corrupt: true, times: 2 },
      { at: "storage" as const, status: 302, headers: { location: "http://[" } },
    ]) {
      const fixture = await start();
      fixture.hub.fail(failure);
      const client = fixture.clientWith({ token, patience: { retries: 0 } });
      const error = await errorOf(() => client.model("org/tiny"));
      expect(inspect(error, { depth: 10 }) + error.describe()).not.toMatch(/hf_secret|secret-of-the-storage/);
    }
  });
});

describe("redirects", () => {
  it("are followed to an end, and no further than five times", async () => {
    const fixture = await start();
    const { endpoint } = fixture.hub;
    fixture.hub.fail({
      path: "config.json",
      status: 302,
      headers: { location: `${endpoint}/again/config.json` },
      times: 99,
    });
    await expectError(() => fixture.client.model("org/tiny"), "HUB_ANSWER", `${endpoint}/again/config.json`);
    expect(fixture.hub.requests.filter(({ path }) => path.endsWith("config.json"))).toHaveLength(6);
  });

  it("lead to web addresses only", async () => {
    const fixture = await start();
    fixture.hub.fail({ path: "config.json", status: 302, headers: { location: "file:///etc/passwd" } });
    await expectError(() => fixture.client.model("org/tiny"), "HUB_ANSWER", "config.json");
  });
});

describe("a signal", () => {
  it("stops a download in the middle with its reason, and what has come is kept", async () => {
    const fixture = await start();
    const controller = new AbortController();
    const reason = new Error("the user has had enough");
    const { met } = fixture.hub.fail({ at: "storage", stallAfter: 150_000 });
    const reports: FetchProgress[] = [];
    const download = fixture.client.model("org/tiny", {
      signal: controller.signal,
      onProgress: (progress) => reports.push(progress),
    });
    await met;
    await vi.waitUntil(() =>
      incompleteIn(fixture).some((name) => statSync(join(blobsOf(fixture), name)).size === 150_000),
    );
    controller.abort(reason);
    await expect(download).rejects.toBe(reason);
    expect(readdirSync(join(fixture.cache, ".locks", "models--org--tiny"))).toEqual([]);
    await expectWhole(fixture);
    expect(ranges(fixture.hub.requests).at(-1)).toBe("bytes=150000-");
  });

  it("that has been given already keeps the first request from being made", async () => {
    const fixture = await start();
    const reason = new Error("before");
    await expect(fixture.client.model("org/tiny", { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(fixture.hub.requests).toEqual([]);
  });

  it("ends a pause between attempts", async () => {
    const fixture = await start();
    const controller = new AbortController();
    const { met } = fixture.hub.fail({ status: 429, headers: { "retry-after": "60" } });
    const download = fixture.client.model("org/tiny", { signal: controller.signal });
    await met;
    controller.abort(new Error("no patience"));
    await expect(download).rejects.toThrow("no patience");
  });
});

describe("the disk", () => {
  it("is asked for room before anything is downloaded", async () => {
    const fixture = await start();
    disk.freeBytes = 100_000;
    const error = await expectError(() => fixture.client.model("org/tiny"), "DISK_FULL", blobsOf(fixture));
    expect(error.message).toContain("it needs 0.4 MB");
    expect(error.expected).toContain("there are 0.1 MB");
    expect(ranges(fixture.hub.requests)).toEqual([]);
  });

  it("needs room only for what is still missing", async () => {
    const fixture = await start();
    await leavePart(fixture, weights.subarray(0, 250_000));
    disk.freeBytes = 60_000;
    await expectWhole(fixture);
  });

  it("that fills up on the way is told as such", async () => {
    const fixture = await start();
    disk.full = true;
    await expectError(() => fixture.client.model("org/tiny"), "DISK_FULL", "models--org--tiny");
  });

  it("that knows no symlinks gets the files themselves, also those of an earlier commit", async () => {
    const fixture = await start();
    const old = await fixture.client.model("org/tiny");
    disk.symlinks = false;
    fixture.hub.push("org/tiny", { "config.json": "{}", "tokenizer.json": "{}", "model.safetensors": weights });
    const folder = await expectWhole(fixture);
    for (const name of ["config.json", "model.safetensors"])
      expect([name, lstatSync(join(folder, name)).isFile()]).toEqual([name, true]);
    expect(readFileSync(join(old.folder, "model.safetensors")).equals(weights)).toBe(true);
    fixture.asked();
    await fixture.client.model("org/tiny");
    expect(fixture.asked()).toHaveLength(1);
  });
});

describe("an encrypted connection that cannot be set up", () => {
  it("is not tried again", async () => {
    const fixture = await start();
    let connections = 0;
    const server = createServer().on("connection", () => connections++);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const endpoint = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const client = fixture.clientWith({ endpoint });
      const error = await expectError(() => client.model("org/tiny"), "HUB_UNREACHABLE", endpoint);
      expect(error.hint).toContain("NODE_EXTRA_CA_CERTS");
      expect(connections).toBe(1);
    } finally {
      server.close();
    }
  });
});
