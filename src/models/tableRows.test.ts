import { mkdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { expectError } from "../../test/support/errors.ts";
import { temporaryFolder } from "../../test/support/folder.ts";
import { Random } from "../../test/support/random.ts";
import { encodeSafetensors, readFloats, readHeader } from "../formats/safetensors.ts";
import { symbol } from "../graph/dims.ts";
import { emit } from "../graph/emit.ts";
import * as ops from "../graph/ops.ts";
import { ints, Session } from "../graph/session.ts";
import { input } from "../graph/tensor.ts";
import { openTableRows } from "./tableRows.ts";
import { Weights } from "./weights.ts";

const folder = temporaryFolder();
let folders = 0;
const [rows, columns] = [9, 6];
const normals = new Random(1).normals(rows * columns);
/** Numbers of 16 bits in either form. */
const bits = Uint16Array.from({ length: rows * columns }, (_, i) => 0x3c00 + 7 * i);

const dtypes = ["F32", "F16", "BF16"] as const;

/** A folder whose weights hold a table behind something else. */
function written(dtype: (typeof dtypes)[number]) {
  const home = folder(`${folders++}`);
  mkdirSync(home);
  const path = join(home, "model.safetensors");
  const data = dtype === "F32" ? normals : bits;
  const bytes = encodeSafetensors({
    before: { shape: [3], data: new Float32Array(3) },
    table: { shape: [rows, columns], data },
  });
  const text = Buffer.from(bytes).toString("latin1");
  writeFileSync(path, Buffer.from(dtype === "F16" ? text.replace('"BF16"', '"F16" ') : text, "latin1"));
  const entry = readHeader(path).tensors.get("table")!;
  expect(entry.dtype).toBe(dtype);
  return { home, path, entry, stored: readFloats(path, entry) };
}

describe("rows of a table", () => {
  it.each(dtypes)("in %s are its numbers, in the order in which they are asked for, as often as they are", (dtype) => {
    const { path, entry, stored } = written(dtype);
    const reader = openTableRows(path, entry);
    const asked = [8, 0, 3, 3, 8];
    const found = reader.read(asked.map(BigInt));
    reader.close();
    expect([...found]).toEqual(asked.flatMap((row) => [...stored.subarray(row * columns, (row + 1) * columns)]));
    expect(new Set(found).size).toBe(3 * columns);
  });

  it.each([-1n, 9n, 2n ** 62n])("beyond its end are refused: %s", async (row) => {
    const { path, entry } = written("F32");
    const reader = openTableRows(path, entry);
    const error = await expectError(() => reader.read([0n, row]), "MODEL_TENSOR", path);
    expect(error.message).toContain(`row ${Number(row)} `);
    expect(error.expected).toBe("rows 0 to 8");
    reader.close();
  });

  it("of a file that is gone are missed before anything is loaded", async () => {
    const { home, path } = written("F32");
    const table = Weights.open(home).tensor("table", [rows, columns]);
    const ids = input("ids", "int64", [symbol("count")]);
    const model = emit([ids], { picked: ops.rowsOf(table, ids) });
    rmSync(path);
    await expectError(() => Session.create(model, { device: "cpu" }), "SAFETENSORS_INVALID", path);
    await expectError(() => Session.createTogether({ model }, { device: "cpu" }), "SAFETENSORS_INVALID", path);
  });

  it("that a file has lost since it was opened are said to be missing", async () => {
    const { path, entry } = written("F32");
    const reader = openTableRows(path, entry);
    truncateSync(path, entry.offset + 20);
    await expectError(() => reader.read([0n]), "SAFETENSORS_INVALID", path);
    reader.close();
  });

  it("are what a session reads where a graph picks them, which then has no table, and what the engine picks", async () => {
    const { home, stored } = written("BF16");
    const table = Weights.open(home).tensor("table", [rows, columns]);
    const ids = input("ids", "int64", [symbol("batch"), symbol("length")]);
    const other = input("other", "int64", [symbol("count")]);
    const model = emit([ids, other], {
      picked: ops.rowsOf(table, ids),
      again: ops.scale(ops.rowsOf(table, ids), 2),
      others: ops.rowsOf(table, other),
    });
    expect(model.graph.initializer.filter(({ name }) => name.includes("table"))).toEqual([]);
    const gathered = emit([ids], { picked: ops.embedding(table, ids) });
    const sessions = [
      await Session.create(model, { device: "cpu" }),
      await Session.create(gathered, { device: "cpu" }),
    ];
    const feeds = { ids: ints([1, 4, 4, 0, 8, 2], [2, 3]), other: ints([5]) };
    const [found, wanted] = await Promise.all(sessions.map((session) => session.run<string>(feeds)));
    for (const session of sessions) await session.release();
    expect(found!.picked).toEqual(wanted!.picked);
    expect(found!.picked!.shape).toEqual([2, 3, columns]);
    expect([...found!.again!.data]).toEqual([...wanted!.picked!.data].map((value) => 2 * Number(value)));
    expect([...found!.others!.data]).toEqual([...stored.subarray(5 * columns, 6 * columns)]);
  });
});
