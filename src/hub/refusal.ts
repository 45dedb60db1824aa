/** @file What the Hub's refusals, and a Hub that cannot be reached, mean to a person. */
import { UlptError } from "../errors.ts";
import { checkBusy, type Exchange, hintFor, type Interrupted, Misdirected } from "../fetching/exchange.ts";
import { pageOf, type Repository, suggestId } from "./names.ts";
import type { HubSettings } from "./settings.ts";

/** What is asked for, as errors name it. */
export interface Subject {
  repository: Repository;
  revision: string;
  /** A file of the repository, or nothing for the repository itself. */
  file?: string | undefined;
  /** Ids that the person may have meant. */
  candidates: () => Promise<readonly string[]>;
}

// The token that `hf auth login` writes to a file is not read: tokens in plain files are not ours to pass on.
const aToken =
  'a token in the environment variable HF_TOKEN (what `hf auth login` keeps in a file is not read) or, in VS Code, with "ULPT: Sign In to Hugging Face…"';

/**
 * Returns if the answer has what was asked for.
 * @throws Interrupted if the server is busy or has a fault of its own; else UlptError HUB_GATED, HUB_DENIED, HUB_NOT_FOUND
 * or HUB_ANSWER
 */
export async function checkStatus(answer: Exchange, subject: Subject, settings: HubSettings): Promise<void> {
  const { status, headers } = answer.response;
  if (status === 200 || status === 206) return;
  checkBusy(answer);

  const { repository, revision, file } = subject;
  const { type, id } = repository;
  const page = pageOf(settings.endpoint, repository);
  const signedIn = settings.token !== undefined;
  const reason = headers.get("x-error-code");

  if (reason === "GatedRepo" && (status === 401 || status === 403)) {
    throw new UlptError(
      "HUB_GATED",
      `The ${type} ${id} is open only to people who have asked its authors for access.`,
      {
        where: page,
        expected: signedIn ? "a token of an account that has been given access" : "a token (none was sent)",
        hint: `Ask for access on ${page}, then give ${aToken}, of the account that has access.`,
      },
    );
  }
  if (status === 401 && headers.get("x-error-message")?.startsWith("Invalid credentials")) {
    throw new UlptError("HUB_DENIED", "The Hugging Face Hub does not accept the access token.", {
      where: page,
      expected: "a token that is valid and has not expired",
      hint: "Make a new token on the Hub's page Settings, Access Tokens, and sign in again, or remove HF_TOKEN.",
    });
  }
  if (reason === "RevisionNotFound") {
    throw new UlptError("HUB_NOT_FOUND", `The ${type} ${id} has no revision ${JSON.stringify(revision)}.`, {
      where: page,
      expected: "a branch, a tag or a commit of the repository",
      hint: 'Leave the revision out, or take "main".',
    });
  }
  if (reason === "EntryNotFound" || (status === 404 && file !== undefined && reason === null)) {
    throw new UlptError("HUB_NOT_FOUND", `The ${type} ${id} has no file ${file ?? "of that name"}.`, {
      where: `${page} at ${revision}`,
      hint: "Try again: the repository may just have been changed.",
    });
  }
  // Without a token the Hub does not tell a repository that does not exist from one that it hides.
  if (status === 404 || reason === "RepoNotFound" || (status === 401 && !signedIn)) {
    const near = suggestId(id, await subject.candidates());
    throw new UlptError("HUB_NOT_FOUND", `The Hugging Face Hub has no ${type} ${id}, or it is private.`, {
      where: page,
      expected: `the name of a public ${type}, or a token that may read a private one`,
      hint: `${near ? `Did you mean ${near}? ` : "Check the name. "}If it is private, give ${aToken}.`,
    });
  }
  if (status === 401 || status === 403) {
    throw new UlptError("HUB_DENIED", `The Hugging Face Hub refuses access to the ${type} ${id} (status ${status}).`, {
      where: page,
      expected: signedIn ? "a token that may read this repository" : "a token (none was sent)",
      hint: `Give ${aToken}, of an account that may read it.`,
    });
  }
  throw new UlptError("HUB_ANSWER", `The Hugging Face Hub answered with status ${status}, which has no meaning here.`, {
    where: page,
    expected: "the content that was asked for",
    hint: "Check the address of the Hub (HF_ENDPOINT) and any proxy in between.",
  });
}

/** For what patience did not help against. */
export function unreachable(error: Interrupted | Misdirected, settings: HubSettings, page: string): UlptError {
  if (error instanceof Misdirected) {
    return new UlptError("HUB_ANSWER", error.message, {
      where: error.where,
      expected: "a file, or a redirect to where it is stored",
      hint: "Check the address of the Hub (HF_ENDPOINT) and any proxy in between.",
      cause: error,
    });
  }
  const more = settings.token ? "" : " With a token (HF_TOKEN) the Hub allows more requests.";
  return new UlptError("HUB_UNREACHABLE", `The Hugging Face Hub cannot be reached: ${error.message}.`, {
    where: page,
    expected: `an answer from ${settings.endpoint}`,
    hint:
      error.status === 429
        ? `The Hub limits the number of requests: wait some minutes.${more}`
        : hintFor(error, "the address of the Hub (HF_ENDPOINT)"),
    cause: error,
  });
}
