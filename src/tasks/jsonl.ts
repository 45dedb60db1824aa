/** @file JSON Lines (https://jsonlines.org), one object a line, and files that are one JSON list of objects; a piece at a time. */
import { messageOf, UlptError } from "../errors.ts";
import { nfc } from "../words/lookalike.ts";
import { cellOf } from "./cells.ts";
import { parseJsonText } from "./jsonText.ts";
import { mostRowCharacters, type RowText } from "./records.ts";
import type { Row } from "./rows.ts";

/** The rows of JSON Lines. */
export class JsonLinesReader {
  private readonly path: string;
  private rest = "";
  private line = 1;

  constructor(path: string) {
    this.path = path;
  }

  /** @throws UlptError DATA_SYNTAX for a line without an end; a row's own faults are thrown by `row` */
  read(piece: string): RowText[] {
    const rows: RowText[] = [];
    let start = 0;
    for (let end = piece.indexOf("\n"); end >= 0; end = piece.indexOf("\n", start)) {
      this.take(this.rest + piece.slice(start, end), rows);
      this.rest = "";
      this.line++;
      start = end + 1;
    }
    this.rest += piece.slice(start);
    if (this.rest.length > mostRowCharacters) throw tooLong(`${this.path}:${this.line}`);
    return rows;
  }

  end(): RowText[] {
    const rows: RowText[] = [];
    this.take(this.rest, rows);
    return rows;
  }

  private take(content: string, rows: RowText[]): void {
    if (content.trim() === "") return;
    rows.push(jsonRow(content, this.path, this.line, "line"));
  }
}

function tooLong(where: string): UlptError {
  return new UlptError("DATA_SYNTAX", `A row has more than ${mostRowCharacters.toLocaleString("en-US")} characters.`, {
    where,
    expected: "one row on each line",
    hint: "Check that the file is what its ending says: JSON Lines, or one JSON list of objects in a .json file.",
  });
}

function jsonRow(content: string, path: string, line: number, unit: "line" | "element"): RowText {
  return { line, row: () => parseRow(content, path, line, unit) };
}

/** @throws UlptError DATA_SYNTAX for what is no JSON, or no object */
function parseRow(content: string, path: string, line: number, unit: "line" | "element"): Row {
  const where = `${path}:${line}`;
  const expected = `one JSON object per ${unit}, like {"text": "…", "label": 1}`;
  let value: unknown;
  try {
    value = parseJsonText(content);
  } catch (cause) {
    throw new UlptError("DATA_SYNTAX", `The ${unit} is not valid JSON: ${messageOf(cause)}.`, {
      where,
      expected,
      hint: syntaxHint(content),
      cause,
    });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return { line, cells: new Map(Object.entries(value).map(([field, inner]) => [nfc(field), cellOf(inner)])) };
  }
  const found = value === null ? "null" : Array.isArray(value) ? "a list" : `a ${typeof value}`;
  throw new UlptError("DATA_SYNTAX", `The ${unit} holds ${found}, not an object.`, {
    where,
    expected,
    hint:
      found === "a list" && unit === "line"
        ? "A file that is one JSON list of objects is read where its name ends in .json."
        : "Write each row as an object with named fields.",
  });
}

function syntaxHint(content: string): string {
  if (/[[:,]\s*-?(NaN|Infinity)\b/.test(content)) return "JSON has no NaN and no Infinity: write null, or a number.";
  const start = content.trim();
  if (start === "[" || start === "{" || /^\[\s*\{/.test(start))
    return "A row stands on one line. A file that is one JSON list of objects is read where its name ends in .json.";
  return "Correct the line.";
}

const spaceBefore = /[^\s]/g;

/** The rows of a .json file: the elements of its list or, where it begins with an object, those of JSON Lines. */
export class JsonReader {
  private readonly path: string;
  private form: ListReader | JsonLinesReader | undefined;
  private space = "";

  constructor(path: string) {
    this.path = path;
  }

  /** @throws UlptError DATA_SYNTAX */
  read(piece: string): RowText[] {
    if (this.form) return this.form.read(piece);
    this.space += piece;
    spaceBefore.lastIndex = 0;
    const first = spaceBefore.exec(this.space)?.[0];
    if (first === undefined) return [];
    if (first === "[") this.form = new ListReader(this.path);
    else if (/^\s*\{\s*[\r\n]/.test(this.space)) throw this.oneObject();
    else this.form = new JsonLinesReader(this.path);
    return this.form.read(this.space);
  }

  /** @throws UlptError DATA_SYNTAX */
  end(): RowText[] {
    return this.form?.end() ?? [];
  }

  private oneObject(): UlptError {
    return new UlptError("DATA_SYNTAX", "The file is one JSON object, not a list of rows.", {
      where: `${this.path}:1`,
      expected: 'a JSON list of objects, like [{"text": "…", "label": 1}], or one object per line',
      hint: "Save the list of rows that is inside it as a file of its own.",
    });
  }
}

/** The elements of a JSON list, cut out by counting brackets; only each element itself is parsed. */
class ListReader {
  private readonly path: string;
  /** At its bracket, where its first or the next element may begin, within one, or at its end. */
  private place: "bracket" | "first" | "next" | "element" | "end" = "bracket";
  private element = "";
  private elementLine = 1;
  private depth = 0;
  private inString = false;
  private escaped = false;
  private line = 1;

  constructor(path: string) {
    this.path = path;
  }

  read(piece: string): RowText[] {
    const rows: RowText[] = [];
    let start = 0;
    for (let at = 0; at < piece.length; at++) {
      const code = piece.charCodeAt(at);
      if (code === 0x0a) this.line++;
      if (this.place === "element") {
        if (!this.endsElement(code)) continue;
        rows.push(jsonRow(this.element + piece.slice(start, at), this.path, this.elementLine, "element"));
        this.element = "";
        this.place = code === 0x2c ? "next" : "end";
      } else if (!isSpace(code)) {
        this.readBetween(code);
        start = at;
      }
    }
    if (this.place === "element") this.element += piece.slice(start);
    if (this.element.length > mostRowCharacters) throw tooLong(`${this.path}:${this.elementLine}`);
    return rows;
  }

  end(): RowText[] {
    if (this.place === "element") this.line = this.elementLine;
    if (this.place !== "end") throw this.broken("The file ends within the list, or an element of it that begins here.");
    return [];
  }

  /** A character outside of elements that is no space. */
  private readBetween(code: number): void {
    if (this.place === "end") throw this.broken("Something follows the end of the list.");
    if (this.place === "bracket") this.place = "first";
    else if (this.place === "first" && code === 0x5d) this.place = "end";
    else {
      this.place = "element";
      this.elementLine = this.line;
      this.depth = 0;
      if (this.endsElement(code)) throw this.broken("An element of the list is missing.");
    }
  }

  /** Takes one more character of an element; whether it ends the element, of which it is no part. */
  private endsElement(code: number): boolean {
    if (this.inString) {
      if (this.escaped) this.escaped = false;
      else if (code === 0x5c) this.escaped = true;
      else if (code === 0x22) this.inString = false;
      return false;
    }
    if (code === 0x22) this.inString = true;
    else if (code === 0x7b || code === 0x5b) this.depth++;
    else if (code === 0x7d || code === 0x5d) {
      if (this.depth === 0) return true;
      this.depth--;
    } else if (code === 0x2c && this.depth === 0) return true;
    return false;
  }

  private broken(message: string): UlptError {
    return new UlptError("DATA_SYNTAX", message, {
      where: `${this.path}:${this.line}`,
      expected: 'a complete JSON list of objects, like [{"text": "…", "label": 1}]',
      hint: "Check that what wrote the file had finished.",
    });
  }
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}
