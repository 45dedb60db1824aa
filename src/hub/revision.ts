/** @file A revision of a repository as far as it is known: its commit and files, from the Hub or, where that is not asked, from the cache. */
import { UlptError } from "../errors.ts";
import { listCommit, type RemoteFile, resolveCommit } from "./api.ts";
import { type CachedRepository, listSnapshot, readListing, readRef, writeListing } from "./cache.ts";
import { isCommit, pageOf } from "./names.ts";
import type { Subject } from "./refusal.ts";
import type { HubSettings } from "./settings.ts";

export interface Revision {
  commit: string;
  files: RemoteFile[];
  /** `files` are all files of the commit; otherwise those that happen to be in the cache. */
  listed: boolean;
  /** Why the Hub does not help where a file is missing. */
  cutOff?: UlptError | undefined;
  warnings: string[];
}

/** What is kept of a list: the files that models and data sets are made of, a data set's card, and the weights that are refused. */
const kept = /^README\.md$|\.(json|jinja|safetensors|model|parquet|bin|pt|pth|ckpt|msgpack|h5|gguf|ggml|onnx)$/i;

/**
 * The revision of `subject`. A commit that was listed before, or whose snapshot `isWhole` accepts, is not asked for again. A
 * Hub that cannot be reached is made up for by the cache, with a warning.
 * @throws UlptError HUB_OFFLINE or HUB_UNREACHABLE if the cache does not know the revision; HUB_NOT_FOUND, HUB_GATED,
 * HUB_DENIED, HUB_ANSWER; the reason of `signal`
 */
export async function openRevision(
  subject: Subject,
  repository: CachedRepository,
  settings: HubSettings,
  isWhole: (files: readonly RemoteFile[]) => Promise<boolean>,
  signal: AbortSignal | undefined,
): Promise<Revision> {
  const { revision } = subject;
  if (isCommit(revision)) {
    const known = await fromCache(repository, revision);
    if (known && (known.listed || (await isWhole(known.files)))) {
      return settings.offline ? { ...known, cutOff: offlineError(subject, settings) } : known;
    }
  }
  if (settings.offline) return cachedOr(offlineError(subject, settings), subject, repository);
  try {
    const commit = isCommit(revision) ? revision : await resolveCommit(subject, settings, signal);
    const saved = await readListing(repository, commit);
    if (saved) return { commit, files: saved, listed: true, warnings: [] };
    const files = (await listCommit(subject, commit, settings, signal)).filter(({ path }) => kept.test(path));
    await writeListing(repository, commit, files);
    return { commit, files, listed: true, warnings: [] };
  } catch (error) {
    if (!(error instanceof UlptError) || error.code !== "HUB_UNREACHABLE") throw error;
    const cached = await cachedOr(error, subject, repository);
    const warning = `${error.message} The cached commit ${cached.commit.slice(0, 12)} of ${subject.repository.id} is used.`;
    return { ...cached, warnings: [warning] };
  }
}

async function cachedOr(cutOff: UlptError, subject: Subject, repository: CachedRepository): Promise<Revision> {
  const { revision } = subject;
  const commit = isCommit(revision) ? revision : await readRef(repository, revision);
  const cached = commit === undefined ? undefined : await fromCache(repository, commit);
  if (!cached) throw cutOff;
  return { ...cached, cutOff };
}

async function fromCache(repository: CachedRepository, commit: string): Promise<Revision | undefined> {
  const saved = await readListing(repository, commit);
  if (saved) return { commit, files: saved, listed: true, warnings: [] };
  const files = await listSnapshot(repository, commit);
  return files.length === 0 ? undefined : { commit, files, listed: false, warnings: [] };
}

function offlineError({ repository: { type, id }, revision }: Subject, settings: HubSettings): UlptError {
  return new UlptError(
    "HUB_OFFLINE",
    `The ${type} ${id} at ${revision} is not in the cache, and the Hub is not asked.`,
    {
      where: settings.cache,
      expected: `a download of ${id} in the cache`,
      hint: "Unset HF_HUB_OFFLINE and try again, or copy the cache folder from a machine that has it.",
    },
  );
}

/** Files are missing in the cache, and the Hub cannot be asked for them. */
export function missingOffline(
  cutOff: UlptError,
  subject: Subject,
  settings: HubSettings,
  missing: readonly string[],
): UlptError {
  const { type, id } = subject.repository;
  const some = missing.slice(0, 8).join(", ") + (missing.length > 8 ? ` and ${missing.length - 8} more` : "");
  const reason = cutOff.code === "HUB_OFFLINE" ? "The Hub is not asked" : cutOff.message.replace(/\.$/, "");
  return new UlptError(cutOff.code, `${reason}, and files of the ${type} ${id} are not in the cache: ${some}.`, {
    where: cutOff.code === "HUB_OFFLINE" ? settings.cache : pageOf(settings.endpoint, subject.repository),
    expected: `all files of ${id} at ${subject.revision} in the cache`,
    hint: cutOff.hint,
    cause: cutOff.cause,
  });
}
