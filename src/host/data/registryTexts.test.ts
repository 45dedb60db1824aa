import { describe, expect, it } from "vitest";
import { taskNames } from "../../tasks/definition.ts";
import { resolveTask } from "../../tasks/resolve.ts";
import { untranslated as t } from "../window/translate.ts";
import { programsMetric, sizesText, taskGroups, taskMarkdown } from "./registryTexts.ts";

describe("tasks of the registry in words", () => {
  it("are each in one group", () => {
    expect(taskGroups().map(({ title }) => title)).toEqual([
      "GLUE",
      "SuperGLUE",
      "MRQA",
      "Others",
      "Generation",
      "Summarisation",
    ]);
    expect(taskGroups().flatMap(({ tasks }) => tasks)).toEqual([...taskNames]);
  });

  it("say how many rows there are", () => {
    expect(sizesText("sst2", t)).toBe("66,349 rows to train on, 1,000 to validate, 872 to test");
  });

  it("say on hover what is read, answered and scored", () => {
    const text = taskMarkdown("sst2", t);
    expect(text).toContain("**SST-2** (GLUE)");
    expect(text).toContain("`nyu-mll/glue, sst2`");
    expect(text).toContain("reads `sentence: {sentence}`");
    expect(text).toContain("answers `{label}`: 0, 1");
    expect(text).toMatch(/- \*Accuracy\*: Share of answers that equal the target.* As in: evaluation code of T5/);
    expect(text).not.toContain("defect");
  });

  it("say what is wrong with the official code", () => {
    expect(taskMarkdown("winogrande", t)).toContain(
      'A defect of the official code: The source shows the first option twice and the second never. "fixed"',
    );
  });

  it("name the metric that runs programs", () => {
    expect(programsMetric(resolveTask("mbpp"))).toBe("tests-passed");
    expect(programsMetric(resolveTask("gsm8k"))).toBeUndefined();
  });
});
