import { describe, expect, it } from "vitest";
import { layouts } from "../../test/support/registryRows.ts";
import { metricFacts } from "../metrics/score.ts";
import { cellOf } from "./cells.ts";
import { checkpointMetricOf, isHubTask, metricsOf, type TaskName, taskNames, writtenTaskSchema } from "./definition.ts";
import { registry } from "./registry.ts";
import { exampleRenderer } from "./render.ts";
import { resolveTask } from "./resolve.ts";
import { indicesOf, parseSplit } from "./split.ts";

/** The first two rows of each data set as the model sees them: source and target. */
const golden: Readonly<Record<TaskName, readonly (readonly [source: string, target: string])[]>> = {
  mnli: [
    ["premise: the soup was cold hypothesis: the soup was not warm", "1"],
    ["premise: the room was clean hypothesis: the room was dirty", "0"],
  ],
  qqp: [
    ["question1: the soup was cold question2: the soup was not warm", "1"],
    ["question1: the room was clean question2: the room was dirty", "0"],
  ],
  qnli: [
    ["question: the soup was cold sentence: the soup was not warm", "1"],
    ["question: the room was clean sentence: the room was dirty", "0"],
  ],
  sst2: [
    ["sentence: a warm and funny film ", "1"],
    ["sentence: cold , slow and dull ", "0"],
  ],
  stsb: [
    ["sentence1: the soup was cold sentence2: the soup was not warm", "3.8"],
    ["sentence1: the room was clean sentence2: the bus was late", "0.2"],
  ],
  mrpc: [
    ["sentence1: the soup was cold sentence2: the soup was not warm", "1"],
    ["sentence1: the room was clean sentence2: the room was dirty", "0"],
  ],
  rte: [
    ["sentence1: the soup was cold sentence2: the soup was not warm", "1"],
    ["sentence1: the room was clean sentence2: the room was dirty", "0"],
  ],
  cola: [
    ["sentence: The soup was eaten by the guest.", "1"],
    ["sentence: The soup was ate the guest.", "0"],
  ],
  "superglue-multirc": [
    ["question: Why? answer: Rain paragraph: Sent 1: The bus was late. Sent 2: It rained. ", "1"],
    ["question: What was clean? answer: The soup paragraph: Sent 1: The room was clean. ", "0"],
  ],
  "superglue-boolq": [
    ["question: was the bus late passage: It came an hour after its time.", "1"],
    ["question: was the soup warm passage: The soup was cold.", "0"],
  ],
  "superglue-wic": [
    ["sentence1: A cold soup. sentence2: A cold day. word: cold", "1"],
    ["sentence1: A clean room. sentence2: Make room! word: room", "0"],
  ],
  "superglue-wsc.fixed": [
    ["text: * Mark * told Pete many lies about himself, which Pete included in # his # book.", "0"],
    ["text: * The cup * did not fit in the bag because # it # was too large.", "1"],
  ],
  "superglue-cb": [
    ["premise: the soup was cold hypothesis: the soup was not warm", "1"],
    ["premise: the room was clean hypothesis: the room was dirty", "0"],
  ],
  nq: [
    ["question: How old is it ?  context: The hotel ( built in 1901 ) is old . ", "built in 1901"],
    ["question: What was late ?  context: Rain fell all day ; the bus was late . ", "the bus"],
  ],
  hotpotqa: [
    ["question: How old is it ?  context: The hotel ( built in 1901 ) is old . ", "built in 1901"],
    ["question: What was late ?  context: Rain fell all day ; the bus was late . ", "the bus"],
  ],
  searchqa: [
    ["question: How old is it ?  context: The hotel ( built in 1901 ) is old . ", "built in 1901"],
    ["question: What was late ?  context: Rain fell all day ; the bus was late . ", "the bus"],
  ],
  newsqa: [
    ["question: How old is it ?  context: The hotel ( built in 1901 ) is old . ", "built in 1901"],
    ["question: What was late ?  context: Rain fell all day ; the bus was late . ", "the bus"],
  ],
  winogrande: [
    ["sentence: The cup did not fit in the bag because the _ was too small. option0: cup option1: bag", "1"],
    ["sentence: The cup did not fit in the bag because the _ was too large. option0: cup option1: bag", "0"],
  ],
  yelp_polarity: [
    ["sentence: Cold soup, dirty room.\\nNever again.", "0"],
    ["sentence: We came back twice!", "1"],
  ],
  scitail: [
    ["premise: Rain is water. hypothesis: Water falls as rain.", "0"],
    ["premise: Soup is food. hypothesis: The bus is late.", "1"],
  ],
  paws: [
    ["sentence1: the bus left after the guest sentence2: the guest left after the bus", "0"],
    ["sentence1: the soup was cold , not warm sentence2: not warm , the soup was cold", "1"],
  ],
  gsm8k: [
    ["question: A soup costs 2 dollars. What do 1 and 1 soups cost?", "answer: 1 + 1 = <<1+1=2>>2\n#### 2"],
    ["question: A bus is 1 hour late. How many hours is that?", "answer: It is 1.\n#### 1"],
  ],
  mbpp: [
    ["problem: Write a function that adds one.", "def add(x):\r\n  return x + 1"],
    ["problem: Write a function that doubles.", "def double(x):\r\n  return 2 * x"],
  ],
  xsum: [
    ["summarize: The bus was late.\nGuests waited in the rain.", "Guests waited for a late bus."],
    ["summarize: A hotel served cold soup.", "A hotel's soup was cold."],
  ],
  samsum: [
    ["summarize: Ann: The bus is late.\r\nBob: I wait.", "Bob waits for Ann's bus."],
    ["summarize: Ann: Soup?\r\nBob: Cold.", "The soup is cold."],
  ],
};

function render(name: TaskName, variant: "fixed" | "faithful" = "fixed") {
  const { example } = exampleRenderer(resolveTask({ name, variant }));
  return layouts[name].rows.map((row, i) => {
    const values = Object.entries(row).map(
      ([field, value]) =>
        [field, cellOf(field === "label" && typeof value === "number" ? Math.fround(value) : value)] as const,
    );
    return example({ line: i + 1, cells: new Map(values) }, `${name}.parquet`);
  });
}

/** Rows of each split on the Hub, before the paper's rules cut them (its table 4, and the data sets' own pages). */
const hubSizes: Partial<Record<TaskName, Readonly<Record<string, number>>>> = {
  mnli: { train: 392_702, validation_matched: 9_815, validation_mismatched: 9_832 },
  qqp: { train: 363_846, validation: 40_431 },
  qnli: { train: 104_743, validation: 5_463 },
  sst2: { train: 67_349, validation: 872 },
  stsb: { train: 5_749, validation: 1_500 },
  mrpc: { train: 3_668, validation: 408 },
  rte: { train: 2_490, validation: 277 },
  cola: { train: 8_551, validation: 1_043 },
  "superglue-multirc": { train: 27_243, validation: 4_848 },
  "superglue-boolq": { train: 9_427, validation: 3_270 },
  "superglue-wic": { train: 5_428, validation: 638 },
  "superglue-wsc.fixed": { train: 554, validation: 104 },
  "superglue-cb": { train: 250, validation: 56 },
  nq: { train: 104_071, validation: 12_836 },
  hotpotqa: { train: 72_928, validation: 5_901 },
  searchqa: { train: 117_384, validation: 16_980 },
  newsqa: { train: 74_160, validation: 4_212 },
  winogrande: { train: 40_398, validation: 1_267 },
  yelp_polarity: { train: 560_000, test: 38_000 },
  scitail: { train: 23_596, validation: 1_304 },
  paws: { train: 49_401, validation: 8_000, test: 8_000 },
  gsm8k: { train: 7_473, test: 1_319 },
  mbpp: { train: 374, validation: 90, test: 500 },
  xsum: { train: 204_045, validation: 11_332, test: 11_334 },
  samsum: { train: 14_731, validation: 818, test: 819 },
};

describe.each(taskNames)("the task %s", (name) => {
  const task = resolveTask(name);

  it("reads rows in the layout of its data set and writes source and target as the paper's code does", () => {
    expect(
      render(name)
        .slice(0, 2)
        .map(({ source, target }) => [source, target]),
    ).toEqual(golden[name]);
  });

  it("splits its data set into the sizes of the paper", () => {
    const sizes = Object.fromEntries(
      (["train", "validation", "test"] as const).map((split) => {
        const reference = parseSplit(task[split]!);
        return [split, indicesOf(reference, hubSizes[name]![reference.source]!, task).length];
      }),
    );
    expect(sizes).toEqual(registry[name].sizes);
  });

  it("has a data set, and metrics that can be found out about it", () => {
    expect(isHubTask(task) && task.dataset).toBeTruthy();
    for (const metric of [...metricsOf(task), checkpointMetricOf(task)]) {
      const { needs } = metricFacts[metric];
      if (needs === "labels") expect(task.labels).toBeDefined();
      if (needs === "programs") expect(task.references).toBeDefined();
    }
  });
});

describe("rows for training and validation", () => {
  const torch = { splitRule: "torch", splitSeed: 42 } as const;
  const datasets = { splitRule: "datasets", splitSeed: 42 } as const;

  it("are never the same, and those of sst2 are the ones that torch.randperm(67349) with seed 42 gives", () => {
    const of = (text: string) => indicesOf(parseSplit(text), 67_349, torch);
    const [train, validation] = [of("train[1000:]"), of("train[:1000]")];
    expect(new Set([...train, ...validation]).size).toBe(67_349);
    expect([...validation.subarray(0, 3)]).toEqual([6677, 49712, 38268]);
    expect(indicesOf(parseSplit("train"), 5, torch)).toEqual(Uint32Array.of(0, 1, 2, 3, 4));
    expect(indicesOf(parseSplit("train[:5]"), 5, torch)).toEqual(Uint32Array.of(2, 4, 3, 0, 1));
    expect(indicesOf(parseSplit("train[:50%]"), 5, { ...torch, splitSeed: null })).toEqual(Uint32Array.of(0, 1));
    expect(indicesOf(parseSplit("train[50%:]"), 5, torch)).toEqual(Uint32Array.of(3, 0, 1));
  });

  it("of gsm8k are those of train_test_split(test_size=0.1, seed=42): the first 748 of numpy's order are set aside", () => {
    const task = resolveTask("gsm8k");
    const of = (split: "train" | "validation") => [...indicesOf(parseSplit(task[split]!), 7_473, task)];
    const [train, validation] = [of("train"), of("validation")];
    expect(new Set([...train, ...validation]).size).toBe(7_473);
    expect([validation.length, ...validation.slice(0, 4)]).toEqual([748, 3082, 2184, 5897, 2437]);
    expect([train.length, ...train.slice(0, 3)]).toEqual([6_725, 1624, 3980, 419]);
  });

  it("are shared out as train_test_split rounds: what is set aside up, binary fractions of Python's numbers included", () => {
    const sizes = (part: string, count: number) => indicesOf(parseSplit(`train[${part}]`), count, datasets).length;
    expect([sizes(":10%", 7_473), sizes("10%:", 7_473)]).toEqual([748, 6_725]);
    expect([sizes(":7%", 100), sizes("7%:", 100)]).toEqual([8, 92]);
    expect([sizes(":10%", 30), sizes("10%:", 30)]).toEqual([3, 27]);
    expect([sizes(":748", 7_473), sizes("748:", 7_473)]).toEqual([748, 6_725]);
    expect(indicesOf(parseSplit("train[:10%]"), 7_473, torch)).toHaveLength(747);
  });

  it("of a task in an experiment are cut by the rule that it names, and by torch's where it names none", () => {
    const task = { dataset: "me/data", train: "train[2:]", validation: "train[:2]", template: "{x}", target: "{y}" };
    const of = (more: object) => {
      const resolved = resolveTask(writtenTaskSchema.parse({ ...task, ...more }));
      return [...indicesOf(parseSplit(resolved.train), 5, resolved)];
    };
    expect(of({})).toEqual([3, 0, 1]);
    expect(of({ splitRule: "datasets" })).toEqual([3, 1, 0]);
    expect(of({ splitRule: "datasets", splitSeed: 7 })).toEqual([4, 1, 3]);
    expect(of({ splitRule: "datasets", splitSeed: null })).toEqual([2, 3, 4]);
  });
});

describe("a faithful variant", () => {
  it("shows WinoGrande's first option twice, as the official code does", () => {
    expect(render("winogrande", "faithful")[0]).toMatchObject({
      source: "sentence: The cup did not fit in the bag because the _ was too small. option0: cup option1: cup",
      target: "1",
    });
  });

  it("keeps one digit of STS-B's scores where the fixed one has multiples of 0.2, both rounding as Python would", () => {
    expect(render("stsb", "faithful").map(({ target }) => target)).toEqual(["3.8", "0.2", "5.0"]);
    expect(render("stsb").map(({ target }) => target)).toEqual(["3.8", "0.2", "5.0"]);
    expect(resolveTask({ name: "stsb", variant: "faithful" }).labels).toBeUndefined();
    expect(resolveTask("stsb").labels).toHaveLength(26);
  });

  it("scores MBPP by the mean share of tests, the fixed one by programs that pass all of theirs", () => {
    expect(metricsOf(resolveTask({ name: "mbpp", variant: "faithful" }))[0]).toBe("tests-fraction");
    expect(metricsOf(resolveTask("mbpp"))[0]).toBe("tests-passed");
  });

  it("runs MBPP's tests without what sets them up, and finds a function of another name only right after assert", () => {
    expect(render("mbpp", "faithful").map(({ references }) => references)).toEqual([
      ["assert add(1) == 2", "assert add(0) == 1"],
      ["assert double(2) == 4"],
      ["assert nothing() is None"],
    ]);
    expect(resolveTask({ name: "mbpp", variant: "faithful" }).functionAlias).toBe("asserted");
    expect(resolveTask("mbpp").functionAlias).toBe("called");
  });

  it.each(["nq", "hotpotqa", "searchqa", "newsqa"] as const)(
    "cleans the answers of %s up as Transformers does, and stops them a token short of the longest target",
    (name) => {
      const faithful = resolveTask({ name, variant: "faithful" });
      expect(faithful).toMatchObject({ cleanUpSpaces: true, maxTargetLength: 20, maxNewTokens: 19 });
      expect(resolveTask(name)).toMatchObject({ cleanUpSpaces: false, maxTargetLength: 20, maxNewTokens: 20 });
    },
  );

  it("is named only where there is a defect", () => {
    expect(resolveTask("sst2")).not.toHaveProperty("variant");
    expect(resolveTask("mbpp")).toHaveProperty("variant", "fixed");
  });
});

describe("what a task is judged by", () => {
  it("is each assertion of MBPP, behind what it needs", () => {
    expect(render("mbpp").map(({ references }) => references)).toEqual([
      ["\nassert add(1) == 2", "\nassert add(0) == 1"],
      ["two = 2\nassert double(2) == 4"],
      ["\nassert nothing() is None"],
    ]);
  });

  it("marks the second span of WSC where it stands before the first, too", () => {
    expect(render("superglue-wsc.fixed")[2]!.source).toBe("text: # He # was late, so * Bob * ran.");
  });
});

describe("a task of the registry in an experiment", () => {
  it("can be changed in parts", () => {
    const task = resolveTask({ name: "cola", maxSourceLength: 64, dataset: "me/glue@abc", metric: "accuracy" });
    expect(task).toMatchObject({ name: "cola", maxSourceLength: 64, dataset: "me/glue@abc", config: "cola" });
    expect(metricsOf(task)).toEqual(["accuracy"]);
  });
});
