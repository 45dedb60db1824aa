/** @file What VS Code tells of the files of runs and evaluations, gathered: files of one run change together. */
import { dirname } from "node:path";
import * as vscode from "vscode";
import { localFolders } from "./experiments.ts";

const quietMilliseconds = 150;

/** What changed on the disk. */
export interface Touched {
  /** Folders of runs. */
  runs: readonly string[];
  /** Folders of evaluations. */
  evaluations: readonly string[];
}

export class RunWatchers implements vscode.Disposable {
  private readonly onTouched: (touched: Touched) => void;
  private readonly onRemoved: (path: string) => void;
  private readonly watchers: vscode.Disposable[] = [];
  private readonly runs = new Set<string>();
  private readonly evaluations = new Set<string>();
  private timer: NodeJS.Timeout | undefined;

  /** @param onRemoved is told the topmost folder that was deleted: of a run, an experiment or all of them */
  constructor(onTouched: (touched: Touched) => void, onRemoved: (path: string) => void) {
    this.onTouched = onTouched;
    this.onRemoved = onRemoved;
    this.watchFolders();
  }

  /** Watches the folders that this window has now. */
  watchFolders(): void {
    for (const watcher of this.watchers.splice(0)) watcher.dispose();
    for (const folder of localFolders())
      this.watchers.push(...this.watchRuns(folder), ...this.watchEvaluations(folder));
  }

  private watchRuns(workspace: vscode.WorkspaceFolder): vscode.Disposable[] {
    const files = vscode.workspace.createFileSystemWatcher(
      new vscode.RelativePattern(workspace, ".ulpt/runs/*/*/{run,owner,exit,marks}.json"),
    );
    const folders = vscode.workspace.createFileSystemWatcher(
      new vscode.RelativePattern(workspace, ".ulpt/runs/{*,*/*}"),
      true,
      true,
    );
    onAnyChange(files, (path) => this.touch(this.runs, dirname(path)));
    folders.onDidDelete(({ fsPath }) => this.onRemoved(fsPath));
    return [files, folders];
  }

  private watchEvaluations(workspace: vscode.WorkspaceFolder): vscode.Disposable[] {
    const pattern = ".ulpt/{runs/*/*/evaluations,evaluations}";
    const watch = (glob: string) =>
      vscode.workspace.createFileSystemWatcher(new vscode.RelativePattern(workspace, glob));
    const [folders, files] = [watch(pattern), watch(`${pattern}/*.json`)];
    // Of a folder that is new, the watcher does not tell what is written to it at once.
    folders.onDidCreate(({ fsPath }) => this.touch(this.evaluations, fsPath));
    onAnyChange(files, (path) => this.touch(this.evaluations, dirname(path)));
    return [folders, files];
  }

  private touch(touched: Set<string>, folder: string): void {
    touched.add(folder);
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      const [runs, evaluations] = [[...this.runs], [...this.evaluations]];
      this.runs.clear();
      this.evaluations.clear();
      this.onTouched({ runs, evaluations });
    }, quietMilliseconds);
  }

  dispose(): void {
    clearTimeout(this.timer);
    for (const watcher of this.watchers) watcher.dispose();
  }
}

function onAnyChange(watcher: vscode.FileSystemWatcher, tell: (path: string) => void): void {
  const touch = ({ fsPath }: vscode.Uri) => tell(fsPath);
  watcher.onDidCreate(touch);
  watcher.onDidChange(touch);
  watcher.onDidDelete(touch);
}
