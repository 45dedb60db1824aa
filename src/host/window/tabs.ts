/** @file Tabs that show what is gone. */
import * as vscode from "vscode";

/** Closes the tabs of documents, and of diffs with one side, that are gone: nothing could be read of them any more. */
export async function closeTabs(isGone: (uri: vscode.Uri) => boolean): Promise<void> {
  const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs);
  const gone = tabs.filter(({ input }) => {
    if (input instanceof vscode.TabInputText) return isGone(input.uri);
    return input instanceof vscode.TabInputTextDiff && (isGone(input.original) || isGone(input.modified));
  });
  if (gone.length > 0) await vscode.window.tabGroups.close(gone, true);
}
