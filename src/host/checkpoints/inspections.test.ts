import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../../test/support/folder.ts";
import { smallInspection } from "../../../test/support/inspection.ts";
import { fingerprint, keepInspection } from "../../runs/inspection.ts";
import { checkpointPath } from "../../runs/layout.ts";
import { Inspections } from "./inspections.ts";

const inspectionOf = (path: string) => smallInspection(fingerprint(path));

const folder = temporaryFolder();
let checkpoints = 0;

function checkpoint(): { directory: string; path: string } {
  const directory = folder(String(checkpoints++));
  mkdirSync(join(directory, "checkpoints"), { recursive: true });
  const path = checkpointPath(directory, 400);
  writeFileSync(path, "content");
  return { directory, path };
}

describe("inspections for editors", () => {
  it("asks the runtime once for a checkpoint, however often it is shown", async () => {
    const { directory } = checkpoint();
    let asked = 0;
    const inspector = {
      checkpoint: async (path: string) => {
        asked++;
        return inspectionOf(path);
      },
      prompt: async () => never(),
    };
    const inspections = new Inspections(inspector);
    await Promise.all([inspections.checkpoint(directory, 400), inspections.checkpoint(directory, 400)]);
    expect((await inspections.checkpoint(directory, 400)).step).toBe(400);
    expect(asked).toBe(1);
  });

  it("starts no runtime for a checkpoint whose inspection is kept", async () => {
    const { directory, path } = checkpoint();
    keepInspection(path, inspectionOf(path));
    const inspections = new Inspections({ checkpoint: async () => never(), prompt: async () => never() });
    expect((await inspections.checkpoint(directory, 400)).run).toBe("r");
    expect(inspections.kept(directory, 400)?.run).toBe("r");
    writeFileSync(path, "another content");
    expect(inspections.kept(directory, 400)).toBeUndefined();
  });

  it("asks again after a failure", async () => {
    const { directory } = checkpoint();
    let asked = 0;
    const inspections = new Inspections({
      checkpoint: async (path) => (asked++ ? inspectionOf(path) : never()),
      prompt: async () => never(),
    });
    await expect(inspections.checkpoint(directory, 400)).rejects.toThrow("unexpected");
    expect((await inspections.checkpoint(directory, 400)).run).toBe("r");
  });

  it("says that a checkpoint is gone before it asks anybody", async () => {
    const { directory } = checkpoint();
    const inspections = new Inspections({ checkpoint: async () => never(), prompt: async () => never() });
    await expect(inspections.checkpoint(directory, 500)).rejects.toMatchObject({ code: "CHECKPOINT_INVALID" });
  });
});

function never(): never {
  throw new Error("unexpected");
}
