/** @file What lies around a workspace: decoys that nothing which reads the workspace may touch, and how one sees that it did. */
import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Paths below a folder with all that can be told of each without following links. */
function snapshot(folder: string): Map<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return new Map(names.map((name) => [name, describe(join(folder, name))]));
}

function describe(path: string): string {
  const { mode, mtimeMs } = lstatSync(path);
  const facts = `${mode.toString(8)} ${mtimeMs}`;
  if (lstatSync(path).isSymbolicLink()) return `${facts} -> ${readlinkSync(path)}`;
  if (!lstatSync(path).isFile()) return facts;
  return `${facts} ${createHash("sha256").update(readFileSync(path)).digest("hex")}`;
}

export class Surroundings {
  readonly folder: string;
  private before = new Map<string, string>();

  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  /** Writes a decoy; before `remember`. */
  write(name: string, content: string | Uint8Array): string {
    const path = this.path(name);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, content);
    return path;
  }

  /** From now on every difference counts. */
  remember(): void {
    this.before = snapshot(this.folder);
  }

  /** What was changed, made or removed since, by name. */
  changes(): string[] {
    const now = snapshot(this.folder);
    const names = new Set([...this.before.keys(), ...now.keys()]);
    return [...names].filter((name) => this.before.get(name) !== now.get(name)).sort();
  }
}
