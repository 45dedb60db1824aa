import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { checkpointPath, runFolder } from "../../runs/layout.ts";

const workspace = join("/", "work", "space");

vi.mock("vscode", () => {
  class Uri {
    readonly scheme: string;
    readonly path: string;
    readonly query: string;
    constructor({ scheme, path, query = "" }: { scheme: string; path: string; query?: string }) {
      this.scheme = scheme;
      this.path = path;
      this.query = query;
    }
    static from = (parts: { scheme: string; path: string; query?: string }) => new Uri(parts);
    static file = (path: string) => new Uri({ scheme: "file", path });
    get fsPath(): string {
      return this.path;
    }
    toString(): string {
      return `${this.scheme}://${this.path}`;
    }
  }
  class EventEmitter {}
  const folder = { uri: Uri.file(workspace), name: "space", index: 0 };
  const getWorkspaceFolder = ({ path }: Uri) => (path.startsWith(workspace) ? folder : undefined);
  return { Uri, EventEmitter, l10n: { t: String }, workspace: { workspaceFolders: [folder], getWorkspaceFolder } };
});

const vscode = await import("vscode");
const { checkpointIn, pathIn, runIn, targetOf, targetsOf } = await import("./targets.ts");
const { checkpointUri } = await import("./runDocumentUris.ts");

const run = runFolder(workspace, "sst2", "ulpt-r2-seed1");
const id = { folder: `file://${workspace}`, experiment: "sst2", run: "ulpt-r2-seed1" };

describe("what a command is meant for", () => {
  it("is the same checkpoint by its document, by its file, and as a lens or the panel names it", () => {
    const step = 400;
    const arguments_ = [checkpointUri({ ...id, step }), vscode.Uri.file(checkpointPath(run, step)), { run, step }];
    for (const target of targetsOf(arguments_[0], arguments_)) {
      expect(checkpointIn(target)).toEqual({ ...id, step });
      expect(runIn(target)).toEqual(id);
      expect(pathIn(target)).toBe(checkpointPath(run, step));
    }
    expect(targetsOf(arguments_[0], arguments_)).toHaveLength(3);
  });

  it("is no checkpoint where a run is named, or the file lies outside of the runs", () => {
    expect(checkpointIn(targetOf({ run }))).toBeUndefined();
    expect(pathIn({ run })).toBe(run);
    const elsewhere = vscode.Uri.file(join(workspace, "copy", "checkpoints", "step-000400.safetensors"));
    expect(targetOf(elsewhere)).toEqual({ uri: elsewhere });
  });

  it("is a prompt by its file, also outside of the workspace", () => {
    const here = targetOf(vscode.Uri.file(join(workspace, "prompts", "polite.prompt.safetensors")));
    expect(here?.prompt).toMatchObject({ name: "polite", folder: { name: "space" } });
    const outside = targetOf(vscode.Uri.file(join("/", "elsewhere", "polite.prompt.safetensors")));
    expect(outside?.prompt).toMatchObject({ name: "polite", folder: undefined });
  });

  it("is nothing for what VS Code may hand a command beside that", () => {
    expect(targetsOf(undefined, undefined)).toEqual([]);
    expect(targetsOf(null, [7, "text"])).toEqual([]);
  });
});
