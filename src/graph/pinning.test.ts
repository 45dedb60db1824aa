import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { describe, expect, it } from "vitest";
import { errorOf } from "../../test/support/errors.ts";
import { cudaEnvironment, parsePinnedDevice, parsePinnedDevices, requireAllowed, threadsOf } from "./pinning.ts";

const names = (list: string) => parsePinnedDevices(list).map(({ name }) => name);

describe("a list of devices", () => {
  it("names GPUs by number, cores by ranges, and what there is only one of by its kind", () => {
    expect(parsePinnedDevice("cuda:3")).toEqual({ name: "cuda:3", device: "cuda", index: 3 });
    expect(parsePinnedDevice("cpu:0-2+8")).toEqual({ name: "cpu:0-2+8", device: "cpu", processors: [0, 1, 2, 8] });
    expect(parsePinnedDevice("webgpu")).toEqual({ name: "webgpu", device: "webgpu" });
    expect(names("cuda:0, cuda:1")).toEqual(["cuda:0", "cuda:1"]);
  });

  it("may name a GPU twice, for runs that are too small to fill it", () => {
    expect(names("cuda:0,cuda:0")).toEqual(["cuda:0", "cuda:0"]);
  });

  it.each([
    ["", "names no device"],
    ["gpu:0", "names no device"],
    ["cuda:0,", "names no device"],
    ["cuda", "has no number"],
    ["cuda:-1", "has no number"],
    ["webgpu:1", "takes the system's first"],
    ["cpu", "cannot be read"],
    ["cpu:3-1", "cannot be read"],
    ["cpu:0-9999", "cannot be read"],
    ["cuda:0,cpu:0", "of two kinds"],
    ["cpu:0-1,cpu:1-2", "Core 1 stands in two groups"],
  ])("%j is refused: %s", async (list, why) => {
    const error = await errorOf(() => parsePinnedDevices(list));
    expect(error.code).toBe("OPTION_INVALID");
    expect(error.message).toContain(why);
  });
});

describe("cores", () => {
  it("compute with a thread for each of them that is a physical one", () => {
    const threads = threadsOf(parsePinnedDevice("cpu:0"));
    expect(threads).toBe(1);
    expect(threadsOf(parsePinnedDevice("cuda:0"))).toBeUndefined();
  });

  it("that this process may not use are refused by number", async () => {
    const absent = process.platform === "linux" ? absentProcessor() : cpus().length;
    const error = await errorOf(() => requireAllowed(parsePinnedDevice(`cpu:${absent}`)));
    expect(error.code).toBe("DEVICE_MISSING");
    expect(error.message).toContain(`cpu:${absent} cannot be used: this process may not use ${absent}`);
  });
});

/** One more than the last that the kernel allows. */
function absentProcessor(): number {
  const [, list] = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync("/proc/self/status", "utf8"))!;
  return Math.max(...list!.split(/[,-]/).map(Number)) + 1;
}

describe("a GPU", () => {
  it("is the only one that CUDA sees, by the number of nvidia-smi", () => {
    expect(cudaEnvironment(1, {})).toEqual({ CUDA_VISIBLE_DEVICES: "1", CUDA_DEVICE_ORDER: "PCI_BUS_ID" });
    expect(cudaEnvironment(1, { CUDA_DEVICE_ORDER: "FASTEST_FIRST" }).CUDA_DEVICE_ORDER).toBe("FASTEST_FIRST");
  });

  it("is counted among those that a scheduler gave", async () => {
    expect(cudaEnvironment(1, { CUDA_VISIBLE_DEVICES: "4,GPU-8f2e" })).toEqual({ CUDA_VISIBLE_DEVICES: "GPU-8f2e" });
    const error = await errorOf(() => cudaEnvironment(1, { CUDA_VISIBLE_DEVICES: "4" }));
    expect(error.code).toBe("DEVICE_MISSING");
    expect(error.message).toContain("CUDA_VISIBLE_DEVICES=4 gives this process 1");
  });
});
