import { describe, expect, it } from "vitest";
import { expectError } from "../../test/support/errors.ts";
import { temporaryFolder } from "../../test/support/folder.ts";
import { openStart, startHash } from "./start.ts";

const folder = temporaryFolder();
const from = (source: string) => ({ name: "vanilla", initialization: { from: "prompt", source } }) as const;
/** Nothing of the model is looked at before there is a file. */
const context = {} as Parameters<typeof openStart>[2];

describe("the prompt that a run starts from", () => {
  it("is none where the settings name none", async () => {
    const settings = { name: "vanilla", initialization: { from: "vocabulary" } } as const;
    expect(await openStart(settings, folder(), context)).toBeUndefined();
    expect(startHash(settings, folder())).toBeUndefined();
  });

  it.each([
    ["//host/share/x.prompt.safetensors", "OPTION_INVALID", "//host/share"],
    ["\\\\host\\share\\x.prompt.safetensors", "OPTION_INVALID", "host"],
    ["nothing.prompt.safetensors", "PROMPT_INVALID", "nothing.prompt.safetensors"],
    ["step-000001.safetensors", "RUN_MISSING", "step-000001.safetensors"],
    ["experiment/no-such-run", "RUN_MISSING", "no-such-run"],
  ] as const)("%s is refused", async (source, code, where) => {
    await expectError(() => openStart(from(source), folder(), context), code, where);
    await expectError(async () => startHash(from(source), folder()), code, where);
  });
});
