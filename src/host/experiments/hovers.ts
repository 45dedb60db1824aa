/** @file What a task of the registry and a result of the paper are, where an experiment file names them. */
import { findNodeAtOffset, getNodePath, type Node } from "jsonc-parser";
import * as vscode from "vscode";
import { experimentTree } from "../../experiment/tree.ts";
import { describeValue, tableName } from "../../paper/format.ts";
import { cells } from "../../paper/results.ts";
import { taskNames } from "../../tasks/definition.ts";
import { taskMarkdown } from "../data/registryTexts.ts";
import { markdown } from "../window/window.ts";
import { experimentSelector } from "./diagnostics.ts";

export function registerHovers(context: vscode.ExtensionContext): void {
  context.subscriptions.push(
    vscode.languages.registerHoverProvider(experimentSelector, {
      provideHover(document, position) {
        const tree = experimentTree(document.getText());
        const node = tree && findNodeAtOffset(tree, document.offsetAt(position));
        const text = node && hoverText(node);
        if (text === undefined) return undefined;
        const start = document.positionAt(node!.offset);
        return new vscode.Hover(
          markdown(text),
          new vscode.Range(start, document.positionAt(node!.offset + node!.length)),
        );
      },
    }),
  );
}

function hoverText(node: Node): string | undefined {
  const path = getNodePath(node).join(".");
  if (path === "task" || path === "task.name") {
    const name = taskNames.find((known) => known === node.value);
    return name && taskMarkdown(name, vscode.l10n.t);
  }
  if (path === "paper") {
    const cell = cells().find(({ id }) => id === node.value);
    if (!cell) return undefined;
    const head = `**${tableName(cell)}**: ${cell.taskTitle}, ${cell.method.label}, ${cell.model}: ${describeValue(cell)}.`;
    return [head, cell.caption, ...cell.notes.map((note) => `- ${note}`)].join("\n\n");
  }
  return undefined;
}
