/**
 * @file Successive halving beside the full grid, on the sample: how close the learning rate that it finds is, and how many of the
 * grid's steps it takes.
 *
 *   npm run sweep:halving [-- experiment.ulpt.json]
 */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { reportRun } from "../../src/listing/report.ts";
import { listRuns } from "../../src/listing/summary.ts";
import setup, { repository } from "../../test/support/bundle.ts";
import { ulptOk } from "../../test/support/cli.ts";

const rates = [0.01, 0.03, 0.06, 0.1, 0.2, 0.3, 0.6, 1, 2];
const halving = { reduction: 3, firstRung: 100 };

interface Found {
  rate: number;
  validation: number;
  test: number;
  steps: number;
}

/** The finished run with the best validation, and the steps of all. */
function found(workspace: string): Found {
  const runs = listRuns(workspace);
  const reports = runs.map((run) => ({ run, report: reportRun({ directory: run.directory, spec: run.spec! }) }));
  const finished = reports.filter(({ report }) => report.state === "finished");
  const best = finished.reduce((a, b) => (b.report.bestValidation! > a.report.bestValidation! ? b : a));
  const { training } = best.run.spec!.settings as { training: { learningRate: number } };
  return {
    rate: training.learningRate,
    validation: best.report.bestValidation!,
    test: best.report.test!.score,
    steps: runs.reduce((sum, { step }) => sum + step, 0),
  };
}

const percent = (fraction: number) => `${(100 * fraction).toFixed(1)} %`;

async function main(): Promise<void> {
  setup();
  const file = resolve(process.argv[2] ?? join(repository, "examples", "sample", "complaint.ulpt.json"));
  const folder = mkdtempSync(join(tmpdir(), "ulpt-halving-"));
  try {
    cpSync(dirname(file), folder, {
      recursive: true,
      dereference: true,
      filter: (path) => !path.includes(".ulpt/") && !path.endsWith(".ulpt"),
    });
    const train = (...more: string[]) =>
      ulptOk(
        [
          ...["train", basename(file), "--json", "--workspace", folder],
          ...["--set", "method=ulpt", "--set", "rank=2", "--set", `training.learningRate=${JSON.stringify(rates)}`],
          ...more,
        ],
        { cwd: folder },
      );
    await train("--set", `search.halving=${JSON.stringify(halving)}`);
    const halved = found(folder);
    console.log(
      `halving: learning rate ${halved.rate}, validation ${percent(halved.validation)}, test ${percent(halved.test)}, ${halved.steps} steps`,
    );
    // The runs that it left go on exactly: with them the others are the grid that was never halved.
    await train("--continue");
    const grid = found(folder);
    console.log(
      `grid:    learning rate ${grid.rate}, validation ${percent(grid.validation)}, test ${percent(grid.test)}, ${grid.steps} steps`,
    );
    const short = grid.validation - halved.validation;
    const share = halved.steps / grid.steps;
    console.log(
      `halving is ${(100 * short).toFixed(1)} points short of the grid's best validation at ${percent(share)} of its steps`,
    );
    if (short > 0.01 || share > 1 / 3) process.exitCode = 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
