/** @file What launches write: the end of a log, what it gained, and how a terminal shows it. */
import { closeSync, readSync } from "node:fs";
import { openOwnFile } from "../runs/ownFiles.ts";
import { visibleText } from "../words/surfaces.ts";

const chunkBytes = 64 * 1024;

/** What a growing file gained since the last look, as text; a character cut in two waits for its rest. */
export class Tail {
  private readonly path: string;
  private readonly decoder = new TextDecoder("utf-8");
  private offset = 0;

  constructor(path: string) {
    this.path = path;
  }

  /** Everything new; empty where nothing is or the file is not there. */
  read(): string {
    let descriptor: number;
    try {
      ({ descriptor } = openOwnFile(this.path));
    } catch {
      return "";
    }
    try {
      let text = "";
      const chunk = Buffer.allocUnsafe(chunkBytes);
      for (;;) {
        const length = readSync(descriptor, chunk, 0, chunk.length, this.offset);
        if (length === 0) return text;
        this.offset += length;
        text += this.decoder.decode(chunk.subarray(0, length), { stream: true });
      }
    } finally {
      closeSync(descriptor);
    }
  }
}

/** The last `bytes` of a file as text; empty where it is not there. */
export function endOfFile(path: string, bytes: number): string {
  try {
    const { descriptor, size } = openOwnFile(path);
    try {
      const end = Buffer.alloc(Math.min(size, bytes));
      const length = readSync(descriptor, end, 0, end.length, size - end.length);
      return end.toString("utf8", 0, length);
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return "";
  }
}

/** Lines as a terminal of VS Code takes them, with nothing in them that it would obey. */
export function terminalText(text: string): string {
  return visibleText(text).replaceAll("\n", "\r\n");
}
