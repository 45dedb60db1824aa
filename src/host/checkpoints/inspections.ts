/**
 * @file Inspections of checkpoints and prompts for the editors: kept ones from disk, others from the runtime, each asked for once.
 * Without `vscode`, so that it can be tested.
 */
import { fingerprint, type Inspection, readInspection } from "../../runs/inspection.ts";
import { checkpointPath } from "../../runs/layout.ts";

/** What computes an inspection where none is kept: the runtime. */
export interface Inspector {
  checkpoint(path: string): Promise<Inspection>;
  /** @param fetch whether its model may be fetched */
  prompt(path: string, fetch: boolean): Promise<Inspection>;
}

/** Those of a run's checkpoints while somebody steps through them. */
const remembered = 24;

export class Inspections {
  private readonly inspector: Inspector;
  /** By path and content, least recently used first. */
  private readonly known = new Map<string, Promise<Inspection>>();

  constructor(inspector: Inspector) {
    this.inspector = inspector;
  }

  /** @throws UlptError CHECKPOINT_INVALID where there is no such file; whatever the runtime says */
  checkpoint(directory: string, step: number): Promise<Inspection> {
    const path = checkpointPath(directory, step);
    return this.remember(path, (sha256) => readInspection(path, sha256) ?? this.inspector.checkpoint(path));
  }

  /** As `checkpoint`, only where no runtime is needed for it. */
  kept(directory: string, step: number): Inspection | undefined {
    try {
      const path = checkpointPath(directory, step);
      return readInspection(path, fingerprint(path).sha256);
    } catch {
      return undefined;
    }
  }

  /** Of an exported prompt; `fetch` gets its model if that is not on this machine. @throws as `checkpoint` */
  prompt(path: string, fetch = false): Promise<Inspection> {
    return this.remember(path, () => this.inspector.prompt(path, fetch));
  }

  private async remember(
    path: string,
    load: (sha256: string) => Inspection | Promise<Inspection>,
  ): Promise<Inspection> {
    const { sha256 } = fingerprint(path);
    const key = `${sha256} ${path}`;
    const loading = this.known.get(key) ?? Promise.resolve(load(sha256));
    this.known.delete(key);
    this.known.set(key, loading);
    const [oldest] = this.known.keys();
    if (this.known.size > remembered) this.known.delete(oldest!);
    try {
      return await loading;
    } catch (error) {
      this.known.delete(key);
      throw error;
    }
  }
}
