import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { expectError } from "../../test/support/errors.ts";
import type { TestRepository } from "../../test/support/hub.ts";
import { type HubFixture, hubFixture } from "../../test/support/hubFixture.ts";
import type { HubDataset } from "./hub.ts";

const start = hubFixture();
const converted = "refs/convert/parquet";

function dataset(id: string, files: TestRepository["files"], refs?: TestRepository["refs"]): TestRepository {
  return { type: "dataset", id, files, ...(refs && { refs }) };
}

/** Split → what its files hold, in order. The tests' files hold text that says which they are. */
function contents({ files }: HubDataset): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(files).map(([split, paths]) => [split, paths.map((path) => readFileSync(path, "utf8"))]),
  );
}

describe("a data set's parquet files", () => {
  it("come from the repository itself, shards in order, only those of the wanted splits", async () => {
    const files = {
      "README.md": "",
      "data/train-00001-of-00002.parquet": "train 1",
      "data/train-00000-of-00002.parquet": "train 0",
      "data/validation-00000-of-00001.parquet": "validation",
      "data/test-00000-of-00001.parquet": "test",
    };
    const { hub, cache, client, asked } = await start({ repositories: [dataset("org/plain", files)] });
    const found = await client.dataset("org/plain", { splits: ["validation", "train"] });
    expect(contents(found)).toEqual({ validation: ["validation"], train: ["train 0", "train 1"] });
    const commit = hub.commit("org/plain");
    expect(found).toMatchObject({ commit, revision: "main", warnings: [] });
    const snapshot = join(cache, "datasets--org--plain", "snapshots", commit);
    expect(found.files.validation).toEqual([join(snapshot, "data", "validation-00000-of-00001.parquet")]);
    expect(existsSync(join(snapshot, "data", "test-00000-of-00001.parquet"))).toBe(false);
    expect(asked().some((path) => path.includes("test-"))).toBe(false);
  });

  it("are those that the card names, with the Hub and without", async () => {
    const card = `---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: "x/*.parquet"\n  - split: test\n    path: y.parquet\n---\n`;
    const files = {
      "README.md": card,
      "x/1.parquet": "1",
      "x/0.parquet": "0",
      "y.parquet": "2",
      "train.parquet": "no",
    };
    const { client, clientWith } = await start({ repositories: [dataset("org/card", files)] });
    const expected = { train: ["0", "1"], test: ["2"] };
    expect(contents(await client.dataset("org/card", { splits: ["train", "test"] }))).toEqual(expected);
    const offline = clientWith({ offline: true });
    expect(contents(await offline.dataset("org/card", { splits: ["train", "test"] }))).toEqual(expected);
  });

  it("come from the folder of a configuration", async () => {
    const files = { "cola/train-00000-of-00001.parquet": "cola", "sst2/train-00000-of-00001.parquet": "sst2" };
    const { client } = await start({ repositories: [dataset("glue", files)] });
    expect(contents(await client.dataset("glue", { config: "sst2", splits: ["train"] }))).toEqual({ train: ["sst2"] });
  });

  it("come from the Hub's conversion where the repository has none, and its commit finds them again", async () => {
    const conversion = { "default/train/0001.parquet": "b", "default/train/0000.parquet": "a" };
    const { hub, client, cache, asked } = await start({
      repositories: [dataset("org/script", { "script.py": "" }, { [converted]: conversion })],
    });
    const found = await client.dataset("org/script", { splits: ["train"] });
    expect(contents(found)).toEqual({ train: ["a", "b"] });
    const commit = hub.commit("org/script", converted);
    expect(found).toMatchObject({ commit, revision: converted });
    const ref = join(cache, "datasets--org--script", "refs", "refs", "convert", "parquet");
    expect(readFileSync(ref, "utf8")).toBe(commit);
    asked();
    const again = await client.dataset("org/script", { revision: commit, splits: ["train"] });
    expect(again.files).toEqual(found.files);
    expect(asked()).toEqual([]);
  });

  it("come from the conversion where the repository's own do not have what is wanted", async () => {
    const { client } = await start({
      repositories: [dataset("a/b", { "extra.parquet": "x" }, { [converted]: { "c/train/0000.parquet": "rows" } })],
    });
    const found = await client.dataset("a/b", { config: "c", splits: ["train"] });
    expect(contents(found)).toEqual({ train: ["rows"] });
  });

  it("do not come from the conversion where another revision was asked for", async () => {
    const { client } = await start({
      repositories: [dataset("a/b", { "script.py": "" }, { [converted]: { "default/train/0000.parquet": "rows" } })],
    });
    await expectError(
      () => client.dataset("a/b", { revision: "main", splits: ["train"] }),
      "HUB_NOT_FOUND",
      "a/b at main",
    );
  });

  it("are used with a warning where the Hub converted only a part", async () => {
    const conversion = { "default/partial-train/0000.parquet": "first rows", "default/test/0000.parquet": "all" };
    const { client } = await start({ repositories: [dataset("a/big", {}, { [converted]: conversion })] });
    const found = await client.dataset("a/big", { splits: ["train", "test"] });
    expect(contents(found)).toEqual({ train: ["first rows"], test: ["all"] });
    expect(found.warnings).toHaveLength(1);
    expect(found.warnings[0]).toContain('"train"');
  });

  it("stay the same at their commit when the data set is changed", async () => {
    const { hub, client } = await start({ repositories: [dataset("a/b", { "train.parquet": "old" })] });
    const first = await client.dataset("a/b", { splits: ["train"] });
    hub.push("a/b", { "train.parquet": "new" });
    expect(contents(await client.dataset("a/b", { splits: ["train"] }))).toEqual({ train: ["new"] });
    const pinned = await client.dataset("a/b", { revision: first.commit, splits: ["train"] });
    expect(contents(pinned)).toEqual({ train: ["old"] });
  });
});

describe("a data set that lacks what is wanted", () => {
  it("names the configurations or splits there are, and the nearest", async () => {
    const conversion = { "cola/train/0.parquet": "1", "cola/validation/0.parquet": "2", "sst2/train/0.parquet": "3" };
    const { client } = await start({ repositories: [dataset("glue", {}, { [converted]: conversion })] });
    const refused = (options: { config?: string; splits: string[] }) =>
      expectError(() => client.dataset("glue", options), "HUB_NOT_FOUND", "datasets/glue");
    expect((await refused({ splits: ["train"] })).expected).toBe('one of "cola" or "sst2"');
    expect((await refused({ config: "colla", splits: ["train"] })).hint).toBe('Did you mean "cola"?');
    const split = await refused({ config: "cola", splits: ["train", "validtion"] });
    expect(split).toMatchObject({ expected: 'one of "train" or "validation"', hint: 'Did you mean "validation"?' });
  });

  it("is refused where there are no parquet files anywhere, or no such data set", async () => {
    const { client } = await start({ repositories: [dataset("a/csv", { "train.csv": "" })] });
    const error = await expectError(() => client.dataset("a/csv", { splits: ["train"] }), "HUB_NOT_FOUND", "a/csv");
    expect(error.message).toContain("no parquet files");
    await expectError(() => client.dataset("a/cvs", { splits: ["train"] }), "HUB_NOT_FOUND", "a/cvs");
  });

  it("is refused where it names a file outside of it", async () => {
    const { hub, cache, client } = await start({ repositories: [dataset("a/b", {})] });
    for (const path of [
      "../train.parquet",
      "../../../evil/train.parquet",
      "/tmp/train.parquet",
      "..\\train-1.parquet",
    ]) {
      hub.fail({ path: "/tree/", answer: [{ type: "file", path, size: 4, oid: "a".repeat(40) }] });
      const error = await expectError(() => client.dataset("a/b", { splits: ["train"] }), "HUB_ANSWER", "a/b");
      expect(error.message).toContain(JSON.stringify(path));
      rmSync(cache, { recursive: true, force: true }); // with the list of the files
    }
    expect(hub.requests.some((request) => request.path.includes("/resolve/"))).toBe(false);
  });
});

describe("a data set offline", () => {
  const files = { "train-00000-of-00002.parquet": "0", "train-00001-of-00002.parquet": "1", "test.parquet": "t" };

  async function downloaded(splits: string[]): Promise<HubFixture> {
    const fixture = await start({ repositories: [dataset("a/b", files)] });
    await fixture.client.dataset("a/b", { splits });
    fixture.asked();
    return fixture;
  }

  it("is used from the cache, without a request", async () => {
    const { clientWith, asked } = await downloaded(["train"]);
    const found = await clientWith({ offline: true }).dataset("a/b", { splits: ["train"] });
    expect(contents(found)).toEqual({ train: ["0", "1"] });
    expect(found.warnings).toEqual([]);
    expect(asked()).toEqual([]);
  });

  it("is refused naming the files that were not downloaded", async () => {
    const { clientWith, cache } = await downloaded(["train"]);
    const offline = clientWith({ offline: true });
    const error = await expectError(() => offline.dataset("a/b", { splits: ["test"] }), "HUB_OFFLINE", cache);
    expect(error.message).toContain("test.parquet");
    await expectError(() => offline.dataset("a/c", { splits: ["test"] }), "HUB_OFFLINE", cache);
  });

  it("is used from the cache with a warning where nobody answers, also from the conversion", async () => {
    const { client, hub } = await start({
      repositories: [
        dataset("a/b", files),
        dataset("a/script", { "x.py": "" }, { [converted]: { "default/train/0000.parquet": "rows" } }),
      ],
    });
    await client.dataset("a/b", { splits: ["train"] });
    await client.dataset("a/script", { splits: ["train"] });
    await hub.close();
    for (const id of ["a/b", "a/script"]) {
      const found = await client.dataset(id, { splits: ["train"] });
      expect(found.warnings).toHaveLength(1);
      expect(found.warnings[0]).toContain("cannot be reached");
    }
    await expectError(() => client.dataset("a/other", { splits: ["train"] }), "HUB_UNREACHABLE", "a/other");
  });

  it("as a Python tool left it is used where the names of the files say that all are there", async () => {
    const { hub, cache, clientWith } = await downloaded(["train", "test"]);
    const root = join(cache, "datasets--a--b");
    rmSync(join(root, ".listings"), { recursive: true });
    const offline = clientWith({ offline: true });
    expect(await offline.dataset("a/b", { splits: ["train"] })).toMatchObject({ warnings: [] });
    const unsure = await offline.dataset("a/b", { splits: ["test"] });
    expect(unsure.warnings[0]).toContain("cannot be told");
    rmSync(join(root, "snapshots", hub.commit("a/b"), "train-00001-of-00002.parquet"));
    const error = await expectError(() => offline.dataset("a/b", { splits: ["train"] }), "HUB_OFFLINE", cache);
    expect(error.message).toContain("1 of 2 files");
  });
});
