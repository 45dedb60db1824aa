/**
 * @file Text that comes from files, from a model, the Hub or the system, prepared for the surface that shows it: one function for
 * each. A workspace is untrusted: a name in it may hold what steers a terminal, makes a link of a message, or reads in an order in
 * which it was not written. Nothing is dropped: what cannot be seen is written as an escape.
 */

/**
 * Characters that are not seen or change how others are: controls (escape sequences of terminals begin with one), formats (order
 * of writing, width zero), separators of lines, lone surrogates, private use, and what Unicode says may be left out.
 */
const unseen = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** Without these many languages and emoji cannot be written: joiners between letters that have no case, and how an emoji is drawn. */
const written =
  /(?<=[\p{Lo}\p{M}\p{Extended_Pictographic}])[\u200c\u200d](?=[\p{Lo}\p{M}\p{Extended_Pictographic}])|(?<=\p{Emoji})[\ufe0e\ufe0f]/gu;

const named: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** Nearly all text is this, and the test is cheap: tables have ten thousands of cells. */
const plain = /^[\x20-\x7e]*$/;

function escapeUnseen(text: string): string {
  if (plain.test(text)) return text;
  const kept = new Set([...text.matchAll(written)].map(({ index }) => index));
  return text.replaceAll(unseen, (character, index: number) => {
    if (kept.has(index)) return character;
    return named[character] ?? `\\u{${character.codePointAt(0)!.toString(16)}}`;
  });
}

/** For a terminal, a log or a document where the text is a part of a line: on one line, everything in it visible. */
export function visibleLine(text: string): string {
  return escapeUnseen(text);
}

/** For a terminal, a log, a tooltip or the detail of a dialog where the text has lines of its own, and tabs: they stay. */
export function visibleText(text: string): string {
  return text
    .replaceAll("\r\n", "\n")
    .split(/([\n\t])/)
    .map(lineOrSeparator)
    .join("");
}

function lineOrSeparator(part: string, index: number): string {
  return index % 2 === 1 ? part : escapeUnseen(part);
}

/** Longer messages are cut by VS Code, too. */
const longestMessage = 1000;
const longestLabel = 300;

/**
 * For a notification, a prompt of an input box or the title of progress: one line without links. VS Code makes a link of
 * `[text](command:…)`, which runs the command when it is clicked, and an icon of `$(name)`; of a bare address it makes none.
 */
export function messageText(text: string): string {
  return cut(withoutMarkup(text), longestMessage);
}

/** For a label or description in a tree, a quick pick, the status bar or a lens: one line without icons. */
export function labelText(text: string): string {
  return cut(withoutMarkup(text), longestLabel);
}

/** On one line, with a space in what VS Code would read as a link or an icon. */
function withoutMarkup(text: string): string {
  return visibleLine(oneLine(text)).replaceAll("](", "] (").replaceAll("$(", "$ (");
}

function oneLine(text: string): string {
  return text.replaceAll(/[\r\n\u2028\u2029]+/g, " ").trim();
}

/** `text` with at most `length` UTF-16 units, the last an ellipsis where something is left out. */
export function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  const short = text.slice(0, length - 1);
  return `${/[\ud800-\udbff]$/.test(short) ? short.slice(0, -1) : short}…`;
}

/** For Markdown, within a line or the cell of a table: it reads as it was written, nothing in it is markup, a tag or a link. */
export function markdownText(text: string): string {
  return visibleLine(oneLine(text))
    .replaceAll(/[\\`*_[\]~|$]/g, "\\$&")
    .replaceAll(/[&<>@]/g, (character) => entities[character]!)
    .replaceAll(/:(?=\/\/)/g, "&#58;") // an address becomes a link by itself
    .replaceAll(/www\./gi, (found) => `${found.slice(0, -1)}&#46;`)
    .replace(
      /^(?:[-+](?=\s|$|--)|[=#]|\d+(?=[.)]\s))/,
      (start) => `${start.slice(0, -1)}&#${start.charCodeAt(start.length - 1)};`,
    );
}

/** For Markdown, as inline code, whatever backticks are in it. */
export function markdownCode(text: string): string {
  const line = visibleLine(text.replaceAll("\n", "⏎"));
  const fence = "`".repeat(1 + longestRun(line));
  const space = /^`|`$|^ .* $/.test(line) ? " " : "";
  return `${fence}${space}${line}${space}${fence}`;
}

/** For Markdown, as a block of its own, line for line. */
export function markdownBlock(text: string): string {
  const fence = "`".repeat(Math.max(3, 1 + longestRun(text)));
  return `${fence}text\n${visibleText(text)}\n${fence}`;
}

function longestRun(text: string): number {
  return Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length));
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
  "@": "&#64;",
};

const latexNamed: Readonly<Record<string, string>> = {
  "\\": "\\textbackslash{}",
  "~": "\\textasciitilde{}",
  "^": "\\textasciicircum{}",
  "<": "\\textless{}",
  ">": "\\textgreater{}",
  "|": "\\textbar{}",
  '"': "\\symbol{34}",
};

/** For LaTeX in text mode: it reads as it was written, nothing in it is a command, mathematics or a comment. */
export function latexText(text: string): string {
  return visibleLine(oneLine(text))
    .replaceAll(/[\\~^<>|"{}$&#_%]/g, (character) => latexNamed[character] ?? `\\${character}`)
    .replaceAll(/-(?=-)|`(?=`)|'(?=')|[?!](?=`)/g, "$&{}") // no ligatures
    .replace(/^[[*]/, "{}$&"); // behind \\ it would be its argument
}

/** For HTML, as text or as the value of an attribute in quotes. Lines and what cannot be seen stay: a page may need them. */
export function htmlText(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character]!);
}

/** For a file that a spreadsheet opens: a line of RFC 4180, with its end. What a spreadsheet would run as a formula is made a text. */
export function csvLine(cells: readonly (string | number | null)[]): string {
  return `${cells.map(csvCell).join(",")}\r\n`;
}

function csvCell(value: string | number | null): string {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** One JSON value on a line for a terminal or a pipe: the same value, with escapes for what a terminal would obey or not show. */
export function jsonLine(value: unknown): string {
  const line = JSON.stringify(value);
  if (plain.test(line)) return line;
  return line.replaceAll(unseen, (character) => character.split("").map(unicodeEscape).join(""));
}

/** Of one UTF-16 unit, as JSON writes it. */
function unicodeEscape(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
