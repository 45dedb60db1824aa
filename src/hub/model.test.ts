import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { expectError } from "../../test/support/errors.ts";
import { distinctBytes, hollowModel } from "../../test/support/hub.ts";
import { hubFixture } from "../../test/support/hubFixture.ts";
import type { FetchProgress } from "./hub.ts";

const start = hubFixture();
const weights = distinctBytes(300_000);

/** A folder with a model as a Python tool leaves it in the cache. */
function placeSnapshot(cache: string, id: string, commit: string, files: Record<string, Buffer | string>): void {
  const folder = join(cache, `models--${id.replace("/", "--")}`, "snapshots", commit);
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
}

describe("a model from the Hub", () => {
  it("comes as the files of one commit, laid out as huggingface_hub lays them out", async () => {
    const { hub, cache, client } = await start();
    const commit = hub.commit("org/tiny");
    const root = join(cache, "models--org--tiny");
    const model = await client.model("org/tiny");
    expect(model).toEqual({ folder: join(root, "snapshots", commit), commit, warnings: [], left: 0 });
    expect(readdirSync(model.folder).sort()).toEqual([
      "config.json",
      "generation_config.json",
      "model.safetensors",
      "tokenizer.json",
    ]);
    expect(readFileSync(join(model.folder, "model.safetensors")).equals(weights)).toBe(true);
    expect(readFileSync(join(root, "refs", "main"), "utf8")).toBe(commit);

    const link = readlinkSync(join(model.folder, "model.safetensors"));
    expect(link).toBe(join("..", "..", "blobs", createHash("sha256").update(weights).digest("hex")));
    const config = hollowModel()["config.json"]!;
    const sha1 = createHash("sha1").update(`blob ${config.length}\0${config}`).digest("hex");
    expect(readlinkSync(join(model.folder, "config.json"))).toBe(join("..", "..", "blobs", sha1));
    expect(readdirSync(join(root, "blobs"))).toHaveLength(4);
    expect(readdirSync(join(cache, ".locks", "models--org--tiny"))).toEqual([]);
  });

  it("comes without its weights for who only counts tokens, and with them when they are wanted", async () => {
    const { client, asked } = await start();
    const { folder } = await client.model("org/tiny", { part: "tokenizer" });
    expect(readdirSync(folder).sort()).toEqual(["config.json", "generation_config.json", "tokenizer.json"]);
    expect(asked().filter((path) => path.includes("safetensors"))).toEqual([]);
    expect(await client.cached()).toEqual([]);
    await client.model("org/tiny");
    expect(readdirSync(folder)).toContain("model.safetensors");
  });

  it("is described by its configuration and chat template alone, with the bytes that the rest would take", async () => {
    const files = { ...hollowModel(), "chat_template.jinja": "{{ messages }}", "tokenizer_config.json": "{ }" };
    const { client, asked } = await start({ repositories: [{ type: "model", id: "org/chat", files }] });
    const { folder, left } = await client.model("org/chat", { part: "description" });
    expect(readdirSync(folder).sort()).toEqual(["chat_template.jinja", "config.json", "tokenizer_config.json"]);
    expect(asked().filter((path) => /safetensors|tokenizer\.json/.test(path))).toEqual([]);
    const sizes = () => readdirSync(folder).reduce((sum, name) => sum + readFileSync(join(folder, name)).length, 0);
    const described = sizes();
    await client.model("org/chat");
    expect(left).toBe(sizes() - described);
    expect(readdirSync(folder)).toEqual(expect.arrayContaining(["chat_template.jinja", "model.safetensors"]));
    expect(await client.model("org/chat", { part: "description" })).toMatchObject({ left: 0 });
  });

  it("is asked for with one request when it is cached, and with none when its commit is given", async () => {
    const { hub, client, asked } = await start();
    const { commit } = await client.model("org/tiny");
    expect(asked()).toHaveLength(7); // commit, files, four files of which one redirects
    await client.model("org/tiny");
    expect(asked()).toEqual(["/api/models/org/tiny/revision/main"]);
    expect(await client.model("org/tiny", { revision: commit })).toMatchObject({ commit });
    expect(asked()).toEqual([]);
    expect(hub.commit("org/tiny")).toBe(commit);
  });

  it("stays the same at its commit when main moves, and shares with main the files that are the same", async () => {
    const { hub, cache, client, asked } = await start();
    const first = await client.model("org/tiny");
    const moved = hub.push("org/tiny", { ...hollowModel(), "config.json": '{"model_type": "t5", "new": true}' });
    asked();
    const second = await client.model("org/tiny");
    expect(second.commit).toBe(moved);
    expect(asked().slice(2)).toEqual([`/org/tiny/resolve/${moved}/config.json`]);
    expect(readFileSync(join(second.folder, "config.json"), "utf8")).toContain("new");
    const pinned = await client.model("org/tiny", { revision: first.commit });
    expect(readFileSync(join(pinned.folder, "config.json"), "utf8")).not.toContain("new");
    expect(readFileSync(join(cache, "models--org--tiny", "refs", "main"), "utf8")).toBe(moved);
  });

  it("is used as a Python tool has left it", async () => {
    const { cache, client, asked } = await start();
    const commit = "c".repeat(40);
    placeSnapshot(cache, "org/other", commit, {
      "config.json": "{}",
      "tokenizer.json": "{}",
      "model.safetensors": "w",
    });
    expect(await client.model("org/other", { revision: commit })).toMatchObject({ commit });
    expect(asked()).toEqual([]);
  });

  it("is refused where a small file of it has changed in the cache, and comes again when that is deleted", async () => {
    const { client } = await start();
    const { folder, commit } = await client.model("org/tiny");
    const blob = realpathSync(join(folder, "config.json"));
    const written = readFileSync(blob, "utf8");
    writeFileSync(blob, written.replace("{", "["));
    await expectError(() => client.model("org/tiny", { revision: commit }), "HUB_CORRUPT", blob);
    rmSync(blob);
    await client.model("org/tiny", { revision: commit });
    expect(readFileSync(join(folder, "config.json"), "utf8")).toBe(written);
  });

  it("comes in shards where its index names them", async () => {
    const index = JSON.stringify({ weight_map: { a: "w-2.safetensors", b: "w-1.safetensors", c: "w-2.safetensors" } });
    const { "model.safetensors": single, ...rest } = hollowModel();
    const files = {
      ...rest,
      "model.safetensors.index.json": index,
      "w-1.safetensors": "one",
      "w-2.safetensors": "two",
    };
    const other = { "extra.safetensors": single!, "pytorch_model.bin": "pickle" };
    const { client, asked } = await start({
      repositories: [{ type: "model", id: "a/b", files: { ...files, ...other } }],
    });
    const { folder, commit } = await client.model("a/b");
    expect(readdirSync(folder).sort()).toEqual(
      Object.keys(files)
        .filter((name) => name !== "README.md")
        .sort(),
    );
    asked();
    await client.model("a/b", { revision: commit });
    expect(asked()).toEqual([]);
  });

  it("is refused where its index names a file outside, a pickle or a file that is not there", async () => {
    const { "model.safetensors": _, ...rest } = hollowModel();
    for (const [shard, code] of [
      ["../../../evil.safetensors", "HUB_ANSWER"],
      ["/etc/x.safetensors", "HUB_ANSWER"],
      ["pytorch_model.bin", "HUB_ANSWER"],
      ["absent.safetensors", "MODEL_MISSING"],
    ] as const) {
      const files = {
        ...rest,
        "pytorch_model.bin": "pickle",
        "model.safetensors.index.json": JSON.stringify({ weight_map: { a: shard } }),
      };
      const { client, hub } = await start({ repositories: [{ type: "model", id: "a/b", files }] });
      await expectError(() => client.model("a/b"), code, `${hub.endpoint}/a/b`);
      expect(hub.requests.some(({ path }) => path.endsWith(".bin"))).toBe(false);
    }
  });

  it("is refused where its weights are only a pickle, before anything is downloaded", async () => {
    const { "model.safetensors": bytes, ...rest } = hollowModel();
    const files = { ...rest, "pytorch_model.bin": bytes! };
    const { client, asked } = await start({ repositories: [{ type: "model", id: "org/old", files }] });
    const error = await expectError(() => client.model("org/old"), "MODEL_MISSING", "org/old");
    expect(error.message).toContain("only as a pickle (pytorch_model.bin), which could run code when read");
    expect(asked().filter((path) => path.includes("/resolve/"))).toEqual([]);
  });

  it("has its tokenizer as a SentencePiece model where there is no tokenizer.json", async () => {
    const { "tokenizer.json": json, ...rest } = hollowModel();
    const files = { ...rest, "spiece.model": "pieces", "tokenizer_config.json": "{}" };
    const { client } = await start({
      repositories: [
        { type: "model", id: "a/pieces", files },
        { type: "model", id: "a/both", files: { ...files, "tokenizer.json": json! } },
      ],
    });
    expect(readdirSync((await client.model("a/pieces")).folder)).toContain("spiece.model");
    expect(readdirSync((await client.model("a/both")).folder)).not.toContain("spiece.model");
  });

  it.each<[string, Record<string, string>]>([
    ["alone", {}],
    ["with a tokenizer", { "tokenizer.json": "{}" }],
    ["with the configuration of its model", { "tokenizer.json": "{}", "config.json": "{}" }],
  ])("is refused as an adapter where it is one: %s", async (_, more) => {
    const files = { "adapter_config.json": "{}", "adapter_model.safetensors": "x", ...more };
    const { client } = await start({ repositories: [{ type: "model", id: "org/adapter", files }] });
    const error = await expectError(() => client.model("org/adapter"), "MODEL_MISSING", "org/adapter");
    expect(error.message).toContain("adapter");
    expect(error.hint).toContain("base_model_name_or_path");
  });

  it("is refused where its weights are of another format, which is named", async () => {
    const { "model.safetensors": bytes, ...rest } = hollowModel();
    const files = { ...rest, "t5-q4.gguf": bytes! };
    const { client } = await start({ repositories: [{ type: "model", id: "org/gguf", files }] });
    const error = await expectError(() => client.model("org/gguf"), "MODEL_MISSING", "org/gguf");
    expect(error.message).toContain("t5-q4.gguf");
  });

  it("is refused without a tokenizer or config.json", async () => {
    const { "tokenizer.json": _, ...noTokenizer } = hollowModel();
    const { "config.json": __, ...noConfig } = hollowModel();
    const { client } = await start({
      repositories: [
        { type: "model", id: "a/no-tokenizer", files: noTokenizer },
        { type: "model", id: "a/no-config", files: noConfig },
      ],
    });
    await expectError(() => client.model("a/no-tokenizer"), "TOKENIZER_MISSING", "a/no-tokenizer");
    await expectError(() => client.model("a/no-config"), "MODEL_MISSING", "a/no-config");
  });

  it("comes from a branch, a pull request, and a former name", async () => {
    const { hub, cache, client } = await start({
      repositories: [
        {
          type: "model",
          id: "org/tiny",
          files: {},
          refs: { "refs/pr/1": hollowModel() },
          formerly: ["tiny"],
        },
      ],
    });
    const { commit } = await client.model("tiny", { revision: "refs/pr/1" });
    expect(commit).toBe(hub.commit("org/tiny", "refs/pr/1"));
    expect(readFileSync(join(cache, "models--tiny", "refs", "refs", "pr", "1"), "utf8")).toBe(commit);
  });

  it("tells how far it is, over all files, up to the end", async () => {
    const { client } = await start();
    const reports: FetchProgress[] = [];
    await client.model("org/tiny", { onProgress: (progress) => reports.push(progress) });
    const files = hollowModel();
    const total = Object.entries(files).reduce(
      (sum, [name, { length }]) => sum + (name === "README.md" ? 0 : length),
      0,
    );
    expect(reports.at(-1)).toMatchObject({
      file: "model.safetensors",
      bytes: total,
      totalBytes: total,
      secondsLeft: 0,
    });
    expect(reports.every(({ bytes }, i) => bytes >= (reports[i - 1]?.bytes ?? 0))).toBe(true);
  });

  it("pages through a long list of files", async () => {
    const files = { ...hollowModel() };
    for (let i = 0; i < 25; i++) files[`0/${i}.txt`] = "";
    const { client, asked } = await start({ repositories: [{ type: "model", id: "a/b", files }], pageSize: 10 });
    await client.model("a/b");
    expect(asked().filter((path) => path.includes("/tree/"))).toHaveLength(4);
  });
});

describe("offline", () => {
  it("a cached model is used by its name and by its commit, without a request", async () => {
    const { client, clientWith, asked } = await start();
    const { folder, commit } = await client.model("org/tiny");
    asked();
    const offline = clientWith({ offline: true });
    expect(await offline.model("org/tiny")).toEqual({ folder, commit, warnings: [], left: 0 });
    expect(await offline.model("org/tiny", { revision: commit })).toEqual({ folder, commit, warnings: [], left: 0 });
    expect(asked()).toEqual([]);
  });

  it("a model that is not cached is refused, naming the files that are missing where some are there", async () => {
    const { cache, clientWith, hub } = await start();
    const offline = clientWith({ offline: true });
    await expectError(() => offline.model("org/tiny"), "HUB_OFFLINE", cache);
    const commit = "d".repeat(40);
    placeSnapshot(cache, "org/tiny", commit, { "config.json": "{}" });
    const error = await expectError(() => offline.model("org/tiny", { revision: commit }), "HUB_OFFLINE", cache);
    expect(error.message).toContain("tokenizer.json, model.safetensors");
    expect(hub.requests).toEqual([]);
  });

  it("a file deleted from the cache is missed by name", async () => {
    const { client, clientWith, cache } = await start();
    const { folder } = await client.model("org/tiny");
    const blob = readlinkSync(join(folder, "model.safetensors"));
    rmSync(join(folder, blob));
    const error = await expectError(() => clientWith({ offline: true }).model("org/tiny"), "HUB_OFFLINE", cache);
    expect(error.message).toContain("not in the cache: model.safetensors.");
    await client.model("org/tiny");
    expect(readFileSync(join(folder, "model.safetensors")).equals(weights)).toBe(true);
  });

  it("the cache stands in, with a warning, where nobody answers", async () => {
    const { client, clientWith, hub } = await start();
    const { folder, commit } = await client.model("org/tiny");
    await hub.close();
    const model = await client.model("org/tiny");
    expect(model).toMatchObject({ folder, commit });
    expect(model.warnings).toHaveLength(1);
    expect(model.warnings[0]).toContain("cannot be reached");
    await expectError(() => client.model("org/other"), "HUB_UNREACHABLE", "org/other");
    const nowhere = clientWith({ endpoint: "http://no-such-host.invalid" });
    expect((await nowhere.model("org/tiny")).warnings).toHaveLength(1);
  });
});

describe("cached", () => {
  it("lists the models that can be opened and passes over everything else in the folder", async () => {
    const { cache, client, clientWith } = await start();
    expect(await client.cached()).toEqual([]);
    const { folder, commit } = await client.model("org/tiny");
    placeSnapshot(cache, "org/no-weights", "a".repeat(40), { "config.json": "{}", "tokenizer.json": "{}" });
    placeSnapshot(cache, "org/broken-index", "a".repeat(40), {
      "config.json": "{}",
      "tokenizer.json": "{}",
      "model.safetensors.index.json": "[",
    });
    placeSnapshot(cache, "gpt2", "b".repeat(40), {
      "config.json": "{}",
      "tokenizer.json": "{}",
      "model.safetensors": "w",
    });
    mkdirSync(join(cache, "models--"));
    mkdirSync(join(cache, "models--a--b--c"));
    mkdirSync(join(cache, "models--org--empty", "snapshots", "not a commit"), { recursive: true });
    writeFileSync(join(cache, "models--file"), "");
    writeFileSync(join(cache, "version.txt"), "1");
    const loop = join(cache, "models--org--loop", "snapshots", "e".repeat(40));
    mkdirSync(loop, { recursive: true });
    symlinkSync(".", join(loop, "again"));
    symlinkSync("../../blobs/nothing", join(loop, "config.json"));

    expect(await client.cached()).toEqual([
      { id: "gpt2", commit: "b".repeat(40), folder: join(cache, "models--gpt2", "snapshots", "b".repeat(40)) },
      { id: "org/tiny", commit, folder },
    ]);
    expect(await clientWith({ cache: join(cache, "version.txt") }).cached()).toEqual([]);
    expect(existsSync(folder)).toBe(true);
  });
});
