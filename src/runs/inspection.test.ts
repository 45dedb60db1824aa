import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/folder.ts";
import { smallInspection } from "../../test/support/inspection.ts";
import {
  embeddingsOf,
  encodeEmbeddings,
  fingerprint,
  type Inspection,
  keepInspection,
  readInspection,
} from "./inspection.ts";
import { inspectionPath } from "./layout.ts";

const folder = temporaryFolder();
const values = Float32Array.of(1.5, -0, 3e-39, 1e30);

function inspection(sha256: string): Inspection {
  const moved = { distance: 0, cosine: null, nearestBefore: null, nearestChanged: false };
  return smallInspection({
    sha256,
    ...{ hiddenSize: 4, parameters: 4, tokens: [{ norm: 1, nearest: [], coordinates: null, moved }] },
    sinceStart: { meanDistance: 0, largestDistance: 0, farthest: 0, meanCosine: null, nearestChanged: 0 },
    embeddings: encodeEmbeddings(values),
  });
}

describe("a kept inspection", () => {
  let checkpoint: string;
  let sha256: string;
  beforeEach(() => {
    rmSync(folder("run"), { recursive: true, force: true });
    mkdirSync(folder("run", "checkpoints"), { recursive: true });
    checkpoint = folder("run", "checkpoints", "step-000400.safetensors");
    writeFileSync(checkpoint, "abc");
    sha256 = fingerprint(checkpoint).sha256;
  });

  it("lies beside the checkpoints and reads back the same, embeddings to the bit", () => {
    keepInspection(checkpoint, inspection(sha256));
    expect(inspectionPath(folder("run"), 400)).toBe(folder("run", "inspections", "step-000400.json"));
    expect(readdirSync(folder("run", "inspections"))).toEqual(["step-000400.json"]);
    const read = readInspection(checkpoint, sha256)!;
    expect(read).toEqual(inspection(sha256));
    expect(embeddingsOf(read)).toEqual(values);
  });

  it("counts only for the checkpoint it was made of", () => {
    keepInspection(checkpoint, inspection(sha256));
    expect(readInspection(checkpoint, "0".repeat(64))).toBeUndefined();
  });

  it("is as good as none where it is torn, of another version or of another shape", () => {
    keepInspection(checkpoint, inspection(sha256));
    const path = inspectionPath(folder("run"), 400);
    const text = readFileSync(path, "utf8");
    const spoilt = [
      text.slice(0, 100),
      text.replace('"version":3', '"version":999'),
      text.replace('"hiddenSize":4', '"hiddenSize":5'),
      "",
    ];
    for (const content of spoilt) {
      writeFileSync(path, content);
      expect(readInspection(checkpoint, sha256)).toBeUndefined();
    }
  });

  it("is given up silently where it cannot be written, and does not bring back a deleted run", () => {
    writeFileSync(folder("run", "inspections"), "in the way");
    keepInspection(checkpoint, inspection(sha256));
    expect(readInspection(checkpoint, sha256)).toBeUndefined();
    rmSync(folder("run"), { recursive: true });
    keepInspection(checkpoint, inspection(sha256));
    expect(readdirSync(dirname(folder("run")))).not.toContain("run");
  });
});

describe("fingerprint", () => {
  it("says which file is missing", () => {
    const error = expect.objectContaining({
      code: "CHECKPOINT_INVALID",
      where: folder("none"),
      hint: expect.any(String),
    });
    expect(() => fingerprint(folder("none"))).toThrow(error);
  });
});
