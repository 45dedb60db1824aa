import { describe, expect, it } from "vitest";
import { type DocumentId, decodeDocument, encodeDocument, runDirectory, runNames, stepOfFile } from "./documentIds.ts";

const run = { folder: "file:///home/ann/my%20work", experiment: "sst2", run: "ulpt-r2-seed0" };
const documents: DocumentId[] = [
  { kind: "checkpoint", ...run, step: 400 },
  { kind: "checkpoint", ...run, step: 12_345_678 },
  { kind: "checkpoint", ...run, step: 400, comparison: { from: { ...run, step: 300 }, to: { ...run, step: 400 } } },
  {
    kind: "checkpoint",
    ...run,
    step: 400,
    comparison: {
      from: { ...run, folder: "file:///other", run: "vanilla-seed1", step: 0 },
      to: { ...run, step: 400 },
    },
  },
  { kind: "settings", ...run },
  { kind: "recorded", ...run },
  { kind: "metrics", ...run },
  { kind: "planned", ...run, file: "file:///home/ann/my%20work/sst2.ulpt.json" },
  { kind: "checkpoint", folder: 'file:///q?"#%&', experiment: "Größe,@(1)", run: "a+b=c", step: 1 },
];

describe("the identity of a virtual document", () => {
  it.each(documents)("reads back what a URI was made of: %o", (id) => {
    expect(decodeDocument(encodeDocument(id))).toEqual(id);
  });

  it("names a checkpoint like its file, with an ending that no custom editor takes", () => {
    expect(encodeDocument(documents[0]!).path).toBe("/sst2/ulpt-r2-seed0/step-000400.ckpt.txt");
  });

  it.each([
    ["a way out of the runs", { path: "/../ulpt-r2/step-000400.ckpt.txt" }],
    ["a hidden folder", { path: "/sst2/.git/step-000400.ckpt.txt" }],
    ["a backslash", { path: "/sst2/a\\b/step-000400.ckpt.txt" }],
    ["a drive", { path: "/C:/b/step-000400.ckpt.txt" }],
    ["a deeper path", { path: "/sst2/a/b/step-000400.ckpt.txt" }],
    ["another file", { path: "/sst2/a/run.json" }],
    ["no folder", { query: "{}" }],
    ["no query", { query: "" }],
    ["a list", { query: "[]" }],
  ])("refuses %s", (_, change) => {
    expect(decodeDocument({ ...encodeDocument(documents[0]!), ...change })).toBeUndefined();
  });

  it("drops a partner that is none, and still shows the checkpoint", () => {
    const place = encodeDocument(documents[0]!);
    const query = JSON.stringify({ folder: run.folder, from: { ...run, run: "..", step: 1 }, to: { ...run, step: 1 } });
    expect(decodeDocument({ ...place, query })).toEqual(documents[0]);
  });

  it("finds the run of a folder in the workspace, and only there", () => {
    const directory = runDirectory("/folder", run);
    expect(runNames("/folder", directory)).toEqual({ experiment: "sst2", run: "ulpt-r2-seed0" });
    expect(runNames("/elsewhere", directory)).toBeUndefined();
    expect(runNames("/folder", "/folder/.ulpt/runs/sst2")).toBeUndefined();
  });

  it("knows the step of a checkpoint file", () => {
    expect(stepOfFile("/w/.ulpt/runs/a/b/checkpoints/step-000400.safetensors")).toBe(400);
    expect(stepOfFile("C:\\w\\step-1234567.safetensors")).toBe(1_234_567);
    expect(stepOfFile("/w/other-step-000400.safetensors")).toBeUndefined();
  });
});
