/** @file The experiments that have runs in the folders of this window. */
import { opendirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import * as vscode from "vscode";
import { isName, runsFolder } from "../../runs/layout.ts";
import { subfolders } from "../../runs/store.ts";

/** An experiment that has runs: `<folder>/.ulpt/runs/<name>`. */
export interface ExperimentEntry {
  folder: vscode.WorkspaceFolder;
  /** Of its folder. */
  name: string;
  directory: string;
}

/** Folders on a disk: runs are files. */
export function localFolders(): vscode.WorkspaceFolder[] {
  return (vscode.workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === "file");
}

/** Those whose folders hold a run. */
export function experimentsOnDisk(): ExperimentEntry[] {
  return localFolders().flatMap((folder) => {
    const root = runsFolder(folder.uri.fsPath);
    return subfolders(root, "experiment")
      .map((name) => ({ folder, name, directory: join(root, name) }))
      .filter(({ directory }) => holdsRun(directory));
  });
}

/** The experiment of a run's folder; undefined outside the workspace. */
export function experimentOf(runDirectory: string): ExperimentEntry | undefined {
  const directory = dirname(runDirectory);
  for (const folder of localFolders()) {
    const name = relative(runsFolder(folder.uri.fsPath), directory);
    if (isName("experiment", name)) return { folder, name, directory };
  }
  return undefined;
}

/** Whether there is a run in an experiment's folder: the last one may have been deleted. Reads no more names than it needs. */
function holdsRun(directory: string): boolean {
  try {
    const folder = opendirSync(directory);
    try {
      for (let entry = folder.readSync(); entry; entry = folder.readSync()) {
        if (entry.isDirectory() && isName("run", entry.name)) return true;
      }
      return false;
    } finally {
      folder.closeSync();
    }
  } catch {
    return true; // that it cannot be read is said where its runs are listed
  }
}
