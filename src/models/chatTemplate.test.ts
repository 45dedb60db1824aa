import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { expectError } from "../../test/support/errors.ts";
import { temporaryFolder } from "../../test/support/folder.ts";
import { openChatTemplate } from "./chatTemplate.ts";

const folder = temporaryFolder();
let folders = 0;

function model(files: Record<string, unknown>): string {
  const path = folder(`${folders++}`);
  mkdirSync(path, { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(path, name), typeof content === "string" ? content : JSON.stringify(content));
  }
  return path;
}

/** As Qwen's, shortened. */
const chatml =
  "{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
const messages = [
  { role: "system" as const, content: "Help." },
  { role: "user" as const, content: "Hi {{ not run }}" },
];
const conversation = "<|im_start|>system\nHelp.<|im_end|>\n<|im_start|>user\nHi {{ not run }}<|im_end|>\n";

describe("a chat template", () => {
  it("of tokenizer_config.json writes the conversation, up to where the answer begins if asked", () => {
    const template = openChatTemplate(model({ "tokenizer_config.json": { chat_template: chatml } }));
    expect(template.render(messages, { answer: true })).toBe(`${conversation}<|im_start|>assistant\n`);
    expect(template.render(messages, { answer: false })).toBe(conversation);
  });

  it("may lie in a file of its own, which then counts, or have the name default among several", () => {
    const own = model({ "tokenizer_config.json": { chat_template: "other" }, "chat_template.jinja": chatml });
    const named = model({
      "tokenizer_config.json": {
        chat_template: [
          { name: "tool_use", template: "other" },
          { name: "default", template: chatml },
        ],
      },
    });
    for (const path of [own, named]) {
      expect(openChatTemplate(path).render(messages, { answer: false })).toBe(conversation);
    }
  });

  it("knows the special tokens, written as texts or as objects", () => {
    const config = {
      chat_template: "{{ bos_token }}x{{ eos_token }}",
      bos_token: "<s>",
      eos_token: { content: "</s>" },
    };
    expect(openChatTemplate(model({ "tokenizer_config.json": config })).render(messages, { answer: true })).toBe(
      "<s>x</s>",
    );
  });

  it("that a Git LFS pointer stands for is not the text of the pointer", async () => {
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"0".repeat(64)}\nsize 12\n`;
    const path = model({ "chat_template.jinja": pointer });
    const error = await expectError(() => openChatTemplate(path), "CHAT_TEMPLATE", join(path, "chat_template.jinja"));
    expect(error.hint).toContain("git lfs pull");
  });

  it("that is missing is said, with what to do", async () => {
    const path = model({});
    const error = await expectError(() => openChatTemplate(path), "CHAT_TEMPLATE", path);
    expect(error.hint).toContain('"chat"');
  });

  it("that cannot be read, or refuses a conversation, is named", async () => {
    expect(
      openChatTemplate(model({}), "{{ messages[0].content }}!").render([{ role: "user", content: "a" }], {
        answer: true,
      }),
    ).toBe("a!");
    await expectError(() => openChatTemplate(model({}), "{% for %}"), "CHAT_TEMPLATE", "task.chat.template");
    const broken = model({ "tokenizer_config.json": { chat_template: "{% for %}" } });
    await expectError(() => openChatTemplate(broken), "CHAT_TEMPLATE", "chat_template");
    const refusing = model({ "tokenizer_config.json": { chat_template: "{{ raise_exception('No system role') }}" } });
    const template = openChatTemplate(refusing);
    const error = await expectError(() => template.render(messages, { answer: true }), "CHAT_TEMPLATE", refusing);
    expect(error.message).toContain("No system role");
  });
});
