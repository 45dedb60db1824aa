/** @file Read-only documents made on request: what a check found, what a model answered. They never ask to be saved. */
import * as vscode from "vscode";

const scheme = "ulpt-report";

/** The newest text of each report. */
const texts = new Map<string, string>();
const changed = new vscode.EventEmitter<vscode.Uri>();

export function registerReports(context: vscode.ExtensionContext): void {
  const provider: vscode.TextDocumentContentProvider = {
    onDidChange: changed.event,
    provideTextDocumentContent: ({ path }) =>
      texts.get(path) ?? vscode.l10n.t("This report is gone: run the command again."),
  };
  context.subscriptions.push(changed, vscode.workspace.registerTextDocumentContentProvider(scheme, provider));
}

/** As `showReport`, drawn as a page. */
export async function showPage(title: string, content: string): Promise<void> {
  const uri = store(title, content);
  await vscode.commands.executeCommand("markdown.showPreview", uri);
}

/** Shows `content`, Markdown, as the document `title`; a second report of that name takes its place. */
export async function showReport(title: string, content: string): Promise<void> {
  const uri = store(title, content);
  await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri), { preview: true });
}

function store(title: string, content: string): vscode.Uri {
  const uri = vscode.Uri.from({ scheme, path: `/${title.replaceAll("/", "-")}.md` });
  texts.set(uri.path, content);
  changed.fire(uri);
  return uri;
}
