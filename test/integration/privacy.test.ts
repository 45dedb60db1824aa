import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "ulpt-home-"));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

it("leaves nothing behind outside the workspace: onnxruntime's own telemetry, which keeps an id in the home, is off", () => {
  const { stdout, status } = spawnSync(process.execPath, ["dist/cli.js", "devices", "--json"], {
    encoding: "utf8",
    env: { PATH: process.env.PATH, HOME: home, TMPDIR: home },
  });
  expect(status).toBe(0);
  expect(stdout).toContain('{"device":"cpu","works":true');
  expect(readdirSync(home)).toEqual([]);
});
