/**
 * @file What the Hub knows about a repository: the commit of a revision and the files of a commit. The requests are those of
 * @huggingface/hub; how they are sent (time limits, retries, where the token goes) and what a refusal means is ours.
 */
import { datasetInfo, listFiles, modelInfo } from "@huggingface/hub";
import { z } from "zod";
import { messageOf, UlptError } from "../errors.ts";
import { ask, Endless } from "../fetching/ask.ts";
import { type Exchange, Interrupted, Misdirected } from "../fetching/exchange.ts";
import { isTooDeep } from "../json.ts";
import { pageOf } from "./names.ts";
import { checkStatus, type Subject, unreachable } from "./refusal.ts";
import type { HubSettings } from "./settings.ts";

/** A file of a commit. */
export interface RemoteFile {
  path: string;
  /** Bytes. */
  size: number;
  /** The sha256 of a file in LFS, else the sha1 that git gives it: what the Hub sends as its ETag. */
  etag: string;
}

export const remoteFileSchema = z.object({
  path: z.string(),
  size: z.int().min(0),
  etag: z.string().regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/),
});

const infoSchema = z.object({ sha: z.string().regex(/^[0-9a-f]{40}$/) });

const entrySchema = z.object({
  type: z.string(),
  path: z.string(),
  size: z.int().min(0).optional(),
  oid: z
    .string()
    .regex(/^[0-9a-f]{40}$/)
    .optional(),
  lfs: z.object({ oid: z.string().regex(/^[0-9a-f]{64}$/), size: z.int().min(0) }).optional(),
});

/** More than the largest data sets have; a list without an end would fill the memory, or never be done. */
const mostFiles = 1_000_000;
const mostPages = 10_000;
const mostBytesOfAnswer = 64 * 2 ** 20;

/**
 * The commit that a branch or tag points to now.
 * @throws UlptError HUB_UNREACHABLE, HUB_NOT_FOUND, HUB_GATED, HUB_DENIED, HUB_ANSWER; the reason of `signal`
 */
export async function resolveCommit(subject: Subject, settings: HubSettings, signal?: AbortSignal): Promise<string> {
  const { repository, revision } = subject;
  const query = {
    name: repository.id,
    revision,
    additionalFields: ["sha" as const],
    hubUrl: settings.endpoint,
    fetch: patientFetch(subject, settings, signal),
  };
  const answer = await asked(
    subject,
    settings,
    signal,
    (): Promise<unknown> => (repository.type === "model" ? modelInfo(query) : datasetInfo(query)),
  );
  const parsed = infoSchema.safeParse(answer);
  if (!parsed.success) throw badAnswer(subject, settings, "does not name the commit", parsed.error);
  return parsed.data.sha;
}

/**
 * All files of a commit.
 * @throws UlptError as `resolveCommit`
 */
export async function listCommit(
  subject: Subject,
  commit: string,
  settings: HubSettings,
  signal?: AbortSignal,
): Promise<RemoteFile[]> {
  return asked(subject, settings, signal, async () => {
    const files: RemoteFile[] = [];
    const entries = listFiles({
      repo: { type: subject.repository.type, name: subject.repository.id },
      revision: commit,
      recursive: true,
      hubUrl: settings.endpoint,
      fetch: patientFetch(subject, settings, signal),
    });
    for await (const entry of entries) {
      const parsed = entrySchema.safeParse(entry);
      if (!parsed.success) throw badAnswer(subject, settings, "does not list files as expected", parsed.error);
      const { type, path, lfs, oid } = parsed.data;
      if (type !== "file") continue;
      const size = lfs?.size ?? parsed.data.size;
      const etag = lfs?.oid ?? oid;
      if (size === undefined || etag === undefined)
        throw badAnswer(subject, settings, `lists ${JSON.stringify(path)} without its size or its hash`);
      if (files.push({ path, size, etag }) > mostFiles)
        throw badAnswer(subject, settings, `lists more than ${mostFiles} files`);
    }
    return files;
  });
}

/** The library throws what our fetch throws; anything else comes from an answer that it could not read. */
async function asked<T>(
  subject: Subject,
  settings: HubSettings,
  signal: AbortSignal | undefined,
  action: () => Promise<T>,
): Promise<T> {
  try {
    return await action();
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof UlptError) throw error;
    throw badAnswer(subject, settings, `cannot be read (${messageOf(error)})`, error);
  }
}

function badAnswer({ repository }: Subject, settings: HubSettings, what: string, cause?: unknown): UlptError {
  return new UlptError("HUB_ANSWER", `The answer of the Hugging Face Hub ${what}.`, {
    where: pageOf(settings.endpoint, repository),
    expected: "what the Hub's API returns",
    hint: "Check the address of the Hub (HF_ENDPOINT) and any proxy in between.",
    cause,
  });
}

/**
 * A fetch() for the library: tries again, and turns refusals into errors for people. It is never given the token: `exchange` adds it
 * where it belongs.
 */
function patientFetch(subject: Subject, settings: HubSettings, signal: AbortSignal | undefined): typeof fetch {
  let pages = 0;
  return async (input) => {
    if (++pages > mostPages) throw badAnswer(subject, settings, "does not end");
    const address = String(input instanceof Request ? input.url : input);
    try {
      const checkAnswer = (answer: Exchange) => checkStatus(answer, subject, settings);
      const { body, headers } = await ask(address, settings, { signal, checkAnswer, mostBytes: mostBytesOfAnswer });
      if (isTooDeep(body.toString("latin1"))) throw badAnswer(subject, settings, "is nested too deep");
      const link = headers.get("link");
      return new Response(new Uint8Array(body), { headers: link ? { link } : {} });
    } catch (error) {
      if (error instanceof Endless) throw badAnswer(subject, settings, "does not end");
      if (!(error instanceof Interrupted) && !(error instanceof Misdirected)) throw error;
      throw unreachable(error, settings, pageOf(settings.endpoint, subject.repository));
    }
  };
}
