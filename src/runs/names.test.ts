import { describe, expect, it } from "vitest";
import { safeName, suffixedName } from "./names.ts";

describe("safeName", () => {
  it("keeps what reads well", () => {
    for (const name of ["ulpt-r2-seed1", "learning_rate=0.3", "SST-2 (öäü)".replace(" ", "-"), "情感", "हिन्दी", "v1.2"])
      expect(safeName(name)).toBe(name.normalize("NFC"));
  });

  it("is one path segment whatever is asked for", () => {
    expect(safeName("../../etc/passwd")).toBe("etc-passwd");
    expect(safeName("..")).toBe("unnamed");
    expect(safeName("/absolute")).toBe("absolute");
    expect(safeName("C:\\Users\\me")).toBe("C-Users-me");
    expect(safeName(".hidden")).toBe("hidden");
    expect(safeName("--take-over")).toBe("take-over");
    expect(safeName("")).toBe("unnamed");
    expect(safeName("a\0b\nc\u202ed")).toBe("a-b-c-d");
    expect(safeName("ends. . ")).toBe("ends");
    expect(safeName("\ud800x")).toBe("x");
  });

  it("is no device of Windows", () => {
    for (const name of ["con", "NUL", "Com1", "lpt9.txt", "aux.", "COM²"]) expect(safeName(name)).toMatch(/^_/);
    expect(safeName("console")).toBe("console");
    expect(safeName("com10")).toBe("com10");
  });

  it("has at most 100 characters, and not too many bytes", () => {
    expect(safeName("x".repeat(300))).toBe("x".repeat(100));
    expect([...safeName("情".repeat(300))].length).toBeGreaterThan(50);
    expect(Buffer.byteLength(safeName("情".repeat(300)))).toBeLessThanOrEqual(200);
    expect(suffixedName("x".repeat(100), 12)).toBe(`${"x".repeat(97)}-12`);
  });

  it("made safe once is safe", () => {
    for (const name of ["../a", "con", "x".repeat(99) + ".".repeat(5), `${"x".repeat(99)} y`, " - a - "])
      expect(safeName(safeName(name))).toBe(safeName(name));
  });
});
