/** @file The identities of virtual documents as VS Code's URIs, and the folders they stand for in this window. */
import * as vscode from "vscode";
import {
  type CheckpointId,
  type Comparison,
  checkpointScheme,
  type DocumentId,
  decodeDocument,
  encodeDocument,
  type RunId,
  runDirectory,
  runNames,
} from "./documentIds.ts";

export function documentUri(id: DocumentId): vscode.Uri {
  return vscode.Uri.from({ scheme: checkpointScheme, ...encodeDocument(id) });
}

export function documentId(uri: vscode.Uri): DocumentId | undefined {
  return uri.scheme === checkpointScheme ? decodeDocument(uri) : undefined;
}

export function checkpointUri(id: CheckpointId, comparison?: Comparison): vscode.Uri {
  return documentUri({ kind: "checkpoint", ...id, comparison });
}

/** The run's folder on disk; undefined where the workspace folder is not part of this window (any more). */
export function directoryOf(id: RunId): string | undefined {
  const folder = folderOf(id);
  return folder && runDirectory(folder.uri.fsPath, id);
}

export function folderOf({ folder }: Pick<RunId, "folder">): vscode.WorkspaceFolder | undefined {
  return vscode.workspace.workspaceFolders?.find(({ uri }) => uri.toString() === folder && uri.scheme === "file");
}

/** The identity of the run in `directory`; undefined for a folder outside of this window's runs. */
export function runIdOf(directory: string): RunId | undefined {
  for (const { uri } of vscode.workspace.workspaceFolders ?? []) {
    const names = runNames(uri.fsPath, directory);
    if (names) return { folder: uri.toString(), ...names };
  }
  return undefined;
}
