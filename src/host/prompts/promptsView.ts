/** @file The Prompts view: the exported prompts of each workspace folder. */
import * as vscode from "vscode";
import { pathOf, promptsFolder } from "../../runs/layout.ts";
import { listOwnNames, lookAt } from "../../runs/ownFiles.ts";
import { byteText } from "../../words/numbers.ts";
import { contextValues, coreCommands, views } from "../ids.ts";
import { localFolders } from "../runs/experiments.ts";
import type { PromptFolderNode, PromptNode, PromptsNode } from "../runs/nodes.ts";
import { treeItem } from "../window/window.ts";

/** The ending of exported prompts, which lie in `<folder>/prompts`. */
export const promptEnding = ".prompt.safetensors";

const { t } = vscode.l10n;

export class PromptsView implements vscode.TreeDataProvider<PromptsNode>, vscode.Disposable {
  readonly view: vscode.TreeView<PromptsNode>;
  private readonly changeEmitter = new vscode.EventEmitter<PromptsNode | undefined>();
  readonly onDidChangeTreeData = this.changeEmitter.event;
  private readonly disposables: vscode.Disposable[] = [];

  constructor() {
    this.view = vscode.window.createTreeView(views.prompts, { treeDataProvider: this, canSelectMany: true });
    const watcher = vscode.workspace.createFileSystemWatcher(`**/prompts/*${promptEnding}`);
    watcher.onDidCreate(() => this.refresh());
    watcher.onDidChange(() => this.refresh());
    watcher.onDidDelete(() => this.refresh());
    const folders = vscode.workspace.onDidChangeWorkspaceFolders(() => this.refresh());
    this.disposables.push(this.view, this.changeEmitter, watcher, folders);
  }

  refresh(): void {
    this.changeEmitter.fire(undefined);
  }

  getChildren(node?: PromptsNode): PromptsNode[] {
    const folders = localFolders();
    if (node) return node.kind === "promptFolder" ? promptsIn(node.folder) : [];
    const prompts = folders.flatMap(promptsIn);
    if (folders.length < 2 || prompts.length === 0) return prompts;
    return folders.map((folder): PromptFolderNode => ({ kind: "promptFolder", folder }));
  }

  getTreeItem(node: PromptsNode): vscode.TreeItem {
    switch (node.kind) {
      case "promptFolder":
        return folderItem(node);
      case "prompt":
        return promptItem(node);
      case "promptMessage":
        return treeItem({ label: node.text });
    }
  }

  dispose(): void {
    for (const one of this.disposables) one.dispose();
  }
}

function promptsIn(folder: vscode.WorkspaceFolder): PromptsNode[] {
  const directory = promptsFolder(folder.uri.fsPath);
  const prompts = listOwnNames(directory, "prompt")
    .sort()
    .map((fileName): PromptNode => {
      const path = pathOf(directory, "prompt", fileName);
      const bytes = lookAt(path)?.size ?? 0;
      return { kind: "prompt", folder, path, name: fileName.slice(0, -promptEnding.length), bytes };
    });
  if (prompts.length > 0 || localFolders().length < 2) return prompts;
  return [{ kind: "promptMessage", text: t("No prompts in this folder yet") }];
}

function folderItem({ folder }: PromptFolderNode): vscode.TreeItem {
  const item = treeItem({ label: folder.name }, vscode.TreeItemCollapsibleState.Expanded);
  item.iconPath = vscode.ThemeIcon.Folder;
  item.id = folder.uri.toString();
  return item;
}

function promptItem(node: PromptNode): vscode.TreeItem {
  const item = treeItem({ label: node.name, description: byteText(node.bytes), tooltip: node.path });
  item.id = node.path;
  item.iconPath = new vscode.ThemeIcon("symbol-string");
  item.contextValue = contextValues.prompt;
  item.resourceUri = vscode.Uri.file(node.path);
  item.command = { title: t("Open"), command: coreCommands.openPrompt, arguments: [node] };
  return item;
}
