import { describe, expect, it } from "vitest";
import { shellWord } from "./shell.ts";

describe("shellWord", () => {
  it.each([
    ["complaint/ulpt-r2-seed1", "complaint/ulpt-r2-seed1"],
    ["../Beschwerde-é/.ulpt/runs/a_b/r@1", "../Beschwerde-é/.ulpt/runs/a_b/r@1"],
    ["Beschwerde é/r1", "'Beschwerde é/r1'"],
    ["it's/r1", "'it'\\''s/r1'"],
    ["$HOME/*", "'$HOME/*'"],
    ["a(b)", "'a(b)'"],
    ["", "''"],
  ])("leaves %s plain for sh where nothing in it is special, else quotes it", (word, expected) => {
    expect(shellWord(word, "linux")).toBe(expected);
  });

  it.each([
    ["..\\runs\\r1", "..\\runs\\r1"],
    ["C:\\my notes\\r1", '"C:\\my notes\\r1"'],
    ["a,b@c", '"a,b@c"'],
  ])("quotes %s for Windows as cmd and PowerShell both read it", (word, expected) => {
    expect(shellWord(word, "win32")).toBe(expected);
  });
});
