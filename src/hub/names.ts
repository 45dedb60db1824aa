/** @file Names that come from people or from the Hub, before they become part of a path or an address. */
import { UlptError } from "../errors.ts";
import { suggest } from "../words/suggest.ts";

export type RepositoryType = "model" | "dataset";

/** A repository on the Hub. */
export interface Repository {
  type: RepositoryType;
  /** `name` or `organisation/name`. */
  id: string;
}

/** The page that shows a repository, which is also the start of its addresses for download. */
export function pageOf(endpoint: string, { type, id }: Repository): string {
  return type === "dataset" ? `${endpoint}/datasets/${id}` : `${endpoint}/${id}`;
}

const idPart = /^[A-Za-z0-9_](?:[\w.-]{0,94}[A-Za-z0-9_])?$/;

/** The Hub's own rules for ids: `--` is the cache's separator, `..` would leave its folder. */
export function isRepositoryId(id: string): boolean {
  const parts = id.split("/");
  return parts.length <= 2 && parts.every((part) => idPart.test(part)) && !/--|\.\./.test(id);
}

/** @throws UlptError HUB_NOT_FOUND */
export function checkId({ type, id }: Repository): void {
  if (isRepositoryId(id)) return;
  throw new UlptError(
    "HUB_NOT_FOUND",
    `${JSON.stringify(id)} cannot be the name of a ${type} on the Hugging Face Hub.`,
    {
      where: JSON.stringify(id),
      expected: type === "model" ? '"organisation/name", like "google-t5/t5-small"' : '"organisation/name"',
      hint: `Copy the name from the ${type}'s page on the Hub.`,
    },
  );
}

const commitPattern = /^[0-9a-f]{40}$/;

export function isCommit(revision: string): boolean {
  return commitPattern.test(revision);
}

/** A revision becomes a path below `refs/`. @throws UlptError HUB_NOT_FOUND */
export function checkRevision(revision: string): void {
  // git allows neither spaces nor ~^:?*[ in a branch or tag
  if (isSafePath(revision) && !/[\s~^:?*[]/.test(revision)) return;
  throw new UlptError("HUB_NOT_FOUND", `${JSON.stringify(revision)} cannot be a revision.`, {
    where: JSON.stringify(revision),
    expected: 'a branch or tag like "main", or a full commit hash of 40 digits',
    hint: "Copy the revision from the repository's page on the Hub.",
  });
}

const reservedOnWindows = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)|[<>:"|?*]|[. ]$/i;

/** Whether a path from the Hub stays inside the folder it is joined to, on the system at hand. */
export function isSafePath(path: string, platform: NodeJS.Platform = process.platform): boolean {
  if (path === "" || path.length > 1024 || /[\\\x00-\x1f\x7f]/.test(path)) return false;
  return path
    .split("/")
    .every(
      (part) => part !== "" && part !== "." && part !== ".." && !(platform === "win32" && reservedOnWindows.test(part)),
    );
}

/** @throws UlptError HUB_ANSWER */
export function checkPath(path: string, page: string): void {
  if (isSafePath(path)) return;
  throw new UlptError("HUB_ANSWER", `The repository names a file ${JSON.stringify(path)}, which is refused.`, {
    where: page,
    expected: "a relative path with forward slashes that stays inside the repository",
    hint: "Do not use this repository: such a name could write outside the cache.",
  });
}

/** The id nearest to `id`; one that differs only before the slash, or has nothing there, counts as near. */
export function suggestId(id: string, candidates: readonly string[]): string | undefined {
  const whole = suggest(id, candidates);
  if (whole) return whole;
  const names = new Map(candidates.map((candidate) => [lastPart(candidate), candidate]));
  const near = suggest(lastPart(id), names.keys());
  return near && names.get(near);
}

function lastPart(id: string): string {
  return id.slice(id.indexOf("/") + 1);
}
