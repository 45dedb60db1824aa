import { describe, expect, it } from "vitest";
import {
  htmlText,
  jsonLine,
  labelText,
  markdownBlock,
  markdownCode,
  markdownText,
  messageText,
  visibleLine,
  visibleText,
} from "./surfaces.ts";

const esc = "\x1b";

/** What a hostile file would put into a name, and what stands on a terminal instead. */
const hostile: readonly [what: string, text: string, line: string][] = [
  ["a colour", `${esc}[31mred${esc}[0m`, "\\u{1b}[31mred\\u{1b}[0m"],
  ["a cleared screen", `${esc}[2J${esc}[H`, "\\u{1b}[2J\\u{1b}[H"],
  [
    "a link (OSC 8)",
    `${esc}]8;;http://x${esc}\\x${esc}]8;;${esc}\\`,
    "\\u{1b}]8;;http://x\\u{1b}\\x\\u{1b}]8;;\\u{1b}\\",
  ],
  ["a title (OSC 0)", `${esc}]0;owned\x07`, "\\u{1b}]0;owned\\u{7}"],
  ["a clipboard (OSC 52)", `${esc}]52;c;cm0=\x07`, "\\u{1b}]52;c;cm0=\\u{7}"],
  ["a control sequence of one C1 character", "\x9b31m\x9d0;x\x9c", "\\u{9b}31m\\u{9d}0;x\\u{9c}"],
  ["a line written over", "fine\rfailed", "fine\\rfailed"],
  ["a step back", "ok\b\bno", "ok\\u{8}\\u{8}no"],
  ["a line more", "a\n  todo: rm -rf", "a\\n  todo: rm -rf"],
  ["lines of other kinds", "a\v\f\x85\u2028\u2029b", "a\\u{b}\\u{c}\\u{85}\\u{2028}\\u{2029}b"],
  ["writing from right to left", "a\u202egpj.exe\u2066\u2069", "a\\u{202e}gpj.exe\\u{2066}\\u{2069}"],
  [
    "nothing that is seen",
    "a\u200b\u200c\u2060\ufeff\u00ad\u3164\u{e0041}b",
    "a\\u{200b}\\u{200c}\\u{2060}\\u{feff}\\u{ad}\\u{3164}\\u{e0041}b",
  ],
  ["a delete and a null", "\x7f\0", "\\u{7f}\\u{0}"],
  ["half of a character", "\ud83d", "\\u{d83d}"],
];

describe("a line for a terminal", () => {
  it.each(hostile)("shows %s", (_, text, line) => {
    expect(visibleLine(text)).toBe(line);
  });

  it.each(hostile)("keeps in a text of several lines those alone: %s", (_, text) => {
    expect(visibleText(text)).not.toMatch(/[\0-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/);
    expect(visibleText(text).split("\n")).toHaveLength(text.split("\n").length);
  });

  it("leaves what people write: other scripts, their joiners, emoji, tabs and lines where there may be some", () => {
    for (const text of [
      "naïve – “ok” ✓",
      "日本語",
      "می\u200cخواهم",
      "क\u094d\u200dष",
      "👩\u200d🔬 ❤\ufe0f 1\ufe0f\u20e3",
      "▁great Ġ",
    ]) {
      expect(visibleLine(text)).toBe(text);
      expect(visibleText(`${text}\r\n\t${text}`)).toBe(`${text}\n\t${text}`);
    }
  });
});

/** The expression with which VS Code finds the links of a notification (`vs/base/common/linkedText`). */
const vscodeLink = /\[([^\]]+)\]\(((?:https?:\/\/|command:|file:)[^)\s]+)(?: (["'])(.+?)(\3))?\)/i;
/** And the icons of a label (`vs/base/browser/ui/iconLabel/iconLabels`). */
const vscodeIcon = /(\\)?\$\((([A-Za-z0-9-]+)(?:~[A-Za-z]+)?)\)/;

describe("a message", () => {
  it.each([
    "[x](command:workbench.action.terminal.new)",
    "[click](https://example.com 'title')",
    "[[x]](command:a)",
    "a [b\n](command:a) c",
    "[x](file:///etc/passwd)",
    "$(zap) $(sync~spin)",
  ])("has no link and no icon of %j", (text) => {
    for (const shown of [messageText(text), labelText(text), messageText(`${text}${text}`)]) {
      expect(shown).not.toMatch(vscodeLink);
      expect(shown).not.toMatch(vscodeIcon);
      expect(shown).not.toContain("\n");
    }
  });

  it("reads as it was written otherwise", () => {
    expect(messageText("sst2 / ulpt-r2-seed0 failed: [a] (b) & c\n at https://x.org")).toBe(
      "sst2 / ulpt-r2-seed0 failed: [a] (b) & c  at https://x.org",
    );
    expect(messageText(`a${esc}[2J\u202eb`)).toBe("a\\u{1b}[2J\\u{202e}b");
  });

  it("has an end", () => {
    expect(messageText("x".repeat(100_000))).toHaveLength(1000);
    expect(labelText("👩".repeat(1000))).toMatch(/^(👩)+…$/u);
  });
});

describe("Markdown", () => {
  it.each([
    ["[a](command:x)", "\\[a\\](command:x)"],
    ["<img src=x onerror=y> &amp;", "&lt;img src=x onerror=y&gt; &amp;amp;"],
    ["**a** _b_ `c` ~~d~~ ![e](f) $x$", "\\*\\*a\\*\\* \\_b\\_ \\`c\\` \\~\\~d\\~\\~ !\\[e\\](f) \\$x\\$"],
    ["a | b\\|", "a \\| b\\\\\\|"],
    ["https://x.org www.x.org a@b.c", "https&#58;//x.org www&#46;x.org a&#64;b.c"],
    ["# head", "&#35; head"],
    ["- item", "&#45; item"],
    ["--- a", "&#45;-- a"],
    ["-5 and 42.", "-5 and 42."],
    ["12. item", "1&#50;. item"],
    ["a\n\n---\nb", "a --- b"],
    ["ulpt-r2-seed1", "ulpt-r2-seed1"],
  ])("takes %j as %j", (text, markdown) => {
    expect(markdownText(text)).toBe(markdown);
  });

  it("has code and blocks that end where they are meant to", () => {
    expect(markdownCode("a`b``c")).toBe("```a`b``c```");
    expect(markdownCode("`a`\n")).toBe("`` `a`⏎ ``");
    expect(markdownBlock("a\n```\n<b>")).toBe("````text\na\n```\n<b>\n````");
  });
});

describe("HTML", () => {
  it("is text, also in an attribute", () => {
    expect(htmlText(`<img src=x onerror='a'> & "b"`)).toBe("&lt;img src=x onerror=&#39;a&#39;&gt; &amp; &quot;b&quot;");
  });
});

describe("a JSON line", () => {
  it.each(hostile)("holds %s without a raw character of it, and means the same", (_, text) => {
    const line = jsonLine({ [text]: [text] });
    expect(line).toMatch(/^[\x20-\x7e]*$/);
    expect(JSON.parse(line)).toEqual({ [text]: [text] });
  });

  it("is what JSON.stringify makes of everything else", () => {
    const value = { a: [1, null, "日本 ✓"], b: undefined };
    expect(jsonLine(value)).toBe(JSON.stringify(value));
  });
});
