/**
 * @file The page of a preview: rows as the model will see them. Plain HTML without a script, so its links are commands; whatever
 * comes from the data is escaped. Knows no `vscode`.
 */
import { type SplitName, splitNames } from "../../tasks/names.ts";
import type { Preview, PreviewedRow, PreviewedText } from "../../tasks/preview.ts";
import { htmlText } from "../../words/surfaces.ts";
import { internalCommands } from "../ids.ts";
import type { Translate } from "../window/translate.ts";
import { countText } from "./registryTexts.ts";

/** Rows on a page. */
export const pageRows = 25;
/** What the runtime gives at most. */
const mostRows = 1000;

export interface PreviewRequest {
  /** URI of the experiment file. */
  file: string;
  split: SplitName;
  /** Counted from 0. */
  page: number;
}

export interface PreviewPage {
  nonce: string;
  language: string;
  /** Of the experiment. */
  name: string;
  request: PreviewRequest;
  preview: Preview;
  /** Rows of the splits that were shown. */
  counts: Readonly<Partial<Record<SplitName, number>>>;
  /** The task in a line: its data. */
  source: string;
  template: string;
  target: string;
}

export function previewHtml(page: PreviewPage, t: Translate): string {
  const { nonce, language, name, request, preview, source, template, target } = page;
  const policy = `default-src 'none'; style-src 'nonce-${nonce}'`;
  const first = request.page * pageRows;
  const rows = preview.rows.slice(first);
  return `<!DOCTYPE html>
<html lang="${htmlText(language)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${htmlText(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${htmlText(t("Data of {0}", name))}</title>
<style nonce="${nonce}">${style}</style>
</head>
<body>
<header>
<h1>${htmlText(name)}</h1>
<p class="quiet">${htmlText(source)}</p>
<dl>
<dt>${htmlText(t("The model reads"))}</dt><dd><code>${shownText(template)}</code></dd>
<dt>${htmlText(t("and should answer"))}</dt><dd><code>${shownText(target)}</code></dd>
</dl>
${tabs(page, t)}
</header>
<main>
${summary(preview, rows, first, t)}
${rows.length === 0 ? "" : table(rows, first, preview, t)}
${pages(request, preview, rows.length, t)}
</main>
</body>
</html>
`;
}

/** A link of the page: the command that shows other rows. */
function link(request: PreviewRequest): string {
  const args = encodeURIComponent(JSON.stringify([request]));
  return `command:${internalCommands.showPreview}?${args}`;
}

function tabs({ request, counts }: PreviewPage, t: Translate): string {
  const titles: Record<SplitName, string> = { train: t("Train"), validation: t("Validation"), test: t("Test") };
  const items = splitNames.map((split) => {
    const count = counts[split];
    const text = `${htmlText(titles[split])}${count === undefined ? "" : ` <span class="count">${countText(count)}</span>`}`;
    if (split === request.split) return `<span class="tab" aria-current="page">${text}</span>`;
    return `<a class="tab" href="${htmlText(link({ ...request, split, page: 0 }))}">${text}</a>`;
  });
  return `<nav aria-label="${htmlText(t("Rows of"))}">${items.join("")}</nav>`;
}

export function isCut({ cut }: PreviewedText): boolean {
  return cut !== undefined;
}

/** `66,349 rows · rows 1 to 25 · 3 of these lose their end: …` */
function summary(
  { split, count, dropped, maxSourceLength }: Preview,
  rows: readonly PreviewedRow[],
  first: number,
  t: Translate,
): string {
  if (count === 0) {
    const none =
      split === "test" ? t("The task has no test rows: there will be no test score.") : t("The task has no rows here.");
    return `<p class="summary">${htmlText(none)}</p>`;
  }
  const parts = [
    ...(count === undefined ? [] : [count === 1 ? t("1 row") : t("{0} rows", countText(count))]),
    t("shown: {0} to {1}", countText(first + 1), countText(first + rows.length)),
  ];
  for (const { by, source, fields, ...of } of dropped ?? []) {
    const [left, all] = [countText(of.count), countText(of.of)];
    parts.push(
      by === "where"
        ? t("{0} of {1} rows of {2} left out by where: {3}", left, all, source, fields.join(", "))
        : t("{0} of {1} rows of {2} left out: {3} is null", left, all, source, fields.join(", ")),
    );
  }
  if (rows.some(({ sourceText }) => sourceText.tokens !== undefined)) {
    const cut = rows.filter(({ sourceText }) => isCut(sourceText)).length;
    const longest = Math.max(...rows.map(({ sourceText }) => sourceText.tokens ?? 0));
    const lossy = rows.filter(({ sourceText }) => sourceText.unknown).length;
    parts.push(
      cut === 0
        ? t("none is truncated: the longest source has {0} of at most {1} tokens", longest, maxSourceLength)
        : t(
            "{0} of these truncated to {1} tokens: what is struck through the model does not see",
            cut,
            maxSourceLength,
          ),
      ...(lossy === 0
        ? []
        : [
            t(
              "{0} of these hold text that the model's tokenizer does not know: what is lost is marked as unknown",
              lossy,
            ),
          ]),
    );
  }
  return `<p class="summary" role="status">${parts.map(htmlText).join(" · ")}</p>`;
}

function table(
  rows: readonly PreviewedRow[],
  first: number,
  { maxSourceLength, maxTargetLength }: Preview,
  t: Translate,
): string {
  const hasReferences = rows.some(({ references }) => references !== undefined && references.length > 0);
  const heads = [
    { text: t("Row"), kind: "number" },
    { text: t("Source"), kind: "" },
    { text: t("Tokens"), kind: "number" },
    { text: t("Target"), kind: "" },
    { text: t("Tokens"), kind: "number" },
    ...(hasReferences ? [{ text: t("Judged by"), kind: "" }] : []),
  ];
  const head = heads.map(({ text, kind }) => `<th scope="col"${kind ? ` class="${kind}"` : ""}>${htmlText(text)}</th>`);
  const body = rows.map((row, index) => {
    const { line, source, target, references, sourceText, targetText } = row;
    const cells = [
      `<td class="number" title="${htmlText(t("line or row {0} of the data file", countText(line)))}">${countText(first + index + 1)}</td>`,
      `<td class="text">${shown(source, sourceText, t)}</td>`,
      tokens(sourceText, maxSourceLength, t),
      `<td class="text target">${shown(target, targetText, t)}</td>`,
      tokens(targetText, maxTargetLength, t),
      ...(hasReferences ? [`<td class="text">${(references ?? []).map(reference).join("")}</td>`] : []),
    ];
    return `<tr${isCut(sourceText) || isCut(targetText) ? ' class="cut"' : ""}>${cells.join("")}</tr>`;
  });
  return `<table><thead><tr>${head.join("")}</tr></thead><tbody>\n${body.join("\n")}\n</tbody></table>`;
}

function shown(text: string, { kept, cut }: PreviewedText, t: Translate): string {
  if (cut === undefined) return shownText(kept ?? text);
  const label = htmlText(t("cut off"));
  return `${shownText(kept ?? text)}<del><span class="mark">${label}</span>${shownText(cut)}</del>`;
}

/** Escaped, with line ends and tabs that can be seen. */
function shownText(text: string): string {
  return htmlText(text)
    .replaceAll("\r", '<span class="control">␍</span>')
    .replaceAll("\n", '<span class="control">⏎</span>\n')
    .replaceAll("\t", '<span class="control">⇥</span>\t');
}

function reference(text: string): string {
  return `<div class="reference">${shownText(text)}</div>`;
}

function tokens(text: PreviewedText, limit: number | undefined, t: Translate): string {
  if (text.tokens === undefined) return `<td class="number">–</td>`;
  const count = countText(text.tokens);
  if (!isCut(text) || limit === undefined) return `<td class="number">${count}</td>`;
  const title = htmlText(t("{0} tokens, of which {1} are seen", count, countText(limit)));
  return `<td class="number over" title="${title}">${count}<span class="limit">/ ${countText(limit)}</span></td>`;
}

/** The service counts rows from the first: a page that nobody can ask for is not offered. */
function pages(request: PreviewRequest, { count }: Preview, shownRows: number, t: Translate): string {
  const end = request.page * pageRows + shownRows;
  // Where nobody counted, a full page may be followed by another.
  const after = count === undefined ? (shownRows === pageRows ? pageRows : 0) : count - end;
  const next = Math.min(pageRows, after, mostRows - end);
  const links = [
    ...(request.page > 0 ? [{ text: t("‹ Rows before"), to: { ...request, page: request.page - 1 } }] : []),
    ...(next > 0 ? [{ text: t("Next {0} rows ›", next), to: { ...request, page: request.page + 1 } }] : []),
  ];
  if (links.length === 0) return "";
  const items = links.map(({ text, to }) => `<a class="button" href="${htmlText(link(to))}">${htmlText(text)}</a>`);
  return `<nav class="pages" aria-label="${htmlText(t("More rows"))}">${items.join("")}</nav>`;
}

const style = `
body { color: var(--vscode-foreground); font-family: var(--vscode-font-family); font-size: var(--vscode-font-size);
  line-height: 1.5; margin: 0; padding: 0 24px 40px; }
h1 { font-size: 1.6em; font-weight: 600; margin: 20px 0 2px; overflow-wrap: anywhere; }
p { margin: 0; }
.quiet, dt { color: var(--vscode-descriptionForeground); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 14px; margin: 10px 0 16px; }
dd { margin: 0; }
code, td.text { font-family: var(--vscode-editor-font-family); font-size: var(--vscode-editor-font-size); }
code { background: none; color: inherit; padding: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
nav { display: flex; gap: 4px; border-bottom: 1px solid var(--vscode-panel-border, var(--vscode-contrastBorder, transparent)); }
.tab { border-bottom: 2px solid transparent; color: var(--vscode-panelTitle-inactiveForeground, inherit); margin-bottom: -1px;
  padding: 5px 12px; text-decoration: none; }
a.tab:hover { color: var(--vscode-panelTitle-activeForeground, inherit); }
.tab[aria-current] { border-bottom-color: var(--vscode-panelTitle-activeBorder, var(--vscode-focusBorder));
  color: var(--vscode-panelTitle-activeForeground, inherit); }
.count { color: var(--vscode-descriptionForeground); font-variant-numeric: tabular-nums; margin-inline-start: 4px; }
a:focus-visible { outline: 1px solid var(--vscode-focusBorder); outline-offset: -1px; }
.summary { margin: 14px 0 10px; }
table { border-collapse: collapse; width: 100%; }
th { background: var(--vscode-editor-background); border-bottom: 1px solid
  var(--vscode-panel-border, var(--vscode-contrastBorder, transparent)); color: var(--vscode-descriptionForeground);
  font-weight: 400; padding: 4px 16px 4px 0; position: sticky; text-align: start; top: 0; white-space: nowrap; }
td { border-bottom: 1px solid var(--vscode-panel-border, var(--vscode-contrastBorder, transparent)); padding: 6px 16px 6px 0;
  vertical-align: baseline; }
tbody tr:hover { background: var(--vscode-list-hoverBackground); }
.number { font-variant-numeric: tabular-nums; text-align: end; white-space: nowrap; width: 1%; }
td.number { color: var(--vscode-descriptionForeground); }
td.text { overflow-wrap: anywhere; white-space: pre-wrap; }
td.target { max-width: 28vw; min-width: 6ch; }
.over { color: var(--vscode-editorWarning-foreground) !important; font-weight: 600; }
.limit { color: var(--vscode-descriptionForeground); font-weight: 400; margin-inline-start: 4px; }
del { color: var(--vscode-descriptionForeground); text-decoration-color: var(--vscode-editorWarning-foreground); }
.mark { border: 1px solid var(--vscode-editorWarning-foreground); border-radius: 3px; color: var(--vscode-editorWarning-foreground);
  display: inline-block; font-family: var(--vscode-font-family); font-size: 0.8em; line-height: 1.3; margin: 0 6px; padding: 0 5px;
  text-decoration: none; white-space: nowrap; }
.control { color: var(--vscode-descriptionForeground); opacity: 0.7; }
.reference + .reference { margin-top: 4px; }
.pages { border: 0; gap: 8px; margin-top: 16px; }
.button { background: var(--vscode-button-secondaryBackground); border: 1px solid
  var(--vscode-button-border, var(--vscode-contrastBorder, transparent)); border-radius: 2px;
  color: var(--vscode-button-secondaryForeground); padding: 3px 12px; text-decoration: none; }
.button:hover { background: var(--vscode-button-secondaryHoverBackground); color: var(--vscode-button-secondaryForeground); }
`;
