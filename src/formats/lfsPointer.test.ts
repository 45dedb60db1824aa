import { describe, expect, it } from "vitest";
import { UlptError } from "../errors.ts";
import { parseLfsPointer, refuseLfsPointer } from "./lfsPointer.ts";

const sha256 = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393";
const written = `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256}\nsize 12345\n`;

describe("a Git LFS pointer", () => {
  it.each([
    ["as Git LFS writes it", written],
    ["with the line ends of Windows", written.replaceAll("\n", "\r\n")],
    ["under an older name", written.replace("git-lfs.github.com", "hawser.github.com")],
    ["with an extension", written.replace("\noid", `\next-0-foo sha256:${"0".repeat(64)}\noid`)],
  ])("is known %s", (_, text) => {
    expect(parseLfsPointer(Buffer.from(text))).toEqual({ sha256, size: 12345 });
  });

  it.each([
    ["a table that begins with the word", "version,label\n1,2\n"],
    ["text about pointers", `see: ${written}`],
    ["one without a hash", "version https://git-lfs.github.com/spec/v1\nsize 1\n"],
    ["nothing", ""],
    ["bytes that are no text", Uint8Array.of(0xff, 0xfe, 0)],
  ])("is not %s", (_, content) => {
    expect(parseLfsPointer(Buffer.from(content as string))).toBeUndefined();
  });

  it("is refused with the caller's code, the size of the file and what fetches it", () => {
    try {
      refuseLfsPointer(Buffer.from(written), "model.safetensors", "SAFETENSORS_INVALID");
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(UlptError);
      expect(error).toMatchObject({
        code: "SAFETENSORS_INVALID",
        where: "model.safetensors",
        expected: "the file itself, of 12,345 bytes",
        hint: expect.stringContaining("git lfs pull"),
      });
    }
    expect(() => refuseLfsPointer(Buffer.from("text,label\n"), "a.csv", "DATA_SYNTAX")).not.toThrow();
  });
});
