import { describe, expect, it } from "vitest";
import { untranslated as t } from "../window/translate.ts";
import { hubEndpoint, hubEnvironment, pageToOpen, tokenKey, tokenProblem, tokensPage } from "./hubAccount.ts";

const token = "hf_abcdefgh1234";
const nothing = { token: undefined, endpoint: "", offline: false };

describe("the environment of a runtime process", () => {
  it("is the window's own where nobody signed in or set anything", () => {
    expect(hubEnvironment(nothing, { HF_TOKEN: "hf_of_the_environment" })).toEqual({});
  });

  it("has the token that somebody signed in with, offline mode and another Hub", () => {
    const env = { HF_TOKEN: "hf_of_the_environment" };
    expect(hubEnvironment({ token, endpoint: "https://hub.example/", offline: true }, env)).toEqual({
      HF_TOKEN: token,
      HF_ENDPOINT: "https://hub.example",
      HF_HUB_OFFLINE: "1",
    });
  });

  it("does not take the environment's token to another Hub than the environment's", () => {
    const env = { HF_TOKEN: "hf_of_the_environment", HF_ENDPOINT: "https://hub.example" };
    expect(hubEnvironment({ ...nothing, endpoint: "https://elsewhere.example" }, env).HF_TOKEN).toBe("");
    expect(hubEnvironment({ ...nothing, endpoint: "https://hub.example/" }, env)).not.toHaveProperty("HF_TOKEN");
  });
});

describe("a token", () => {
  it("is kept for one Hub", () => {
    expect(tokenKey("https://huggingface.co")).not.toBe(tokenKey("https://hub.example"));
    expect(tokenKey("https://hub.example/a")).toBe(tokenKey("https://hub.example"));
    expect(tokenKey("https://hub.example:444")).not.toBe(tokenKey("https://hub.example"));
  });

  it.each(["", "  ", "password", "hf_", "hf_short", "hf_with space 123", `hf_${"a".repeat(300)}`])(
    "does not look like %j",
    (text) => expect(tokenProblem(text, t)).toBeDefined(),
  );

  it("looks like what the Hub gives out, space around it aside", () => {
    expect(tokenProblem(` ${token}\n`, t)).toBeUndefined();
  });

  it("is made on a page that is reached over https", () => {
    expect(tokensPage("https://hub.example")).toBe("https://hub.example/settings/tokens");
    expect(tokensPage("http://127.0.0.1:1")).toBe("https://huggingface.co/settings/tokens");
  });
});

describe("the page that an error names", () => {
  const endpoint = hubEndpoint("https://hub.example/", {});

  it.each(["https://hub.example/org/model", "https://huggingface.co/org/model"])("is opened: %s", (where) => {
    expect(pageToOpen(where, endpoint)).toBe(where);
  });

  it.each([
    undefined,
    "model.safetensors",
    "http://hub.example/org/model",
    "https://hub.example.evil/org/model",
    "https://user:password@huggingface.co/org/model",
    "https://hub.example:8443/",
    "command:workbench.action.quit",
    "file:///etc/passwd",
  ])("is not opened: %s", (where) => {
    expect(pageToOpen(where, endpoint)).toBeUndefined();
  });
});
