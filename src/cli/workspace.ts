/** @file Which workspace a command works in, and the words of a command line that lead there. */
import { statSync } from "node:fs";
import { basename, dirname, relative, resolve } from "node:path";
import { UlptError } from "../errors.ts";
import { runsFolder } from "../runs/layout.ts";
import { requireOwnFolder } from "../runs/ownFiles.ts";
import type { Run } from "../runs/store.ts";
import { findWorkspace } from "../training/references.ts";
import { shellWord } from "../words/shell.ts";

/**
 * The workspace to read runs from: the folder of `--workspace`, else the one around `from`.
 * @throws OPTION_INVALID; RUN_INVALID where its runs lie behind a link
 */
export function openWorkspace(option: string | undefined, from = process.cwd()): string {
  const workspace = option === undefined ? findWorkspace(from) : requireFolder(option);
  requireOwnFolder(runsFolder(workspace));
  return workspace;
}

function requireFolder(option: string): string {
  if (statSync(option, { throwIfNoEntry: false })?.isDirectory()) return resolve(option);
  throw new UlptError("OPTION_INVALID", "There is no such workspace.", {
    where: `--workspace ${option}`,
    expected: "a folder",
    hint: "Check the path.",
  });
}

/** The word for a command line that means this run from the current folder: `experiment/run` in its workspace, else its folder. */
export function runArgument({ directory }: Pick<Run, "directory">): string {
  const here = process.cwd();
  const known = relative(runsFolder(findWorkspace(here)), directory);
  const name = `${basename(dirname(directory))}/${basename(directory)}`;
  return shellWord(known.replaceAll("\\", "/") === name ? name : relative(here, directory) || ".");
}

/** What sends a command of the current folder to this workspace: ` --workspace FOLDER`, or nothing where it goes there by itself. */
export function workspaceOption(workspace: string): string {
  const here = process.cwd();
  return findWorkspace(here) === workspace ? "" : ` --workspace ${shellWord(relative(here, workspace) || ".")}`;
}
