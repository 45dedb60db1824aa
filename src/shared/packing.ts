/**
 * @file Messages to the run panel as they travel: VS Code walks every value of a message, which of thousands of runs takes seconds,
 * so runs travel as one text; and what they have alike travels once, as columns of a table.
 */
import type { HostMessage, RunView } from "./panel.ts";

type WithRuns = Extract<HostMessage, { runs?: unknown }>;

export type PackedMessage =
  | Exclude<HostMessage, WithRuns>
  | (WithRuns extends infer Message
      ? Message extends WithRuns
        ? Omit<Message, "runs"> & { runs: string | null }
        : never
      : never);

export function pack(message: HostMessage): PackedMessage {
  if (message.type !== "snapshot" && message.type !== "delta") return message;
  return { ...message, runs: message.runs ? JSON.stringify(tablesOf(message.runs)) : null };
}

export function unpack(message: PackedMessage): HostMessage {
  if (message.type !== "snapshot" && message.type !== "delta") return message;
  const { runs, ...rest } = message;
  if (runs === null) return rest as HostMessage;
  const unpacked: unknown = (JSON.parse(runs) as Table[]).flatMap(recordsOf);
  return { ...rest, runs: unpacked as readonly RunView[] } as HostMessage;
}

type Fields = Readonly<Record<string, unknown>>;

/** Records with the same keys in the same order. */
interface Table {
  count: number;
  columns: [key: string, column: Column][];
}

/** What all have, what each has, which of a few values each has, or records of its own. */
type Column = { all: unknown } | { each: unknown[] } | { of: unknown[]; at: number[] } | { table: Table };

/** Neighbours with the same keys make one table. */
function tablesOf(records: readonly object[]): Table[] {
  const tables: Table[] = [];
  let block: Fields[] = [];
  let keys = "";
  const end = () => {
    if (block.length > 0) tables.push(tableOf(block));
    block = [];
  };
  for (const record of records) {
    const own = Object.keys(record).join("\n");
    if (own !== keys) end();
    keys = own;
    block.push(record as Fields);
  }
  end();
  return tables;
}

function tableOf(records: readonly Fields[]): Table {
  const keys = Object.keys(records[0]!);
  return { count: records.length, columns: keys.map((key) => [key, columnOf(records.map((record) => record[key]))]) };
}

/** A list of few values pays where each stands for several. */
const fewestUses = 4;

function columnOf(values: readonly unknown[]): Column {
  const [first] = values;
  if (values.every((value) => value === first)) return { all: first ?? null };
  if (values.every(isRecord)) {
    const [table, ...others] = tablesOf(values);
    if (table && others.length === 0) return { table };
  }
  const places = new Map<unknown, number>();
  for (const value of values) if (!places.has(value)) places.set(value, places.size);
  if (places.size * fewestUses > values.length) return { each: [...values] };
  return { of: [...places.keys()], at: values.map((value) => places.get(value)!) };
}

function isRecord(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function recordsOf({ count, columns }: Table): Fields[] {
  const read = columns.map(([key, column]) => [key, readerOf(column)] as const);
  return Array.from({ length: count }, (_, row) => {
    const record: Record<string, unknown> = {};
    for (const [key, valueAt] of read) record[key] = valueAt(row);
    return record;
  });
}

function readerOf(column: Column): (row: number) => unknown {
  if ("all" in column) return () => column.all;
  if ("each" in column) return (row) => column.each[row];
  if ("at" in column) return (row) => column.of[column.at[row]!];
  const records = recordsOf(column.table);
  return (row) => records[row];
}
