import { describe, expect, it } from "vitest";
import { experimentFileOf } from "./launches.ts";

describe("the experiment file that the record of a launch names", () => {
  it("is one of the workspace", () => {
    expect(experimentFileOf({ args: ["train", "/w/a/e.ulpt.json"] }, "/w")).toBe("/w/a/e.ulpt.json");
    expect(experimentFileOf({ args: ["train", "a/e.ulpt.json", "--json"] }, "/w")).toBe("/w/a/e.ulpt.json");
  });

  it.each(["/etc/e.ulpt.json", "../e.ulpt.json", "/w/../e.ulpt.json", "//host/share/e.ulpt.json"])(
    "is none at %s, and nobody asks whether that is there",
    (path) => {
      expect(experimentFileOf({ args: ["train", path] }, "/w")).toBeUndefined();
    },
  );

  it("is none where something goes on", () => {
    expect(experimentFileOf({ args: ["resume", "/w/e.ulpt.json"] }, "/w")).toBeUndefined();
    expect(experimentFileOf({ args: [] }, "/w")).toBeUndefined();
  });
});
