import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { errorOf, expectError } from "../../test/support/errors.ts";
import { hollowModel } from "../../test/support/hub.ts";
import { hubFixture } from "../../test/support/hubFixture.ts";

const start = hubFixture();
const member = "hf_member";
const stranger = "hf_stranger";

describe("what the Hub refuses", () => {
  it("a gated model, until its page has been visited and a token of that account is given", async () => {
    const { hub, clientWith } = await start({
      repositories: [{ type: "model", id: "org/gated", files: hollowModel(), gated: [member] }],
    });
    for (const token of [undefined, stranger]) {
      const error = await expectError(() => clientWith({ token }).model("org/gated"), "HUB_GATED", "org/gated");
      expect(error.hint).toContain(`${hub.endpoint}/org/gated`);
      expect(error.hint).toContain("HF_TOKEN");
      expect(error.hint).toContain("ULPT: Sign In to Hugging Face…");
    }
    await clientWith({ token: member }).model("org/gated");
  });

  it("a private model: without a token nobody can tell whether it exists, and the error allows for both", async () => {
    const { clientWith } = await start({
      repositories: [{ type: "model", id: "org/private", files: hollowModel(), private: [member] }],
    });
    for (const token of [undefined, stranger]) {
      const error = await expectError(() => clientWith({ token }).model("org/private"), "HUB_NOT_FOUND", "org/private");
      expect(error.message).toContain("or it is private");
      expect(error.hint).toContain("HF_TOKEN");
    }
    await clientWith({ token: member }).model("org/private");
  });

  it("a name that does not exist: the nearest model is suggested, of those known and those in the cache", async () => {
    const { cache, client } = await start();
    const hintFor = async (id: string) => (await expectError(() => client.model(id), "HUB_NOT_FOUND", id)).hint ?? "";
    expect(await hintFor("google-t5/t5-smal")).toContain("Did you mean google-t5/t5-small?");
    expect(await hintFor("google/flan-t5-bass")).toContain("Did you mean google/flan-t5-base?");
    expect(await hintFor("me/special-modl")).not.toContain("Did you mean");
    mkdirSync(join(cache, "models--me--special-model"), { recursive: true });
    expect(await hintFor("me/special-modl")).toContain("Did you mean me/special-model?");
  });

  it("a token that is not valid", async () => {
    const { clientWith } = await start({ tokens: [member] });
    const error = await expectError(() => clientWith({ token: stranger }).model("org/tiny"), "HUB_DENIED", "org/tiny");
    expect(error.message).toContain("does not accept the access token");
  });

  it("access, for a reason of its own", async () => {
    const { hub, client, clientWith } = await start();
    hub.fail({ status: 403, times: 1 });
    await expectError(() => client.model("org/tiny"), "HUB_DENIED", "org/tiny");
    hub.fail({ status: 401, times: 1 });
    await expectError(() => clientWith({ token: member }).model("org/tiny"), "HUB_DENIED", "org/tiny");
  });

  it("a revision that does not exist", async () => {
    const { client } = await start();
    for (const revision of ["v9", "f".repeat(40)]) {
      const error = await expectError(() => client.model("org/tiny", { revision }), "HUB_NOT_FOUND", "org/tiny");
      expect(error.message).toContain(`no revision "${revision}"`);
    }
  });

  it("a file that has just been removed", async () => {
    const { hub, client } = await start();
    hub.fail({ path: "resolve", status: 404, headers: { "x-error-code": "EntryNotFound" } });
    const error = await expectError(() => client.model("org/tiny"), "HUB_NOT_FOUND", "org/tiny");
    expect(error.message).toContain("config.json");
  });

  it("ids and revisions that are none, without asking", async () => {
    const { hub, client } = await start();
    for (const id of ["../../etc", "a/b/c", "https://huggingface.co/a/b", "a\\b"])
      await expectError(() => client.model(id), "HUB_NOT_FOUND", JSON.stringify(id));
    await expectError(() => client.model("org/tiny", { revision: "../x" }), "HUB_NOT_FOUND", "../x");
    await expectError(() => client.dataset("a--b", { splits: [] }), "HUB_NOT_FOUND", "a--b");
    expect(hub.requests).toEqual([]);
  });
});

describe("an answer that is not the Hub's", () => {
  const file = { type: "file", path: "config.json", size: 2, oid: "a".repeat(40) };
  const answers: [string, string, unknown][] = [
    ["no JSON", "/revision/", "<html>Welcome to the hotel</html>"],
    ["no object", "/revision/", "null"],
    ["no commit", "/revision/", { id: "org/tiny" }],
    ["a commit that is a path", "/revision/", { sha: "../../../../etc" }],
    ["no list", "/tree/", { error: "no" }],
    ["an entry that is nothing", "/tree/", [null]],
    ["a file without a hash", "/tree/", [{ ...file, oid: undefined }]],
    ["a hash that is a path", "/tree/", [{ ...file, oid: "../../../evil" }]],
    ["a hash in LFS that is a path", "/tree/", [{ ...file, lfs: { oid: `../${"a".repeat(61)}`, size: 2 } }]],
    ["a size below nothing", "/tree/", [{ ...file, size: -1 }]],
    ["a size that is text", "/tree/", [{ ...file, size: "2" }]],
  ];
  for (const [name, path, answer] of answers) {
    it(`is refused: ${name}`, async () => {
      const { hub, client } = await start();
      hub.fail({ path, answer });
      await expectError(() => client.model("org/tiny"), "HUB_ANSWER", "org/tiny");
    });
  }

  it("is refused where a redirect of the API never ends", async () => {
    const { hub, client } = await start();
    hub.fail({ path: "/api/", status: 307, headers: { location: "/api/again" }, times: 99 });
    const error = await errorOf(() => client.model("org/tiny"));
    expect(error.code).toBe("HUB_ANSWER");
  });
});
