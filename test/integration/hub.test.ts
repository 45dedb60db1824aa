/** @file The command line and the Hub: previews, downloads, pins, and what goes wrong on the way. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { runsFolder } from "../../src/runs/layout.ts";
import { openRun, runState } from "../../src/runs/store.ts";
import type { Preview } from "../../src/tasks/preview.ts";
import { Command, expectFailure, jsonLines, killLeftovers, ulpt, ulptOk } from "../support/cli.ts";
import { temporaryFolder } from "../support/folder.ts";
import { distinctBytes, startHub, type TestHub } from "../support/hub.ts";
import { hubEnvironment, hubModel, modelFiles, registryRepositories } from "../support/registryHub.ts";
import { layouts, parquetOf, repeatedRows } from "../support/registryRows.ts";

const folder = temporaryFolder();
let hub: TestHub;
let options: { cwd: string; env: Record<string, string> };
let cache: string;
let count = 0;

beforeAll(() => mkdirSync(folder(".vscode")));
beforeEach(async () => {
  const odd = parquetOf({ columns: { text: "STRING", label: "INT64" } }, [
    { text: "a", label: 0n },
    { text: "b", label: 1n },
  ]);
  hub = await startHub({
    repositories: [
      ...registryRepositories(["cola", "mbpp"]),
      { type: "model", id: "org/pickled", files: { "config.json": "{}", "pytorch_model.bin": distinctBytes(100) } },
      { type: "model", id: "org/gated", files: modelFiles(), gated: ["hf_right"] },
      {
        type: "dataset",
        id: "me/odd",
        files: { "data/train-00000-of-00001.parquet": odd, "data/validation-00000-of-00001.parquet": odd },
      },
    ],
  });
  cache = folder(`cache-${++count}`);
  options = { cwd: folder(), env: hubEnvironment(hub, cache) };
});
afterEach(() => hub.close());
afterAll(killLeftovers);

function write(name: string, changes: object = {}): string {
  const experiment = {
    model: hubModel,
    task: "cola",
    promptLength: 4,
    seed: 1,
    device: "cpu",
    training: { steps: 4, batchSize: 4, evaluateEvery: 2 },
    ...changes,
  };
  writeFileSync(folder(`${name}.ulpt.json`), JSON.stringify(experiment));
  return `${name}.ulpt.json`;
}

const contentsAsked = () => hub.requests.filter(({ path }) => path.includes("/resolve/")).map(({ path }) => path);

describe("ulpt tasks", () => {
  it("lists the registry by the paper's names, and says which tasks have a faithful variant", async () => {
    const { stdout } = await ulptOk(["tasks"], options);
    for (const name of ["mnli", "superglue-wsc.fixed", "yelp_polarity", "winogrande *"]) expect(stdout).toContain(name);
    expect(stdout).toContain("winogrande: The source shows the first option twice and the second never.");
    const entries = jsonLines<{ name: string; sizes: { test: number } }>(
      (await ulptOk(["tasks", "--json"], options)).stdout,
    );
    expect(entries).toHaveLength(25);
    expect(entries.find(({ name }) => name === "cola")?.sizes.test).toBe(522);
  });
});

describe("ulpt data", () => {
  it("shows the first rows of a split with their tokens, and fetches no weights for that", async () => {
    const { stdout } = await ulptOk(["data", "cola", "--split", "test", "--rows", "2", "--model", hubModel], options);
    expect(stdout).toMatch(/^test: 6 rows; the first 2 as the model sees them$/m);
    expect(stdout).toMatch(
      /^ {2}source {5}<unk> : .*soup.* {2}\[\d+ tokens, \d+ unknown: what they stood for is lost\]$/m,
    );
    expect(stdout).toMatch(/^ {2}target {5}[01] {2}\[2 tokens\]$/m);
    expect(contentsAsked().filter((path) => path.includes("model.safetensors"))).toEqual([]);
  });

  it("marks what an experiment cuts off", async () => {
    const file = write("short", { task: { name: "cola", maxSourceLength: 5 } });
    const { stdout } = await ulptOk(["data", file, "--rows", "3", "--json"], options);
    const preview = jsonLines<Preview & { type: string }>(stdout).at(-1)!;
    expect(preview).toMatchObject({ type: "preview", split: "train", count: 12, maxSourceLength: 5 });
    for (const { sourceText } of preview.rows) {
      expect(sourceText.tokens).toBeGreaterThan(5);
      expect(sourceText.kept!.length).toBeGreaterThan(0);
      expect(sourceText.cut!.length).toBeGreaterThan(0);
    }
  });

  it("shows what programs are judged by", async () => {
    const { stdout } = await ulptOk(["data", "mbpp", "--split", "test", "--rows", "3"], options);
    expect(stdout).toContain("judged by  two = 2\\nassert double(2) == 4");
    expect(stdout).toContain("Tokens are not counted: name a model with --model.");
  });

  it("says which variant of a task it shows, and takes --variant only where there is a choice", async () => {
    const [fixed, faithful] = await Promise.all(
      ["fixed", "faithful"].map((variant) => ulptOk(["data", "mbpp", "--variant", variant, "--rows", "1"], options)),
    );
    expect(fixed!.stdout).toMatch(/^train: \d+ rows \(fixed variant\)/);
    expect(faithful!.stdout).toMatch(/^train: \d+ rows \(faithful variant\)/);
    for (const subject of ["cola", write("written")]) {
      const end = await ulpt(["data", subject, "--variant", "faithful"], options);
      expectFailure(end, { code: "OPTION_INVALID", exit: 2, where: "--variant" });
    }
  });

  it("suggests the task that was meant", async () => {
    const end = await ulpt(["data", "kola"], options);
    expectFailure(end, { code: "OPTION_INVALID", exit: 2, where: "kola" });
    expect(end.stderr).toContain('Did you mean "cola"?');
  });
});

describe("ulpt download", () => {
  it("fetches once what an experiment then needs no Hub for", async () => {
    const file = write("offline");
    const { stdout } = await ulptOk(["download", file], options);
    expect(stdout).toContain(hub.commit(hubModel));
    expect(stdout).toContain(hub.commit("nyu-mll/glue"));
    const before = hub.requests.length;
    await ulptOk(["train", file, "--json"], { ...options, env: { ...options.env, HF_HUB_OFFLINE: "1" } });
    expect(hub.requests.length).toBe(before);
  });

  it("is not trusted for ever: weights that have changed in the cache are refused, by their hash", async () => {
    const file = write("changed", { training: { steps: 1 } });
    await ulptOk(["download", file], options);
    const blobs = readdirSync(cache, { recursive: true, encoding: "utf8" }).filter((path) =>
      /blobs.[0-9a-f]{64}$/.test(path),
    );
    const weights = blobs.find((path) => path.startsWith("models--"))!;
    const bytes = readFileSync(join(cache, weights));
    const changed = Buffer.from(bytes);
    changed[changed.length - 1]! ^= 1;
    writeFileSync(join(cache, weights), changed);
    const end = await ulpt(["train", file], options);
    expectFailure(end, { code: "HUB_CORRUPT", exit: 3, where: weights });
    rmSync(join(cache, weights));
    await ulptOk(["train", file], options);
  });

  it("can be stopped, and goes on where it was", async () => {
    const stalled = hub.fail({ path: "model.safetensors", stallAfter: 100_000 });
    const command = new Command(["download", hubModel, "--json"], options);
    await stalled.met;
    command.signal("SIGINT");
    expect((await command.end).code).toBe(130);
    stalled.release();
    hub.requests.length = 0;
    await ulptOk(["download", hubModel], options);
    const [resumed] = hub.requests.filter(({ at, path }) => at === "storage" && path.length > 0);
    expect(resumed?.headers.range).toMatch(/^bytes=[1-9]\d*-$/);
  });
});

describe("a run with a model and rows of the Hub", () => {
  it("keeps to their commits when it is resumed, though the Hub has moved on", async () => {
    const file = write("pinned", { training: { steps: 400, batchSize: 4, evaluateEvery: 100 } });
    const [model, rows] = [hub.commit(hubModel), hub.commit("nyu-mll/glue")];
    const command = new Command(["train", file, "--json"], options);
    await command.until((line) => line.type === "step");
    command.signal("SIGINT");
    expect((await command.end).code).toBe(130);

    hub.push(hubModel, { ...modelFiles(), "model.safetensors": distinctBytes(1000) });
    const others = repeatedRows(layouts.cola, 12).map((row) => ({ ...row, sentence: "changed" }));
    hub.push("nyu-mll/glue", { "cola/train-00000-of-00001.parquet": parquetOf(layouts.cola, others) });
    await ulptOk(["resume", "pinned/ulpt-r2-seed1", "--json"], options);

    const run = openRun(join(runsFolder(folder()), "pinned", "ulpt-r2-seed1"));
    expect(runState(run.directory)).toBe("finished");
    expect([run.spec.model.revision, run.spec.data.revision]).toEqual([model, rows]);
  });

  it("is taken from the revision behind an @", async () => {
    const earlier = hub.commit(hubModel);
    hub.push(hubModel, { ...modelFiles(), "model.safetensors": distinctBytes(1000) });
    await ulptOk(["train", write("revision", { model: `${hubModel}@${earlier}` }), "--json"], options);
    const run = openRun(join(runsFolder(folder()), "revision", "ulpt-r2-seed1"));
    expect(run.spec.model.revision).toBe(earlier);
  });

  it("can be used afterwards: evaluated, asked, looked into and exported", async () => {
    await ulptOk(["train", write("used"), "--json"], options);
    const offline = { ...options, env: { ...options.env, HF_HUB_OFFLINE: "1" } };
    const name = "used/ulpt-r2-seed1";
    const { stdout } = await ulptOk(["evaluate", name], offline);
    expect(stdout).toMatch(/^ {2}matthews {4}-?\d+\.\d %/m);
    expect((await ulptOk(["predict", name, "The soup was cold."], offline)).stdout).toContain(
      "sentence: The soup was cold.",
    );
    expect((await ulptOk(["show", name], offline)).stdout).toContain("google-t5/t5-small");
    await ulptOk(["export", name, "shared"], offline);
    const prompt = folder("prompts", "shared.prompt.safetensors");
    expect((await ulptOk(["predict", prompt, "The soup was cold."], offline)).stdout).toContain("with prompt");
  });
});

describe("what cannot be had", () => {
  const runsOf = (name: string) => {
    const path = join(runsFolder(folder()), name);
    return existsSync(path) ? readdirSync(path) : [];
  };

  it("is a model that does not exist: the nearest known name is suggested", async () => {
    const end = await ulpt(["train", write("unknown", { model: "google-t5/t5-smal" })], options);
    expectFailure(end, { code: "HUB_NOT_FOUND", exit: 3, where: "google-t5/t5-smal" });
    expect(end.stderr).toContain("google-t5/t5-small");
    expect(runsOf("unknown")).toEqual([]);
  });

  it("is a folder that is not there: beside a folder of its first name the Hub is not asked", async () => {
    mkdirSync(folder("models"), { recursive: true });
    const end = await ulpt(["train", write("path", { model: "models/none" })], options);
    expectFailure(end, { code: "MODEL_MISSING", exit: 3, where: "models/none" });
    expect(hub.requests).toEqual([]);
    const short = await ulpt(["train", write("short-name", { model: "t5-base" })], options);
    expectFailure(short, { code: "MODEL_MISSING", exit: 3, where: "t5-base" });
    expect(short.stderr).toContain('Did you mean "google-t5/t5-base"?');
  });

  it("is a model that is only a pickle", async () => {
    const end = await ulpt(["train", write("pickled", { model: "org/pickled" })], options);
    expectFailure(end, { code: "MODEL_MISSING", exit: 3, where: "org/pickled" });
    expect(end.stderr).toContain("only as a pickle (pytorch_model.bin), which could run code when read");
    expect(contentsAsked()).toEqual([]);
  });

  it("is a gated model without the right token, which no output repeats", async () => {
    const file = write("gated", { model: "org/gated" });
    const env = { ...options.env, HF_TOKEN: "hf_wrong_and_secret" };
    const end = await ulpt(["train", file], { ...options, env });
    expectFailure(end, { code: "HUB_GATED", exit: 3, where: "org/gated" });
    expect(end.stdout + end.stderr).not.toContain("hf_wrong_and_secret");
    await ulptOk(["download", "org/gated"], { ...options, env: { ...env, HF_TOKEN: "hf_right" } });
    const storage = hub.requests.filter(({ at }) => at === "storage");
    expect(storage.length).toBeGreaterThan(0);
    for (const { headers } of storage) expect(headers.authorization).toBeUndefined();
  });

  it("are rows without the columns of the task", async () => {
    const end = await ulpt(["train", write("odd", { task: { name: "cola", dataset: "me/odd" } })], options);
    expectFailure(end, { code: "HUB_NOT_FOUND", exit: 3, where: "me/odd" });
    const own = { dataset: "me/odd", validation: "validation", template: "{sentence}", target: "{label}" };
    const other = await ulpt(["train", write("odd", { task: own })], options);
    expectFailure(other, { code: "DATA_FIELD_MISSING", exit: 3, where: "train" });
    expect(other.stderr).toContain("one of the columns text, label");
  });

  it("is a score that takes running programs, unless that is allowed", async () => {
    const end = await ulpt(["train", write("programs", { task: "mbpp" })], options);
    expectFailure(end, { code: "PROGRAMS_OFF", exit: 3, where: "task.metric" });
    expect(end.stderr).toContain("--run-generated-code");
    expect(hub.requests).toEqual([]);
    expect(runsOf("programs")).toEqual([]);
  });

  it("is said with what is missing when the Hub may not be asked", async () => {
    const env = { ...options.env, HF_HUB_OFFLINE: "1" };
    const end = await ulpt(["train", write("cold")], { ...options, env });
    expectFailure(end, { code: "HUB_OFFLINE", exit: 3, where: cache });
    expect(hub.requests).toEqual([]);
  });
});
