import { describe, expect, it } from "vitest";
import { cells, groupCells } from "../../paper/results.ts";
import { untranslated as t } from "../window/translate.ts";
import { methodChoices, tableChoices, taskChoices } from "./paperChoices.ts";

describe("choosing a result of the paper", () => {
  it("offers every table, those of which nothing can be repeated last and with the reason", () => {
    const tables = tableChoices(t);
    const open = tables.filter(({ value }) => value !== undefined);
    expect(open[0]).toMatchObject({ label: "Table 1", value: "table-1" });
    expect(tables.slice(0, open.length)).toEqual(open);
    for (const { value, detail } of tables) {
      if (value === undefined) expect(detail).not.toMatch(/can be repeated here/);
      else expect(detail).toMatch(/^\d+ of its \d+ results can be repeated here\.$/);
    }
  });

  it("leads to every result that can be repeated, and to no other", () => {
    const reached = tableChoices(t)
      .flatMap(({ value }) => value ?? [])
      .flatMap((table) =>
        taskChoices(table, t)
          .flatMap(({ value }) => value ?? [])
          .flatMap((task) => methodChoices(table, task, t)),
      )
      .flatMap(({ value }) => value?.id ?? []);
    const repeatable = cells().filter(({ reason }) => reason === undefined);
    expect(reached.toSorted()).toEqual(repeatable.map(({ id }) => id).toSorted());
  });

  it("shows the number as printed, and of what cannot be repeated why not", () => {
    const choices = methodChoices("table-1", "sst2", t);
    const [first] = choices;
    expect(first?.value?.reason).toBeUndefined();
    const ulpt = choices.find(({ value }) => value?.id === "table-1/ulpt-r2/sst2")!;
    expect(ulpt.label).toBe("ULPT r=2");
    expect(ulpt.description).toMatch(/^\d+\.\d accuracy on 872 test rows$/);
    const quoted = choices.filter(({ value }) => value === undefined);
    expect(quoted.length).toBeGreaterThan(0);
    for (const { detail } of quoted) expect(detail).toMatch(/\.$/);
  });

  it("tells methods apart that a table has for several models", () => {
    const labels = groupCells().flatMap(({ table, tasks }) =>
      tasks.map(({ task }) => methodChoices(table.id, task, t).map(({ label }) => label)),
    );
    for (const list of labels) expect(new Set(list).size, list.join()).toBe(list.length);
  });
});
