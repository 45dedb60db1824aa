/**
 * @file `ulpt serve`: answers an editor's questions about checkpoints and prompts, JSON-RPC over stdin and stdout. They are answered
 * in a work thread, one at a time, and in a second one where the first has fallen silent. Ends when stdin closes or the process
 * that started it is gone.
 */
import {
  type CancellationToken,
  createMessageConnection,
  ErrorCodes,
  ProgressType,
  ResponseError,
  StreamMessageReader,
  StreamMessageWriter,
} from "vscode-jsonrpc/node";
import { z } from "zod";
import { messageOf, UlptError } from "../errors.ts";
import { evaluatedRows } from "../runs/evaluations.ts";
import { sharedFormats } from "../runs/prompts.ts";
import { type AnswerNumbers, acceptsNumber, answerNumberNames, areStopTexts } from "../shared/answerOptions.ts";
import {
  type AnswerPiece,
  cancelledCode,
  progressNotification,
  type ServiceMethod,
  type ServiceMethods,
  type TryParams,
  tableFormats,
  ulptErrorCode,
} from "../shared/service.ts";
import { splitNames } from "../tasks/names.ts";
import { type TaskProgress, taskOfMethod } from "./service.ts";
import { complain, takeStdout } from "./terminal.ts";
import { WorkThreads } from "./workThreads.ts";

/** How often to look whether the parent is still there, in milliseconds. */
const parentCheckInterval = 2000;
/** How long work in progress may hold up the end, in milliseconds. */
const endingMilliseconds = 2000;

const maxPreviewRows = 1000;
const mostSurveyed = 200;

const path = z.string().min(1);
const answerNumbers = Object.fromEntries(
  answerNumberNames.map((name) => [name, z.number().refine(acceptsNumber[name]).optional()]),
) as Record<keyof AnswerNumbers, z.ZodOptional<z.ZodNumber>>;
const nothing = z.record(z.string(), z.never());
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
    ...answerNumbers,
    stop: z.custom<string[]>(areStopTexts).optional(),
    workspace: path,
    piecesToken: z.string().optional(),
  }) as z.ZodType<ServiceMethods["try"]["params"]>,
  evaluate: z.object({
    checkpoint: path,
    split: z.enum(evaluatedRows),
    file: path.optional(),
    like: path.optional(),
    runGeneratedCode: z.boolean().optional(),
  }) as z.ZodType<ServiceMethods["evaluate"]["params"]>,
  compare: z.object({
    runs: z.array(path).min(1),
    baseline: path.optional(),
    format: z.enum(tableFormats),
  }) as z.ZodType<ServiceMethods["compare"]["params"]>,
  preview: z.object({ experiment: path, split: z.enum(splitNames), rows: z.int().min(1).max(maxPreviewRows) }),
  download: z.object({ experiment: path }),
  cachedModels: nothing,
  survey: z.object({
    models: z.array(path).max(mostSurveyed),
    directory: path,
    fetch: z.boolean(),
    promptLength: z.int().min(1),
  }),
  cost: z.object({ run: path, measure: z.boolean() }),
  share: z.object({ target: path, format: z.enum(sharedFormats), name: path, workspace: path }),
  importAdapter: z.object({
    adapter: path,
    name: path,
    workspace: path,
    model: path,
    template: z.string(),
    transformers: z.string().optional(),
  }) as z.ZodType<ServiceMethods["importAdapter"]["params"]>,
  export: z.object({ checkpoint: path, name: z.string().min(1), workspace: path }),
  devices: nothing,
  cudaState: nothing,
  planCuda: nothing,
  installCuda: nothing,
  removeCuda: nothing,
};

/** Serves until stdin closes or the parent is gone. */
export async function serve(): Promise<void> {
  const connection = createMessageConnection(
    new StreamMessageReader(process.stdin),
    new StreamMessageWriter(takeStdout()),
  );
  const ending = new AbortController();
  const threads = new WorkThreads();
  const pieces = new ProgressType<AnswerPiece>();
  const tell = (progress: TaskProgress, { piecesToken }: Partial<TryParams>) => {
    if ("fetching" in progress) void connection.sendNotification(progressNotification, progress.fetching);
    else if (piecesToken !== undefined) void connection.sendProgress(pieces, piecesToken, progress.piece);
  };
  for (const [method, schema] of Object.entries(parameters)) {
    connection.onRequest(method, (params: unknown, token: CancellationToken) => {
      const parsed = schema.safeParse(params ?? {});
      if (!parsed.success) throw new ResponseError(ErrorCodes.InvalidParams, z.prettifyError(parsed.error));
      return withCancellation(token, ending.signal, (signal) =>
        threads.run(taskOfMethod(method), [parsed.data], {
          signal,
          onProgress: (progress) => tell(progress as TaskProgress, parsed.data as Partial<TryParams>),
        }),
      );
    });
  }
  await new Promise<void>((resolve) => {
    connection.onClose(resolve);
    process.stdin.once("end", resolve);
    const parent = process.ppid;
    const check = setInterval(() => process.ppid !== parent && resolve(), parentCheckInterval);
    check.unref();
    connection.listen();
  });
  // What is being computed cannot be told to anybody: it may not keep this process, not even within a call of the engine.
  setTimeout(() => process.kill(process.pid, "SIGKILL"), endingMilliseconds).unref();
  ending.abort();
  await threads.close();
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
