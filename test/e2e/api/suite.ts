/** @file What the extension promises to VS Code, asked through its API inside the real extension host. */
import assert from "node:assert/strict";
import childProcess from "node:child_process";
import fs, { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import Module from "node:module";
import { join } from "node:path";
import * as vscode from "vscode";

const id = "ulpt-lab.ulpt-lab";
const experiment = "tiny";
const run = "ulpt-r2-seed1";

interface Manifest {
  contributes: {
    commands: { command: string }[];
    menus: Record<string, { command: string }[]>;
    viewsWelcome: { contents: string }[];
    views: Record<string, { id: string }[]>;
    configuration: { properties: Record<string, unknown> };
  };
}

function extension(): vscode.Extension<unknown> {
  const found = vscode.extensions.getExtension(id);
  assert.ok(found);
  return found;
}

function manifest(): Manifest {
  return extension().packageJSON as Manifest;
}

function folder(): vscode.WorkspaceFolder {
  return vscode.workspace.workspaceFolders![0]!;
}

function inFolder(...path: string[]): vscode.Uri {
  return vscode.Uri.joinPath(folder().uri, ...path);
}

/** A document made of a run. */
function runDocument(name: string): vscode.Uri {
  const query = JSON.stringify({ folder: folder().uri.toString() });
  return vscode.Uri.from({ scheme: "ulpt-checkpoint", path: `/${experiment}/${run}/${name}`, query });
}

async function textOf(uri: vscode.Uri): Promise<string> {
  return (await vscode.workspace.openTextDocument(uri)).getText();
}

async function eventually<T>(find: () => T | PromiseLike<T>, accept: (value: T) => boolean): Promise<T> {
  for (;;) {
    const value = await find();
    if (accept(value)) return value;
    await new Promise((wake) => setTimeout(wake, 100));
  }
}

/** Runs a task and says how its process ended. */
async function runTask(task: vscode.Task): Promise<number | undefined> {
  const ended = new Promise<number | undefined>((resolve) => {
    const listener = vscode.tasks.onDidEndTaskProcess(({ execution, exitCode }) => {
      if (execution.task.name !== task.name) return;
      listener.dispose();
      resolve(exitCode);
    });
  });
  await vscode.tasks.executeTask(task);
  return ended;
}

async function ulptTasks(): Promise<vscode.Task[]> {
  const tasks = await vscode.tasks.fetchTasks({ type: "ulpt" });
  return tasks.sort((a, b) => (a.name < b.name ? -1 : 1));
}

interface Call {
  of: "files" | "processes";
  name: string;
  subject: string;
}

/** What the extension's own code asks of files and processes while `action` goes on. */
async function callsDuring(action: () => PromiseLike<unknown>): Promise<Call[]> {
  const code = join(extension().extensionPath, "dist", "extension.cjs");
  const calls: Call[] = [];
  const restore: (() => void)[] = [];
  const watch = (of: Call["of"], module: object) => {
    for (const [name, original] of Object.entries(module)) {
      if (typeof original !== "function" || /^[A-Z_]/.test(name)) continue;
      const watched = function (this: unknown, ...args: unknown[]): unknown {
        if (new Error().stack!.includes(code)) calls.push({ of, name, subject: String(args[0]) });
        return Reflect.apply(original, this, args);
      };
      Reflect.set(module, name, Object.assign(watched, original));
      restore.push(() => Reflect.set(module, name, original));
    }
  };
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 50;
  watch("files", fs);
  watch("files", fs.promises);
  watch("processes", childProcess);
  try {
    await action();
  } finally {
    for (const one of restore) one();
    Error.stackTraceLimit = stackTraceLimit;
  }
  return calls;
}

describe("activation", () => {
  it("loads one file of less than 1.5 MB, reads no run and starts no process", async () => {
    const runs = join(folder().uri.fsPath, ".ulpt", "runs");
    mkdirSync(join(runs, "kept", run), { recursive: true });
    writeFileSync(join(runs, "kept", run, "run.json"), "{}");
    assert.equal(extension().isActive, false);
    const calls = await callsDuring(() => extension().activate());
    rmSync(runs, { recursive: true });

    const { extensionPath } = extension();
    const cache = (Module as unknown as { _cache: Record<string, unknown> })._cache;
    const loaded = Object.keys(cache).filter((path) => path.startsWith(extensionPath));
    assert.deepEqual(loaded, [join(extensionPath, "dist", "extension.cjs")]);
    assert.ok(statSync(loaded[0]!).size < 1.5e6);
    const files = calls.filter(({ of }) => of === "files").map(({ subject }) => subject);
    assert.ok(files.includes(join(extensionPath, "dist", "cli.js"))); // it looks whether the runtime is there
    assert.deepEqual(
      files.filter((path) => path.startsWith(runs)),
      [],
    );
    assert.deepEqual(
      calls.filter(({ of }) => of === "processes"),
      [],
    );
  });
});

describe("the extension", () => {
  before(() => extension().activate());

  it("registers the commands that it declares, and no others", async () => {
    const declared = manifest().contributes.commands.map(({ command }) => command);
    const views = Object.values(manifest().contributes.views).flat();
    const generated = (command: string) => views.some((view) => command.startsWith(`${view.id}.`));
    const registered = (await vscode.commands.getCommands(true)).filter(
      (command) => command.startsWith("ulpt.") && !command.startsWith("ulpt.internal.") && !generated(command),
    );
    assert.deepEqual(registered.sort(), [...declared].sort());
  });

  it("names only declared commands in its menus and in the words of empty views", () => {
    const { commands, menus, viewsWelcome } = manifest().contributes;
    const declared = new Set(commands.map(({ command }) => command));
    const inMenus = Object.values(menus).flatMap((items) => items.map(({ command }) => command));
    const inWords = viewsWelcome.flatMap(({ contents }) =>
      [...contents.matchAll(/\(command:(ulpt\.\w+)\)/g)].map(([, one]) => one!),
    );
    assert.ok(inWords.length > 3);
    for (const command of [...inMenus, ...inWords]) assert.ok(declared.has(command), command);
  });

  it("has at most twelve settings, all with a default", () => {
    const names = Object.keys(manifest().contributes.configuration.properties);
    assert.ok(names.length <= 12);
    for (const name of names) assert.notEqual(vscode.workspace.getConfiguration().get(name), undefined, name);
  });
});

describe("tasks", () => {
  it("are provided for every experiment of the workspace, without being asked for a problem matcher", async () => {
    const tasks = await ulptTasks();
    const files = tasks.map(({ definition }) => definition.experiment as string);
    assert.deepEqual(files, [
      "complaint-causal.ulpt.json",
      "complaint.ulpt.json",
      "invalid.ulpt.json",
      "methods-causal.ulpt.json",
      "methods.ulpt.json",
      "mood-and-tense.ulpt.json",
      "tiny.ulpt.json",
    ]);
    for (const task of tasks) {
      assert.equal(task.definition.type, "ulpt");
      assert.ok(task.problemMatchers.length > 0);
    }
  });

  it("train, and end with exit code 0", async () => {
    const tasks = await ulptTasks();
    const task = tasks.find(({ definition }) => definition.experiment === "tiny.ulpt.json");
    assert.ok(task);
    assert.equal(await runTask(task), 0);
    const directory = join(folder().uri.fsPath, ".ulpt", "runs", experiment, run);
    assert.equal(
      (JSON.parse(readFileSync(join(directory, "exit.json"), "utf8")) as { state: string }).state,
      "finished",
    );
  });

  it("of a broken experiment end with exit code 2 and start no run", async () => {
    const tasks = await ulptTasks();
    const task = tasks.find(({ definition }) => definition.experiment === "invalid.ulpt.json");
    assert.ok(task);
    assert.equal(await runTask(task), 2);
    assert.equal(existsSync(join(folder().uri.fsPath, ".ulpt", "runs", "invalid")), false);
  });
});

describe("documents made of runs", () => {
  it("say in a sentence that a checkpoint is missing", async () => {
    const text = await textOf(runDocument("step-009999.ckpt.txt"));
    assert.match(
      text,
      /^# The file does not exist\.\n# \/.*\/tiny\/ulpt-r2-seed1\/checkpoints\/step-009999\.safetensors\n# .*\n$/,
    );
  });

  it("say in a sentence that an address names nothing", async () => {
    const nothing = vscode.Uri.from({ scheme: "ulpt-checkpoint", path: "/../../etc/passwd", query: "{}" });
    assert.equal(await textOf(nothing), "# This address names no checkpoint.\n");
  });

  it("show the settings of a run as JSON and its metrics as text", async () => {
    const settings = JSON.parse(await textOf(runDocument("settings.json"))) as Record<string, unknown>;
    assert.equal(settings.parameters, 276);
    assert.match(await textOf(runDocument("metrics.ckpt.txt")), /^# Metrics {2}tiny \/ ulpt-r2-seed1\n/);
  });

  it("show a checkpoint with lenses, an outline, folds and the changes in place", async () => {
    const uri = runDocument("step-000008.ckpt.txt");
    const document = await vscode.workspace.openTextDocument(uri);
    assert.match(document.getText(), /^# Checkpoint tiny \/ ulpt-r2-seed1 \/ step 8\n/);
    assert.equal(document.languageId, "ulpt-checkpoint");
    await vscode.window.showTextDocument(document);
    const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>("vscode.executeCodeLensProvider", uri, 10);
    assert.ok(lenses.some(({ command }) => command?.command === "ulpt.diffPrevious"));
    const symbols = await vscode.commands.executeCommand<vscode.DocumentSymbol[]>(
      "vscode.executeDocumentSymbolProvider",
      uri,
    );
    assert.ok(symbols.some(({ name }) => name === "metrics"));
    assert.equal(symbols.filter(({ name }) => name.startsWith("token ")).length, 10);
    const folds = await vscode.commands.executeCommand<vscode.FoldingRange[]>(
      "vscode.executeFoldingRangeProvider",
      uri,
    );
    assert.ok(folds.length >= 10);
    const whole = new vscode.Range(0, 0, document.lineCount, 0);
    const hints = await eventually(
      () => vscode.commands.executeCommand<vscode.InlayHint[]>("vscode.executeInlayHintProvider", uri, whole),
      (found) => found.length > 0,
    );
    assert.ok(hints.some(({ label }) => /^moved \d/.test(String(label))));
  });
});

describe("experiment files", () => {
  it("are completed from the schema", async () => {
    const document = await vscode.workspace.openTextDocument(inFolder("tiny.ulpt.json"));
    await vscode.window.showTextDocument(document);
    const position = document.positionAt(document.getText().indexOf('"promptLength"') + 1);
    const { items } = await eventually(
      () =>
        vscode.commands.executeCommand<vscode.CompletionList>(
          "vscode.executeCompletionItemProvider",
          document.uri,
          position,
        ),
      (list) => list.items.length > 3,
    );
    const labels = items.map(({ label }) => (typeof label === "string" ? label : label.label));
    assert.ok(labels.includes("initialization"), labels.join(" "));
  });

  it("have a lens that trains", async () => {
    const uri = inFolder("tiny.ulpt.json");
    const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>("vscode.executeCodeLensProvider", uri, 10);
    assert.ok(lenses.some(({ command }) => command?.command === "ulpt.train"));
    assert.ok(lenses.some(({ command }) => command?.title === "as in the last run"));
  });

  it("are underlined where they are wrong, with a quick fix that repairs them", async () => {
    const uri = inFolder("invalid.ulpt.json");
    const document = await vscode.workspace.openTextDocument(uri);
    const problems = await eventually(
      () => vscode.languages.getDiagnostics(uri).filter(({ source }) => source === "ULPT"),
      (found) => found.length > 0,
    );
    assert.equal(problems.length, 1);
    assert.equal(document.getText(problems[0]!.range), '"rnak"');
    const actions = await vscode.commands.executeCommand<vscode.CodeAction[]>(
      "vscode.executeCodeActionProvider",
      uri,
      problems[0]!.range,
    );
    const fix = actions.find(({ title }) => title === 'Change to "rank"');
    assert.ok(fix?.edit);
    await vscode.workspace.applyEdit(fix.edit);
    assert.ok(document.getText().includes('"rank"'));
    await eventually(
      () => vscode.languages.getDiagnostics(uri).filter(({ source }) => source === "ULPT"),
      (found) => found.length === 0,
    );
  });
});
