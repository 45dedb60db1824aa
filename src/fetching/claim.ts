/**
 * @file One process at a time downloads a file. Who downloads holds a claim: a small file that only one process can create,
 * whose time it renews as long as it lives. A claim saves a second download and no more: every process writes to a file of
 * its own (transfer.ts), so a claim that is wrongly taken over costs bandwidth, never content.
 *
 * huggingface_hub locks with flock(), which Node.js can neither take nor see; with a Python process that fetches the same
 * file at the same moment, both download it.
 */
import { randomBytes } from "node:crypto";
import { mkdir, open, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import { systemErrorCode } from "../errors.ts";
import { asWriteError } from "../formats/atomic.ts";
import { isRunning, machine } from "../formats/maker.ts";
import { parseJson } from "../json.ts";
import { pause } from "./pauses.ts";
import type { Patience } from "./site.ts";

const ownerSchema = z.object({ machine: z.string(), pid: z.int().positive(), token: z.string() });

/** The right to download one file, renewed until it is released. */
export class Claim {
  private readonly path: string;
  private readonly token: string;
  private readonly heartbeat: NodeJS.Timeout;

  private constructor(path: string, token: string, interval: number) {
    this.path = path;
    this.token = token;
    this.heartbeat = setInterval(() => {
      const now = new Date();
      utimes(path, now, now).catch(() => {}); // taken over: we go on, in a file of our own
    }, interval);
    this.heartbeat.unref();
  }

  /**
   * Undefined if somebody else, or another call of this process, holds it.
   * @throws UlptError DISK_FULL or RUN_UNWRITABLE
   */
  static async take(path: string, patience: Patience): Promise<Claim | undefined> {
    const token = randomBytes(8).toString("hex");
    try {
      await mkdir(dirname(path), { recursive: true });
      const handle = await open(path, "wx");
      try {
        await handle.writeFile(JSON.stringify({ machine, pid: process.pid, token }));
      } catch (error) {
        await rm(path, { force: true }).catch(() => {});
        throw error;
      } finally {
        await handle.close();
      }
      return new Claim(path, token, patience.heartbeat);
    } catch (error) {
      if (systemErrorCode(error) === "EEXIST") return undefined;
      throw asWriteError(error, path);
    }
  }

  async release(): Promise<void> {
    clearInterval(this.heartbeat);
    if ((await readClaim(this.path))?.owner?.token === this.token) await rm(this.path, { force: true }).catch(() => {});
  }
}

/**
 * Returns when the claim at `path` is free to be tried for: released, or left by a process that has died or gives no sign of
 * life, in which case it is removed. `look` is called every now and then, and ends the wait when it returns true.
 * @throws the reason of `signal`
 */
export async function waitForClaim(
  path: string,
  patience: Patience,
  look: () => Promise<boolean>,
  signal: AbortSignal | undefined,
): Promise<void> {
  // Signs of life are judged by this process's clock: the times of files may come from another host's.
  let lastSign = performance.now();
  let lastTime: number | undefined;
  for (;;) {
    const found = await readClaim(path);
    if (!found || (await look())) return;
    if (found.time !== lastTime) {
      lastTime = found.time;
      lastSign = performance.now();
    }
    const { owner } = found;
    const dead = owner?.machine === machine && !isRunning(owner.pid);
    if (dead || performance.now() - lastSign > patience.claim) {
      await remove(path, owner?.token);
      return;
    }
    await pause(patience.poll, signal);
  }
}

async function readClaim(
  path: string,
): Promise<{ time: number; owner: z.infer<typeof ownerSchema> | undefined } | undefined> {
  try {
    const [{ mtimeMs }, text] = await Promise.all([stat(path), readFile(path, "utf8")]);
    return { time: mtimeMs, owner: parseOwner(text) };
  } catch {
    return undefined;
  }
}

/** Undefined where the owner has created the file and not yet written it. */
function parseOwner(text: string): z.infer<typeof ownerSchema> | undefined {
  try {
    return ownerSchema.parse(parseJson(text));
  } catch {
    return undefined;
  }
}

/** Of several processes that find the same claim abandoned, one moves it away; none removes the next owner's, but for a race of instants. */
async function remove(path: string, token: string | undefined): Promise<void> {
  if ((await readClaim(path))?.owner?.token !== token) return;
  const aside = `${path}.${randomBytes(4).toString("hex")}`;
  try {
    await rename(path, aside);
    await rm(aside, { force: true });
  } catch {} // somebody else was faster
}
