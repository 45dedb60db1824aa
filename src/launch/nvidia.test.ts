import { chmodSync, writeFileSync } from "node:fs";
import { afterEach, describe, expect, it, vi } from "vitest";
import { temporaryFolder } from "../../test/support/folder.ts";
import { DeviceMemoryWatch, deviceMemories, deviceNames, parseDeviceMemories } from "./nvidia.ts";

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

describe("the memory of a process, watched", () => {
  it("is what the driver last said, who is asked every now and then and never twice at once", async () => {
    let [now, asked, bytes] = [0, 0, 100];
    const watch = new DeviceMemoryWatch(
      async () => {
        asked += 1;
        return new Map([[7, bytes]]);
      },
      () => now,
    );
    expect(watch.of(7)).toBeNull();
    expect(watch.of(7)).toBeNull();
    await watch.settled();
    expect([watch.of(7), watch.of(8), asked]).toEqual([100, null, 1]);
    bytes = 200;
    now = 4_000;
    expect(watch.of(7)).toBe(100);
    now = 6_000;
    expect(watch.of(7)).toBe(100);
    await watch.settled();
    expect([watch.of(7), asked]).toEqual([200, 2]);
  });

  it("is asked for rarely where there is no driver", async () => {
    let [now, asked] = [0, 0];
    const watch = new DeviceMemoryWatch(
      async () => {
        asked += 1;
        return undefined;
      },
      () => now,
    );
    for (now = 0; now <= 60_000; now += 1_000) {
      expect(watch.of(7)).toBeNull();
      await watch.settled();
    }
    expect(asked).toBe(2);
  });
});
