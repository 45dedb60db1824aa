import { describe, expect, it } from "vitest";
import { parseExperiment } from "../../experiment/parse.ts";
import { untranslated as t } from "../window/translate.ts";
import { type Check, checkExperiment, editText, type Fix, type Surroundings } from "./experimentChecks.ts";

const file = "/w/a.ulpt.json";

const good = `{
  // which model
  "model": "model",
  "task": {
    "train": "train.jsonl",
    "test": "test.jsonl", // the rest
    "template": "{text}",
    "target": "{label}"
  },
  "rank": [2, 16],
  "training": { "steps": 100, "evaluateEvery": 20 }
}
`;

const around: Surroundings = {
  mayRunPrograms: () => false,
  kind: async (path) => {
    if (path === "/w/model") return "folder";
    const files = ["config.json", "model.safetensors", "tokenizer.json"].map((name) => `/w/model/${name}`);
    return [...files, "/w/train.jsonl", "/w/test.jsonl"].includes(path) ? "file" : undefined;
  },
  columns: async () => ({ names: ["text", "label"] }),
  targets: async () => ["yes", "not at all"],
  hiddenSize: async () => 64,
};

async function check(text: string, changes: Partial<Surroundings> = {}): Promise<Check[]> {
  return (await checkExperiment(text, file, { ...around, ...changes }, t)).checks;
}

function change(from: string, to: string): string {
  expect(good).toContain(from);
  return good.replace(from, to);
}

function apply(text: string, fix: Fix | undefined): string {
  if (fix?.kind !== "edit") throw new Error("no edit");
  return editText(text, fix.edits);
}

describe("checks of an experiment file", () => {
  it("finds nothing wrong with a good one", async () => {
    const { experiment, checks } = await checkExperiment(good, file, around, t);
    expect(checks).toEqual([]);
    expect(experiment?.name).toBe("a");
  });

  it("names the delimiter that a table seems to have, and sets it", async () => {
    const columns = async () => ({ names: ["text;label"], otherDelimiter: ";" });
    const [found, ...others] = await check(good, { columns });
    expect(others).toEqual([]);
    expect(found).toMatchObject({ code: "delimiter", fixes: [{ title: 'Set the delimiter to ";"' }] });
    expect(apply(good, found!.fixes[0])).toContain('"delimiter": ";"');
  });

  it("finds a field of where that the rows do not have", async () => {
    const text = change('"target": "{label}"', '"target": "{label}", "where": { "lable": { "not": -1 } }');
    const [found] = await check(text);
    expect(found).toMatchObject({ code: "field-missing", message: expect.stringContaining('"lable"') });
    expect(apply(text, found!.fixes[0])).not.toContain("lable");
  });

  it("leaves broken JSON to the JSON editor", async () => {
    expect(await check('{ "model": ')).toEqual([]);
  });

  it("underlines an unknown key and offers the one that was meant", async () => {
    const text = change('"rank"', '"rnak"');
    const [found] = await check(text);
    expect(text.slice(found!.offset, found!.offset + found!.length)).toBe('"rnak"');
    expect(found).toMatchObject({ severity: "error", message: expect.stringContaining('did you mean "rank"?') });
    expect(found!.fixes[0]).toMatchObject({ title: 'Change to "rank"' });
    expect(apply(text, found!.fixes[0])).toBe(good);
  });

  it("moves a setting to the object it belongs to, and keeps comments", async () => {
    const text = change('"rank": [2, 16],', '"rank": [2, 16],\n  "batchSize": 4,');
    const [found] = await check(text);
    expect(found!.fixes[0]).toMatchObject({ title: 'Move to "training.batchSize"' });
    const fixed = apply(text, found!.fixes[0]);
    expect(parseExperiment(fixed, file).settings.training.batchSize).toBe(4);
    expect(fixed).toContain("// which model");
    expect(fixed).toContain("// the rest");
  });

  it("removes a setting that does not go with its method", async () => {
    const text = change('"rank": [2, 16],', '"method": [{ "name": "vanilla", "rank": 2 }],');
    const [found] = await check(text);
    expect(apply(text, found!.fixes[0])).toContain('{ "name": "vanilla" }');
  });

  it("offers the choice that was meant for a value", async () => {
    const text = change('"rank"', '"device": "cuad", "rank"');
    const [found] = await check(text);
    expect(apply(text, found!.fixes[0])).toContain('"device": "cuda"');
  });

  it("refuses rank 0", async () => {
    const text = change("[2, 16]", "[2, 0]");
    const [found] = await check(text);
    expect(found).toMatchObject({ severity: "error", message: "rank[1] must be at least 1, not 0.", length: 1 });
  });

  it("says when no checkpoint but the last will be written", async () => {
    const text = change('"evaluateEvery": 20', '"evaluateEvery": 200');
    const [found] = await check(text);
    expect(found).toMatchObject({
      code: "no-checkpoint",
      severity: "warning",
      message: '"evaluateEvery" is 200, but a run has only 100 steps: no checkpoint but the last will be written.',
    });
    expect(text.slice(found!.offset, found!.offset + found!.length)).toBe("200");
    expect(apply(text, found!.fixes[0])).toContain('"evaluateEvery": 10 }');
    expect(apply(text, found!.fixes[1])).not.toContain("evaluateEvery");
  });

  it("says when early stopping cannot happen", async () => {
    const text = change('"evaluateEvery": 20', '"evaluateEvery": 20, "earlyStopping": { "patience": 5 }');
    expect(await check(text)).toMatchObject([{ code: "never-stops-early" }]);
    expect(await check(text.replace('"patience": 5', '"patience": 4'))).toEqual([]);
  });

  it("finds files that are missing, each at its place", async () => {
    const checks = await check(good, { kind: async () => undefined });
    expect(checks.map(({ code, offset, length }) => [code, good.slice(offset, offset + length)])).toEqual([
      ["data-missing", '"train.jsonl"'],
      ["data-missing", '"test.jsonl"'],
      ["model-missing", '"model"'],
    ]);
    expect(checks.map(({ fixes }) => fixes[0]?.kind)).toEqual(["choose", "choose", "choose"]);
  });

  it.each(["//host.invalid/share", "\\\\host.invalid\\share", "file://host.invalid/share", "/net/host.invalid"])(
    "looks for nothing at %s, which may be another machine",
    async (place) => {
      const asked: string[] = [];
      const never = async (path: string) => {
        asked.push(path);
        return undefined;
      };
      const text = good
        .replace('"model": "model"', `"model": ${JSON.stringify(`${place}/model`)}`)
        .replace('"train.jsonl"', JSON.stringify(`${place}/train.jsonl`))
        .replace('"test.jsonl"', JSON.stringify(`${place}/test.jsonl`));
      const checks = await check(text, { kind: never, columns: never, targets: never, hiddenSize: never });
      expect(asked).toEqual([]);
      expect(checks.map(({ code }) => code)).toEqual(["data-elsewhere", "data-elsewhere", "model-elsewhere"]);
    },
  );

  it("says what it does not look at before somebody trains", async () => {
    const checks = await check(good, { kind: async () => "elsewhere", columns: async () => never() });
    expect(checks).toMatchObject([
      { code: "data-elsewhere", severity: "information" },
      { code: "data-elsewhere", severity: "information" },
      { code: "model-elsewhere", severity: "information", message: expect.stringMatching(/^model lies outside/) },
    ]);
  });

  it("names what a model folder lacks", async () => {
    const kind = async (path: string) => (path.endsWith("tokenizer.json") ? undefined : around.kind(path));
    expect(await check(good, { kind })).toMatchObject([
      { code: "model-incomplete", message: "The model folder lacks tokenizer.json: /w/model" },
    ]);
  });

  it("finds a template field that the data does not have", async () => {
    const text = change('"{text}"', '"{{}} read: {txet}"');
    const [found] = await check(text);
    expect(found).toMatchObject({
      code: "field-missing",
      message: 'The training rows have no field "txet". They have: text, label.',
    });
    expect(apply(text, found!.fixes[0])).toContain('"{{}} read: {text}"');
  });

  it("warns of a test on the training rows", async () => {
    expect(await check(change('"test.jsonl"', '"./train.jsonl"'))).toMatchObject([{ code: "data-shared" }]);
  });

  it("says that a rank is as high as the model is wide", async () => {
    const text = change("[2, 16]", "[2, 64]");
    const checks = await check(text);
    expect(checks).toMatchObject([{ code: "rank-too-high", severity: "information" }]);
    expect(text.slice(checks[0]!.offset, checks[0]!.offset + checks[0]!.length)).toBe("64");
  });

  it("finds targets that cannot fit into maxTargetLength, and lets the others pass", async () => {
    const limited = (length: number) => change('"{label}"', `"{label}", "maxTargetLength": ${length}`);
    expect(await check(limited(4))).toEqual([]); // three words and the end
    const [found] = await check(limited(3));
    expect(found).toMatchObject({ code: "target-too-long", severity: "error" });
    expect(found!.message).toContain('"not at all" takes at least 4 tokens');
    expect(await check(apply(limited(3), found!.fixes[0]))).toEqual([]);
  });

  it("says nothing of columns and widths that it cannot make out", async () => {
    const text = change('"{text}"', '"{other}"').replace("[2, 16]", "[512]");
    expect(await check(text, { columns: async () => undefined, hiddenSize: async () => undefined })).toEqual([]);
  });

  it("finds a result that the paper does not have, and offers the nearest", async () => {
    const text = change('"rank"', '"paper": "table-1/ulpt-r64/sst3",\n  "rank"').replace(
      /"task": \{[^}]*\{[^}]*\}[^}]*\{[^}]*\}[^}]*\}/,
      '"task": "sst2"',
    );
    const [found] = await check(text);
    expect(found).toMatchObject({ code: "paper-unknown", severity: "error" });
    const fixed = apply(text, found!.fixes[0]);
    expect(fixed).toContain('"paper": "table-1/ulpt-r64/sst2"');
    expect(await check(fixed)).toEqual([]);
  });

  it("warns where the paper's result is on another task, and offers both ways out", async () => {
    const text = change('"rank"', '"paper": "table-1/ulpt-r64/sst2",\n  "rank"');
    const [found] = await check(text);
    expect(found).toMatchObject({ code: "paper-task", severity: "warning", message: expect.stringContaining("SST-2") });
    expect(apply(text, found!.fixes[0])).not.toContain("paper");
    expect(await check(apply(text, found!.fixes[1]))).toEqual([]);
  });

  it("warns of a task that runs programs as long as that is off", async () => {
    const text = '{ "model": "model", "task": "mbpp", "rank": 2, "training": { "steps": 100 } }';
    const [found, ...others] = await check(text);
    expect(others).toEqual([]);
    expect(found).toMatchObject({ code: "programs-off", severity: "warning" });
    expect(found!.fixes).toEqual([expect.objectContaining({ kind: "setting", setting: "ulpt.runGeneratedCode" })]);
    expect(await check(text, { mayRunPrograms: () => true })).toEqual([]);
  });

  it("offers the task that a misspelt name was meant to be", async () => {
    const text = '{ "model": "model", "task": "sst3", "rank": 2, "training": { "steps": 100 } }';
    const [found] = await check(text);
    expect(apply(text, found!.fixes[0])).toContain('"task": "sst2"');
  });
});

describe("a hostile experiment file", () => {
  const numbers = (count: number) => Array.from({ length: count }, (_, i) => i + 1);
  const settings = { model: "m", task: { train: "a.csv", template: "{text}", target: "{label}" } };

  it.each([
    ["nested too deep", `{"model": "m", "task": ${"[".repeat(100_000)}`, "more than 100 levels"],
    ["too long", `{"model": "${"m".repeat(2 ** 20)}"}`, "at most 1048576"],
    ["of too many runs", JSON.stringify({ ...settings, rank: numbers(1000), seed: numbers(1000) }), "1,000,000 runs"],
  ])("gets one problem, and is neither walked nor expanded: %s", async (_, text, message) => {
    expect(await check(text)).toMatchObject([{ severity: "error", message: expect.stringContaining(message) }]);
  });

  it("of 20,000 unknown keys gets some of its problems, and how many there are besides", async () => {
    const unknown = Object.fromEntries(numbers(20_000).map((i) => [`key${i}`, i]));
    const checks = await check(JSON.stringify({ ...settings, ...unknown }));
    expect(checks).toHaveLength(51);
    expect(checks.at(-1)!.message).toContain("19950");
  });
});

function never(): never {
  throw new Error("not to be looked at");
}
