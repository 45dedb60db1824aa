/** @file `ulpt serve` as the editor uses it: the built program over JSON-RPC, on a tiny model. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  CancellationTokenSource,
  createMessageConnection,
  type Disposable,
  ErrorCodes,
  type MessageConnection,
  ProgressType,
  StreamMessageReader,
  StreamMessageWriter,
} from "vscode-jsonrpc/node";
import { rowsOf } from "../../src/listing/keptAnswers.ts";
import { recipeOf } from "../../src/models/quantize/recipe.ts";
import { layoutCheckpoint } from "../../src/runs/checkpointText.ts";
import { embeddingsOf, fingerprint } from "../../src/runs/inspection.ts";
import { evaluationsFolder, inspectionPath, runPaths } from "../../src/runs/layout.ts";
import { readPrompt, writePrompt } from "../../src/runs/prompts.ts";
import { type AnswerPiece, cancelledCode, type ServiceMethods, ulptErrorCode } from "../../src/shared/service.ts";
import { bundle } from "../support/bundle.ts";
import { Command, expectFailure, jsonLines, killLeftovers, ulpt, ulptOk } from "../support/cli.ts";
import { temporaryFolder } from "../support/folder.ts";
import { createWordWorkspace } from "../support/wordModel.ts";
import { courseOf, rewriteMetadata } from "../support/workspace.ts";

const folder = temporaryFolder();
let run: string;
let last: string;
let service: Service;

/** The program as a child, and the requests it takes. */
class Service {
  readonly child: ChildProcess;
  private readonly connection: MessageConnection;
  stderr = "";

  constructor(cwd: string) {
    const env = { ...process.env, HF_HUB_CACHE: folder("hub") };
    this.child = spawn(process.execPath, [bundle, "serve"], { cwd, env, stdio: ["pipe", "pipe", "pipe"] });
    this.child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    const reader = new StreamMessageReader(this.child.stdout!);
    this.connection = createMessageConnection(reader, new StreamMessageWriter(this.child.stdin!));
    this.connection.listen();
  }

  request<M extends keyof ServiceMethods>(
    method: M,
    params: ServiceMethods[M]["params"],
    ...token: [CancellationTokenSource["token"]?]
  ): Promise<ServiceMethods[M]["result"]> {
    return this.connection.sendRequest(method, params, ...token);
  }

  onPiece(token: string, take: (piece: AnswerPiece) => void): Disposable {
    return this.connection.onProgress(new ProgressType<AnswerPiece>(), token, take);
  }

  async end(): Promise<number | null> {
    this.child.stdin!.end();
    if (this.child.exitCode === null) await once(this.child, "exit");
    return this.child.exitCode;
  }
}

beforeAll(async () => {
  const experiment = createWordWorkspace(folder());
  await ulptOk(["train", experiment], { cwd: folder() });
  run = folder(".ulpt", "runs", "mood", "ulpt-r2-seed3");
  last = join(run, "checkpoints", "step-000008.safetensors");
  service = new Service(folder());
});
afterAll(() => {
  service.child.kill("SIGKILL");
  killLeftovers();
});

describe("inspect", () => {
  it("tells of each token its norm, words that exist, coordinates and how far it moved", async () => {
    const inspection = await service.request("inspect", { checkpoint: last });
    expect(inspection).toMatchObject({
      experiment: "mood",
      run: "ulpt-r2-seed3",
      step: 8,
      method: "ulpt",
      rank: 2,
      promptLength: 5,
      hiddenSize: 16,
      parameters: 5 * 2 + 2 * 16,
      prompt: null,
      model: { source: "model" },
      frozen: [{ name: "projection", generator: "philox4x32-10/1", seed: 3, distribution: "xavier-uniform" }],
    });
    const validation = courseOf(run).evaluations.find(({ step, split }) => step === 8 && split === "validation")!;
    expect(inspection.metrics).toEqual({ score: validation.score, loss: validation.loss });
    const embeddings = embeddingsOf(inspection);
    for (const [index, token] of inspection.tokens.entries()) {
      const row = embeddings.subarray(16 * index, 16 * (index + 1));
      expect(token.norm).toBeCloseTo(Math.hypot(...row), 5);
      expect(token.nearest).toHaveLength(3);
      for (const { id, token: text } of token.nearest)
        expect([id < 23, text]).toEqual([true, expect.not.stringMatching(/^<\d/)]);
      expect(token.coordinates).toMatchObject({ kind: "all", values: [expect.any(Number), expect.any(Number)] });
      expect(token.moved!.distance).toBeGreaterThan(0);
    }
    expect(inspection.vectors.scale!.top).toHaveLength(5);
    const { largestDistance, farthest } = inspection.sinceStart!;
    expect(largestDistance).toBe(inspection.tokens[farthest]!.moved!.distance);
  });

  it("keeps what it found: a second time needs no model", async () => {
    const first = await service.request("inspect", { checkpoint: last });
    const other = new Service(folder());
    renameSync(folder("model"), folder("model-away"));
    try {
      expect(await other.request("inspect", { checkpoint: last })).toEqual(first);
    } finally {
      renameSync(folder("model-away"), folder("model"));
      await other.end();
    }
  });

  it("says that nothing moved at step 0, and finds the same start where that checkpoint was not kept", async () => {
    const start = join(run, "checkpoints", "step-000000.safetensors");
    const zero = await service.request("inspect", { checkpoint: start });
    expect(zero.sinceStart).toMatchObject({ largestDistance: 0, nearestChanged: 0 });
    for (const { moved } of zero.tokens) expect(moved!.cosine).toBeCloseTo(1, 12);
    for (const name of ["ulpt-r2-seed3", "vanilla-seed3"]) {
      const directory = folder(".ulpt", "runs", "mood", name);
      const checkpoint = join(directory, "checkpoints", "step-000004.safetensors");
      const kept = await service.request("inspect", { checkpoint });
      rmSync(inspectionPath(directory, 4));
      renameSync(join(directory, "checkpoints", "step-000000.safetensors"), folder("zero"));
      try {
        expect(await service.request("inspect", { checkpoint })).toEqual(kept);
      } finally {
        renameSync(folder("zero"), join(directory, "checkpoints", "step-000000.safetensors"));
      }
    }
  });

  it("computes again when the checkpoint changed, and works where nothing can be kept", async () => {
    const copy = folder("copied", ".ulpt", "runs", "mood", "copy");
    cpSync(folder("model"), folder("copied", "model"), { recursive: true });
    cpSync(run, copy, { recursive: true });
    const checkpoint = join(copy, "checkpoints", "step-000008.safetensors");
    const before = await service.request("inspect", { checkpoint });
    cpSync(join(copy, "checkpoints", "step-000004.safetensors"), checkpoint);
    const after = await service.request("inspect", { checkpoint });
    expect(after.sha256).not.toBe(before.sha256);
    expect(after.step).toBe(4);
    rmSync(runPaths(copy).inspections, { recursive: true });
    writeFileSync(runPaths(copy).inspections, ""); // a file is in the way
    expect(await service.request("inspect", { checkpoint })).toEqual(after);
  });
});

describe("exported prompts", () => {
  it("are written under a safe name, never over another, and look the same from inside as the checkpoint", async () => {
    const workspace = folder();
    const request = { checkpoint: last, name: "../Mood one", workspace };
    const first = await service.request("export", request);
    const second = await service.request("export", request);
    expect([first.path, second.path]).toEqual([
      folder("prompts", "Mood-one.prompt.safetensors"),
      folder("prompts", "Mood-one-2.prompt.safetensors"),
    ]);
    expect(readFileSync(first.path)).toHaveLength(first.bytes);
    expect(first.bytes).toBeLessThan(4000);
    const { metadata, parameters } = readPrompt(first.path);
    expect(parameters).toBe(42);
    expect(metadata.provenance).toMatchObject({ experiment: "mood", run: "ulpt-r2-seed3", step: 8 });
    expect(metadata.task).toMatchObject({ template: "note {text}", target: "{label}" });

    const { sha256, bytes, prompt, ...inside } = await service.request("inspectPrompt", { prompt: first.path });
    expect([bytes, prompt]).toEqual([first.bytes, "Mood-one"]);
    const checkpoint = await service.request("inspect", { checkpoint: last });
    expect(sha256).not.toBe(checkpoint.sha256);
    expect(inside).toEqual((({ sha256: _sha, bytes: _bytes, prompt: _prompt, ...rest }) => rest)(checkpoint));
  });

  it("answer a text as their checkpoint does, in the service and on the command line", async () => {
    const { path } = await service.request("export", { checkpoint: last, name: "try", workspace: folder() });
    const ask = { text: "rain sun", workspace: folder(), maxNewTokens: 4 };
    const { precisions, ...answer } = await service.request("try", { target: last, ...ask });
    expect(precisions).toBeNull();
    expect(answer.source).toBe("note rain sun");
    expect(await service.request("try", { target: path, ...ask })).toEqual({ ...answer, precisions });
    expect((await service.request("try", { target: path, ...ask, raw: true })).source).toBe("rain sun");
    const { stdout } = await ulptOk(["predict", path, "rain sun", "--max-new-tokens", "4", "--json"], {
      cwd: folder(),
    });
    expect(jsonLines<object>(stdout).at(-1)).toEqual({ type: "answer", row: 0, text: "rain sun", ...answer });
  });

  it("say in what the model runs where that is not as in the training, with each piece and each score", async () => {
    const { path } = await service.request("export", { checkpoint: last, name: "whole", workspace: folder() });
    const { tensors, metadata } = readPrompt(path);
    const quantization = recipeOf("int8", "webgpu")!; // as if it were of a machine with a GPU
    const rounded = writePrompt(folder(), "rounded", { tensors, metadata: { ...metadata, quantization } }).path;
    const precisions = { now: "int8, 8 bit with a scale per output", trained: "int8, 8 bit in blocks of 32" };
    const pieces: AnswerPiece[] = [];
    const listener = service.onPiece("rounded", (piece) => pieces.push(piece));
    const ask = { target: rounded, text: "rain sun", workspace: folder(), piecesToken: "rounded" };
    expect(await service.request("try", ask)).toMatchObject({ precisions });
    listener.dispose();
    expect(pieces.length).toBeGreaterThan(0);
    for (const piece of pieces) expect(piece.precisions).toEqual(precisions);
    const on = { split: "validation", like: run } as const;
    const [scored, asTrained] = [
      await service.request("evaluate", { checkpoint: rounded, ...on }),
      await service.request("evaluate", { checkpoint: path, ...on }),
    ];
    expect(scored).toMatchObject({ precision: precisions.now, precisions });
    expect(asTrained.precisions).toBeNull();
    // What is kept is found by the precision that it is of, and by no other.
    const { sha256 } = fingerprint(rounded);
    const answering = { kind: "prompt", folder: evaluationsFolder(folder()), sha256 } as const;
    expect(rowsOf(answering)).toEqual([]);
    const inInt8 = { ...answering, precision: precisions.now };
    expect(rowsOf(inInt8)).toEqual([{ rows: "validation", file: null }]);
    expect(rowsOf({ kind: "unprompted", beside: inInt8 })).toEqual(rowsOf(inInt8));
    expect(rowsOf({ kind: "unprompted", beside: answering })).toEqual([]);
  });

  it("are answered with the options that were given, as on the command line, and not with others", async () => {
    const ask = { target: last, text: "rain sun", workspace: folder(), maxNewTokens: 12 };
    const draw = async (seed: number) => {
      const answer = await service.request("try", { ...ask, temperature: 5, topK: 20, topP: 0.99, seed });
      return { withPrompt: answer.withPrompt, withoutPrompt: answer.withoutPrompt };
    };
    const drawn = await draw(3);
    expect(await draw(4)).not.toEqual(drawn);
    const options = ["--temperature", "5", "--top-k", "20", "--top-p", "0.99", "--seed", "3", "--max-new-tokens", "12"];
    const { stdout } = await ulptOk(["predict", last, "rain sun", ...options, "--json"], { cwd: folder() });
    expect(jsonLines<object>(stdout).at(-1)).toMatchObject(drawn);
    const [first, second] = drawn.withPrompt.split(" ");
    const stopped = await service.request("try", {
      ...ask,
      temperature: 5,
      topK: 20,
      topP: 0.99,
      seed: 3,
      stop: [second!],
    });
    expect(stopped.withPrompt.trim()).toBe(first);
    await expect(service.request("try", { ...ask, topP: 2 })).rejects.toMatchObject({ code: ErrorCodes.InvalidParams });
  });

  it("are answered in pieces that joined are the answers, for whoever asks for them", async () => {
    const pieces: AnswerPiece[] = [];
    const listener = service.onPiece("mine", (piece) => pieces.push(piece));
    const ask = { target: last, text: "rain sun", workspace: folder(), maxNewTokens: 6 };
    const answer = await service.request("try", { ...ask, piecesToken: "mine" });
    expect(await service.request("try", { ...ask, piecesToken: "of somebody else" })).toEqual(answer);
    expect(await service.request("try", ask)).toEqual(answer);
    listener.dispose();
    for (const [prompted, whole] of [
      [true, answer.withPrompt],
      [false, answer.withoutPrompt],
    ] as const) {
      const own = pieces.filter((piece) => piece.prompted === prompted);
      let length = 0;
      for (const { at, text } of own) {
        expect(at).toBe(length);
        length += text.length;
      }
      expect(own.map(({ text }) => text).join("")).toBe(whole);
    }
    expect(pieces.length).toBeGreaterThan(2);
  });

  it("stop in the middle of an answer, and answer the next question", async () => {
    const cancellation = new CancellationTokenSource();
    const listener = service.onPiece("endless", () => cancellation.cancel());
    const ask = { target: last, text: "rain sun", workspace: folder() };
    const endless = service.request(
      "try",
      { ...ask, maxNewTokens: 1_000_000, piecesToken: "endless" },
      cancellation.token,
    );
    await expect(endless).rejects.toMatchObject({ code: cancelledCode });
    listener.dispose();
    expect((await service.request("try", { ...ask, maxNewTokens: 2 })).source).toBe("note rain sun");
  });

  it("keep on the command line what was written before Ctrl+C", async () => {
    const args = ["predict", last, "rain sun", "--max-new-tokens", "1000000"];
    const command = new Command(args, { cwd: folder() });
    await command.untilText(/with prompt +\w+ \w+/);
    command.signal("SIGINT");
    const { code, stdout, stderr } = await command.end;
    expect(code).toBe(130);
    expect(stdout).toMatch(/^note rain sun\n {2}with prompt {5}\w+ [\w ]+\n$/);
    expect(stderr).toMatch(/^Stopped/);
  });

  it("go to PEFT with what it cannot do equally, and come back with the same answers", async () => {
    const workspace = folder();
    const shared = await service.request("share", { target: last, format: "peft", name: "shared", workspace });
    expect(shared.remarks.some((remark) => remark.includes("padded on the left"))).toBe(true);
    const template = "note {text}";
    const back = { adapter: shared.path, name: "back", workspace, model: "model", template };
    const { path, promptLength } = await service.request("importAdapter", back);
    expect(promptLength).toBe(5);
    const ask = { text: "rain sun", workspace, maxNewTokens: 4 };
    expect(await service.request("try", { target: path, ...ask })).toEqual(
      await service.request("try", { target: last, ...ask }),
    );
    const numbers = await service.request("share", { target: path, format: "npy", name: "back", workspace });
    expect(numbers).toMatchObject({ remarks: [], path: expect.stringMatching(/back\.prompt_embeds\.npy$/) });
    await expect(service.request("importAdapter", { ...back, adapter: folder("model") })).rejects.toMatchObject({
      data: { code: "PROMPT_INVALID" },
    });
  });

  it("are refused with the model of somebody else, and when they were changed", async () => {
    const { path } = await service.request("export", { checkpoint: last, name: "refused", workspace: folder() });
    const other = folder("other");
    cpSync(folder("model"), join(other, "model"), { recursive: true });
    const weights = join(other, "model", "model.safetensors");
    const bytes = readFileSync(weights);
    const { data_offsets, start } = entryOf(bytes, "shared.weight");
    bytes.writeFloatLE(0.25, start + data_offsets[0]);
    writeFileSync(weights, bytes);
    await expect(service.request("inspectPrompt", { prompt: path, workspace: other })).rejects.toMatchObject({
      code: ulptErrorCode,
      data: { code: "MODEL_MISMATCH", where: path },
    });
    rewriteMetadata(path, (metadata) => {
      metadata.frozen = metadata.frozen!.replace(/"sha256":"\w+"/, `"sha256":"${"0".repeat(64)}"`);
    });
    await expect(service.request("inspectPrompt", { prompt: path })).rejects.toMatchObject({
      data: { code: "PROJECTION_MISMATCH" },
    });
    expectFailure(await ulpt(["show", path], { cwd: folder() }), {
      code: "PROJECTION_MISMATCH",
      exit: 3,
      where: "refused.prompt.safetensors",
    });
  });
});

function entryOf(bytes: Buffer, name: string): { data_offsets: [number, number]; start: number } {
  const start = 8 + Number(bytes.readBigUInt64LE());
  return { ...JSON.parse(bytes.subarray(8, start).toString())[name], start };
}

describe("what a prompt costs", () => {
  it("is reckoned of a run as on the command line, and measured where somebody asks", async () => {
    const { stdout } = await ulptOk(["cost", folder("model"), "--prompt-length", "5", "--rank", "2", "--json"], {
      cwd: folder(),
    });
    const [{ type: _, ...reckoned }] = jsonLines<{ type: string }>(stdout) as [{ type: string }];
    expect(await service.request("cost", { run, measure: false })).toEqual({ cost: reckoned, measured: null });
    const { cost, measured } = await service.request("cost", { run, measure: true });
    expect(cost).toEqual(reckoned);
    expect(measured!.ranks.map(({ rank }) => rank)).toEqual([2]);
    expect(measured!.texts.map(({ textLength }) => textLength)).toEqual([16, 64, 256]);
    for (const { later } of measured!.texts) expect(later.prefill).toBeGreaterThan(0);
  });
});

describe("runs side by side", () => {
  it("are the table that the command line writes, in the format that is asked for", async () => {
    const { stdout } = await ulptOk(["compare", run, "--latex"], { cwd: folder() });
    const text = await service.request("compare", { runs: [run, run], format: "latex" });
    expect(text).toContain("\\begin{tabular}");
    expect(stdout.trim()).toBe(text.trim());
    const csv = await service.request("compare", { runs: [run], baseline: run, format: "csv" });
    expect(csv.split("\r\n")[0]).toMatch(/^run,experiments,method,/);
    await expect(service.request("compare", { runs: [], format: "csv" })).rejects.toMatchObject({
      code: ErrorCodes.InvalidParams,
    });
  });
});

describe("the service", () => {
  it("scores a checkpoint as the training did", async () => {
    const report = await service.request("evaluate", { checkpoint: last, split: "validation" });
    const trained = courseOf(run).evaluations.find(({ step, split }) => step === 8 && split === "validation")!;
    expect(report).toMatchObject({ split: "validation", count: 24, score: trained.score, loss: trained.loss });
  });

  it("sends an error with its code, where it happened and what to do", async () => {
    const checkpoint = join(run, "checkpoints", "step-000005.safetensors");
    await expect(service.request("inspect", { checkpoint })).rejects.toMatchObject({
      code: ulptErrorCode,
      data: { code: "CHECKPOINT_INVALID", where: checkpoint, hint: expect.any(String) },
    });
    await expect(service.request("evaluate", { checkpoint: last, split: "test" })).rejects.toMatchObject({
      data: { code: "DATA_EMPTY" },
    });
  });

  it("refuses parameters of the wrong form, and answers the next request", async () => {
    await expect(service.request("inspect", { checkpoint: 7 } as never)).rejects.toMatchObject({ code: -32602 });
    expect((await service.request("inspect", { checkpoint: last })).step).toBe(8);
  });

  it("answers requests that come together in their order, and leaves out one that is cancelled", async () => {
    const cancellation = new CancellationTokenSource();
    const done: string[] = [];
    const ask = (name: string, token?: CancellationTokenSource["token"]) =>
      service
        .request("try", { target: last, text: "tea", workspace: folder() }, ...(token ? [token] : []))
        .then(() => done.push(name));
    const first = ask("first");
    const cancelled = ask("cancelled", cancellation.token);
    const second = ask("second");
    cancellation.cancel();
    await expect(cancelled).rejects.toMatchObject({ code: cancelledCode });
    await Promise.all([first, second]);
    expect(done).toEqual(["first", "second"]);
  });

  it("notices that the model's files were replaced", async () => {
    const stored = join(folder("model"), "config.json");
    await service.request("try", { target: last, text: "tea", workspace: folder() });
    const weights = join(folder("model"), "model.safetensors");
    const bytes = readFileSync(weights);
    const changed = Buffer.from(bytes);
    changed.writeUInt8(changed.at(-1)! ^ 1, changed.length - 1);
    rmSync(weights); // a model in use is replaced, not written into
    writeFileSync(weights, changed);
    utimesSync(stored, new Date(), new Date());
    try {
      await expect(service.request("try", { target: last, text: "tea", workspace: folder() })).rejects.toMatchObject({
        data: { code: "MODEL_MISMATCH" },
      });
    } finally {
      rmSync(weights);
      writeFileSync(weights, bytes);
    }
  });

  it("ends with code 0 when its input is closed, and has written nothing but answers", async () => {
    const other = new Service(folder());
    await other.request("try", { target: last, text: "tea", workspace: folder() });
    expect(await other.end()).toBe(0);
    expect([other.stderr, service.stderr]).toEqual(["", ""]);
  });
});

describe("show", () => {
  it("prints the text of a checkpoint, the same the second time", async () => {
    const shown = await ulptOk(["show", "mood/ulpt-r2-seed3", "--precision", "3"], { cwd: folder() });
    expect(shown.stdout).toMatch(/^# Checkpoint mood \/ ulpt-r2-seed3 \/ step \d\n# 5 tokens of rank 2 for model: 42 /);
    const again = await ulptOk(["show", "mood/ulpt-r2-seed3", "--precision", "3"], { cwd: folder() });
    expect(again.stdout).toBe(shown.stdout);
    const inspection = await service.request("inspect", { checkpoint: last });
    const { stdout } = await ulptOk(["show", last], { cwd: folder() });
    expect(stdout).toBe(layoutCheckpoint(inspection).text);
    expect(existsSync(runPaths(run).inspections)).toBe(true);
    expect(readdirSync(runPaths(run).inspections).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });
});
