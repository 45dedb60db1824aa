/** @file The tokenizer's chat template: how a model that was trained on conversations wants them written (Jinja, as Transformers runs it). */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Template } from "@huggingface/jinja";
import { messageOf, UlptError } from "../errors.ts";
import { chatTemplateFile, mostConfigBytes, tokenizerConfigFile } from "../formats/modelFolder.ts";
import { readRegularFile } from "../formats/regularFile.ts";
import { decoding, subjectOf } from "../watch.ts";
import { type JsonObject, readJsonObject } from "./config.ts";

export interface Message {
  role: "system" | "user" | "assistant";
  content: string;
}

export interface ChatTemplate {
  /**
   * A conversation as one text, with its special tokens written out.
   * @param options.answer whether the text ends where an answer begins
   * @throws CHAT_TEMPLATE where the template refuses the conversation or cannot be run
   */
  render(messages: readonly Message[], options: { answer: boolean }): string;
}

/**
 * @param own a task's own template, in place of the tokenizer's
 * @throws CHAT_TEMPLATE where there is none, or one that cannot be read
 */
export function openChatTemplate(folder: string, own?: string): ChatTemplate {
  const config = existsSync(join(folder, tokenizerConfigFile)) ? readJsonObject(join(folder, tokenizerConfigFile)) : {};
  const { text, where } = own === undefined ? findTemplate(folder, config) : { text: own, where: "task.chat.template" };
  const failed = (message: string, cause: unknown) =>
    new UlptError("CHAT_TEMPLATE", message, {
      where,
      expected: "a template that @huggingface/jinja runs",
      hint: 'Write another one as "template" into the task\'s "chat", or leave "chat" out and write the conversation into the task\'s "template".',
      cause,
    });
  let template: Template;
  try {
    template = new Template(text);
  } catch (error) {
    throw failed(`The chat template cannot be read: ${messageOf(error)}`, error);
  }
  const special = specialTexts(config);
  const subject = subjectOf({
    code: "CHAT_TEMPLATE",
    where,
    what: "The chat template",
    hint: "It may never end: take another revision of the model.",
  });
  return {
    render(messages, { answer }) {
      const values = { ...special, messages: [...messages], add_generation_prompt: answer };
      try {
        return decoding(subject, () => template.render(values));
      } catch (error) {
        throw failed(`The chat template fails: ${messageOf(error)}`, error);
      }
    },
  };
}

/** Whether the model's tokenizer has a chat template. */
export function hasChatTemplate(folder: string): boolean {
  try {
    const path = join(folder, tokenizerConfigFile);
    findTemplate(folder, existsSync(path) ? readJsonObject(path) : {});
    return true;
  } catch {
    return false;
  }
}

function findTemplate(folder: string, config: JsonObject): { text: string; where: string } {
  const path = join(folder, chatTemplateFile);
  if (existsSync(path))
    return { text: readRegularFile(path, mostConfigBytes, "CHAT_TEMPLATE").toString("utf8"), where: path };
  const where = `${join(folder, tokenizerConfigFile)}, field "chat_template"`;
  const { chat_template: written } = config;
  if (typeof written === "string") return { text: written, where };
  // Several by name: one for conversations, others for tools.
  const named = Array.isArray(written) ? (written as { name?: unknown; template?: unknown }[]) : [];
  const chosen = named.find((one) => one?.name === "default");
  if (typeof chosen?.template === "string") return { text: chosen.template, where };
  throw new UlptError("CHAT_TEMPLATE", "The model's tokenizer has no chat template.", {
    where: folder,
    expected: `${chatTemplateFile}, or "chat_template" in ${tokenizerConfigFile}, as models trained on conversations have`,
    hint: 'Choose an instruction-tuned model, write a "template" into the task\'s "chat", or leave "chat" out and write the whole text into the task\'s "template".',
  });
}

/** A chat template was asked of a model that answers apart from its text. */
export function chatNotContinued(folder: string): UlptError {
  return new UlptError("CHAT_TEMPLATE", "Only models that go on with a text have conversations.", {
    where: folder,
    expected: "a decoder-only model that was trained on conversations",
    hint: 'Leave "chat" out of the task.',
  });
}

/** `bos_token`, `eos_token`, … as templates name them. */
function specialTexts(config: JsonObject): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const name of ["bos_token", "eos_token", "unk_token", "pad_token"]) {
    const value = config[name];
    const content = typeof value === "object" && value !== null && "content" in value ? value.content : value;
    if (typeof content === "string") texts[name] = content;
  }
  return texts;
}
