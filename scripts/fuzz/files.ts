/** @file A workspace with one good file of every format that we read, to be damaged. */
import { execFile } from "node:child_process";
import { closeSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { encodeAdapter } from "../../src/formats/peftAdapter.ts";
import { Hub } from "../../src/hub/hub.ts";
import { createLaunch, recordJobs, recordLaunch, updateJobs } from "../../src/launch/records.ts";
import { writeJobRuns } from "../../src/launch/slurm/jobs.ts";
import { openModel } from "../../src/models/model.ts";
import { quantizedWeights } from "../../src/models/quantize/quantize.ts";
import { type Recipe, recipeOf } from "../../src/models/quantize/recipe.ts";
import { jobPaths } from "../../src/runs/layout.ts";
import { createSweep, dropRun, putFirst, SweepLead } from "../../src/runs/sweeps.ts";
import { bundle, repository } from "../../test/support/bundle.ts";
import { startHub, type TestHub } from "../../test/support/hub.ts";
import { providerPackage } from "../../test/support/nuget.ts";
import { listPages } from "../../test/support/parquetPages.ts";
import { awq, fourBit, gptq } from "../../test/support/quantizers.ts";
import { parquetOf } from "../../test/support/registryRows.ts";
import { eightBit, type Matrix, type Quantized, requantize } from "../../test/support/requantize.ts";
import { createWordWorkspace } from "../../test/support/wordModel.ts";
import { causalModel } from "../../test/support/workspace.ts";

export const run = ".ulpt/runs/mood/ulpt-r2-seed3";
export const hubIds = { model: "org/tiny", dataset: "org/rows" } as const;

/** Models whose matrices are stored as other tools quantise them, each in a folder of this one. */
export const quantizedModels = "quantized";
/** Where quantised weights of `model` are kept. */
export const keptWeights = "kept";
export const keptRecipe: Recipe = { ...recipeOf("int4", "cpu")!, smallest: 8 }; // the model is smaller than any
export const adapter = "adapter";
export const providerVersion = "1.30.0";

/** The forms of data files; each has fields `text` and `label`, but for `lists.parquet`. */
export const dataFiles = ["rows.jsonl", "rows.ndjson", "rows.json", "rows.csv", "rows.tsv", "rows.jsonl.gz"] as const;
export const parquetFiles = ["rows.parquet", "groups.parquet", "lists.parquet", "nested.parquet"] as const;

/** Makes the workspace; takes some seconds. */
export async function createFiles(workspace: string): Promise<void> {
  mkdirSync(workspace, { recursive: true });
  const path = (...parts: string[]) => join(workspace, ...parts);
  const experiment = createWordWorkspace(workspace);
  const ulpt = async (...args: string[]) => {
    await promisify(execFile)(process.execPath, [bundle, ...args], { cwd: workspace });
  };
  await ulpt("train", experiment, "--set", "method=ulpt");
  await ulpt("show", "mood/ulpt-r2-seed3"); // keeps its inspection
  await ulpt("export", "mood/ulpt-r2-seed3", "mood");
  await ulpt("evaluate", "mood/ulpt-r2-seed3", "--split", "validation");
  await ulpt("tag", "mood/ulpt-r2-seed3", "paper", "best");
  recordLaunch(createLaunch(workspace), { pid: process.pid, args: ["train", experiment], experiment: "mood" });
  launchJobs(workspace);
  makeSweep(workspace, path("mood.ulpt.json"));
  writeFileSync(path("search.ulpt.json"), JSON.stringify(search));
  writeFileSync(path("launch.json"), JSON.stringify(profiles));
  writeFileSync(path("slurm.json"), JSON.stringify(slurmWords, null, 1));
  mkdirSync(path("decoded"));
  await quantize(workspace);
  writeFileSync(path("provider.nupkg"), providerPackage(providerVersion, { needs: ["libcudnn.so.9"] }));
  mkdirSync(path(adapter));
  const facts = { task: "SEQ_2_SEQ_LM", baseModel: "model", revision: null, numLayers: 1, numHeads: 4 } as const;
  const files = encodeAdapter(facts, { shape: [5, 16], data: new Float32Array(80).fill(0.5) });
  for (const [name, content] of Object.entries(files)) writeFileSync(path(adapter, name), content);

  const lines = readFileSync(path("data.jsonl"), "utf8").trimEnd().split("\n");
  const rows = lines.map((line) => JSON.parse(line) as { text: string; label: string });
  const separated = (separator: string) =>
    ["text", "label"]
      .join(separator)
      .concat("\n", rows.map(({ text, label }) => [text, label].join(separator)).join("\n"));
  const contents: Record<(typeof dataFiles)[number], string | Buffer> = {
    "rows.jsonl": lines.join("\n"),
    "rows.ndjson": lines.join("\n"),
    "rows.json": JSON.stringify(rows),
    "rows.csv": separated(","),
    "rows.tsv": separated("\t"),
    "rows.jsonl.gz": gzipSync(lines.join("\n")),
  };
  for (const [name, content] of Object.entries(contents)) writeFileSync(path(name), content);
  const columns = { text: "STRING", label: "STRING" } as const;
  writeFileSync(path("rows.parquet"), parquetOf({ columns }, rows));
  writeFileSync(
    path("groups.parquet"),
    parquetOf(
      { columns: { ...columns, n: "INT32" } },
      rows.map((row, n) => ({ ...row, n })),
      5,
    ),
  );
  const listed = ["good", "bad", "fine"].map((text, index) => ({ first: index !== 1, text }));
  writeFileSync(path("lists.parquet"), listPages([listed, listed]));
  writeFileSync(
    path("nested.parquet"),
    parquetOf(
      { columns: { text: "STRING", label: "strings" } },
      rows.map(({ text, label }) => ({ text, label: [label, text] })),
    ),
  );
  for (const name of ["tokenizer.json", "config.json"])
    cpSync(join(repository, "examples/sample/models/tiny-notes-t5", name), path("embedded", name), { recursive: true });
  writeTokenizers(path("tokenizers"));
  cpSync(join(repository, "test/fixtures/t5"), path("case"), { recursive: true });
  writeFileSync(path("messages.json"), JSON.stringify(messages, null, 1));
  writeFileSync(path("requests.json"), JSON.stringify(requests(path), null, 1));
  await keepHub(workspace);
}

/** Draws and halves, on an axis of every kind. */
const search = {
  ...{ model: "model", method: ["ulpt", "vanilla"], rank: [1, 2], promptLength: 5, seed: [1, 2], device: "cpu" },
  task: { train: "data.jsonl", validation: "data.jsonl", template: "note {text}", target: "{label}" },
  training: { steps: 900, warmupSteps: 0, batchSize: 4, learningRate: { from: 0.01, to: 0.6, scale: "log" } },
  search: { samples: 9, seed: 0, halving: { reduction: 3, firstRung: 100 } },
};

const profiles = {
  profiles: {
    default: {
      ...{ partition: "main", account: "lab", time: "12:00:00", cpus: 4, memory: "16G", gres: "gpu:1", node: "node" },
      ...{ setup: ["module load nodejs/20"], environment: { HF_HOME: "/scratch/hf" }, sbatch: ["--qos=normal"] },
      ...{ pollSeconds: 60, concurrency: 4, warningSeconds: 120 },
    },
  },
};

/** What the programs of Slurm print. */
const slurmWords = {
  squeue: [
    "13|0-3,7%2|PENDING|n/a|1796021971|Resources",
    "13|4|RUNNING|n1|1796021971|None",
    "14|N/A|NODE_FAIL|n2|N/A|ReqNodeNotAvail, UnavailableNodes:n2",
  ].join("\n"),
  sbatch: ["a greeting", "13;cluster"].join("\n"),
  refusal: "sbatch: error: Batch job submission failed: Invalid account or account/partition combination specified",
  sinfo: "main|up|1:00:00|2|idle\nmain|up|1:00:00|1|down*",
  log: "slurmstepd: error: Detected 1 oom_kill event in StepId=9.batch.",
};

/** Jobs of which the queue has said something, with all that lies in their folder. */
function launchJobs(workspace: string): void {
  const created = createLaunch(workspace);
  closeSync(created.descriptor);
  const jobs = { args: ["train", "mood.ulpt.json", "--on", "slurm"], experiment: "mood", sweep: "mood-1" };
  const launch = recordJobs(created, { ...jobs, profile: "default", user: "me", pollSeconds: 60, runs: 2 });
  const paths = jobPaths(launch.folder);
  for (const folder of [launch.folder, paths.logs, paths.states]) mkdirSync(folder);
  writeJobRuns(launch.folder, { experiment: "mood", runs: ["ulpt-r2-seed3", "other"] });
  updateJobs(launch, { arrays: [{ first: 0, count: 2, job: 13 }] });
  const status = {
    arrayId: 13,
    elements: [[0, 1]],
    state: "PENDING",
    nodes: "",
    start: 1_796_021_971,
    reason: "Priority",
  };
  const seen = { asked: 1, answered: 1, asks: 1, silences: 0, why: null, jobs: [status], idle: false };
  writeFileSync(paths.queue, JSON.stringify(seen));
  const wish = { by: "me@here", at: "2026-01-01T00:00:00.000Z" };
  writeFileSync(paths.cancelled, JSON.stringify({ runs: { 1: wish } }));
  writeFileSync(paths.log(0, 0), "slurmstepd: error: Exceeded job memory limit\n");
}

/** A sweep that was begun, shortened and stopped. */
function makeSweep(workspace: string, experiment: string): void {
  const plan = (name: string) => ({ name, steps: 8, rungs: [4], bracket: "all" });
  const record = createSweep(workspace, {
    ...{ experiment: "mood", folder: "mood", file: "mood.ulpt.json", adopts: true, parallel: 2 },
    ...{ halving: { reduction: 2, by: "score" }, runs: ["ulpt-r2-seed3", "other", "third"].map(plan) },
    written: JSON.parse(readFileSync(experiment, "utf8")) as unknown,
  });
  const lead = SweepLead.claim(record);
  const run = "ulpt-r2-seed3";
  lead.note({ type: "run", run, folder: run, state: "running", step: 0 });
  lead.note({ type: "run", run, folder: run, state: "promoted", step: 4, rung: 1, place: 1, of: 2 });
  lead.note({ type: "run", run, folder: run, state: "finished", step: 8 });
  lead.close();
  putFirst(record, "third");
  dropRun(record, "other");
}

/** Models as others quantise them, and what is kept of one that we do. */
async function quantize(workspace: string): Promise<void> {
  const forms: Record<string, [config: Record<string, unknown>, encode: (matrix: Matrix) => Quantized]> = {
    gptq: [{ quant_method: "gptq", bits: 4, group_size: 32, desc_act: true }, gptq(4, 32, { shuffled: true })],
    awq: [{ quant_method: "awq", bits: 4, group_size: 32, version: "gemm", zero_point: true }, awq],
    nf4: [{ quant_method: "bitsandbytes", load_in_4bit: true }, fourBit(true)],
    int8: [{ quant_method: "bitsandbytes", load_in_8bit: true }, eightBit],
  };
  const plain = join(workspace, "plain");
  for (const [name, [config, encode]] of Object.entries(forms))
    requantize(causalModel, { to: join(workspace, quantizedModels, name), plain }, config, encode);
  rmSync(plain, { recursive: true });
  const model = openModel(join(workspace, "model"));
  const sha256 = await model.weights.sha256();
  await quantizedWeights(model, sha256, keptRecipe, { folder: join(workspace, keptWeights) });
}

/** Tokenizers of every kind, each in a folder of its own. */
function writeTokenizers(folder: string): void {
  const vectors = (name: string) => JSON.parse(readFileSync(join(repository, "test/vectors", name), "utf8")) as unknown;
  const { models, cases } = vectors("tokenizers.json") as {
    models: Record<string, object>;
    cases: { model: string }[];
  };
  for (const [index, { model, ...definition }] of cases.entries()) {
    mkdirSync(join(folder, String(index)), { recursive: true });
    const text = JSON.stringify({ ...definition, encoded: undefined, name: undefined, model: models[model] });
    writeFileSync(join(folder, String(index), "tokenizer.json"), text);
  }
  const pieces = (vectors("sentencepiece.json") as { models: Record<string, { model: string }> }).models;
  for (const [name, { model }] of Object.entries(pieces)) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, "spiece.model"), Buffer.from(model, "base64"));
    writeFileSync(join(folder, name, "tokenizer_config.json"), JSON.stringify({ extra_ids: 3 }));
  }
}

/** What the webviews send. */
const messages = [
  { type: "ready", state: { experiment: "mood", preferences: {} } },
  { type: "resnapshot", have: 3 },
  { type: "smoothing", smoothing: 0.5 },
  { type: "facts", run: "ulpt-r2-seed3" },
  { type: "detail", request: 1, axis: "step", min: 0, max: 8 },
  { type: "command", command: "openCheckpoint", run: "ulpt-r2-seed3", step: 8 },
  { type: "try", id: 1, text: "good rain" },
  { type: "action", action: "reveal" },
];

/** What the editor asks of `ulpt serve`. */
function requests(path: (...parts: string[]) => string) {
  const checkpoint = path(run, "checkpoints", "step-000008.safetensors");
  const prompt = path("prompts", "mood.prompt.safetensors");
  return [
    { method: "inspect", params: { checkpoint } },
    { method: "inspectPrompt", params: { prompt } },
    { method: "try", params: { target: prompt, text: "good", workspace: path() } },
    { method: "evaluate", params: { checkpoint, split: "validation" } },
    { method: "preview", params: { experiment: path("mood.ulpt.json"), split: "train", rows: 3 } },
    { method: "export", params: { checkpoint, name: "again", workspace: path() } },
  ];
}

/** An answer of the Hub, as a file. */
export interface Answer {
  /** `GET /api/models/org/tiny/revision/main` */
  request: string;
  status: number;
  headers: Record<string, string>;
  body: string;
}

const unaddressed = "http://hub.invalid";
/** Of the answer's connection; the server sets them. */
const ofConnection = new Set(["connection", "keep-alive", "date", "transfer-encoding", "content-encoding"]);

/** Asks a Hub for a model and a data set, and keeps its answers as `answers/N.json` and what the client cached as `cache`. */
async function keepHub(workspace: string): Promise<void> {
  const model = openModel(join(workspace, "model")).folder;
  const files = Object.fromEntries(
    ["config.json", "tokenizer.json", "model.safetensors"].map((name) => [name, readFileSync(join(model, name))]),
  );
  const rows = readFileSync(join(workspace, "rows.parquet"));
  const hub = await startHub({
    repositories: [
      { type: "model", id: hubIds.model, files },
      {
        type: "dataset",
        id: hubIds.dataset,
        files: { "data/train-00000-of-00001.parquet": rows, "README.md": "Rows." },
      },
    ],
  });
  const folder = join(workspace, "answers");
  mkdirSync(folder);
  let count = 0;
  const recorder = await serve(async (request, response) => {
    const answer = await ask(hub, request);
    writeFileSync(join(folder, `${count++}.json`), JSON.stringify(answer, null, 1));
    send(response, answer, addressOf(recorder));
  });
  try {
    await askHub(addressOf(recorder), join(workspace, "cache"));
  } finally {
    await close(recorder);
    await hub.close();
  }
}

async function ask(hub: TestHub, request: IncomingMessage): Promise<Answer> {
  const headers = Object.fromEntries(
    Object.entries(request.headers).filter((entry): entry is [string, string] => entry[0] !== "host" && !!entry[1]),
  );
  const origin = request.url!.startsWith("/storage/") ? hub.storage : hub.endpoint;
  const path = request.url!.replace(/^\/storage/, "");
  const answer = await fetch(`${origin}${path}`, { method: request.method!, headers, redirect: "manual" });
  const ownAddress = (text: string) =>
    text.replaceAll(hub.storage, `${unaddressed}/storage`).replaceAll(hub.endpoint, unaddressed);
  return {
    request: `${request.method} ${request.url}`,
    status: answer.status,
    headers: Object.fromEntries(
      [...answer.headers].filter(([name]) => !ofConnection.has(name)).map(([name, value]) => [name, ownAddress(value)]),
    ),
    body: ownAddress(Buffer.from(await answer.arrayBuffer()).toString("latin1")),
  };
}

/** A model and a data set, by the client. */
export async function askHub(endpoint: string, cache: string, offline = false): Promise<void> {
  const patience = { idle: 300, retries: 1, firstDelay: 1, longestDelay: 1, poll: 5, claim: 50 };
  const client = new Hub({ endpoint, cache, offline, patience });
  const errors: unknown[] = [];
  for (const asked of [
    () => client.model(hubIds.model),
    () => client.dataset(hubIds.dataset, { splits: ["train"] }),
    () => client.cached(),
  ])
    await asked().catch((error: unknown) => errors.push(error));
  if (errors.length > 0) throw errors[0];
}

/** A server that gives recorded answers; whatever was not asked then is not there. */
export async function replay(answers: readonly Answer[]): Promise<{ endpoint: string; close: () => Promise<void> }> {
  const server = await serve(async (request, response) => {
    const found = answers.find((answer) => answer.request === `${request.method} ${request.url}`);
    send(response, found ?? { request: "", status: 404, headers: {}, body: "" }, addressOf(server));
  });
  return { endpoint: addressOf(server), close: () => close(server) };
}

function send(response: ServerResponse, { status, headers, body }: Answer, address: string): void {
  const toUs = (text: string) => text.replaceAll(unaddressed, address);
  try {
    response.writeHead(status, Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, toUs(value)])));
    response.end(Buffer.from(toUs(body), "latin1"));
  } catch {
    response.destroy(); // what no server can send
  }
}

function serve(answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>): Promise<Server> {
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve(server));
  });
}

function addressOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
