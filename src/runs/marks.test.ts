import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { beforeEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/folder.ts";
import { runPaths } from "./layout.ts";
import { changeMarks, noMarks, readMarks } from "./marks.ts";

describe("what a person says of a run", () => {
  const folder = temporaryFolder();
  let directory: string;
  let next = 0;
  beforeEach(() => {
    directory = folder(".ulpt", "runs", "e", `r${next++}`);
    mkdirSync(directory, { recursive: true });
  });

  it("is kept with it, a change at a time; a tag stands once", () => {
    expect(readMarks(directory)).toEqual(noMarks);
    changeMarks(directory, (marks) => ({ ...marks, tags: ["paper", "paper"] }));
    changeMarks(directory, (marks) => ({ ...marks, starred: true, note: "\u001b[2J two\nlines" }));
    expect(readMarks(directory)).toMatchObject({ starred: true, tags: ["paper"], note: "\u001b[2J two\nlines" });
    const named = changeMarks(directory, (marks) => ({ ...marks, name: "our best", hidden: true }));
    expect(named).toMatchObject({ starred: true, name: "our best", hidden: true });
    expect(readMarks(directory)).toEqual(named);
  });

  it("is not read from a file larger than any could be, of which a table has thousands", () => {
    changeMarks(directory, (marks) => ({ ...marks, starred: true }));
    appendFileSync(runPaths(directory).marks, " ".repeat(2 ** 18));
    expect(() => readMarks(directory)).toThrow(expect.objectContaining({ code: "RUN_INVALID" }));
  });

  it("is refused where it is too long, and what was there stays", () => {
    changeMarks(directory, (marks) => ({ ...marks, note: "kept" }));
    const before = readFileSync(runPaths(directory).marks, "utf8");
    expect(() => changeMarks(directory, (marks) => ({ ...marks, tags: ["x".repeat(65)] }))).toThrow(
      expect.objectContaining({ code: "OPTION_INVALID", where: "tags.0" }),
    );
    expect(readFileSync(runPaths(directory).marks, "utf8")).toBe(before);
  });

  it.each(["{", "[]", '{"version":2}', '{"version":1,"starred":"yes","tags":[],"note":""}'])(
    "is refused in words where the file is damaged: %s",
    (text) => {
      writeFileSync(runPaths(directory).marks, text);
      expect(() => readMarks(directory)).toThrow(expect.objectContaining({ code: "RUN_INVALID" }));
      expect(() => changeMarks(directory, (marks) => marks)).toThrow(expect.objectContaining({ code: "RUN_INVALID" }));
    },
  );
});
