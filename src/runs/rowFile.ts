/** @file Rows of an evaluation in a file: lines of JSON, compressed, the first of which says what the others are. Read within bounds. */
import { basename } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { z } from "zod";
import { messageOf, UlptError } from "../errors.ts";
import { mostPredictions, type PredictionLimits } from "../experiment/predictionLimits.ts";
import { parseJson } from "../json.ts";
import { readOwnFile } from "./ownFiles.ts";
import { issueText } from "./schema.ts";

/** Beyond this a file is none of ours: what is compressed is hardly ever longer than before. */
const mostFileBytes = mostPredictions.bytes + 2 ** 16;

/** The rows as far as the limits go, below their first line. */
export function encodeRows<R>(
  first: object,
  rows: Iterable<R>,
  schema: z.ZodType<R>,
  limits: PredictionLimits,
): Buffer {
  const lines = [JSON.stringify(first)];
  let bytes = 0;
  for (const row of rows) {
    const text = JSON.stringify(z.encode(schema, row));
    bytes += Buffer.byteLength(text) + 1;
    if (lines.length > limits.rows || bytes > limits.bytes) break;
    lines.push(text);
  }
  return gzipSync(`${lines.join("\n")}\n`);
}

/** The first line and the others of a file of ours; undefined where there is none. @throws UlptError RUN_INVALID */
export function readRows<H extends { count: number }, R>(
  path: string,
  headSchema: z.ZodType<H>,
  rowSchema: z.ZodType<R>,
): { head: H; rows: R[] } | undefined {
  const content = readOwnFile(path, mostFileBytes);
  if (content === null) return undefined;
  const bytes = decompress(path, content);
  requireFewLines(path, bytes);
  const [first, ...lines] = bytes.toString("utf8").split("\n");
  if (lines.pop() !== "") throw invalidRows(path, "It ends within a line.");
  const parsed = parseLine(path, 1, first!, headSchema);
  if (lines.length > parsed.count) throw invalidRows(path, `It has ${lines.length} rows of ${parsed.count}.`);
  return { head: parsed, rows: lines.map((text, index) => parseLine(path, index + 2, text, rowSchema)) };
}

/** Before they are made strings, which takes far more memory than the bytes. */
function requireFewLines(path: string, bytes: Buffer): void {
  let lines = 0;
  for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, end + 1)) {
    if (++lines > mostPredictions.rows + 1) throw invalidRows(path, `It has more than ${mostPredictions.rows} rows.`);
  }
}

const newline = 0x0a;

function decompress(path: string, content: Buffer): Buffer {
  try {
    // A few KB can hold any number of zeros: what comes out is bounded, not what goes in.
    return gunzipSync(content, { maxOutputLength: mostFileBytes });
  } catch (error) {
    throw invalidRows(path, `It cannot be decompressed: ${messageOf(error)}.`, error);
  }
}

function parseLine<T>(path: string, line: number, text: string, schema: z.ZodType<T>): T {
  let json: unknown;
  try {
    json = parseJson(text);
  } catch (error) {
    throw invalidRows(`${path}, line ${line}`, `It is not JSON: ${messageOf(error)}.`, error);
  }
  const { data, error } = schema.safeParse(json);
  if (data !== undefined) return data;
  throw invalidRows(`${path}, line ${line}`, `It is not what ULPT Lab writes: ${issueText(error!)}.`, error);
}

export function invalidRows(where: string, message: string, cause?: unknown): UlptError {
  return new UlptError(
    "RUN_INVALID",
    `The kept answers in ${basename(where.replace(/, line \d+$/, ""))} cannot be read. ${message}`,
    {
      where,
      expected: "lines of JSON that ULPT Lab wrote and compressed (gzip)",
      hint: "Update, if a newer ULPT Lab may have written it. Otherwise delete the file: nothing else of the run needs it.",
      cause,
    },
  );
}
