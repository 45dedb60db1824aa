/** @file What is fuzzed: for each format the files that are damaged, and what reads them as the command line and the editor do. */
import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { openSubject, previewOf } from "../../src/cli/data.ts";
import { answerTexts } from "../../src/cli/predict.ts";
import { inspectTarget } from "../../src/cli/show.ts";
import { modelOf, openTarget } from "../../src/cli/target.ts";
import { unpack } from "../../src/cuda/package.ts";
import { describeSettings } from "../../src/experiment/describe.ts";
import { expandRuns } from "../../src/experiment/expand.ts";
import { readExperiment } from "../../src/experiment/parse.ts";
import { readSharedLibrary } from "../../src/formats/elf.ts";
import { readPromptAdapter } from "../../src/formats/peftAdapter.ts";
import { parseMessage } from "../../src/host/panel/messages.ts";
import { PanelModel } from "../../src/host/panel/model.ts";
import { panelStrings } from "../../src/host/panel/strings.ts";
import { untranslated } from "../../src/host/window/translate.ts";
import { endOfFile } from "../../src/launch/log.ts";
import { readProfile } from "../../src/launch/profiles.ts";
import { isRunning, listLaunches } from "../../src/launch/records.ts";
import { parsePartitions } from "../../src/launch/slurm/partitions.ts";
import { parseQueue } from "../../src/launch/slurm/poll.ts";
import { jobLog, jobWords } from "../../src/launch/slurm/queue.ts";
import { batchScript } from "../../src/launch/slurm/script.ts";
import { parseJobId, sbatchArguments } from "../../src/launch/slurm/submit.ts";
import { describeJob, explainRefusal, isOverMemory } from "../../src/launch/slurm/words.ts";
import { marksOf } from "../../src/listing/marks.ts";
import { RunReader, readResult } from "../../src/listing/reader.ts";
import { reportRun } from "../../src/listing/report.ts";
import { listRuns, summarizeRun } from "../../src/listing/summary.ts";
import { newestSweep, SweepJournals, viewSweeps } from "../../src/listing/sweeps.ts";
import { decodedWeights } from "../../src/models/dequantize/dequantize.ts";
import { openModel } from "../../src/models/model.ts";
import { quantizedWeights } from "../../src/models/quantize/quantize.ts";
import { openTokenizer } from "../../src/models/tokenizer.ts";
import { verifyCase } from "../../src/models/verify.ts";
import { compareRuns } from "../../src/results/comparison.ts";
import { listCheckpoints } from "../../src/runs/checkpoints.ts";
import { layoutCheckpoint } from "../../src/runs/checkpointText.ts";
import { listEvaluations, loadEvaluatedRows } from "../../src/runs/evaluations.ts";
import { runPaths } from "../../src/runs/layout.ts";
import { listPredictions, loadPredictions } from "../../src/runs/predictions.ts";
import { loadState } from "../../src/runs/state.ts";
import { openRun } from "../../src/runs/store.ts";
import { listSweeps } from "../../src/runs/sweeps.ts";
import { parsePromptMessage } from "../../src/shared/promptView.ts";
import { openSource } from "../../src/tasks/source.ts";
import { LoadedModel } from "../../src/training/loadedModel.ts";
import { plannedExperiment } from "../../src/training/sweepPlan.ts";
import { bundle } from "../../test/support/bundle.ts";
import type { Random } from "../../test/support/random.ts";
import {
  type Answer,
  adapter,
  askHub,
  dataFiles,
  keptRecipe,
  keptWeights,
  parquetFiles,
  providerVersion,
  quantizedModels,
  replay,
  run,
} from "./files.ts";

export interface Target {
  /** Files of the workspace, of which one is damaged; a folder stands for the files in it, with `/**` also for those below. */
  files: readonly string[];
  /** How many inputs there are where nobody says. */
  inputs: number;
  /** What reading may write, made anew for every input. */
  writes?: readonly string[];
  /** Reads as the product does. May throw an UlptError; whatever else happens is a finding. */
  use: (input: { workspace: string; file: string; random: Random; signal: AbortSignal }) => unknown;
}

const checkpoints = `${run}/checkpoints`;
const prompt = "prompts/mood.prompt.safetensors";
const text = "good rain note 12 ÄÖ\u0301 \ud83d\ude00 <extra_id_0> </s>";

async function inspect(workspace: string, name: string): Promise<void> {
  const target = openTarget(join(workspace, name), workspace);
  const open = async () => LoadedModel.open(await modelOf(target), "cpu");
  layoutCheckpoint(await inspectTarget(target, open));
  const model = await open();
  await answerTexts(target, [text], model, { maxNewTokens: 3 });
  await model.release();
}

/** A run as lists, reports and the panel read it. */
async function lookAt(workspace: string): Promise<void> {
  const runs = listRuns(workspace);
  for (const row of runs) {
    const { directory, state } = row;
    if (state === "unreadable") continue;
    marksOf(row);
    listCheckpoints(directory);
    loadState(directory);
    readResult(directory, "last");
    for (const { step, split } of listPredictions(directory)) loadPredictions(directory, step, split);
    for (const kept of listEvaluations(runPaths(directory).evaluations)) loadEvaluatedRows(kept);
    const { spec } = openRun(directory);
    compareRuns([{ report: reportRun({ directory, spec }), settings: spec.settings, spec }]);
  }
  const source = {
    runs: async () => runs,
    run: async (directory: string) => summarizeRun(directory),
    isShown: () => true,
    colorIndex: () => 0,
    baseline: () => undefined,
    sweep: () => null,
    launch: () => null,
    job: () => undefined,
    canTrain: () => true,
    course: (directory: string) => new RunReader(directory),
  };
  const panel = new PanelModel({ name: "mood", directory: join(workspace, ".ulpt/runs/mood") }, source);
  await panel.refresh();
  while (panel.read());
  panel.snapshot(panelStrings(untranslated));
  panel.detail(1, "step", 0, 8);
  panel.delta();
}

/** Runs the command line; an answer is one for people, with a code, or that it was stopped. */
function ulpt(workspace: string, args: readonly string[], signal: AbortSignal, stdin = ""): Promise<void> {
  const child = spawn(process.execPath, ["--max-old-space-size=1024", bundle, ...args], {
    cwd: workspace,
    signal,
    killSignal: "SIGKILL",
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      output = (output + chunk).slice(-20_000);
    });
  }
  child.stdin.on("error", () => {}).end(stdin);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, ended) => {
      const isOurs = code === 0 || /^error (?!INTERNAL)[A-Z_]+: /m.test(output) || args[0] === "serve";
      const isFault = /INTERNAL|^\s+at .*:\d+:\d+\)?$/m.test(output);
      if (ended === null && isOurs && !isFault) resolve();
      else reject(new Error(`ulpt ${args.join(" ")}: ${ended ?? `exit code ${code}`}\n${output}`));
    });
  });
}

/** A request as vscode-jsonrpc frames it. */
function framed(request: unknown, id: number): string {
  const body = JSON.stringify({ jsonrpc: "2.0", id, ...(request as object) });
  return `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

const commands: readonly (readonly string[])[] = [
  ["runs"],
  ["runs", "--json"],
  ["show", "mood/ulpt-r2-seed3"],
  ["rows", "mood/ulpt-r2-seed3"],
  ["resume", "mood/ulpt-r2-seed3"],
  ["stop", "mood/ulpt-r2-seed3"],
  ["evaluate", "mood/ulpt-r2-seed3"],
  ["predict", "mood/ulpt-r2-seed3", text],
  ["predict", prompt, text],
  ["show", prompt],
  ["export", "mood/ulpt-r2-seed3", "again"],
  ["data", "mood.ulpt.json"],
  ["train", "mood.ulpt.json", "--continue", "--set", "method=ulpt", "--set", "training.steps=9"],
  ["compare", "mood.ulpt.json"],
  ["compare", "mood.ulpt.json", "--paper"],
  ["verify", "--model", "case", "--case", "case/case.json"],
];

export const targets: Readonly<Record<string, Target>> = {
  experiment: {
    files: ["mood.ulpt.json", "search.ulpt.json"],
    inputs: 3000,
    use: ({ workspace, file }) => expandRuns(readExperiment(join(workspace, file))).map(describeSettings),
  },
  data: {
    files: dataFiles,
    inputs: 2000,
    use: async ({ workspace, file, signal }) => {
      const source = await openSource([join(workspace, file)]);
      try {
        for await (const { rows } of source.batches(new Set(["text", "label"]))) rows.length;
      } finally {
        await source.close();
      }
      const subject = openSubject(join(workspace, "mood.ulpt.json"));
      const task = { ...subject.task, train: file, validation: file };
      await previewOf(task, "model", workspace, { split: "train", rows: 5 }, { signal });
    },
  },
  parquet: {
    files: parquetFiles,
    inputs: 3000,
    use: async ({ workspace, file }) => {
      const source = await openSource([join(workspace, file)]);
      try {
        for await (const { rows } of source.batches(new Set(source.columns))) rows.length;
      } finally {
        await source.close();
      }
    },
  },
  model: {
    files: ["model/model.safetensors", "model/config.json"],
    inputs: 400,
    use: async ({ workspace }) => {
      const model = LoadedModel.open(join(workspace, "model"), "cpu");
      try {
        model.embeddingSha256();
        await model.answer([model.tokenizer.encode(text)], undefined, model.tokenizer, { maxNewTokens: 3 });
      } finally {
        await model.release();
      }
    },
  },
  tokenizer: {
    files: ["tokenizers/**", "embedded/tokenizer.json"],
    inputs: 2000,
    use: ({ workspace, file }) => {
      const tokenizer = openTokenizer(join(workspace, file, ".."), { endToken: 1, vocabularySize: 1000 });
      const ids = tokenizer.encode(text);
      for (const id of ids) if (!(Number.isInteger(id) && id >= 0 && id < 1000)) throw new Error(`the token ${id}`);
      tokenizer.decode(ids);
      for (const id of tokenizer.encodePlain(text)) tokenizer.token(id);
    },
  },
  checkpoint: {
    files: [checkpoints, `${run}/inspections`],
    inputs: 300,
    writes: [run],
    use: ({ workspace, file }) =>
      inspect(workspace, file.endsWith(".safetensors") ? file : `${checkpoints}/step-000008.safetensors`),
  },
  prompt: { files: [prompt], inputs: 300, use: ({ workspace }) => inspect(workspace, prompt) },
  run: {
    files: [run, `${run}/attempts`, `${run}/predictions`, `${run}/evaluations`],
    inputs: 1000,
    writes: [run],
    use: ({ workspace }) => lookAt(workspace),
  },
  launches: {
    files: [".ulpt/launches/**"],
    inputs: 500,
    writes: [".ulpt/launches"],
    use: ({ workspace }) => {
      const launches = listLaunches(workspace);
      launches.map(isRunning);
      const directory = join(workspace, run);
      jobWords(
        launches.flatMap((launch) => (launch.launcher === "slurm" ? [launch] : [])),
        [{ directory, state: "interrupted", updated: 0 }],
      );
      endOfFile(jobLog(workspace, directory) ?? "", 1000);
    },
  },
  sweeps: {
    files: [".ulpt/sweeps/**"],
    inputs: 1000,
    writes: [".ulpt/sweeps"],
    use: ({ workspace }) => {
      const runs = listRuns(workspace);
      viewSweeps(workspace, runs);
      newestSweep(workspace, "mood", runs, new SweepJournals());
      for (const record of listSweeps(workspace).sweeps) plannedExperiment(record, join(workspace, record.spec.file));
    },
  },
  profiles: {
    files: ["launch.json"],
    inputs: 1000,
    use: ({ workspace, file }) => {
      const profile = readProfile(join(workspace, file), undefined);
      const [argument] = sbatchArguments(profile, { name: "n", script: "s", folder: workspace, log: "l", count: 3 });
      if (argument !== "--parsable") throw new Error(`sbatch is called with ${argument} first`);
      batchScript(profile, { folder: workspace, node: "node", runtime: "cli.js", args: [] });
    },
  },
  slurm: {
    files: ["slurm.json"],
    inputs: 1000,
    use: ({ workspace, file }) => {
      const json = parsed(join(workspace, file));
      const texts = typeof json === "object" && json !== null ? Object.values(json) : [json];
      for (const text of texts.map(String)) {
        for (const job of parseQueue(text)) describeJob(job, 0);
        parseJobId(text);
        parsePartitions(text);
        explainRefusal(text, undefined).describe();
        isOverMemory(text);
      }
    },
  },
  quantized: {
    files: [`${quantizedModels}/**`],
    inputs: 400,
    writes: ["decoded"],
    use: async ({ workspace, file }) => {
      const folder = join(workspace, file, "..");
      const decoded = await decodedWeights(folder, { folder: join(workspace, "decoded") });
      openModel(folder, undefined, decoded?.file).readingGraphs();
    },
  },
  kept: {
    files: [keptWeights],
    inputs: 300,
    writes: [keptWeights],
    use: async ({ workspace, file }) => {
      const good = readFileSync(join(workspace, "..", "..", "base", file));
      const model = openModel(join(workspace, "model"));
      const folder = join(workspace, keptWeights);
      await quantizedWeights(model, await model.weights.sha256(), keptRecipe, { folder });
      if (!readFileSync(join(workspace, file)).equals(good)) throw new Error("damaged weights are used");
    },
  },
  adapter: {
    files: [adapter],
    inputs: 500,
    use: ({ workspace }) => readPromptAdapter(join(workspace, adapter)),
  },
  package: {
    files: ["provider.nupkg"],
    inputs: 1000,
    use: async ({ workspace, file, signal }) => {
      const folder = join(workspace, "unpacked");
      mkdirSync(folder);
      try {
        await unpack(join(workspace, file), folder, { version: providerVersion, signal });
        for (const name of readdirSync(folder)) readSharedLibrary(join(folder, name));
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  },
  case: {
    files: ["case/case.json", "case/case.safetensors"],
    inputs: 300,
    use: ({ workspace }) => verifyCase(openModel(join(workspace, "case")), join(workspace, "case/case.json"), "cpu"),
  },
  messages: {
    files: ["messages.json"],
    inputs: 2000,
    use: ({ workspace, file }) => {
      const messages = parsed(join(workspace, file));
      for (const message of Array.isArray(messages) ? messages : [messages]) {
        parseMessage(message);
        parsePromptMessage(message);
      }
    },
  },
  hub: {
    files: ["answers"],
    inputs: 500,
    use: async ({ workspace }) => {
      const folder = join(workspace, "answers");
      const answers = readdirSync(folder).map((name) => parsed(join(folder, name)) as Answer);
      const server = await replay(answers.filter((answer) => typeof answer?.headers === "object" && answer.headers));
      const cache = join(workspace, "fresh");
      try {
        await askHub(server.endpoint, cache);
      } finally {
        await server.close();
        rmSync(cache, { recursive: true, force: true });
      }
    },
  },
  cache: {
    files: ["cache/**"],
    inputs: 500,
    writes: ["cache"],
    use: ({ workspace }) => askHub("http://127.0.0.1:9", join(workspace, "cache"), true),
  },
  serve: {
    files: ["requests.json"],
    inputs: 40,
    writes: [".ulpt", "prompts"],
    use: ({ workspace, file, signal }) => {
      const requests = parsed(join(workspace, file));
      const input = (Array.isArray(requests) ? requests : [requests]).map(framed).join("");
      return ulpt(workspace, ["serve"], signal, input);
    },
  },
  commands: {
    files: [run, checkpoints, `${run}/attempts`, prompt, "mood.ulpt.json", "data.jsonl", "model", "case"],
    inputs: 120,
    writes: [".ulpt", "prompts"],
    use: ({ workspace, random, signal }) => ulpt(workspace, random.pick(commands), signal),
  },
};

/** A file as JSON, or as text where it is none. */
function parsed(path: string): unknown {
  const content = readFileSync(path, "utf8");
  try {
    return JSON.parse(content);
  } catch {
    return content;
  }
}
