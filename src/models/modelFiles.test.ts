import { existsSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { expectError } from "../../test/support/errors.ts";
import { temporaryFolder } from "../../test/support/folder.ts";
import { writeWordChat } from "../../test/support/wordChat.ts";
import type { ErrorCode } from "../errors.ts";
import { mostConfigBytes } from "../formats/modelFolder.ts";
import { openChatTemplate } from "./chatTemplate.ts";
import { openModel } from "./model.ts";
import { openTokenizer } from "./tokenizer.ts";
import { verifyCase } from "./verify.ts";

const folder = temporaryFolder();
let folders = 0;

function fresh(): string {
  const path = folder(String(folders++));
  writeWordChat(path);
  return path;
}

const tokenizer = (path: string) => openTokenizer(path, { endToken: 1, vocabularySize: 1000 });
const readers: readonly [name: string, code: ErrorCode, read: (path: string) => unknown][] = [
  ["config.json", "MODEL_CONFIG", openModel],
  ["generation_config.json", "MODEL_CONFIG", openModel],
  ["model.safetensors", "SAFETENSORS_INVALID", openModel],
  ["model.safetensors.index.json", "SAFETENSORS_INVALID", openModel],
  ["tokenizer.json", "TOKENIZER_INVALID", tokenizer],
  ["spiece.model", "TOKENIZER_INVALID", tokenizer],
  ["tokenizer_config.json", "TOKENIZER_INVALID", tokenizer],
  ["chat_template.jinja", "CHAT_TEMPLATE", openChatTemplate],
  ["case.json", "DATA_SYNTAX", (path) => verifyCase(openModel(path), join(path, "case.json"), "cpu")],
];
/** Is taken before the other of the same purpose. */
const hiding: Readonly<Record<string, string>> = {
  "model.safetensors.index.json": "model.safetensors",
  "spiece.model": "tokenizer.json",
};

describe.skipIf(process.platform === "win32")("a file of a model folder that is no file", () => {
  // A link to a device that never ends would never end here, either.
  it.each(readers)("%s is refused, whatever a link leads to", async (name, code, read) => {
    const path = fresh();
    rmSync(join(path, hiding[name] ?? name), { force: true });
    rmSync(join(path, name), { force: true });
    symlinkSync("/dev/null", join(path, name));
    expect(existsSync(join(path, name))).toBe(true);
    const error = await expectError(async () => read(path), code, name);
    expect(`${error.message} ${error.expected}`).toMatch(/not a file|regular file/);
  });
});

describe("a file of a model folder that is far too large", () => {
  it.each(readers.filter(([name]) => /json$|jinja$/.test(name)))(
    "%s is refused before it is read",
    async (name, code, read) => {
      const path = fresh();
      rmSync(join(path, hiding[name] ?? name), { force: true });
      writeFileSync(join(path, name), "");
      truncateSync(join(path, name), 5 * mostConfigBytes);
      const error = await expectError(async () => read(path), code, name);
      expect(error.message).toContain(`${5 * mostConfigBytes} bytes`);
    },
  );
});
