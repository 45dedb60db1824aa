import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { z } from "zod";
import { writtenTaskSchema } from "./definition.ts";
import { filesBeside, loadTask } from "./examples.ts";
import { resolveTask } from "./resolve.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "ulpt-answers-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

type Written = Partial<Extract<z.input<typeof writtenTaskSchema>, { train: string; template: string }>>;

/** A task whose splits have these targets. */
function load(
  { train, validation = train, test }: { train: unknown[]; validation?: unknown[]; test?: unknown[] },
  options: Written = {},
) {
  const write = (name: string, labels: unknown[]) => {
    const rows = labels.map((label, i) => JSON.stringify({ text: `note ${i}`, paragraph: `p${i % 2}`, label }));
    writeFileSync(join(directory, name), rows.join("\n"));
    return name;
  };
  const written = writtenTaskSchema.parse({
    train: write("train.jsonl", train),
    validation: write("validation.jsonl", validation),
    ...(test ? { test: write("test.jsonl", test) } : {}),
    template: "{text}",
    target: "{label}",
    ...options,
  });
  return loadTask(resolveTask(written), { filesOf: filesBeside(directory) });
}

const repeat = (labels: readonly unknown[], times = 6) => Array.from({ length: times }, () => labels).flat();
const binary = repeat([0, 1]);
const codes = (remarks: readonly { code: string }[]) => remarks.map(({ code }) => code);

describe("hidden labels", () => {
  it.each<[string, unknown[], unknown[], Written]>([
    ["of a test split", binary, repeat([-1]), {}],
    ["that some training rows lack too", [...binary, -1, -1], repeat([-1]), {}],
    ["of numbers", [0.5, 4.2, 3.1, 2.2], repeat([-1]), { metric: "pearson" }],
    ["written as decimals", ["0.5", "4.2", "3.1"], repeat(["-1.0"]), { metric: "pearson" }],
    ["of two rows", binary, [-1, -1], {}],
  ])("%s are refused before training, with what to do", async (_, train, test, options) => {
    await expect(load({ train, test }, options)).rejects.toMatchObject({
      code: "DATA_LABEL",
      where: 'task.test, "test.jsonl"',
      hint: expect.stringMatching(/hide labels as -1.*"where".*\{"not": -1\}/),
    });
  });

  it("are known by their -1 where the task names its labels", async () => {
    await expect(load({ train: binary, test: repeat([-1]) }, { labels: ["0", "1"] })).rejects.toMatchObject({
      code: "DATA_LABEL",
      hint: expect.stringContaining("hide labels as -1"),
    });
  });

  it("of some training rows are said, with how many they are", async () => {
    const { remarks, labels } = await load({ train: [...repeat([0, 1, 2]), -1, -1], validation: repeat([0, 1, 2]) });
    expect(labels).toContain("-1");
    expect(remarks).toEqual([{ code: "LABELS_HIDDEN", message: expect.stringContaining("that of 2 of 20 training") }]);
  });

  it("are none where −1 and 1 are the two classes", async () => {
    expect((await load({ train: repeat([-1, 1]), test: repeat([-1, 1]) })).remarks).toEqual([]);
  });

  it("can be left out", async () => {
    const test = [...binary, -1, -1];
    const { test: rows, remarks } = await load({ train: binary, test }, { where: { label: { not: -1 } } });
    expect([rows.length, remarks]).toEqual([12, []]);
  });
});

describe("answers that no training row has", () => {
  it("are refused where a split has no others", async () => {
    await expect(load({ train: binary, test: repeat(["yes", "no"]) })).rejects.toMatchObject({
      code: "DATA_LABEL",
      message: expect.stringContaining('they are "yes" and "no"'),
      hint: expect.stringContaining("verbalizer"),
    });
    await expect(load({ train: binary, test: repeat([-1, 2]) })).rejects.toMatchObject({
      hint: expect.stringContaining("hide labels as -1"),
    });
    await expect(load({ train: binary, validation: repeat([2]) })).rejects.toMatchObject({
      where: /^task\.validation/,
    });
  });

  it("are counted where they are some", async () => {
    const { remarks } = await load({ train: binary, test: [...binary, 2, 2, 3] });
    expect(remarks).toEqual([
      { code: "TARGETS_UNLEARNED", message: expect.stringMatching(/^3 of 15 test targets .*: "2" and "3"\./) },
    ]);
  });

  it("are nothing strange where answers are free text", async () => {
    const texts = (kind: string) => Array.from({ length: 60 }, (_, i) => `${kind} ${i}`);
    expect((await load({ train: texts("a"), test: texts("b") }, { metric: "exact-match" })).remarks).toEqual([]);
  });
});

it("one answer to all test rows is said", async () => {
  expect(codes((await load({ train: binary, test: repeat([1]) })).remarks)).toEqual(["TARGETS_CONSTANT"]);
});

describe("f1", () => {
  it.each([
    ["three", repeat(["a", "b", "c"]), /has 3: .*"a"/],
    ["free text", Array.from({ length: 60 }, (_, i) => `text ${i}`), /free text/],
  ])("of %s labels is refused, with what to take", async (_, train, message) => {
    await expect(load({ train }, { metric: "f1" })).rejects.toMatchObject({
      code: "OPTION_INVALID",
      message: expect.stringMatching(message),
      hint: expect.stringContaining('"macro-f1"'),
    });
  });

  it("of labels that the data names says which is the positive one", async () => {
    const { remarks } = await load({ train: repeat(["no", "yes"]) }, { metric: ["accuracy", "f1"] });
    expect(remarks).toEqual([{ code: "F1_POSITIVE", message: expect.stringMatching(/^f1 is of "yes"/) }]);
    expect((await load({ train: repeat(["no", "yes"]) }, { metric: "f1", labels: ["yes", "no"] })).remarks).toEqual([]);
  });
});

describe("ROUGE", () => {
  const summaries = { metric: "rouge-l" } as const;
  const unicode = { ...summaries, rougeTokenizer: "unicode" } as const;
  const russian = ["Москва столица", "Россия большая", "Река Волга"];

  it("of targets in which it finds no word is refused, with what finds some", async () => {
    await expect(load({ train: russian }, summaries)).rejects.toMatchObject({
      code: "DATA_LABEL",
      hint: expect.stringContaining('"rougeTokenizer": "unicode"'),
    });
    expect((await load({ train: russian }, unicode)).remarks).toEqual([]);
    await expect(load({ train: ["…", "—", "!"] }, unicode)).rejects.toMatchObject({ code: "DATA_LABEL" });
  });

  it("says what it leaves out, where that is more than a name", async () => {
    const french = await load({ train: ["café déjà vu", "été", "là"] }, summaries);
    expect(codes(french.remarks)).toEqual(["ROUGE_LETTERS"]);
    const mixed = await load({ train: ["a summary", "another one", "Волга"] }, summaries);
    expect(mixed.remarks[0]!.message).toContain("no word in 1 of 3 validation targets");
    const name = `Beyoncé sang ${"a long song about many things that nobody had ever sung about before ".repeat(2)}`;
    expect((await load({ train: [name, "one", "two"] }, summaries)).remarks).toEqual([]);
  });
});

it("rows with the same text in common are of one cluster", async () => {
  const { test } = await load({ train: binary, test: binary }, { cluster: "{paragraph}" });
  const clusters = Array.from(test, ({ cluster }) => cluster);
  expect(new Set(clusters).size).toBe(2);
  expect(clusters[0]).toBe(clusters[2]);
  expect(Array.from(test.answers(), ({ cluster }) => cluster)).toEqual(clusters);
});
