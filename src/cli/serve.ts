/**
 * @file `ulpt serve`: answers an editor's questions about checkpoints and prompts, JSON-RPC over stdin and stdout. One request
 * at a time; models stay open between them. Ends when stdin closes or the process that started it is gone.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import {
  type CancellationToken,
  createMessageConnection,
  ErrorCodes,
  ResponseError,
  StreamMessageReader,
  StreamMessageWriter,
} from "vscode-jsonrpc/node";
import { z } from "zod";
import { messageOf, UlptError } from "../errors.ts";
import type { Device } from "../graph/devices.ts";
import type { HubProgress } from "../hub/progress.ts";
import {
  cancelledCode,
  progressNotification,
  type ServiceMethod,
  type ServiceMethods,
  type ServiceProgress,
  ulptErrorCode,
} from "../shared/service.ts";
import { splitNames } from "../tasks/definition.ts";
import { exportPrompt } from "../training/export.ts";
import { LoadedModel } from "../training/loadedModel.ts";
import { locateModel, locateTask } from "../training/sources.ts";
import { openSubject, previewOf } from "./data.ts";
import { reportDevices, resolveDevice } from "./devices.ts";
import { openHub } from "./hub.ts";
import { deviceOf, modelOf, openCheckpoint, openPrompt, openTarget, type Target } from "./target.ts";
import { complain, takeStdout } from "./terminal.ts";
import { answerTexts, evaluateCheckpoint, inspectTarget } from "./use.ts";

/** How often to look whether the parent is still there, in milliseconds. */
const parentCheckInterval = 2000;
/** How long work in progress may hold up the end, in milliseconds. */
const endingMilliseconds = 2000;

const maxPreviewRows = 1000;

const path = z.string().min(1);
const parameters: { [M in ServiceMethod]: z.ZodType<ServiceMethods[M]["params"]> } = {
  inspect: z.object({ checkpoint: path }),
  inspectPrompt: z.object({
    prompt: path,
    workspace: z.string().optional(),
    fetch: z.boolean().optional(),
  }) as z.ZodType<ServiceMethods["inspectPrompt"]["params"]>,
  try: z.object({
    target: path,
    text: z.string(),
    raw: z.boolean().optional(),
    maxNewTokens: z.int().min(1).optional(),
    workspace: path,
  }) as z.ZodType<ServiceMethods["try"]["params"]>,
  evaluate: z.object({
    checkpoint: path,
    split: z.enum(["validation", "test"]),
    runGeneratedCode: z.boolean().optional(),
  }) as z.ZodType<ServiceMethods["evaluate"]["params"]>,
  preview: z.object({ experiment: path, split: z.enum(splitNames), rows: z.int().min(1).max(maxPreviewRows) }),
  download: z.object({ experiment: path }),
  cachedModels: z.record(z.string(), z.never()),
  export: z.object({ checkpoint: path, name: z.string().min(1), workspace: path }),
  devices: z.record(z.string(), z.never()),
};

interface Context {
  signal: AbortSignal;
  onProgress: (progress: HubProgress) => void;
}

type Handlers = {
  [M in ServiceMethod]: (params: ServiceMethods[M]["params"], context: Context) => Promise<ServiceMethods[M]["result"]>;
};

/** What each method does. The processor is used but for evaluations: it is there, and its bits are the same everywhere. */
function createHandlers(models: ModelCache): Handlers {
  const open = async (target: Target, options: Parameters<typeof modelOf>[1]) =>
    models.open(await modelOf(target, options), "cpu");
  // Editors inspect what is opened: that alone fetches no model.
  const inspect = (target: Target, context: Context, wanted = false) =>
    inspectTarget(target, () => open(target, { ...context, wanted }));
  return {
    inspect: ({ checkpoint }, context) => inspect(openCheckpoint(checkpoint), context),
    inspectPrompt: ({ prompt, workspace, fetch }, context) => inspect(openPrompt(prompt, workspace), context, fetch),
    async try({ target: name, text, raw, maxNewTokens, workspace }, context) {
      const target = openTarget(name, workspace);
      const [answer] = await answerTexts(target, [text], await open(target, context), { raw, maxNewTokens });
      return answer!;
    },
    async evaluate({ checkpoint, split, runGeneratedCode }, { signal }) {
      const target = openCheckpoint(checkpoint);
      const { device } = await resolveDevice(deviceOf(target));
      const allowed = { allowPrograms: runGeneratedCode ?? false };
      return (await evaluateCheckpoint(target, split, device, { signal, ...allowed })).report;
    },
    async preview({ experiment, split, rows }, context) {
      const { task, model, directory } = openSubject(experiment);
      return previewOf(task, model, directory, { split, rows }, context);
    },
    async download({ experiment }, context) {
      const { task, model, directory } = openSubject(experiment);
      const warnings: string[] = [];
      const where = { directory, hub: openHub(), ...context, onWarning: (text: string) => void warnings.push(text) };
      const { folder } = await locateModel(model!, where);
      await locateTask(task, where);
      return { model: folder, warnings };
    },
    cachedModels: async () => (await openHub().cached()).map(({ id }) => id),
    async export({ checkpoint, name, workspace }, context) {
      const target = openCheckpoint(checkpoint);
      return exportPrompt(target, name, workspace, await open(target, context));
    },
    devices: () => reportDevices(),
  };
}

/** Serves until stdin closes, the parent is gone, or `signal` aborts. */
export async function serve(signal: AbortSignal): Promise<void> {
  const connection = createMessageConnection(
    new StreamMessageReader(process.stdin),
    new StreamMessageWriter(takeStdout()),
  );
  const models = new ModelCache();
  const ending = new AbortController();
  const queue = new Queue();
  const onProgress = ({ file, bytes, totalBytes, bytesPerSecond, secondsLeft }: HubProgress) => {
    const progress: ServiceProgress = { what: file, done: bytes, total: totalBytes, bytesPerSecond, secondsLeft };
    void connection.sendNotification(progressNotification, progress);
  };
  for (const [method, handle] of Object.entries(createHandlers(models))) {
    const answer = handle as (params: unknown, context: Context) => Promise<unknown>;
    const schema = parameters[method as ServiceMethod];
    connection.onRequest(method, (params: unknown, token: CancellationToken) =>
      queue.add(async () => {
        const parsed = schema.safeParse(params ?? {});
        if (!parsed.success) throw new ResponseError(ErrorCodes.InvalidParams, z.prettifyError(parsed.error));
        return withCancellation(token, ending.signal, (both) => answer(parsed.data, { signal: both, onProgress }));
      }),
    );
  }
  await new Promise<void>((resolve) => {
    connection.onClose(resolve);
    process.stdin.once("end", resolve);
    signal.addEventListener("abort", () => resolve(), { once: true });
    const parent = process.ppid;
    const check = setInterval(() => process.ppid !== parent && resolve(), parentCheckInterval);
    check.unref();
    connection.listen();
  });
  // What is being computed cannot be told to anybody: it may not keep this process.
  setTimeout(() => process.exit(), endingMilliseconds).unref();
  ending.abort();
  await queue.idle();
  await models.release();
  connection.dispose();
  process.stdin.destroy();
}

async function withCancellation<T>(
  token: CancellationToken,
  ending: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const cancelled = new AbortController();
  const listener = token.onCancellationRequested(() => cancelled.abort());
  if (token.isCancellationRequested) cancelled.abort();
  const signal = AbortSignal.any([cancelled.signal, ending]);
  try {
    signal.throwIfAborted();
    return await work(signal);
  } catch (error) {
    if (signal.aborted) throw new ResponseError(cancelledCode, "Cancelled.");
    throw asResponse(error);
  } finally {
    listener.dispose();
  }
}

/** An UlptError travels with all that it says; any other error is a fault of ours, and its stack goes to stderr. */
function asResponse(error: unknown): ResponseError<unknown> {
  if (error instanceof UlptError) return new ResponseError(ulptErrorCode, error.message, error.toJSON());
  complain(`${error instanceof Error ? error.stack : error}`);
  return new ResponseError(ErrorCodes.InternalError, messageOf(error));
}

/** One piece of work after the other. */
class Queue {
  private last: Promise<unknown> = Promise.resolve();

  add<T>(work: () => Promise<T>): Promise<T> {
    const next = this.last.then(work);
    this.last = next.catch(() => {});
    return next;
  }

  async idle(): Promise<void> {
    await this.last;
  }
}

/** The models used last stay open; requests run one at a time, so nobody uses one that is released. */
export class ModelCache {
  private static readonly capacity = 2;
  private readonly entries = new Map<string, LoadedModel>();

  /** The model in `folder`, opened again if its files changed. */
  open(folder: string, device: Device): LoadedModel {
    const key = `${device} ${folder} ${stamp(folder)}`;
    const known = this.entries.get(key);
    const model = known ?? LoadedModel.open(folder, device);
    this.entries.delete(key);
    this.entries.set(key, model); // the order of a map is that of insertion: the last is the latest
    for (const [oldest, entry] of this.entries) {
      if (this.entries.size <= ModelCache.capacity) break;
      this.entries.delete(oldest);
      void entry.release().catch(() => {});
    }
    return model;
  }

  async release(): Promise<void> {
    const all = [...this.entries.values()];
    this.entries.clear();
    await Promise.allSettled(all.map((model) => model.release()));
  }
}

/** Changes when a file of the model is replaced. */
function stamp(folder: string): string {
  return ["config.json", "tokenizer.json", "model.safetensors", "model.safetensors.index.json"]
    .map((file) => statSync(join(folder, file), { throwIfNoEntry: false }))
    .map((stat) => (stat ? `${stat.size}:${stat.mtimeMs}` : "-"))
    .join(" ");
}
