/**
 * @file The window's end of `ulpt serve`: started when first asked, restarted once when it dies or
 * its token changes, ended when nobody asks.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import * as vscode from "vscode";
import {
  createMessageConnection,
  type MessageConnection,
  ProgressType,
  ResponseError,
  StreamMessageReader,
  StreamMessageWriter,
} from "vscode-jsonrpc/node";
import { UlptError } from "../../errors.ts";
import {
  type AnswerPiece,
  cancelledCode,
  progressNotification,
  type ServiceErrorData,
  type ServiceMethods,
  type ServiceProgress,
  ulptErrorCode,
} from "../../shared/service.ts";
import type { HubAccess } from "../hub/hubAccess.ts";
import type { Log } from "../window/log.ts";
import { findRuntime, requireTrust } from "./runtime.ts";

export interface RequestOptions {
  token?: vscode.CancellationToken | undefined;
  /** Of requests that fetch something. */
  onProgress?: ((progress: ServiceProgress) => void) | undefined;
  /** Of `try`: the answers as they come. */
  onPiece?: ((piece: AnswerPiece) => void) | undefined;
}

const pieces = new ProgressType<AnswerPiece>();

export interface ServiceClient extends vscode.Disposable {
  /** @throws ServiceError, or UlptError where the runtime cannot be started; CancellationError when it was cancelled */
  request<M extends keyof ServiceMethods>(
    method: M,
    params: ServiceMethods[M]["params"],
    options?: RequestOptions,
  ): Promise<ServiceMethods[M]["result"]>;
}

/** What the service says went wrong: an UlptError of the other process. */
export class ServiceError extends Error {
  override readonly name = "ServiceError";
  readonly code: string | undefined;
  readonly where: string | undefined;
  readonly hint: string | undefined;

  constructor(message: string, { code, where, hint }: Partial<ServiceErrorData> = {}) {
    super(message);
    this.code = code;
    this.where = where;
    this.hint = hint;
  }
}

const idleMilliseconds = 60_000;
const endingMilliseconds = 3000;

interface Connected {
  child: ChildProcess;
  connection: MessageConnection;
  /** Resolves when the process is gone. */
  gone: Promise<Gone>;
  /** What of its environment is not this process's, as JSON. */
  environment: string;
  /** The requests under way, in the order in which they are answered: progress is that of the first. */
  asked: RequestOptions[];
  /** Ends when its last request is answered: what comes is asked of another process. */
  isRetired: boolean;
}

/** The process went while a request was under way. */
class Gone {
  readonly how: string;

  constructor(how: string) {
    this.how = how;
  }
}

export class LocalService implements ServiceClient {
  private readonly extensionPath: string;
  private readonly log: Log;
  private readonly hub: Pick<HubAccess, "environment" | "onDidChange">;
  private readonly listener: vscode.Disposable;
  private connected: Connected | undefined;
  private pending = 0;
  private idleTimer: NodeJS.Timeout | undefined;

  constructor(extensionPath: string, log: Log, hub: Pick<HubAccess, "environment" | "onDidChange">) {
    this.extensionPath = extensionPath;
    this.log = log;
    this.hub = hub;
    this.listener = hub.onDidChange(() => this.retire());
  }

  async request<M extends keyof ServiceMethods>(
    method: M,
    params: ServiceMethods[M]["params"],
    options: RequestOptions = {},
  ): Promise<ServiceMethods[M]["result"]> {
    requireTrust();
    this.pending += 1;
    clearTimeout(this.idleTimer);
    try {
      const first = await this.ask(method, params, options);
      if (!(first instanceof Gone)) return first;
      if (options.token?.isCancellationRequested) throw new vscode.CancellationError();
      this.log.warn(`the service ended (${first.how}) at "${method}"; trying once more`);
      const second = await this.ask(method, params, options);
      if (!(second instanceof Gone)) return second;
      throw new UlptError("DEVICE_FAILED", vscode.l10n.t("The runtime ended twice: {0}.", second.how), {
        where: `ulpt serve, ${method}`,
        hint: vscode.l10n.t("Run ULPT: Check Runtime and Device… to see what works here."),
      });
    } finally {
      this.pending -= 1;
      this.endWhenIdle();
    }
  }

  private async ask<M extends keyof ServiceMethods>(
    method: M,
    params: ServiceMethods[M]["params"],
    options: RequestOptions,
  ): Promise<ServiceMethods[M]["result"] | Gone> {
    const connected = this.connect(await this.hub.environment());
    const { connection, gone, asked } = connected;
    const started = Date.now();
    asked.push(options);
    const { onPiece } = options;
    const piecesToken = onPiece && randomUUID();
    const listener = onPiece && connection.onProgress(pieces, piecesToken!, onPiece);
    // An undefined token would be sent as a second parameter.
    const cancellation = options.token ? [options.token] : [];
    const sent = piecesToken === undefined ? params : { ...params, piecesToken };
    const answer = connection.sendRequest<ServiceMethods[M]["result"]>(method, sent, ...cancellation);
    try {
      // The connection's own end rejects the request as well; how the process ended says more.
      const result = await Promise.race([answer, gone]);
      this.log.debug(`${method}: ${Date.now() - started} ms`);
      return result;
    } catch (error) {
      if (error instanceof ResponseError) throw asServiceError(error);
      return gone;
    } finally {
      answer.catch(() => {});
      listener?.dispose();
      asked.splice(asked.indexOf(options), 1);
      if (connected.isRetired && asked.length === 0) end(connected);
    }
  }

  /** The process that has this environment beside the window's own; one that has another is retired. */
  private connect(given: Readonly<Record<string, string>>): Connected {
    const environment = JSON.stringify(given);
    if (this.connected?.environment === environment) return this.connected;
    this.retire();
    const runtime = findRuntime(this.extensionPath);
    const child = spawn(runtime.command, [...runtime.args, "serve"], {
      env: { ...process.env, ...runtime.env, ...given },
      stdio: ["pipe", "pipe", "pipe"],
      windowsHide: true,
    });
    this.log.info(`started the service, process ${child.pid}`);
    const connection = createMessageConnection(
      new StreamMessageReader(child.stdout),
      new StreamMessageWriter(child.stdin),
    );
    let lastWords = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      lastWords = text.trim();
      if (lastWords) this.log.info(`service: ${lastWords}`);
    });
    child.stdin.on("error", () => {}); // it is gone: `gone` says how
    const gone = new Promise<Gone>((resolve) => {
      child.once("error", (error) => resolve(new Gone(error.message)));
      child.once("close", (code, signal) => {
        const how = signal ?? `exit code ${code}`;
        resolve(new Gone(lastWords ? `${how}: ${lastWords.split("\n").at(-1)}` : how));
      });
    });
    const connected: Connected = { child, connection, gone, environment, asked: [], isRetired: false };
    connection.onNotification(progressNotification, (progress: ServiceProgress) =>
      connected.asked[0]?.onProgress?.(progress),
    );
    void gone.then(({ how }) => {
      this.log.info(`the service ended: ${how}`);
      if (this.connected === connected) this.connected = undefined;
      connection.dispose();
    });
    connection.onError(([error]) => this.log.warn(`service connection: ${error.message}`));
    connection.listen();
    this.connected = connected;
    return connected;
  }

  private endWhenIdle(): void {
    if (this.pending > 0) return;
    clearTimeout(this.idleTimer);
    this.idleTimer = setTimeout(() => this.retire(), idleMilliseconds);
    this.idleTimer.unref();
  }

  /** Ends the process as soon as it has answered what it was asked. */
  private retire(): void {
    const connected = this.connected;
    if (!connected) return;
    this.connected = undefined;
    connected.isRetired = true;
    if (connected.asked.length === 0) end(connected);
  }

  dispose(): void {
    clearTimeout(this.idleTimer);
    this.listener.dispose();
    if (this.connected) end(this.connected);
    this.connected = undefined;
  }
}

/** Closing its input ends it in good order. */
function end({ connection, child }: Connected): void {
  connection.end();
  child.stdin?.end();
  setTimeout(() => child.kill(), endingMilliseconds).unref();
}

function asServiceError(error: ResponseError<unknown>): Error {
  if (error.code === cancelledCode) return new vscode.CancellationError();
  if (error.code !== ulptErrorCode) return new ServiceError(error.message);
  return new ServiceError(error.message, error.data as ServiceErrorData);
}
