import { mkdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/folder.ts";
import { hollowModel, startHub, type TestHub } from "../../test/support/hub.ts";
import { Hub } from "../hub/hub.ts";
import { locateModel, type SourceOptions } from "./sources.ts";

const folder = temporaryFolder();
let server: TestHub;
let where: SourceOptions;
beforeAll(async () => {
  server = await startHub({ repositories: [{ type: "model", id: "org/tiny", files: hollowModel() }] });
  mkdirSync(folder("model"));
  where = {
    directory: folder(),
    hub: new Hub({ endpoint: server.endpoint, cache: folder("cache"), offline: false }),
  };
});
afterAll(() => server.close());

describe("a model that nobody asked for", () => {
  it("is found beside the experiment", async () => {
    expect(await locateModel("model", { ...where, wanted: false })).toEqual({
      folder: folder("model"),
      revision: undefined,
      left: 0,
    });
  });

  it("is not fetched, and the Hub is not even asked; once it was wanted, it is there", async () => {
    const unasked = locateModel("org/tiny", { ...where, wanted: false });
    await expect(unasked).rejects.toMatchObject({ code: "MODEL_ELSEWHERE", where: "org/tiny" });
    expect(server.requests).toEqual([]);

    const wanted = await locateModel("org/tiny", where);
    const requests = server.requests.length;
    expect(requests).toBeGreaterThan(0);
    expect((await locateModel("org/tiny", { ...where, wanted: false })).folder).toBe(wanted.folder);
    expect(server.requests).toHaveLength(requests);
  });

  it.each([
    "//host.invalid/share/model",
    "\\\\host.invalid\\share\\model",
    "file://host.invalid/model",
    "/net/host.invalid/m",
  ])("is not looked for on another machine: %s", async (source) => {
    await expect(locateModel(source, { ...where, wanted: false })).rejects.toMatchObject({ code: "MODEL_ELSEWHERE" });
  });
});
