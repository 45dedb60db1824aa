import { execFileSync } from "node:child_process";
import { appendFileSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { endOfFile, Tail, terminalText } from "./log.ts";

let workspace: string;
beforeEach(() => {
  workspace = mkdtempSync(join(tmpdir(), "ulpt-log-"));
});
afterEach(() => rmSync(workspace, { recursive: true, force: true }));

describe("Tail", () => {
  it("gives what was added, characters whole", () => {
    const path = join(workspace, "log");
    const tail = new Tail(path);
    expect(tail.read()).toBe("");
    const bytes = Buffer.from("größe\n");
    writeFileSync(path, bytes.subarray(0, 3)); // in the middle of ö
    expect(tail.read()).toBe("gr");
    appendFileSync(path, bytes.subarray(3));
    expect(tail.read()).toBe("öße\n");
    expect(tail.read()).toBe("");
  });

  it.skipIf(process.platform === "win32")("reads nothing where a link or a pipe is in the place of the file", () => {
    writeFileSync(join(workspace, "secret"), "secret");
    symlinkSync(join(workspace, "secret"), join(workspace, "link"));
    execFileSync("mkfifo", [join(workspace, "pipe")]);
    for (const name of ["link", "pipe"]) {
      expect(new Tail(join(workspace, name)).read()).toBe("");
      expect(endOfFile(join(workspace, name), 100)).toBe("");
    }
    expect(endOfFile(join(workspace, "secret"), 3)).toBe("ret");
  });

  it("is written to a terminal with carriage returns", () => {
    expect(terminalText("a\nb\r\nc\x1b[2J")).toBe("a\r\nb\r\nc\\u{1b}[2J");
  });
});
