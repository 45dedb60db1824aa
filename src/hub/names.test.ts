import { describe, expect, it } from "vitest";
import { expectError } from "../../test/support/errors.ts";
import { checkId, checkRevision, isRepositoryId, isSafePath, suggestId } from "./names.ts";

describe("names from people and from the Hub", () => {
  it("takes ids as the Hub makes them", () => {
    for (const id of ["gpt2", "google-t5/t5-small", "google/t5-v1_1-xl", "a/b.c", "_x/9"])
      expect([id, isRepositoryId(id)]).toEqual([id, true]);
  });

  it("refuses ids that would leave the cache's folder or mean another one", async () => {
    const bad = [
      "",
      "/",
      "a/",
      "/a",
      "a/b/c",
      "..",
      "../a",
      "a/..",
      "a--b/c",
      "a\\b",
      "a b",
      "a/b\n",
      ".a/b",
      "a/b-",
      "C:a",
    ];
    for (const id of bad) {
      expect([id, isRepositoryId(id)]).toEqual([id, false]);
      await expectError(() => checkId({ type: "model", id }), "HUB_NOT_FOUND", JSON.stringify(id));
    }
  });

  it("takes branches, tags, pull requests and commits as revisions, and no path out of refs/", async () => {
    for (const revision of ["main", "v1.0", "refs/pr/1", "refs/convert/parquet", "a".repeat(40)])
      checkRevision(revision);
    for (const revision of ["", "/main", "../main", "refs/../../x", "a b", "a\\b", "a\0b", "HEAD~1", "x:y"])
      await expectError(() => checkRevision(revision), "HUB_NOT_FOUND", JSON.stringify(revision));
  });

  it("takes only paths that stay inside the folder they are joined to", () => {
    for (const path of ["a", "a/b.parquet", "..a/b..", "data/train-00000-of-00001.parquet", "ä/ö"])
      expect([path, isSafePath(path, "linux")]).toEqual([path, true]);
    for (const path of [
      "",
      "/etc/passwd",
      "../a",
      "a/../../b",
      "a/..",
      "./a",
      "a//b",
      "a/",
      "..\\a",
      "C:\\a",
      "a\nb",
      "a\0",
    ])
      expect([path, isSafePath(path, "linux")]).toEqual([path, false]);
  });

  it("refuses on Windows what Windows gives a meaning of its own", () => {
    for (const path of ["C:a", "a:stream", "NUL", "x/con.json", "a.", "a ", "a?"])
      expect([path, isSafePath(path, "win32")]).toEqual([path, false]);
    expect(isSafePath("data/console.json", "win32")).toBe(true);
  });

  it("finds the id that was meant, also where the organisation is missing or wrong", () => {
    const known = ["google-t5/t5-small", "google/flan-t5-base", "me/other"];
    expect(suggestId("google-t5/t5-smal", known)).toBe("google-t5/t5-small");
    expect(suggestId("flan-t5-bsae", known)).toBe("google/flan-t5-base");
    expect(suggestId("facebook/t5-small", known)).toBe("google-t5/t5-small");
    expect(suggestId("entirely/different", known)).toBeUndefined();
  });
});
