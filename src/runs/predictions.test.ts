import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { mostPredictions } from "../experiment/predictionLimits.ts";
import { predictionsPath, rowTextsPath, runPaths } from "./layout.ts";
import { claimRun } from "./owner.ts";
import {
  listPredictions,
  loadPredictions,
  type NewPredictions,
  type NewRowTexts,
  type RowAnswer,
  type RowText,
  savePredictions,
} from "./predictions.ts";

let base: string;
let directory: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "ulpt-predictions-"));
  directory = join(base, "run");
  mkdirSync(directory);
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const limits = { rows: 100, bytes: 10_000 };
const texts: RowText[] = [
  { line: 2, source: "good\nday", target: "1" },
  { line: 3, source: "bad \u001b[31m", target: "0", references: ["0", "no"] },
  { line: 7, source: "", target: "1" },
];
const answers: RowAnswer[] = [
  { line: 2, answer: "1", score: 1, loss: 0.25, tokens: 2 },
  { line: 3, answer: "", cut: true, score: 0, loss: Number.POSITIVE_INFINITY, tokens: 2 },
  { line: 7, answer: "\ud83d\ude00", score: 0, loss: -0, tokens: 2 },
];

function evaluation(changes: Partial<NewPredictions> = {}): NewPredictions {
  return { split: "test", step: 400, metric: "accuracy", data: "ab", count: 3, rows: answers, ...changes };
}

function rowsOf(changes: Partial<NewRowTexts> = {}): NewRowTexts {
  return { split: "test", data: "ab", count: 3, rows: texts, ...changes };
}

const damaged = (message: string) =>
  expect.objectContaining({ code: "RUN_INVALID", message: expect.stringContaining(message), hint: expect.any(String) });

describe("kept answers", () => {
  it("read back as they were, with the rows that they are to", () => {
    savePredictions(claimRun(directory), evaluation(), rowsOf(), limits);
    const loaded = loadPredictions(directory, 400, "test")!;
    expect(loaded).toMatchObject({ step: 400, split: "test", metric: "accuracy", data: "ab", count: 3 });
    expect(loaded.rows).toEqual(
      answers.map((answer, index) => ({ cut: false, references: [], cluster: null, ...texts[index], ...answer })),
    );
    expect(Object.is(loaded.rows[2]!.loss, -0)).toBe(true);
    expect(loadPredictions(directory, 400, "validation")).toBeUndefined();
    expect(loadPredictions(directory, 401, "test")).toBeUndefined();
  });

  it("are listed by split and step, and nothing else that lies there", () => {
    const run = claimRun(directory);
    for (const step of [1_000_000, 20]) savePredictions(run, evaluation({ step }), rowsOf(), limits);
    savePredictions(run, evaluation({ step: 20, split: "validation" }), rowsOf({ split: "validation" }), limits);
    writeFileSync(join(runPaths(directory).predictions, "step-000020.train.jsonl.gz"), "");
    mkdirSync(predictionsPath(directory, 40, "test"));
    expect(listPredictions(directory).map(({ step, split }) => `${split} ${step}`)).toEqual([
      "validation 20",
      "test 20",
      "test 1000000",
    ]);
    expect(listPredictions(join(base, "nowhere"))).toEqual([]);
  });

  it("end where the limits say, counted in rows or in bytes, and say how many rows there were", () => {
    const run = claimRun(directory);
    savePredictions(run, evaluation(), rowsOf(), { rows: 2, bytes: 10_000 });
    expect(loadPredictions(directory, 400, "test")!.rows.map(({ line }) => line)).toEqual([2, 3]);
    const one = Buffer.byteLength(JSON.stringify(answers[0])) + 1;
    savePredictions(run, evaluation({ step: 500 }), rowsOf(), { rows: 9, bytes: one });
    const { rows, count } = loadPredictions(directory, 500, "test")!;
    expect([rows.length, count]).toEqual([1, 3]);
  });

  it("take no more of the rows than they keep", () => {
    function* endless(): Generator<RowText> {
      for (let line = 1; ; line++) yield { line, source: "again", target: "1" };
    }
    const many = { data: "ab", count: 1e9 };
    savePredictions(claimRun(directory), evaluation(many), rowsOf({ ...many, rows: endless() }), limits);
    expect(loadPredictions(directory, 400, "test")!.count).toBe(1e9);
  });

  it("are none where the limits allow none", () => {
    savePredictions(claimRun(directory), evaluation(), rowsOf(), { rows: 0, bytes: 10_000 });
    expect(existsSync(runPaths(directory).predictions)).toBe(false);
  });

  it("have their rows once for all evaluations, and anew where the data is another", () => {
    const run = claimRun(directory);
    savePredictions(run, evaluation(), rowsOf(), limits);
    const untouched = { ...rowsOf(), rows: new Proxy([], { get: () => expect.fail("read again") }) };
    savePredictions(run, evaluation({ step: 500 }), untouched, limits);
    const other = { data: "cd", count: 1 };
    const row: RowText = { line: 2, source: "other", target: "0" };
    savePredictions(
      run,
      evaluation({ ...other, step: 600, rows: [answers[0]!] }),
      rowsOf({ ...other, rows: [row] }),
      limits,
    );
    expect(loadPredictions(directory, 600, "test")!.rows).toMatchObject([{ source: "other" }]);
    // The older answers are to other rows, whose texts are gone.
    expect(loadPredictions(directory, 500, "test")!.rows).toMatchObject(Array(3).fill({ source: null, target: null }));
  });

  it("of nothing but losses have no answer", () => {
    const losses = answers.map(({ line, loss, tokens }) => ({ line, loss, tokens }));
    savePredictions(claimRun(directory), evaluation({ metric: "loss", rows: losses }), rowsOf(), limits);
    expect(loadPredictions(directory, 400, "test")!.rows[0]).toMatchObject({ answer: null, score: null, loss: 0.25 });
  });

  it("are not written by an attempt that was fenced, which leaves nothing behind", () => {
    const older = claimRun(directory);
    claimRun(directory, { takeOver: true });
    expect(() => savePredictions(older, evaluation(), rowsOf(), limits)).toThrow(
      expect.objectContaining({ code: "RUN_FENCED" }),
    );
    expect(readdirSync(runPaths(directory).predictions)).toEqual([]);
  });
});

describe("a file of somebody else in their place", () => {
  const head = { format: "ulpt-predictions", version: 1, step: 400, split: "test", metric: "accuracy", data: null };
  const put = (content: string | Buffer) => {
    mkdirSync(runPaths(directory).predictions, { recursive: true });
    writeFileSync(predictionsPath(directory, 400, "test"), content);
  };
  const load = () => loadPredictions(directory, 400, "test");
  const lines = (...values: unknown[]) => gzipSync(values.map((value) => `${JSON.stringify(value)}\n`).join(""));

  it.each<[string, string | Buffer, string]>([
    ["that is not compressed", "{}", "decompressed"],
    ["that is cut off", gzipSync("x".repeat(1000)).subarray(0, 20), "decompressed"],
    ["that is empty", gzipSync(""), "within a line"],
    ["that grows without end", gzipSync(Buffer.alloc(mostPredictions.bytes + 2 ** 20)), "decompressed"],
    ["of nothing but ends of lines", gzipSync(Buffer.alloc(mostPredictions.rows + 2, "\n")), "more than"],
    ["of another version", lines({ ...head, version: 2, count: 0 }), "version"],
    ["of another step", lines({ ...head, step: 500, count: 0 }), "of step 500"],
    ["of another split", lines({ ...head, split: "train", count: 0 }), "split"],
    ["with more rows than it says", lines({ ...head, count: 0 }, { line: 1 }), "1 rows of 0"],
    ["with rows that are none", lines({ ...head, count: 1 }, { line: 1, score: "much" }), "score"],
    ["that ends within a line", gzipSync(JSON.stringify({ ...head, count: 0 })), "within a line"],
  ])("%s is refused in words", (_, content, message) => {
    put(content);
    expect(load).toThrow(damaged(message));
  });

  it("that is nested too deep is refused before it is parsed", () => {
    put(gzipSync(`${JSON.stringify({ ...head, count: 1 })}\n{"line":${"[".repeat(100_000)}\n`));
    expect(load).toThrow(damaged("levels deep"));
  });

  it.skipIf(process.platform === "win32")("is not read where it is a link, nor written through one", () => {
    const elsewhere = join(base, "elsewhere");
    savePredictions(claimRun(directory), evaluation(), rowsOf(), limits);
    const path = predictionsPath(directory, 400, "test");
    writeFileSync(elsewhere, readFileSync(path));
    rmSync(path);
    symlinkSync(elsewhere, path);
    expect(load).toThrow(expect.objectContaining({ code: "RUN_INVALID", where: path }));
    expect(listPredictions(directory)).toEqual([]);
    const { predictions } = runPaths(directory);
    rmSync(predictions, { recursive: true });
    mkdirSync(join(base, "folder"));
    symlinkSync(join(base, "folder"), predictions);
    const again = claimRun(directory, { takeOver: true });
    expect(() => savePredictions(again, evaluation(), rowsOf(), limits)).toThrow(
      expect.objectContaining({ code: "RUN_INVALID", where: predictions }),
    );
    expect(readdirSync(join(base, "folder"))).toEqual([]);
  });

  it("is replaced by the rows of the split, whatever it was", () => {
    mkdirSync(runPaths(directory).predictions);
    writeFileSync(rowTextsPath(directory, "test"), "not ours");
    savePredictions(claimRun(directory), evaluation(), rowsOf(), limits);
    expect(gunzipSync(readFileSync(rowTextsPath(directory, "test"))).toString()).toContain('"count":3');
  });
});
