/** @file The table of all runs: filter and columns above, a row for each run below. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import type { FromTable, TablePreferences, TableRun, TableStrings } from "../../../src/shared/runTable.ts";
import { fill, type Texts } from "../../format.ts";
import { Checkbox, SearchField } from "../../ui/controls.tsx";
import { EmptyState } from "../emptyState.tsx";
import { RunGrid } from "./runGrid.tsx";
import { listed, offeredColumns } from "./tableModel.ts";
import "./table.css";

export interface TableProps {
  runs: readonly TableRun[];
  strings: TableStrings;
  texts: Texts;
  preferences: TablePreferences;
  prefer: (change: Partial<TablePreferences>) => void;
  send: (message: FromTable) => void;
}

export function TableView(props: TableProps): JSX.Element {
  const { runs, strings, texts, preferences, prefer } = props;
  const { filter, sort, starredOnly, showHidden } = preferences;
  const matching = useMemo(() => listed(runs, preferences), [runs, filter, sort, starredOnly, showHidden]);
  document.body.dataset.matching = String(matching.length);
  if (runs.length === 0) return <EmptyState title={strings.none} detail={strings.noneDetail} />;
  return (
    <>
      <header class="table-head">
        <h1>{strings.title}</h1>
        <p class="note" role="status">
          {fill(strings.counted, [texts.count(matching.length), texts.count(runs.length)])}
        </p>
      </header>
      <div class="toolbar" title={strings.filterHint}>
        <span class="table-filter">
          <SearchField label={strings.filter} value={filter} onInput={(text) => prefer({ filter: text })} />
        </span>
        <Checkbox
          label={strings.starredOnly}
          checked={starredOnly}
          onChange={(checked) => prefer({ starredOnly: checked })}
        />
        <Checkbox
          label={strings.showHidden}
          checked={showHidden}
          onChange={(checked) => prefer({ showHidden: checked })}
        />
      </div>
      <ColumnChoice {...props} />
      {matching.length === 0 ? (
        <EmptyState title={strings.noMatch} detail={strings.noMatchDetail} />
      ) : (
        <RunGrid {...props} runs={matching} baseline={runs.find(({ id }) => id === preferences.baseline)} />
      )}
    </>
  );
}

function ColumnChoice({ runs, strings, preferences, prefer }: TableProps): JSX.Element {
  const offered = useMemo(() => offeredColumns(runs), [runs]);
  const { columns } = preferences;
  const choose = (field: string, isChosen: boolean) =>
    prefer({ columns: isChosen ? [...columns, field] : columns.filter((other) => other !== field) });
  return (
    <details class="column-choice">
      <summary>{strings.columns}</summary>
      <div class="column-boxes">
        {offered.map((field) => (
          <Checkbox
            key={field}
            label={strings.fields[field] ?? field}
            checked={columns.includes(field)}
            onChange={(checked) => choose(field, checked)}
          />
        ))}
      </div>
    </details>
  );
}
