import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { errorOf } from "../../test/support/errors.ts";
import { hubSettings } from "./settings.ts";

describe("hubSettings", () => {
  it("asks huggingface.co without a token, online, unless told otherwise", () => {
    expect(hubSettings({})).toEqual({
      endpoint: "https://huggingface.co",
      cache: join(homedir(), ".cache", "huggingface", "hub"),
      offline: false,
    });
  });

  it("finds the cache where huggingface_hub looks for it, the closest variable first", () => {
    const env: Record<string, string> = { XDG_CACHE_HOME: "/x" };
    expect(hubSettings(env).cache).toBe(resolve("/x/huggingface/hub"));
    env.HF_HOME = "/h";
    expect(hubSettings(env).cache).toBe(resolve("/h/hub"));
    env.HUGGINGFACE_HUB_CACHE = "/old";
    expect(hubSettings(env).cache).toBe(resolve("/old"));
    env.HF_HUB_CACHE = "~/new";
    expect(hubSettings(env).cache).toBe(join(homedir(), "new"));
    env.HF_HUB_CACHE = "";
    expect(hubSettings(env).cache).toBe(resolve("/old"));
  });

  it("is offline for the values that huggingface_hub takes as true, and no others", () => {
    for (const value of ["1", "ON", "yes", "True"]) expect(hubSettings({ HF_HUB_OFFLINE: value }).offline).toBe(true);
    for (const value of ["", "0", "no", "false", "11"])
      expect(hubSettings({ HF_HUB_OFFLINE: value }).offline).toBe(false);
  });

  it("takes an address with a path and a token with space round it", () => {
    expect(hubSettings({ HF_ENDPOINT: "http://mirror:80/hf/ ", HF_TOKEN: " hf_abc\n" })).toMatchObject({
      endpoint: "http://mirror:80/hf",
      token: "hf_abc",
    });
  });

  it("refuses what is no web address, and a password in it without repeating it", async () => {
    for (const endpoint of [
      "huggingface.co",
      "ftp://huggingface.co",
      "https://me:secret@hub",
      "https://hub?a=secret",
    ]) {
      const error = await errorOf(() => hubSettings({ HF_ENDPOINT: endpoint }));
      expect(error).toMatchObject({ code: "OPTION_INVALID", where: "HF_ENDPOINT" });
      expect(error.describe()).not.toContain("secret");
    }
  });

  it("refuses a token that no header can carry, without repeating it", async () => {
    const error = await errorOf(() => hubSettings({ HF_TOKEN: "hf_secret\nhf_second" }));
    expect(error).toMatchObject({ code: "OPTION_INVALID", where: "HF_TOKEN" });
    expect(error.describe()).not.toMatch(/secret|second/);
  });
});
