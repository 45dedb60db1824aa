import { chmodSync, writeFileSync } from "node:fs";
import { afterEach, describe, expect, it, vi } from "vitest";
import { temporaryFolder } from "../../test/support/folder.ts";
import { deviceMemories, deviceNames, parseDeviceMemories } from "./nvidia.ts";

const folder = temporaryFolder();
afterEach(() => vi.unstubAllEnvs());

/** A driver's command that answers with this. */
function driver(script: string): void {
  writeFileSync(folder("nvidia-smi"), `#!/bin/sh\n${script}\n`);
  chmodSync(folder("nvidia-smi"), 0o755);
  vi.stubEnv("PATH", `${folder()}:${process.env.PATH}`);
}

it("counts what a process holds on all devices, and passes over what nobody knows", () => {
  const lines = ["4711, 512", "4711, 256", "12, [N/A]", "[Insufficient Permissions]", " 13 , 1 "];
  expect([...parseDeviceMemories(lines)]).toEqual([
    [4711, 768 * 2 ** 20],
    [13, 2 ** 20],
  ]);
});

describe.skipIf(process.platform === "win32")("the driver's command", () => {
  it("is asked for memory and for names", async () => {
    driver('case "$*" in *compute-apps*) echo "4711, 512";; *name*) echo "NVIDIA H200"; echo "NVIDIA H200";; esac');
    expect(await deviceMemories()).toEqual(new Map([[4711, 512 * 2 ** 20]]));
    expect(await deviceNames()).toEqual(["NVIDIA H200", "NVIDIA H200"]);
  });

  it("says nothing where it fails or is not there", async () => {
    driver("echo 'No devices were found'; exit 6");
    expect(await deviceMemories()).toBeUndefined();
    vi.stubEnv("PATH", folder("nowhere"));
    expect(await deviceMemories()).toBeUndefined();
    expect(await deviceNames()).toEqual([]);
  });
});
