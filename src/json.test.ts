import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { repository } from "../test/support/bundle.ts";
import { deepestJson, isTooDeep, parseJson } from "./json.ts";

const nested = (depth: number, open = "[", close = "]") => open.repeat(depth) + close.repeat(depth);

describe("JSON that others wrote", () => {
  it("is parsed as far down as the bound, and refused below it", () => {
    expect(parseJson(nested(deepestJson))).toBeInstanceOf(Array);
    for (const text of [nested(deepestJson + 1), nested(100_000), nested(100_000, '{"a":', "}"), "[".repeat(100_000)])
      expect(() => parseJson(text)).toThrow(`more than ${deepestJson} levels`);
  });

  it("counts brackets outside of strings only, and lists side by side not as nested", () => {
    const brackets = JSON.stringify({ text: `${"[".repeat(500)} \\ " ${"{".repeat(500)}\\`, more: "\\\\[" });
    expect(parseJson(brackets)).toEqual(JSON.parse(brackets));
    expect(isTooDeep(`[${"[],".repeat(1000)}[]]`)).toBe(false);
    expect(isTooDeep(`{"\\"": ${nested(200)}}`)).toBe(true);
  });

  it("is parsed nowhere else: whatever walks it could overflow the stack", () => {
    const own = new Set([
      "json.ts",
      join("cli", "devices.ts"),
      join("shared", "packing.ts"),
      join("host", "runs", "runDocuments.ts"),
      join("host", "service", "commands.ts"),
    ]);
    const sources = readdirSync(join(repository, "src"), { recursive: true, encoding: "utf8" });
    const foreign = sources.filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts") && !own.has(file));
    const direct = foreign.filter((file) =>
      readFileSync(join(repository, "src", file), "utf8").includes("JSON.parse("),
    );
    expect(direct).toEqual([]);
  });
});
