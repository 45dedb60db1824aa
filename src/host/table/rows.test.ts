import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../../test/support/folder.ts";
import { runSpec } from "../../../test/support/runRecords.ts";
import { RunListing } from "../../listing/listing.ts";
import { changeMarks } from "../../runs/marks.ts";
import { claimRun } from "../../runs/owner.ts";
import { createRun } from "../../runs/store.ts";
import { parseTableMessage } from "./messages.ts";
import { TableRows } from "./rows.ts";

describe("the rows of the table of runs", () => {
  const folder = temporaryFolder();

  it("are told once, and again where a person marks a run or it is gone", async () => {
    const workspace = folder();
    const [a, b] = ["r2-seed1", "r2-seed2"].map((name) => {
      const { directory } = createRun(workspace, "e", name, runSpec);
      claimRun(directory).release({ code: 0, state: "finished", step: 300 });
      return directory;
    }) as [string, string];
    const listing = new RunListing();
    const summaries = () => listing.runs(dirname(a));
    const rows = new TableRows();
    expect(rows.all(await summaries()).map(({ id, starred }) => [id, starred])).toEqual([
      [a, false],
      [b, false],
    ]);
    expect(rows.changes(await summaries())).toEqual({ runs: [], gone: [] });

    changeMarks(b, (marks) => ({ ...marks, starred: true, name: "our best", tags: ["paper"] }));
    const { runs } = rows.changes(await summaries());
    expect(runs).toMatchObject([{ id: b, starred: true, displayName: "our best", tags: ["paper"], isHidden: false }]);

    rmSync(a, { recursive: true });
    expect(rows.changes(await summaries())).toEqual({ runs: [], gone: [a] });
    expect([rows.get(a), rows.get("/etc"), rows.get(b)?.id]).toEqual([undefined, undefined, b]);
  });

  it("are asked for in messages of a known form only", () => {
    const star = { type: "star", run: "/r", starred: true };
    expect(parseTableMessage(star)).toEqual(star);
    expect(parseTableMessage({ ...star, starred: "yes" })).toBeUndefined();
    expect(parseTableMessage({ type: "ask", run: "/r", mark: "state" })).toBeUndefined();
    expect(parseTableMessage(undefined)).toBeUndefined();
  });
});
