/** @file The evaluations of the shown runs with the loss beside them, as a table: made only while somebody looks. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { RunView } from "../../../src/shared/panel.ts";
import type { CourseOf } from "../../charts/lines.ts";
import { type PanelContext, usePanel } from "../../context.ts";
import { duration } from "../../format.ts";

const mostRows = 200;

const heads = ["columnRun", "columnSplit", "columnStep", "columnTime", "xExamples", "columnLoss", "score"] as const;

interface TableRow {
  run: RunView;
  step: number;
  seconds: number;
  examples: number;
  loss: number | null;
  split: "train" | "validation" | "test";
  metric: string | null;
  score: number | null;
}

export function LossTable({ courses }: { courses: readonly CourseOf[] }): JSX.Element {
  const { texts } = usePanel();
  const [isOpen, setOpen] = useState(false);
  return (
    <details class="table-alternative" onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>{texts.t("asTable")}</summary>
      {isOpen && <Table rows={rowsOf(courses)} />}
    </details>
  );
}

function Table({ rows }: { rows: readonly TableRow[] }): JSX.Element {
  const context = usePanel();
  const { texts } = context;
  return (
    <div>
      <div class="table-scroll">
        <table>
          <caption class="hidden">{texts.t("lossTitle")}</caption>
          <thead>
            <tr>
              {heads.map((head, index) => (
                <th scope="col" class={index > 1 ? "number" : undefined} key={head}>
                  {texts.t(head)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, mostRows).map((row) => (
              <tr key={`${row.run.id} ${row.split} ${row.metric} ${row.step}`}>
                <th scope="row">{row.run.name}</th>
                <td>{splitText(row, context)}</td>
                <td class="number">{texts.count(row.step)}</td>
                <td class="number">{duration(row.seconds)}</td>
                <td class="number">{texts.count(row.examples)}</td>
                <td class="number">{texts.loss(row.loss)}</td>
                <td class="number">{texts.score(row.metric, row.score)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {rows.length > mostRows && <p class="note">{texts.t("tableLimit", mostRows, texts.count(rows.length))}</p>}
    </div>
  );
}

function splitText({ split }: TableRow, { texts }: PanelContext): string {
  if (split === "train") return texts.t("trainLossSmoothed");
  return texts.t(split === "test" ? "testScore" : "validationScore");
}

/** The newest first: the evaluations, and the last smoothed loss of each run. */
function rowsOf(courses: readonly CourseOf[]): TableRow[] {
  const rows = courses.flatMap(({ run, course }): TableRow[] => {
    const evaluations = course.evaluations.map((point) => ({ run, ...point }));
    const { step, seconds, examples, smoothed } = course.columns;
    const last = step.length - 1;
    if (last < 0) return evaluations;
    const newest: TableRow = {
      run,
      step: step[last]!,
      seconds: seconds[last]!,
      examples: examples[last]!,
      loss: smoothed[last]!,
      split: "train",
      metric: null,
      score: null,
    };
    return [...evaluations, newest];
  });
  return rows.sort((a, b) => b.step - a.step);
}
