import { describe, expect, it } from "vitest";
import type { Preview, PreviewedRow } from "../../tasks/preview.ts";
import { untranslated as t } from "../window/translate.ts";
import { type PreviewPage, pageRows, previewHtml } from "./previewPage.ts";

const whole = { tokens: 5, unknown: 0, kept: undefined, cut: undefined };

function row(change: Partial<PreviewedRow> = {}): PreviewedRow {
  return {
    line: 17,
    source: "sentence: a warm film",
    target: "1",
    references: undefined,
    sourceText: whole,
    targetText: { ...whole, tokens: 2 },
    ...change,
  };
}

const truncated = row({
  source: "one two three",
  sourceText: { tokens: 300, unknown: 0, kept: "one two", cut: "three" },
});

function html(preview: Partial<Preview> = {}, page: Partial<PreviewPage> = {}): string {
  const rows = preview.rows ?? [row(), truncated];
  return previewHtml(
    {
      nonce: "abc",
      language: "en",
      name: "sst2",
      request: { file: "file:///w/a.ulpt.json", split: "train", page: 0 },
      preview: { split: "train", count: 1234, rows, maxSourceLength: 256, maxTargetLength: undefined, ...preview },
      counts: { train: 1234 },
      source: "SST-2",
      template: "sentence: {sentence}",
      target: "{label}",
      ...page,
    },
    t,
  );
}

/** The arguments of the commands that the page's links run. */
function links(text: string): unknown[] {
  return [...text.matchAll(/href="command:ulpt\.internal\.showPreview\?([^"]+)"/g)].map(
    ([, args]) => (JSON.parse(decodeURIComponent(args!)) as unknown[])[0],
  );
}

describe("the page of a preview", () => {
  it("says how many rows there are and how many of those shown are truncated", () => {
    expect(html()).toContain("1,234 rows · shown: 1 to 2 · 1 of these truncated to 256 tokens");
    expect(html({ rows: [row()] })).toContain("none is truncated: the longest source has 5 of at most 256 tokens");
  });

  it("shows a text as the model sees it where the tokenizer does not know all of it", () => {
    const lossy = row({ source: "code {", sourceText: { tokens: 3, unknown: 1, kept: "code <unk>", cut: undefined } });
    const page = html({ rows: [row(), lossy] });
    expect(page).toContain("code &lt;unk&gt;");
    expect(page).toContain("1 of these hold text that the model&#39;s tokenizer does not know");
    expect(html({ rows: [row()] })).not.toContain("does not know");
  });

  it("says how many rows were left out because a field is null", () => {
    const facts = { source: "train", of: 14_732, first: "0000.parquet:6054" };
    const dropped: Preview["dropped"] = [
      { by: "where", count: 1_204, fields: ["label"], ...facts },
      { by: "dropNulls", count: 1, fields: ["dialogue"], ...facts },
    ];
    expect(html({ dropped })).toContain("1,204 of 14,732 rows of train left out by where: label");
    expect(html({ dropped })).toContain("1 of 14,732 rows of train left out: dialogue is null");
    expect(html()).not.toContain("left out");
  });

  it("strikes through what the model does not see, and sets the tokens against the limit", () => {
    const text = html();
    expect(text).toContain('one two<del><span class="mark">cut off</span>three</del>');
    expect(text).toContain('300<span class="limit">/ 256</span>');
    expect(text.match(/<tr class="cut">/g)).toHaveLength(1);
  });

  it("numbers rows in their split and names the line of the file", () => {
    expect(html()).toContain('title="line or row 17 of the data file">1</td>');
  });

  it("shows references only where the task has some", () => {
    expect(html()).not.toContain("Judged by");
    expect(html({ rows: [row({ references: ["assert f(1)", "assert f(2)"] })] })).toContain(
      '<div class="reference">assert f(1)</div><div class="reference">assert f(2)</div>',
    );
  });

  it("leads to the other splits and to the next rows", () => {
    const rows = Array.from({ length: pageRows }, () => row());
    const file = "file:///w/a.ulpt.json";
    expect(links(html({ rows }))).toEqual([
      { file, split: "validation", page: 0 },
      { file, split: "test", page: 0 },
      { file, split: "train", page: 1 },
    ]);
  });

  it("leads back from later rows, and not beyond the last", () => {
    const rows = Array.from({ length: pageRows + 2 }, () => row());
    const request = { file: "f", split: "train", page: 1 } as const;
    const text = html({ rows, count: pageRows + 2 }, { request });
    expect(text).toContain(`shown: ${pageRows + 1} to ${pageRows + 2}`);
    expect(links(text).slice(2)).toEqual([{ file: "f", split: "train", page: 0 }]);
  });

  it("leads on from a full page of a split that was not counted, and from no other", () => {
    const page = (length: number) => html({ rows: Array.from({ length }, () => row()), count: undefined });
    expect(page(pageRows)).toContain("shown: 1 to 25");
    expect(links(page(pageRows)).at(-1)).toMatchObject({ page: 1 });
    expect(links(page(pageRows - 1))).toHaveLength(2);
  });

  it("says that a task has no test rows", () => {
    const request = { file: "f", split: "test", page: 0 } as const;
    const text = html({ split: "test", count: 0, rows: [] }, { request });
    expect(text).toContain("there will be no test score");
    expect(text).not.toContain("<table>");
  });

  it("counts no tokens where there is no tokenizer", () => {
    const unknown = { tokens: undefined, unknown: undefined, kept: undefined, cut: undefined };
    expect(html({ rows: [row({ sourceText: unknown, targetText: unknown })] })).not.toContain("truncated");
  });

  it("runs nothing that the data says, and loads nothing", () => {
    const evil = `</td><script>alert(1)</script><img src=x onerror="alert(1)"><a href="command:x">`;
    const text = html(
      { rows: [row({ source: evil, target: evil, references: [evil] })] },
      { name: evil, source: evil, template: evil, target: evil },
    );
    expect(text).not.toMatch(/<script|<img|href="command:x/);
    expect(text).toContain("default-src &#39;none&#39;; style-src &#39;nonce-abc&#39;");
  });

  it("makes line ends visible", () => {
    expect(html({ rows: [row({ source: "a\r\nb" })] })).toContain(
      'a<span class="control">␍</span><span class="control">⏎</span>\nb',
    );
  });
});
