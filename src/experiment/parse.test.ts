import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UlptError } from "../errors.ts";
import { quoteList } from "../words/suggest.ts";
import { experimentJsonSchema } from "./jsonSchema.ts";
import { methodNames } from "./methods/registry.ts";
import { parseExperiment, readExperiment } from "./parse.ts";
import { ExperimentError } from "./problems.ts";

const minimal = {
  model: "t5",
  task: { train: "train.jsonl", template: "{text}", target: "{label}" },
};

function parse(value: object, overrides: string[] = []) {
  return parseExperiment(JSON.stringify(value, null, 2), "a/demo.ulpt.json", overrides).settings;
}

function errorOf(action: () => unknown): UlptError {
  try {
    action();
  } catch (error) {
    if (error instanceof UlptError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

function problemsIn(text: string) {
  const error = errorOf(() => parseExperiment(text, "demo.ulpt.json"));
  if (!(error instanceof ExperimentError)) throw error;
  return error.problems;
}

/** Messages for the minimal experiment with `change` in it. */
function messages(change: object): string[] {
  return problemsIn(JSON.stringify({ ...minimal, ...change })).map(({ message }) => message);
}

describe("an experiment file", () => {
  it("may hold comments and trailing commas and needs a model and a task", () => {
    const text = `// demo\n${JSON.stringify(minimal).slice(0, -1)}, /* all */ "rank": [2, 8,],\n}`;
    expect(parseExperiment(text, "demo.ulpt.json").settings).toMatchObject({
      rank: [2, 8],
      promptLength: 100,
      seed: 42,
      projection: { distribution: "xavier-uniform", groups: 1 },
      training: { steps: 30_000, batchSize: 16, clipNorm: 1, optimizer: { name: "adamw", betas: [0.9, 0.999] } },
      device: "auto",
      precision: "float32",
    });
  });

  it("is named after its file unless it has a name", () => {
    const name = (value: object) => parseExperiment(JSON.stringify(value), "x/sst2.ulpt.json").name;
    expect(name(minimal)).toBe("sst2");
    expect(name({ ...minimal, name: "other" })).toBe("other");
  });
});

describe("syntax errors", () => {
  it("carry line and column", () => {
    const error = errorOf(() => parseExperiment('{\n  "model": "t5"\n  "rank": 2\n}', "demo.ulpt.json"));
    expect(error.code).toBe("EXPERIMENT_SYNTAX");
    expect(error.where).toBe("demo.ulpt.json:3:3");
    expect(error.message).toBe("a comma is missing before this");
  });

  it.each(["", " \n", "// nothing"])("include a file without a value: %j", (text) => {
    expect(problemsIn(text).map(({ message }) => message)).toEqual(["a value is expected here"]);
  });

  it("are reported all at once", () => {
    expect(problemsIn('{"a": tru, "b" 1}').length).toBeGreaterThanOrEqual(2);
  });
});

const few = methodNames.length <= 6;
/** So many names are told beside the one that was probably meant. */
const suggested = few ? 12 : 3;
const quoted = methodNames.map((name) => JSON.stringify(name)).join(" or ");
const names = `a name like ${quoteList(methodNames.slice(0, 3), "or")}`;

describe("invalid settings", () => {
  it("are reported all at once, each where it stands", () => {
    const text = [
      "{",
      '  "model": 3,',
      '  "task": { "train": "a.jsonl", "template": "{text", "target": "{label}", "lables": [] },',
      '  "method": ["ulpt", { "name": "ulpt", "rank": 0 }, "vanila"],',
      '  "training": { "batchSize": 1.5 },',
      '  "steps": 10',
      "}",
    ].join("\n");
    const problems = problemsIn(text);
    expect(problems.map(({ line, column, message }) => `${line}:${column} ${message}`)).toEqual([
      "2:12 model must be text in quotes, not 3",
      '3:45 task.template has a "{" without its partner (character 1); expected {field} where a value goes, {{ and }} for braces',
      '3:75 task.lables is not a setting of an experiment; did you mean "labels"?',
      "4:48 method[1].rank must be at least 1, not 0",
      `4:53 method[2] must be ${quoteList(methodNames, "or", suggested)}, not "vanila"; did you mean "vanilla"?`,
      "5:30 training.batchSize must be a whole number, not 1.5",
      '6:3 steps is not a setting of an experiment; did you mean "training.steps"?',
    ]);
    for (const { offset, line, column } of problems) {
      expect(
        text
          .split("\n")
          .slice(0, line - 1)
          .join("\n").length +
          (line > 1 ? 1 : 0) +
          column -
          1,
      ).toBe(offset);
    }
    const typo = problems.find(({ suggestion }) => suggestion === "vanilla")!;
    expect(text.slice(typo.offset, typo.offset + typo.length)).toBe('"vanila"');
    expect(typo.path).toEqual(["method", 2]);
  });

  it("name the place of a key that stands in the wrong one, before a key that only begins like it", () => {
    const suggestions = problemsIn('{"train": "rows.csv", "prompt": 4}').map(({ suggestion }) => suggestion);
    expect(suggestions).toEqual(expect.arrayContaining(["task.train", "promptLength"]));
  });

  it("appear in full in what the terminal and a machine are shown", () => {
    const error = errorOf(() => parseExperiment('{"rank": 0}', "demo.ulpt.json"));
    expect(error.exitCode).toBe(2);
    expect(error.describe().split("\n").slice(0, 3)).toEqual([
      "error EXPERIMENT_INVALID: 3 problems in the experiment",
      "  demo.ulpt.json:1:1: model is missing: text in quotes",
      '  demo.ulpt.json:1:1: task is missing: a name like "mnli", "qqp" or "qnli" or an object',
    ]);
    expect(JSON.parse(JSON.stringify(error))).toMatchObject({ code: "EXPERIMENT_INVALID", problems: { length: 3 } });
  });

  it.each<[object, string]>([
    [{ rank: 0 }, "rank must be at least 1, not 0"],
    [{ rank: [2, 0] }, "rank[1] must be at least 1, not 0"],
    [{ rank: [] }, "rank must have at least 1 item, not []"],
    [{ rank: "2" }, 'rank must be a whole number or a list, not "2"'],
    [{ rank: 1.5 }, "rank must be a whole number or a list, not 1.5"],
    [{ promptLength: 0 }, "promptLength must be at least 1, not 0"],
    [{ seed: -1 }, "seed must be at least 0, not -1"],
    [{ name: "../x" }, 'name must be made of letters, digits, ".", "_" and "-"'],
    [{ method: 3 }, `method must be ${few ? quoted : names} or an object or a list, not 3`],
    [{ method: {} }, `method.name is missing: ${quoteList(methodNames, "or")}`],
    [
      { method: { name: "ulp" } },
      `method.name must be ${quoteList(methodNames, "or", suggested)}, not "ulp"; did you mean "ulpt"?`,
    ],
    [{ method: { name: "vanilla", rank: 2 } }, 'method.rank does not go with "vanilla"; remove it'],
    [{ initialization: { from: "text" } }, "initialization.text is missing: text in quotes"],
    [{ training: { steps: 1, learningRate: 0 } }, "training.learningRate must be greater than 0, not 0"],
    [
      { training: { steps: 1, optimizer: { betas: [0.9, 1] } } },
      "training.optimizer.betas[1] must be less than 1, not 1",
    ],
    [{ training: { steps: 5, warmupSteps: 6 } }, 'training.warmupSteps must not exceed "steps"'],
    [{ projection: { groups: 3 } }, "projection.groups is 3, which does not divide promptLength, 100"],
    [
      { method: [{ name: "ulpt", projection: { groups: 7 } }] },
      "method[0].projection.groups is 7, which does not divide promptLength, 100",
    ],
    [
      { method: ["ulpt", { name: "ulpt", learningRate: 0.6 }] },
      'method[1] makes a second, different run named "ulpt-r2-seed42"; give this method a "label"',
    ],
    [{ task: 3 }, 'task must be a name like "mnli", "qqp" or "qnli" or an object, not 3'],
    [{ task: "sst3" }, 'task must be "mnli", "qqp", "qnli" or 22 more, not "sst3"; did you mean "sst2"?'],
    [
      { task: { name: "winograde" } },
      'task.name must be "mnli", "qqp", "qnli" or 22 more, not "winograde"; did you mean "winogrande"?',
    ],
    [{ task: { name: "sst2", target: "{text}" } }, 'task.target does not go with "sst2"; remove it'],
    [{ task: { dataset: "nyu-mll/glue", target: "{label}" } }, "task.template is missing: text in quotes"],
    [{ task: { dataset: "a/b/c", template: "{text}", target: "{label}" } }, "task.dataset must be a data set of the"],
    [{ task: { ...minimal.task, config: "sst2" } }, "task.config does not go with rows in files; remove it"],
    [
      { task: { ...minimal.task, metric: "acuracy" } },
      'task.metric must be "accuracy", "f1", "macro-f1" or 13 more, not "acuracy"; did you mean "accuracy"?',
    ],
    [{ task: { ...minimal.task, template: "{text | padding}" } }, "task.template has a filter that does not exist"],
    [
      { task: { ...minimal.task, train: "a.txt" } },
      "task.train must be the path of a data file ending in .jsonl, .ndjson, .json, .csv, .tsv",
    ],
    [{ task: { ...minimal.task, template: "fixed" } }, "task.template must use at least one field"],
    [{ task: { ...minimal.task, validationSplit: {} } }, 'task.validationSplit must have either "count" or "fraction"'],
    [
      { task: { ...minimal.task, validation: "v.csv", validationSplit: { count: 1 } } },
      'task.validationSplit cannot be combined with "validation"',
    ],
    [{ device: "gpu" }, 'device must be "auto", "cpu", "webgpu", "cuda", "dml" or "coreml", not "gpu"'],
  ])("say what was expected: %j", (change, message) => {
    const found = messages(change);
    expect(found).toHaveLength(1);
    expect(found[0]!.startsWith(message), found[0]).toBe(true);
  });

  it("include a key that is set twice", () => {
    const [problem] = problemsIn(`{"rank": 2, ${JSON.stringify(minimal).slice(1, -1)},\n "rank": 4}`);
    expect(problem).toMatchObject({ line: 2, column: 2, message: '"rank" is set twice; remove one of the two' });
  });

  it("include a file that is no object", () => {
    expect(problemsIn("[1]")[0]!.message).toBe("the experiment must be an object, not [1]");
  });
});

describe("reading", () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "ulpt-experiment-"));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  it("tolerates a byte order mark and resolves where the experiment lies", () => {
    const file = join(directory, "a.ulpt.json");
    writeFileSync(file, `\ufeff${JSON.stringify(minimal)}`);
    expect(readExperiment(file, ["rank=4"])).toMatchObject({ file, directory, name: "a", settings: { rank: 4 } });
  });

  it("refuses a missing file and one that is not UTF-8", () => {
    const file = join(directory, "b.ulpt.json");
    writeFileSync(file, Buffer.from([0x7b, 0xff]));
    for (const path of [file, join(directory, "none.ulpt.json"), directory]) {
      expect(errorOf(() => readExperiment(path)).code).toBe("EXPERIMENT_UNREADABLE");
    }
  });
});

describe("overrides", () => {
  it("replace settings, reading values as JSON or else as text", () => {
    const settings = parse(minimal, [
      "training.steps=5",
      "rank=[2,8]",
      "model=../my model",
      "name=2024",
      "task.validationSplit.count=3",
      "training.clipNorm=null",
      "rank=[4]",
    ]);
    expect(settings).toMatchObject({
      model: "../my model",
      name: "2024",
      rank: [4],
      task: { validationSplit: { count: 3, seed: 42 } },
      training: { steps: 5, clipNorm: null },
    });
  });

  it("reach into list items", () => {
    const settings = parse({ ...minimal, method: [{ name: "ulpt" }] }, ["method.0.rank=3"]);
    expect(settings.method).toMatchObject([{ name: "ulpt", rank: 3 }]);
  });

  it.each([
    ["rank", "key=value"],
    ["=3", "key=value"],
    ["steps=3", 'Did you mean "training.steps"?'],
    ["training.step=3", 'Did you mean "training.steps"?'],
    ["__proto__.x=1", "schema"],
    ["method.rank=2", 'Set "method" as a whole'],
    ["method.0=ulpt", 'Set "method" as a whole'],
    ["rank=0", "rank must be at least 1, not 0"],
    ['method={"name":"ulpt","scal":false}', 'did you mean "scale"?'],
    ["training.steps=many", 'training.steps must be a whole number, not "many"'],
  ])("are refused when they cannot be: --set %s", (text, expected) => {
    const error = errorOf(() => parse({ ...minimal, method: "ulpt" }, [text]));
    expect(error.code).toBe("OPTION_INVALID");
    expect(error.where).toBe(`--set ${text}`);
    expect(error.describe()).toContain(expected);
    expect(error.message).toMatch(/[^.?][.?]$/);
  });

  it("do not hide what is wrong in the file itself", () => {
    const error = errorOf(() => parse({ ...minimal, promptLength: 0 }, ["rank=4"]));
    expect(error.code).toBe("EXPERIMENT_INVALID");
  });
});

describe("the JSON schema", () => {
  it("in media/ is the one of the source", () => {
    const file = new URL("../../media/experiment.schema.json", import.meta.url);
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(experimentJsonSchema());
  });

  const definitions = () => experimentJsonSchema().definitions as Record<string, Record<string, unknown>>;

  it("tells once what recurs in it", () => {
    const { definitions: told, ...rest } = experimentJsonSchema();
    const found = JSON.stringify([rest, told]).matchAll(/"\$ref":"#\/definitions\/(\w+)"/g);
    expect(new Set([...found].map(([, name]) => name))).toEqual(new Set(Object.keys(definitions())));
    const texts = Object.values(definitions()).map((definition) => JSON.stringify(definition));
    for (const text of texts) expect(JSON.stringify(rest)).not.toContain(text);
    expect(new Set(texts).size).toBe(texts.length);
  });

  it("allows several values of a setting also where it is called like one that all runs share", () => {
    const names = { training: { optimizer: { name: ["adamw", "hf-adamw"] } } };
    expect(parseExperiment(JSON.stringify({ ...minimal, ...names }), "demo.ulpt.json").points).toHaveLength(2);
    expect(definitions().optimizer).toMatchObject({
      properties: { name: { anyOf: [{ type: "string" }, { type: "array" }, {}] } },
    });
  });

  it("describes every setting and names every default", () => {
    const undescribed: string[] = [];
    const walk = (node: Record<string, unknown>, path: string): void => {
      for (const [key, child] of Object.entries((node.properties ?? {}) as Record<string, Record<string, unknown>>)) {
        if (!("description" in child || "const" in child)) undescribed.push(`${path}.${key}`);
        walk(child, `${path}.${key}`);
      }
      for (const branch of [node.anyOf, node.oneOf].flat()) {
        if (branch) walk(branch as Record<string, unknown>, path);
      }
    };
    walk(experimentJsonSchema(), "");
    for (const [name, definition] of Object.entries(definitions())) walk(definition, name);
    expect(undescribed).toEqual([]);
    expect(experimentJsonSchema()).toMatchObject({
      allowComments: true,
      required: ["model", "task"],
      properties: {
        promptLength: {
          default: 100,
          anyOf: [{ minimum: 1 }, { items: { minimum: 1 } }, { $ref: "#/definitions/range" }],
        },
      },
    });
  });
});
