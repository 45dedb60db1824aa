/** @file The tokenizer of a model as a task asks for it. */
import { withCleanUp } from "../models/cleanUp.ts";
import type { ModelConfig } from "../models/languageModel.ts";
import { openTokenizer, type Tokenizer } from "../models/tokenizer.ts";
import type { TaskDefinition } from "../tasks/definition.ts";

/** What of a task decides how its texts are written and read. */
export type TaskTexts = { [Key in "chat" | "cleanUpSpaces"]?: TaskDefinition[Key] | undefined };

/** @throws TOKENIZER_MISSING, TOKENIZER_INVALID, TOKENIZER_UNSUPPORTED, CHAT_TEMPLATE */
export function openTaskTokenizer(folder: string, config: ModelConfig, { chat, cleanUpSpaces }: TaskTexts): Tokenizer {
  const tokenizer = openTokenizer(folder, config, chat ? { chat: chat === true ? {} : chat } : {});
  return cleanUpSpaces ? withCleanUp(tokenizer) : tokenizer;
}
