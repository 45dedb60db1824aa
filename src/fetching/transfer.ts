/**
 * @file Brings one file whose size and hash are known into a folder, whole and verified, under the name of its hash. @huggingface/hub can
 * download too, but neither resumes nor verifies; so the transfer is ours.
 *
 * What has come so far is in `<etag>.<machine>-<pid>-<random>.incomplete`, which one process writes; the next one takes over
 * what a dead one left. huggingface_hub's own `<etag>.incomplete` is left alone: whether a Python process is writing it cannot
 * be seen from here (it holds an flock), and hf_xet fills it out of order, so that its size says nothing.
 */
import { type Hash, randomBytes } from "node:crypto";
import { copyFile, type FileHandle, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { systemErrorCode, type UlptError } from "../errors.ts";
import { asWriteError } from "../formats/atomic.ts";
import { startContentHash } from "../formats/contentHash.ts";
import { isRunning, machine } from "../formats/maker.ts";
import { type Exchange, exchange, Interrupted, Misdirected } from "./exchange.ts";
import { backoff, pause } from "./pauses.ts";
import { patienceOf, type Site } from "./site.ts";

/** What is to be received. */
export interface Content {
  /** Its hash, in hexadecimal, as `startContentHash` takes it: what it is called where it is kept. */
  etag: string;
  /** Bytes. */
  size: number;
}

export interface TransferOptions {
  site: Site;
  address: string;
  file: Content;
  /** Where it goes. */
  blobs: string;
  /** Returns if the answer has the content. @throws Interrupted where the server may be asked again, or what its refusal means */
  checkAnswer: (answer: Exchange) => void | Promise<void>;
  /** What ended the transfer, for people. */
  asError: (failure: Interrupted | Misdirected | Mismatch) => UlptError;
  /** `bytes` of the file are here, `received` of them since the last call. */
  onBytes: (bytes: number, received: number) => void;
  signal?: AbortSignal | undefined;
}

/** Files that this process is writing now: the rest of those with its number were left by an earlier call. */
const writing = new Set<string>();

/**
 * Downloads `file` to `blobs/<etag>`, beginning where an earlier attempt ended. The caller holds the claim to it.
 * Returns false if another process has taken over what had come: this one gave no sign of life for too long.
 * @throws UlptError what `checkAnswer` and `asError` make; DISK_FULL, RUN_UNWRITABLE; the reason of `signal`. What has come is kept,
 * except after a Mismatch.
 */
export async function transfer(options: TransferOptions): Promise<boolean> {
  const { blobs, file } = options;
  const target = join(blobs, file.etag);
  const name = `${file.etag}.${machine}-${process.pid}-${randomBytes(4).toString("hex")}.incomplete`;
  const path = join(blobs, name);
  writing.add(name);
  try {
    await mkdir(blobs, { recursive: true });
    const adopted = await adoptIncomplete(blobs, file.etag, path);
    const handle = await open(path, adopted ? "r+" : "wx+");
    try {
      await fill(handle, options);
    } finally {
      await handle.close();
    }
    try {
      await rename(path, target);
    } catch (error) {
      if (systemErrorCode(error) === "ENOENT") return false;
      throw error;
    }
    await removeIncomplete(blobs, file.etag);
    return true;
  } catch (error) {
    if ((await sizeOf(path)) === 0) await rm(path, { force: true }).catch(() => {});
    const isOurs = error instanceof Interrupted || error instanceof Misdirected || error instanceof Mismatch;
    throw isOurs ? options.asError(error) : asWriteError(error, path);
  } finally {
    writing.delete(name);
  }
}

/** What was received, twice, is not what was announced. */
export class Mismatch extends Error {}

/** Writes the whole file through `handle` and verifies it; what is wrong is fetched once more from the beginning. */
async function fill(handle: FileHandle, options: TransferOptions): Promise<void> {
  const partial = new Partial(handle, options.file);
  for (let round = 1; ; round++) {
    try {
      await partial.open(options.signal);
      options.onBytes(partial.bytes, 0);
      await receive(partial, options);
      partial.verify();
      await handle.sync();
      return;
    } catch (error) {
      if (!(error instanceof Mismatch)) throw error;
      await partial.clear();
      options.onBytes(0, 0);
      if (round === 2) throw error;
    }
  }
}

/** Receives until the file has its size: again and again where the connection breaks, as long as something comes. */
async function receive(partial: Partial, options: TransferOptions): Promise<void> {
  const { site, address, file, signal, onBytes } = options;
  const patience = patienceOf(site);
  let attempt = 1;
  let farthest = partial.bytes;
  while (partial.bytes < file.size) {
    let answer: Exchange | undefined;
    try {
      answer = await exchange(address, site, { signal, headers: rangeHeaders(partial.bytes) });
      await position(answer, partial, options);
      onBytes(partial.bytes, 0);
      for await (const chunk of answer.chunks()) {
        await partial.append(chunk);
        onBytes(partial.bytes, chunk.length);
        if (partial.bytes - farthest < patience.leastBytes) continue;
        attempt = 1;
        farthest = partial.bytes;
      }
      if (partial.bytes < file.size) throw new Interrupted("network", "the connection ended too early");
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof Interrupted)) throw error;
      const tooLong = (error.retryAfter ?? 0) > patience.longestRetryAfter;
      if (error.kind === "certificate" || tooLong || attempt > patience.retries) throw error;
      const delay = error.retryAfter ?? backoff(attempt, patience);
      attempt++;
      await pause(delay, signal);
    } finally {
      answer?.close();
    }
  }
}

/** Ranges count bytes of the file as it is: a compressed answer would have others. */
function rangeHeaders(bytes: number): Record<string, string> {
  return { "accept-encoding": "identity", ...(bytes > 0 && { range: `bytes=${bytes}-` }) };
}

/** Brings the partial file to where the answer's content begins. */
async function position(answer: Exchange, partial: Partial, options: TransferOptions): Promise<void> {
  const { response } = answer;
  const { file } = options;
  if (response.status === 416) {
    await partial.clear(); // the server has less than we do: not of this file, then
    throw new Interrupted("network", "the server does not have the rest of the file", { status: 416 });
  }
  await options.checkAnswer(answer);
  let total: number | undefined;
  if (response.status === 206) {
    const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get("content-range") ?? "");
    if (!range || Number(range[1]) !== partial.bytes) {
      await partial.clear();
      throw new Interrupted("network", "the server sent another part of the file than was asked for");
    }
    total = range[2] === "*" ? undefined : Number(range[2]);
  } else {
    if (partial.bytes > 0) await partial.clear(); // the server knows no ranges and begins again
    const length = response.headers.get("content-length");
    if (length !== null && response.headers.get("content-encoding") === null) total = Number(length);
  }
  if (total !== undefined && total !== file.size)
    throw new Mismatch(`the server sends ${total} bytes instead of ${file.size}`);
}

/** The part of a file that is here, with the hash of it. Bytes are only ever added at its end. */
class Partial {
  bytes = 0;
  private readonly handle: FileHandle;
  private readonly file: Content;
  private hash: Hash;

  constructor(handle: FileHandle, file: Content) {
    this.handle = handle;
    this.file = file;
    this.hash = startContentHash(file.etag, file.size);
  }

  /** Takes what the file on disk holds. */
  async open(signal: AbortSignal | undefined): Promise<void> {
    const { size } = await this.handle.stat();
    if (size > this.file.size) return this.clear();
    this.bytes = 0;
    this.hash = startContentHash(this.file.etag, this.file.size);
    const buffer = Buffer.alloc(2 ** 20);
    while (this.bytes < size) {
      signal?.throwIfAborted();
      const { bytesRead } = await this.handle.read(buffer, 0, buffer.length, this.bytes);
      if (bytesRead === 0) break;
      this.hash.update(buffer.subarray(0, bytesRead));
      this.bytes += bytesRead;
    }
  }

  async append(chunk: Uint8Array): Promise<void> {
    if (this.bytes + chunk.length > this.file.size)
      throw new Mismatch(`the server sends more than ${this.file.size} bytes`);
    let written = 0;
    while (written < chunk.length) {
      const result = await this.handle.write(chunk, written, chunk.length - written, this.bytes + written);
      written += result.bytesWritten;
    }
    this.hash.update(chunk);
    this.bytes += chunk.length;
  }

  async clear(): Promise<void> {
    await this.handle.truncate(0);
    this.bytes = 0;
    this.hash = startContentHash(this.file.etag, this.file.size);
  }

  /** @throws Mismatch. Ends the use of the hash. */
  verify(): void {
    const hash = this.hash.digest("hex");
    if (hash !== this.file.etag) throw new Mismatch(`its hash is ${hash} instead of ${this.file.etag}`);
  }
}

const incompletePattern = /^([0-9a-f]+)\.([0-9a-f]{8})-(\d+)-[0-9a-f]{8}\.incomplete$/;

interface Incomplete {
  path: string;
  size: number;
  /** Nobody writes it: its process has died, or is this one and has stopped writing. */
  abandoned: boolean;
}

/** The longest first. */
async function listIncomplete(blobs: string, etag: string): Promise<Incomplete[]> {
  const found: Incomplete[] = [];
  for (const name of await readdir(blobs).catch(() => [])) {
    const [, ofEtag, ofMachine, pid] = incompletePattern.exec(name) ?? [];
    if (ofEtag !== etag) continue;
    const running = Number(pid) === process.pid ? writing.has(name) : isRunning(Number(pid));
    const abandoned = ofMachine === machine && !running;
    const path = join(blobs, name);
    found.push({ path, size: (await sizeOf(path)) ?? 0, abandoned });
  }
  return found.sort((a, b) => b.size - a.size);
}

/** Bytes of `etag` that somebody has downloaded so far. */
export async function incompleteBytes(blobs: string, etag: string): Promise<number> {
  return (await listIncomplete(blobs, etag))[0]?.size ?? 0;
}

/**
 * Makes the longest part that others left ours, as the file at `path`. One that might still be written (its process hangs,
 * or runs on another host) is copied: what is then added to it goes nowhere, and the hash tells if the copy is sound.
 */
async function adoptIncomplete(blobs: string, etag: string, path: string): Promise<boolean> {
  const [longest] = await listIncomplete(blobs, etag);
  if (!longest || longest.size === 0) return false;
  try {
    if (longest.abandoned) await rename(longest.path, path);
    else {
      await copyFile(longest.path, path);
      await rm(longest.path, { force: true }).catch(() => {}); // open elsewhere, on Windows
    }
    return true;
  } catch {
    await rm(path, { force: true }); // it has just been finished or taken: begin from the start
    return false;
  }
}

async function removeIncomplete(blobs: string, etag: string): Promise<void> {
  for (const { path, abandoned } of await listIncomplete(blobs, etag)) {
    if (abandoned) await rm(path, { force: true }).catch(() => {});
  }
}

/** Bytes of the file at `path`, through symlinks; undefined where there is none. */
export async function sizeOf(path: string): Promise<number | undefined> {
  try {
    const status = await stat(path);
    return status.isFile() ? status.size : undefined;
  } catch {
    return undefined;
  }
}
