import { expect, it } from "vitest";
import { afterWhitespace, beforeWhitespace, isWhitespace } from "./characters.ts";

it("whitespace is what Rust's char::is_whitespace says: U+0085 is, U+FEFF and U+200B are not", () => {
  for (const space of "\t\n\u000b\f\r \u0085\u00a0\u1680\u2003\u2028\u2029\u202f\u205f\u3000") {
    expect(isWhitespace(space)).toBe(true);
  }
  for (const other of "\ufeff\u200b\u180e\u001c_") expect(isWhitespace(other)).toBe(false);
  expect(afterWhitespace("\u0085 a")).toBe(2);
  expect(beforeWhitespace("a\ufeff \u0085")).toBe(2);
});
