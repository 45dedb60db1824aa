/** @file The Prompts view: the exported prompts of each workspace folder. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import * as vscode from "vscode";
import { contextValues, coreCommands, views } from "../ids.ts";
import { localFolders } from "../store.ts";
import { treeItem } from "../window.ts";
import { byteText } from "./collect.ts";
import type { PromptFolderNode, PromptNode, PromptsNode } from "./nodes.ts";

/** The ending of exported prompts, which lie in `<folder>/prompts`. */
export const promptEnding = ".prompt.safetensors";
const promptsFolder = "prompts";

const { t } = vscode.l10n;

export class PromptsView implements vscode.TreeDataProvider<PromptsNode>, vscode.Disposable {
  readonly view: vscode.TreeView<PromptsNode>;
  private readonly changeEmitter = new vscode.EventEmitter<PromptsNode | undefined>();
  readonly onDidChangeTreeData = this.changeEmitter.event;
  private readonly disposables: vscode.Disposable[] = [];

  constructor() {
    this.view = vscode.window.createTreeView(views.prompts, { treeDataProvider: this, canSelectMany: true });
    const watcher = vscode.workspace.createFileSystemWatcher(`**/${promptsFolder}/*${promptEnding}`);
    watcher.onDidCreate(() => this.refresh());
    watcher.onDidChange(() => this.refresh());
    watcher.onDidDelete(() => this.refresh());
    const folders = vscode.workspace.onDidChangeWorkspaceFolders(() => this.refresh());
    this.disposables.push(this.view, this.changeEmitter, watcher, folders);
  }

  refresh(): void {
    this.changeEmitter.fire(undefined);
  }

  async getChildren(node?: PromptsNode): Promise<PromptsNode[]> {
    const folders = localFolders();
    if (node) return node.kind === "promptFolder" ? promptsIn(node.folder) : [];
    const prompts = (await Promise.all(folders.map(promptsIn))).flat();
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

async function promptsIn(folder: vscode.WorkspaceFolder): Promise<PromptsNode[]> {
  const directory = join(folder.uri.fsPath, promptsFolder);
  const names = await readdir(directory).catch(() => []);
  const found = await Promise.all(
    names
      .filter((name) => name.endsWith(promptEnding) && !name.startsWith("."))
      .sort()
      .map(async (fileName): Promise<PromptNode[]> => {
        const path = join(directory, fileName);
        const facts = await stat(path).catch(() => undefined);
        if (!facts?.isFile()) return [];
        return [{ kind: "prompt", folder, path, name: fileName.slice(0, -promptEnding.length), bytes: facts.size }];
      }),
  );
  const prompts = found.flat();
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
