import { createHash } from "node:crypto";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { expectError } from "../../test/support/errors.ts";
import { temporaryFolder } from "../../test/support/folder.ts";
import { checkContent, hashFiles } from "./contentHash.ts";

const folder = temporaryFolder();
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const gitSha1 = (text: string) => createHash("sha1").update(`blob ${text.length}\0${text}`).digest("hex");

/** A file of a snapshot that leads to a blob of this name, as huggingface_hub leaves it. */
function cached(path: string, name: string, content: string): string {
  const [blob, link] = [folder(`${path}-repo/blobs/${name}`), folder(`${path}-repo/snapshots/c/${path}`)];
  for (const file of [blob, link]) mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(blob, content);
  symlinkSync(join("..", "..", "blobs", name), link);
  return link;
}

describe("the hash of files", () => {
  it("is the sha256 of their contents one after the other", async () => {
    writeFileSync(folder("a"), "one");
    writeFileSync(folder("b"), "two");
    expect(await hashFiles([folder("a"), folder("b")])).toBe(sha256("onetwo"));
    expect(await hashFiles([folder("a")])).toBe(sha256("one"));
  });

  it("is the same of a file in the cache, whichever hash names it", async () => {
    expect(await hashFiles([cached("lfs", sha256("weights"), "weights")])).toBe(sha256("weights"));
    expect(await hashFiles([cached("small", gitSha1("{}"), "{}")])).toBe(sha256("{}"));
  });

  it("is refused of a file in the cache that is not what its name says", async () => {
    const changed = cached("changed", sha256("weights"), "Weights");
    const error = await expectError(() => hashFiles([changed]), "HUB_CORRUPT", sha256("weights"));
    expect(error.hint).toContain("Delete this file");
    await expectError(() => checkContent(changed), "HUB_CORRUPT", sha256("weights"));
    await expectError(() => checkContent(cached("config.json", gitSha1("{}"), "[]")), "HUB_CORRUPT", "config.json");
  });

  it("says nothing of files that are not named by a hash", async () => {
    writeFileSync(folder("plain"), "x");
    await checkContent(folder("plain"));
    await checkContent(cached("sound", sha256("x"), "x"));
  });
});
