import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type EvaluationRecord,
  evaluationName,
  filesOfEvaluations,
  findEvaluation,
  type KeptRow,
  keepEvaluation,
  listEvaluations,
  loadEvaluatedRows,
} from "./evaluations.ts";
import { evaluationPaths, runPaths } from "./layout.ts";

let base: string;
let folder: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "ulpt-evaluations-"));
  const run = join(base, ".ulpt", "runs", "mood", "run");
  mkdirSync(run, { recursive: true });
  folder = runPaths(run).evaluations;
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const limits = { rows: 10, bytes: 10_000 };
const evaluation: Omit<EvaluationRecord, "format" | "version"> = {
  made: "2026-11-30T01:02:03.004Z",
  subject: { kind: "checkpoint", step: 400 },
  on: { rows: "test", file: null, task: "mood" },
  data: "ab",
  metric: "accuracy",
  score: 0.5,
  interval: [0.1, 0.9],
  count: 2,
  others: { f1: { score: Number.NaN, interval: [0, 1] } },
  loss: 0.25,
  device: "cpu",
  versions: { ulpt: "1", onnxruntime: "1" },
};
const rows: KeptRow[] = [
  { line: 1, source: "good", target: "1", answer: "1", score: 1, loss: 0.5, tokens: 2 },
  { line: 2, source: "bad \u001b", target: "0", references: ["no"], answer: "", cut: true, score: 0 },
];
const named = (subject = evaluation.subject) => evaluationName(subject, "test", null);

describe("deleting kept evaluations", () => {
  const keep = (subject: EvaluationRecord["subject"], rowsOf: "test" | "validation" = "test") =>
    keepEvaluation(
      folder,
      evaluationName(subject, rowsOf, null),
      { ...evaluation, subject, on: { ...evaluation.on, rows: rowsOf } },
      rows,
      limits,
    ).name;
  const files = (names: string[]) => filesOfEvaluations(folder, names).map((path) => basename(path));

  it("takes record and answers of those named, and no other", () => {
    keep({ kind: "checkpoint", step: 200 });
    const name = keep({ kind: "checkpoint", step: 400 });
    keep({ kind: "unprompted" });
    expect(files([name])).toEqual(["step-000400.test.json", "step-000400.test.jsonl.gz"]);
  });

  it("takes those of the model alone with the last one on their rows", () => {
    const names = [keep({ kind: "checkpoint", step: 200 }), keep({ kind: "checkpoint", step: 400 })];
    keep({ kind: "checkpoint", step: 400 }, "validation");
    keep({ kind: "unprompted" });
    keep({ kind: "unprompted" }, "validation");
    expect(files(names).filter((file) => file.startsWith("unprompted"))).toEqual([
      "unprompted.test.json",
      "unprompted.test.jsonl.gz",
    ]);
  });

  it("makes no path of a name that lies in no listing of the folder", () => {
    keep({ kind: "checkpoint", step: 400 });
    expect(files(["../../mood/run", "step-000800.test", ""])).toEqual([]);
    rmSync(evaluationPaths(folder, "step-000400.test").answers);
    expect(files(["step-000400.test"])).toEqual(["step-000400.test.json"]);
  });
});

describe("a kept evaluation", () => {
  it("reads back as it was, with its answers", () => {
    const kept = keepEvaluation(folder, named(), evaluation, rows, limits);
    expect(kept.name).toBe("step-000400.test");
    expect(listEvaluations(folder)).toEqual([kept]);
    expect(kept.others.f1!.score).toBeNaN();
    expect(loadEvaluatedRows(kept)).toEqual([
      { references: [], cluster: null, cut: false, ...rows[0] },
      { cluster: null, loss: null, tokens: null, ...rows[1] },
    ]);
  });

  it("takes the place of the one before of the same subject on the same rows, and of no other", () => {
    keepEvaluation(folder, named(), evaluation, rows, limits);
    const again = { ...evaluation, made: "2026-12-01T00:00:00.000Z", score: 1 };
    keepEvaluation(folder, named(), again, rows, limits);
    for (const subject of [
      { kind: "unprompted" },
      { kind: "prompt", name: "notes", sha256: "c".repeat(64) },
    ] as const) {
      keepEvaluation(folder, named(subject), { ...evaluation, subject }, rows, limits);
    }
    const onFile = { ...evaluation, on: { ...evaluation.on, rows: "file" as const, file: "more.csv" } };
    keepEvaluation(folder, evaluationName(evaluation.subject, "file", "0123456789abcdef"), onFile, rows, limits);
    expect(listEvaluations(folder).map(({ name, score }) => [name, score])).toEqual([
      ["prompt-cccccccccccccccc.test", 0.5],
      ["step-000400.file-0123456789abcdef", 0.5],
      ["step-000400.test", 1],
      ["unprompted.test", 0.5],
    ]);
  });

  it("has only its own answers: those of another time are not shown as its", () => {
    const kept = keepEvaluation(folder, named(), evaluation, rows, limits);
    keepEvaluation(folder, named(), { ...evaluation, made: "2026-12-01T00:00:00.000Z" }, rows, limits);
    expect(loadEvaluatedRows(kept)).toBeUndefined();
  });

  it("keeps as many answers as the limits say, and of a damaged one nothing but the others is listed", () => {
    const kept = keepEvaluation(folder, named(), evaluation, rows, { ...limits, rows: 1 });
    expect(loadEvaluatedRows(kept)).toHaveLength(1);
    const unprompted = { ...evaluation, subject: { kind: "unprompted" } as const };
    keepEvaluation(folder, named(unprompted.subject), unprompted, rows, limits);
    writeFileSync(evaluationPaths(folder, kept.name).record, "{");
    expect(listEvaluations(folder).map(({ name }) => name)).toEqual(["unprompted.test"]);
    const { record } = evaluationPaths(folder, "unprompted.test");
    const written = readFileSync(record);
    writeFileSync(record, `${written}${" ".repeat(2 ** 18)}`); // larger than any, of which a folder may have many
    expect(listEvaluations(folder)).toEqual([]);
    writeFileSync(record, written);
    // A record in the place of another one is none.
    writeFileSync(
      evaluationPaths(folder, kept.name).record,
      readFileSync(evaluationPaths(folder, "unprompted.test").record),
    );
    expect(findEvaluation(folder, kept.name)).toBeUndefined();
  });

  it("is found by its name alone, which leads nowhere else", () => {
    expect(findEvaluation(folder, "../../run")).toBeUndefined();
    expect(findEvaluation(folder, "step-000400.train")).toBeUndefined();
    expect(() => keepEvaluation(folder, "../x", evaluation, rows, limits)).toThrow(
      expect.objectContaining({ code: "RUN_INVALID" }),
    );
  });

  it("is not written through a link in the place of its folder", () => {
    const outside = join(base, "outside");
    mkdirSync(outside);
    symlinkSync(outside, folder);
    expect(() => keepEvaluation(folder, named(), evaluation, rows, limits)).toThrow(
      expect.objectContaining({ code: "RUN_INVALID" }),
    );
    expect(readdirSync(outside)).toEqual([]);
    expect(listEvaluations(folder)).toEqual([]);
  });
});
