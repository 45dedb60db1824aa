import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encodeSafetensors, readHeader } from "../formats/safetensors.ts";
import {
  checkpointsToDelete,
  deleteCheckpoints,
  listCheckpoints,
  loadCheckpoint,
  type NewCheckpoint,
  saveCheckpoint,
} from "./checkpoints.ts";
import { checkpointFile } from "./layout.ts";
import { claimRun, type Ownership } from "./owner.ts";
import { loadState, saveState } from "./state.ts";
import { encodeTensorFile } from "./tensorFile.ts";

let directory: string;
let run: Ownership;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "ulpt-checkpoints-"));
  run = claimRun(directory);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const coded = (code: string, message: string) =>
  expect.objectContaining({ code, message: expect.stringContaining(message), where: expect.any(String) });

function checkpoint(step: number): NewCheckpoint {
  return {
    step,
    tensors: {
      z: { shape: [2, 3], data: Float32Array.of(0.1, -0, 3e38, -2, 1e-45, 3) },
      scale: { shape: [3], data: Float32Array.of(1, 1, 1) },
    },
    metadata: {
      method: "ulpt",
      promptLength: 2,
      rank: 3,
      hiddenSize: 3,
      frozen: [{ name: "projection", seed: 42, generator: "philox4x32-10", distribution: "normal", sha256: "ab" }],
      model: "google-t5/t5-base",
      modelSha256: "cd",
      metrics: { accuracy: 0.875, loss: Number.NaN, "-inf": -Infinity },
      settings: { method: { name: "ulpt", rank: 3 }, text: "NaN" },
    },
  };
}

/** The same file with changed metadata. */
function rewrite(path: string, change: Record<string, string | undefined>): void {
  const metadata = { ...readHeader(path).metadata, ...change, sha256: undefined };
  const present = Object.entries<string | undefined>(metadata).filter((entry): entry is [string, string] => !!entry[1]);
  const tensors = { z: { shape: [1], data: Float32Array.of(1) } };
  writeFileSync(path, encodeTensorFile(tensors, Object.fromEntries(present)));
}

describe("checkpoints", () => {
  it("read back with the bits of their parameters and everything said about them", () => {
    const saved = saveCheckpoint(run, checkpoint(400));
    expect(saved.file).toBe("checkpoints/step-000400.safetensors");
    const path = join(directory, saved.file);
    expect(readFileSync(path)).toHaveLength(saved.bytes);
    const loaded = loadCheckpoint(path);
    expect(loaded.step).toBe(400);
    expect(loaded.metadata).toEqual({ format: "ulpt-checkpoint", version: 3, step: 400, ...checkpoint(400).metadata });
    expect(Object.keys(loaded.tensors)).toEqual(["scale", "z"]);
    expect(loaded.tensors.z!.shape).toEqual([2, 3]);
    expect(Buffer.from(loaded.tensors.z!.data.buffer)).toEqual(Buffer.from(checkpoint(0).tensors.z!.data.buffer));
  });

  it("are strings to other readers of safetensors", () => {
    const { file } = saveCheckpoint(run, checkpoint(1));
    expect(readHeader(join(directory, file)).metadata).toMatchObject({
      format: "ulpt-checkpoint",
      version: "3",
      step: "1",
      rank: "3",
    });
  });

  it("every way to be damaged is CHECKPOINT_INVALID", () => {
    const path = join(directory, saveCheckpoint(run, checkpoint(1)).file);
    const whole = readFileSync(path);
    expect(() => loadCheckpoint(join(directory, "missing"))).toThrow(coded("CHECKPOINT_INVALID", "does not exist"));
    expect(() => loadCheckpoint(directory)).toThrow(coded("CHECKPOINT_INVALID", ""));
    for (const length of [0, 7, 100, whole.length - 1]) {
      writeFileSync(path, whole);
      truncateSync(path, length);
      expect(() => loadCheckpoint(path)).toThrow(coded("CHECKPOINT_INVALID", ""));
    }
    for (const [change, message] of [
      [{ format: "pt" }, "format"],
      [{ version: "4" }, "expected version 3 or an older one"],
      [{ step: "4e2" }, "step"],
      [{ hiddenSize: undefined }, "hiddenSize"],
      [{ rank: "9".repeat(30) }, "rank"],
      [{ metrics: "{" }, "metrics: not JSON"],
      [{ settings: "[]" }, "settings"],
    ] as const) {
      writeFileSync(path, whole);
      rewrite(path, change);
      expect(() => loadCheckpoint(path)).toThrow(coded("CHECKPOINT_INVALID", message));
    }
    writeFileSync(path, encodeTensorFile({ z: { shape: [1], data: Int32Array.of(1) } }, readHeaderOf(whole)));
    expect(() => loadCheckpoint(path)).toThrow(coded("CHECKPOINT_INVALID", "I32"));
  });

  function readHeaderOf(bytes: Uint8Array): Record<string, string> {
    const path = join(directory, "copy");
    writeFileSync(path, bytes);
    return { ...readHeader(path).metadata };
  }

  it("are listed by step, and nothing else is", () => {
    expect(listCheckpoints(directory)).toEqual([]);
    for (const step of [1_000_000, 400, 20]) saveCheckpoint(run, checkpoint(step));
    for (const other of [".step-000001.safetensors.1.2.tmp", "step-1.safetensors", "notes.txt"])
      writeFileSync(join(directory, "checkpoints", other), "");
    expect(listCheckpoints(directory).map(({ step, file }) => [step, file])).toEqual([
      [20, "checkpoints/step-000020.safetensors"],
      [400, "checkpoints/step-000400.safetensors"],
      [1_000_000, "checkpoints/step-1000000.safetensors"],
    ]);
    expect(checkpointFile(1_000_000)).toBe("checkpoints/step-1000000.safetensors");
  });

  it("of a fenced attempt are neither written nor deleted", () => {
    saveCheckpoint(run, checkpoint(1));
    claimRun(directory, { takeOver: true });
    expect(() => saveCheckpoint(run, checkpoint(2))).toThrow(coded("RUN_FENCED", ""));
    expect(() => deleteCheckpoints(run, [{ step: 1 }])).toThrow(coded("RUN_FENCED", ""));
    expect(readdirSync(join(directory, "checkpoints"))).toEqual(["step-000001.safetensors"]);
  });
});

describe("what an older version wrote, without a hash", () => {
  const unhashed = (path: string) => {
    const { sha256: _, ...metadata } = readHeader(path).metadata;
    return { ...metadata, version: "1" };
  };

  it("is read, and said to be unchecked", () => {
    const path = join(directory, saveCheckpoint(run, checkpoint(1)).file);
    expect(loadCheckpoint(path).checked).toBe(true);
    writeFileSync(path, encodeSafetensors(checkpoint(1).tensors, unhashed(path)));
    expect(loadCheckpoint(path)).toMatchObject({ step: 1, checked: false });

    const z = { shape: [2], data: Float32Array.of(1, 2) };
    saveState(run, { tensors: { z }, values: { step: 3 } });
    const state = join(directory, "state.safetensors");
    expect(loadState(directory)!.checked).toBe(true);
    writeFileSync(state, encodeSafetensors({ z }, unhashed(state)));
    expect(loadState(directory)).toMatchObject({ values: { step: 3 }, checked: false });
  });

  it("is what no newer version can be taken for: that must have its hash", () => {
    const path = join(directory, saveCheckpoint(run, checkpoint(1)).file);
    writeFileSync(path, encodeSafetensors(checkpoint(1).tensors, { ...unhashed(path), version: "2" }));
    expect(() => loadCheckpoint(path)).toThrow(coded("CHECKPOINT_INVALID", "damaged"));
  });
});

describe("one flipped bit", () => {
  it("anywhere in a saved state or a checkpoint is found, and what to do is said", () => {
    saveState(run, {
      tensors: { z: { shape: [4], data: Float32Array.of(0.5, 1, 2, 3) } },
      values: { step: 400, note: '"sha256":"' },
    });
    const files = [
      { path: join(directory, "state.safetensors"), load: () => loadState(directory), hint: /^Delete this file/ },
      {
        path: join(directory, saveCheckpoint(run, checkpoint(1)).file),
        load: () => loadCheckpoint(join(directory, "checkpoints", "step-000001.safetensors")),
        hint: /checkpoint/,
      },
    ];
    for (const { path, load, hint } of files) {
      const whole = readFileSync(path);
      load();
      for (let position = 0; position < whole.length; position++) {
        const flipped = Buffer.from(whole);
        flipped[position]! ^= 1 << (position % 8);
        writeFileSync(path, flipped);
        expect(load, `byte ${position}`).toThrow(
          expect.objectContaining({ code: "CHECKPOINT_INVALID", hint: expect.stringMatching(hint) }),
        );
      }
      writeFileSync(path, whole);
      load();
    }
  });
});

describe("numbers that are not finite", () => {
  it("are refused in a checkpoint and in a saved state, with the tensor's name", () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const tensors = { ...checkpoint(1).tensors, scale: { shape: [3], data: Float32Array.of(1, bad, 1) } };
      const path = join(directory, saveCheckpoint(run, { ...checkpoint(1), tensors }).file);
      const expected = expect.objectContaining({ code: "NOT_FINITE", where: expect.stringContaining('"scale"') });
      expect(() => loadCheckpoint(path)).toThrow(expected);
      saveState(run, { tensors, values: {} });
      expect(() => loadState(directory)).toThrow(expected);
      saveState(run, { tensors: { scale: { shape: [1], data: Float64Array.of(bad) } }, values: {} });
      expect(() => loadState(directory)).toThrow(expected);
    }
  });
});

describe("the keep policy", () => {
  const files = [10, 30, 20].map((step) => ({ step, file: checkpointFile(step) }));
  const deleted = (...args: Parameters<typeof checkpointsToDelete>) =>
    checkpointsToDelete(...args).map(({ step }) => step);

  it("keeps the best and the last, or all", () => {
    expect(deleted(files, "best-and-last", 10)).toEqual([20]);
    expect(deleted(files, "best-and-last", 30)).toEqual([10, 20]);
    expect(deleted(files, "best-and-last", undefined)).toEqual([10, 20]);
    expect(deleted(files, "all", 10)).toEqual([]);
    expect(deleted([], "best-and-last", 10)).toEqual([]);
  });

  it("deletes what it says, also if somebody else was faster", () => {
    for (const { step } of files) saveCheckpoint(run, checkpoint(step));
    const gone = checkpointsToDelete(listCheckpoints(directory), "best-and-last", 10);
    deleteCheckpoints(run, gone);
    deleteCheckpoints(run, gone);
    expect(listCheckpoints(directory).map(({ step }) => step)).toEqual([10, 30]);
  });
});

describe("the training state", () => {
  it("is null before it was saved", () => {
    expect(loadState(directory)).toBeNull();
  });

  it("reads back bit-equal in float32, float64 and int64, the newest save alone", () => {
    const tensors = {
      z: { shape: [3], data: Float32Array.of(0.1, -0, 1e-45) },
      moment: { shape: [1, 4], data: Float64Array.of(0.1 + 0.2, -0, 5e-324, 1e308) },
      order: { shape: [2], data: BigInt64Array.of(-1n, 2n ** 62n) },
      empty: { shape: [0], data: new Float64Array() },
    };
    const values = {
      step: 400,
      bestScore: -Infinity,
      loss: Number.NaN,
      negativeZero: -0,
      tiny: 5e-324,
      nested: { patience: [1, Infinity, "NaN", null] },
    };
    saveState(run, { tensors: { old: tensors.z }, values: { step: 1 } });
    saveState(run, { tensors, values });
    const state = loadState(directory)!;
    expect(state.values).toEqual(values);
    expect(Object.is(state.values.negativeZero, -0)).toBe(true);
    expect(Object.keys(state.tensors).sort()).toEqual(Object.keys(tensors).sort());
    for (const [name, { shape, data }] of Object.entries(tensors)) {
      const read = state.tensors[name]!;
      expect(read.shape).toEqual(shape);
      expect(read.data.constructor).toBe(data.constructor);
      expect(Buffer.from(read.data.buffer)).toEqual(Buffer.from(data.buffer));
    }
  });

  it("damaged or foreign is CHECKPOINT_INVALID", () => {
    saveState(run, { tensors: {}, values: {} });
    const path = join(directory, "state.safetensors");
    truncateSync(path, 30);
    expect(() => loadState(directory)).toThrow(coded("CHECKPOINT_INVALID", ""));
    // There is no other state to choose.
    expect(() => loadState(directory)).toThrow(
      expect.objectContaining({ where: path, hint: expect.stringMatching(/^Delete this file/) }),
    );
    writeFileSync(path, encodeTensorFile({}, { format: "pt" }));
    expect(() => loadState(directory)).toThrow(coded("CHECKPOINT_INVALID", "not a training state"));
    for (const values of ["", "{", "[]", "null"]) {
      writeFileSync(path, encodeTensorFile({}, { format: "ulpt-state", version: "2", values }));
      expect(() => loadState(directory)).toThrow(coded("CHECKPOINT_INVALID", "values"));
    }
    rmSync(path);
    mkdirSync(path);
    expect(() => loadState(directory)).toThrow(coded("CHECKPOINT_INVALID", ""));
  });
});
