import { describe, expect, it } from "vitest";
import { UlptError } from "../errors.ts";
import { metricNames } from "../metrics/names.ts";
import { checkpointMetricOf, metricsOf, type TaskName, taskNames } from "../tasks/definition.ts";
import { registry } from "../tasks/registry.ts";
import { resolveTask } from "../tasks/resolve.ts";
import type { PaperCell, TableId } from "./cell.ts";
import { cells, cellsBeside, findCell, groupCells, publishedTables, tableOf } from "./results.ts";

const paperTasks = taskNames.filter((name) => name !== "xsum" && name !== "samsum");

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function printedIn(id: string): number {
  return findCell(id).value;
}

describe("the published numbers", () => {
  // Averages are printed from values before rounding: each value may be 0.05 off, and so may the average.
  const averages = publishedTables.flatMap((table) =>
    table.rows.flatMap((row) =>
      row.results.flatMap((results, i) =>
        results?.average === undefined
          ? []
          : [{ what: `${table.id} ${row.id} ${table.headings[i]!.name}`, ...results, average: results.average }],
      ),
    ),
  );

  it("have the averages that are printed beside them, but for four in rows that are quoted only", () => {
    const off = averages.filter(({ values, average }) => Math.abs(mean(values) - average) > 0.1);
    expect(averages).toHaveLength(129);
    expect(off.map(({ what, values, average }) => `${what}: ${mean(values).toFixed(2)}, printed ${average}`)).toEqual([
      "table-1 fine-tuning-multitask SuperGLUE: 76.48, printed 76.1",
      "table-1 mpt-transfer-multitask SuperGLUE: 76.24, printed 76.1",
      "table-5 attempt MRQA: 71.73, printed 71.4",
      "table-5 dept MRQA: 72.80, printed 73",
    ]);
  });

  it("have exactly those averages in all rows of ULPT and prompt tuning", () => {
    const own = averages.filter(({ what }) => /ulpt|vanilla/.test(what));
    expect(own).toHaveLength(52);
    expect(own.filter(({ values, average }) => Math.abs(mean(values) - average) > 0.05 + 1e-9)).toEqual([]);
  });

  it("are one for each task of a heading, as deviations are", () => {
    for (const table of publishedTables) {
      for (const row of table.rows) {
        expect(row.results).toHaveLength(table.headings.length);
        for (const [i, results] of row.results.entries()) {
          const { length } = table.headings[i]!.tasks;
          if (results === null) continue;
          expect(results.values).toHaveLength(length);
          if (results.deviations) expect(results.deviations).toHaveLength(length);
        }
      }
    }
  });

  it("agree where two tables print the same run", () => {
    for (const [rank, mnli] of [
      [2, 81.9],
      [16, 82.9],
      [64, 84.9],
      [256, 85.5],
    ]) {
      expect(printedIn(`table-1/ulpt-r${rank}/mnli`)).toBe(mnli);
      expect(printedIn(`figure-3/t5-base/ulpt-r${rank}/mnli`)).toBe(mnli);
      expect(printedIn(`figure-4/ulpt-r${rank}-n100/mnli`)).toBe(mnli);
    }
    for (const n of [10, 20, 50]) {
      for (const task of ["mnli", "nq"]) {
        expect(printedIn(`figure-3/t5-base/vanilla-n${n}/${task}`)).toBe(printedIn(`figure-4/vanilla-n${n}/${task}`));
      }
    }
  });

  it("of ULPT in table 3 are those of table 5 on NQ, and on MNLI within 0.1 of table 1, as the notes say", () => {
    for (const rank of [2, 16, 64, 256]) {
      expect(printedIn(`table-3/ulpt-r${rank}/nq`)).toBe(printedIn(`table-5/ulpt-r${rank}/nq`));
      const mnli = findCell(`table-3/ulpt-r${rank}/mnli`);
      const inTable1 = printedIn(`table-1/ulpt-r${rank}/mnli`);
      expect(Math.abs(mnli.value - inTable1)).toBeLessThan(0.1 + 1e-9);
      const note = mnli.notes.find((text) => text.startsWith("Table 1 prints"));
      if (mnli.value === inTable1) expect(note).toBeUndefined();
      else expect(note).toContain(`${inTable1}`);
    }
  });

  it("of tuning P̃ train no more numbers than the budget they are printed under", () => {
    const tuned = cells().filter(({ id }) => id.startsWith("table-3/tune-p"));
    expect(tuned).toHaveLength(2 * 3);
    for (const { id, method } of tuned) {
      const rank = Number(/-r(\d+)/.exec(id)![1]);
      const budget = 1000 * Number.parseFloat(method.parameters!);
      expect(rank * 768 + 2 * 768).toBeLessThanOrEqual(budget);
      expect((rank + 1) * 768 + 2 * 768).toBeGreaterThan(budget);
    }
  });

  it("of prompt tuning on MNLI differ between figure 4 and table 1, as the note says", () => {
    expect(printedIn("figure-4/vanilla-n100/mnli")).toBe(84.9);
    expect(printedIn("table-1/vanilla/mnli")).toBe(84.6);
    expect(findCell("figure-4/vanilla-n100/mnli").notes.join(" ")).toContain("84.6");
  });

  it("differ between figures and table 5 on NQ by no more than the note says", () => {
    const differences = [2, 16, 64, 256].flatMap((rank) => {
      const printed = printedIn(`table-5/ulpt-r${rank}/nq`);
      const figures = [printedIn(`figure-3/t5-base/ulpt-r${rank}/nq`), printedIn(`figure-4/ulpt-r${rank}-n100/nq`)];
      return figures.map((value) => Math.abs(value - printed));
    });
    expect(Math.max(...differences)).toBeCloseTo(0.6, 6);
    expect(tableOf({ table: "figure-4" }).notes![0]).toContain("by up to 0.6");
  });

  it("of SuperGLUE without CB put ULPT r=64 and prompt tuning level, as the note says", () => {
    const others = ["superglue-multirc", "superglue-boolq", "superglue-wic", "superglue-wsc.fixed"];
    const without = (row: string) => mean(others.map((task) => printedIn(`table-1/${row}/${task}`))).toFixed(1);
    expect([without("ulpt-r64"), without("vanilla")]).toEqual(["71.9", "71.9"]);
    expect(findCell("table-1/ulpt-r64/superglue-cb").notes.join(" ")).toContain("71.9");
  });

  it("that a constant answer reaches are marked as such", () => {
    const marked = cells().filter(({ notes }) => notes.some((note) => note.includes("one and the same answer")));
    expect(new Set(marked.map(({ task, value }) => `${task} ${value}`))).toEqual(
      new Set(["superglue-wsc.fixed 67.3", "winogrande 49.6", "paws 57.9", "paws 55.8"]),
    );
    expect((100 * 35) / registry["superglue-wsc.fixed"].sizes.test).toBeCloseTo(67.3, 1);
  });
});

describe("the tasks of the paper", () => {
  // Table 4 of the paper, and what the official code chooses checkpoints by.
  // biome-ignore format: a table
  const published: Record<(typeof paperTasks)[number], [train: number, validation: number, test: number, metric: string, chosen: string, length: number]> = {
    mnli: [392_702, 9_832, 9_815, "accuracy", "accuracy", 256],
    qqp: [362_846, 1_000, 40_431, "accuracy", "accuracy", 256],
    qnli: [103_743, 1_000, 5_463, "accuracy", "accuracy", 256],
    sst2: [66_349, 1_000, 872, "accuracy", "accuracy", 256],
    stsb: [5_749, 750, 750, "pearson", "pearson", 256],
    mrpc: [3_668, 204, 204, "accuracy", "accuracy", 256],
    rte: [2_490, 138, 139, "accuracy", "accuracy", 256],
    cola: [8_551, 521, 522, "matthews", "matthews", 256],
    "superglue-multirc": [27_243, 2_424, 2_424, "f1", "f1", 348],
    "superglue-boolq": [9_427, 1_635, 1_635, "accuracy", "accuracy", 256],
    "superglue-wic": [5_428, 319, 319, "accuracy", "accuracy", 256],
    "superglue-wsc.fixed": [554, 52, 52, "accuracy", "accuracy", 256],
    "superglue-cb": [250, 28, 28, "accuracy", "macro-f1", 256],
    nq: [103_071, 1_000, 12_836, "token-f1", "exact-match", 512],
    hotpotqa: [71_928, 1_000, 5_901, "token-f1", "exact-match", 512],
    searchqa: [116_384, 1_000, 16_980, "token-f1", "exact-match", 512],
    newsqa: [73_160, 1_000, 4_212, "token-f1", "exact-match", 512],
    winogrande: [39_398, 1_000, 1_267, "accuracy", "accuracy", 256],
    yelp_polarity: [100_000, 1_000, 38_000, "accuracy", "accuracy", 256],
    scitail: [23_596, 652, 652, "accuracy", "accuracy", 256],
    paws: [49_401, 8_000, 8_000, "accuracy", "accuracy", 256],
    gsm8k: [6_725, 748, 1_319, "final-answer", "loss", 1024],
    mbpp: [374, 90, 500, "tests-fraction", "loss", 1024],
  };

  it.each(paperTasks)("%s has the paper's sizes, metrics and longest source", (name) => {
    const { sizes } = registry[name];
    const task = resolveTask({ name, variant: "faithful" });
    expect([
      sizes.train,
      sizes.validation,
      sizes.test,
      metricsOf(task)[0],
      checkpointMetricOf(task),
      task.maxSourceLength,
    ]).toEqual(published[name]);
  });

  it("all have published results, scored on rows whose number is known", () => {
    expect(new Set(cells().map(({ task }) => task))).toEqual(new Set<TaskName>(paperTasks));
    for (const { task, rows, split, metric } of cells()) {
      expect(rows).toBe(published[task as (typeof paperTasks)[number]][split === "test" ? 2 : 1]);
      expect(metricNames).toContain(metric);
    }
  });
});

describe("a cell", () => {
  it("has an id of its own that names table, method and task", () => {
    const ids = cells().map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^(table|figure)-\d(\/[a-z0-9.-]+){1,2}\/[a-z0-9_.-]+$/);
  });

  it("says what is printed", () => {
    expect(findCell("table-5/ulpt-r64/scitail")).toMatchObject<Partial<PaperCell>>({
      table: "table-5",
      task: "scitail",
      taskTitle: "SciTail",
      model: "google-t5/t5-base",
      method: {
        name: "ulpt",
        label: "ULPT r=64",
        settings: { rank: 64, scale: true, shift: true, trains: "z" },
        promptLength: 100,
        parameters: "7.9K",
      },
      value: 94.4,
      deviation: 0.9,
      metric: "accuracy",
      split: "test",
      rows: 652,
      steps: 100_000,
      seeds: 3,
      trainable: true,
    });
    expect(findCell("table-1/ulpt-r64/sst2")).toMatchObject({ value: 93.5, seeds: 1 });
    expect(findCell("table-1/ulpt-r64/sst2")).not.toHaveProperty("deviation");
    expect(findCell("figure-5/ulpt-r2-no-scale-no-shift/sst2")).toMatchObject({
      value: 0,
      split: "validation",
      rows: 1_000,
      readAtStep: 28_000,
      method: { settings: { scale: false, shift: false } },
    });
    expect(findCell("table-1/ulpt-r2/cola").notes.join(" ")).toContain("Matthews");
  });

  it("can be reproduced if it is of ULPT, DPT or prompt tuning, and else says why not", () => {
    const count = (table: TableId) =>
      cells().filter((cell) => cell.table === table && cell.reason === undefined).length;
    const expected: Record<TableId, number> = {
      "table-1": 7 * 13,
      "table-2": 2 * 4 * 2,
      "table-3": 7 * 2,
      "table-5": 7 * 8,
      "table-6": 3 * 8 * 3,
      "figure-3": 3 * 8 * 2,
      "figure-4": 5 * 4 * 2,
      "figure-5": 4,
    };
    for (const { id } of publishedTables) expect([id, count(id)]).toEqual([id, expected[id]]);
    for (const cell of cells()) expect(cell.reason === undefined).toBe(cell.trainable);
    expect(findCell("table-1/lora/sst2").reason).toContain("LoRA");
    expect(findCell("table-5/dept/nq").reason).toContain("DePT");
    expect(findCell("table-3/tune-p-r8/nq")).toMatchObject({ trainable: true, method: { settings: { rank: 8 } } });
    expect(findCell("table-2/llama-3.2-1b/vera-r4/gsm8k").reason).toContain("VeRA");
  });

  it("of table 6 has a rank and a length, of which one or the other gives the number of trained numbers that is printed", () => {
    const ofBloomz = cells().filter(({ table, task }) => table === "table-6" && task === "sst2");
    const widths: Record<string, number> = { "560m": 1024, "1b7": 2048, "3b": 2560 };
    const counts = new Map<string, number[]>();
    for (const { model, method } of ofBloomz) {
      if (method.name === "other") throw new Error("quoted");
      const width = widths[model.split("-").at(-1)!]!;
      const { promptLength } = method;
      const { rank } = method.settings;
      const trained = typeof rank === "number" ? promptLength * rank + 2 * width : promptLength * width;
      const key = `${model} ${method.parameters}`;
      counts.set(key, [...(counts.get(key) ?? []), Math.round(trained / 1000)]);
    }
    expect(counts.size).toBe(12);
    for (const [key, rounded] of counts)
      expect([key, rounded.map((count) => `${count}K`)]).toEqual([key, expect.arrayContaining([key.split(" ")[1]])]);
  });

  it("that does not exist is answered with those that were meant", () => {
    const errorOf = (id: string) => {
      try {
        findCell(id);
      } catch (error) {
        if (error instanceof UlptError) return error;
      }
      throw new Error(`${id} was found`);
    };
    expect(errorOf("table-1/ulpt-r64/sst-2")).toMatchObject({
      code: "OPTION_INVALID",
      hint: expect.stringContaining('"table-1/ulpt-r64/sst2"'),
    });
    expect(errorOf("nonsense").hint).toBe("Choose one of the list of published results.");
  });

  it("stands beside the other methods of its table on the same task and model", () => {
    const beside = cellsBeside(findCell("figure-3/t5-small/ulpt-r2/nq"));
    expect(beside).toHaveLength(7);
    expect(beside.every(({ id }) => /^figure-3\/t5-small\/.*\/nq$/.test(id))).toBe(true);
    // LST has no results on SuperGLUE.
    expect(cellsBeside(findCell("table-1/ulpt-r2/superglue-cb"))).toHaveLength(21);
  });
});

describe("the groups for a pick", () => {
  it("go from table to task to method and hold every cell once", () => {
    const groups = groupCells();
    expect(groups.map(({ table }) => table.id)).toEqual(publishedTables.map(({ id }) => id));
    expect(groups[0]!.tasks.map(({ title }) => title).slice(0, 4)).toEqual(["MNLI", "QQP", "QNLI", "SST-2"]);
    expect(groups.flatMap(({ tasks }) => tasks.flatMap(({ cells: of }) => of))).toHaveLength(cells().length);
  });

  it("leave out what has no cells", () => {
    const groups = groupCells(cells().filter(({ task }) => task === "gsm8k"));
    expect(groups.map(({ table, tasks }) => [table.id, tasks.length])).toEqual([["table-2", 1]]);
  });
});
