/** @file Where a prompt stands among the tokens of a text. */
import { UlptError } from "../errors.ts";
import type { PromptPosition } from "../experiment/schema.ts";
import type { LanguageModel } from "../models/languageModel.ts";
import type { PortName } from "../models/ports.ts";
import type { Resources } from "./resources.ts";

interface Text {
  source: readonly number[];
  /** For an error, which is all that asks for it. */
  readonly where: string;
}

/**
 * How many tokens of each text stand before its prompt.
 * @param ports that the prompt's method uses
 * @throws OPTION_INVALID where there is no prompt that could stand elsewhere, and where the prompt is to stand behind a token with which the model, or one of the texts, does not begin
 */
export function leadingCount(
  position: PromptPosition,
  { config, folder }: Pick<LanguageModel, "config" | "folder">,
  texts: Iterable<Text>,
  ports: readonly PortName[],
): 0 | 1 {
  if (position === "first") return 0;
  if (!ports.some(standsAmongTokens)) {
    throw new UlptError("OPTION_INVALID", "The method puts no prompt among the tokens of a text.", {
      where: "promptPosition",
      expected: `"first", for a method that uses the model's ${ports.join(", ")}`,
      hint,
    });
  }
  const { modelType, beginToken } = config;
  if (beginToken === undefined) {
    throw new UlptError("OPTION_INVALID", `A ${modelType} has no begin-of-sequence token that a prompt could follow.`, {
      where: "promptPosition",
      expected: `"bos_token_id" in config.json or generation_config.json of ${folder}`,
      hint,
    });
  }
  for (const text of texts) {
    if (text.source[0] === beginToken) continue;
    throw new UlptError("OPTION_INVALID", "A text does not begin with the token that the prompt is to follow.", {
      where: `promptPosition; ${text.where}`,
      expected: `the begin-of-sequence token, ${beginToken}, first: the tokenizer or its chat template writes it`,
      hint,
    });
  }
  return 1;
}

function standsAmongTokens(port: PortName): boolean {
  return port === "prompt" || port === "rowPrompts";
}

const hint = 'Leave "promptPosition" out: the prompt then stands before everything.';

/** The texts of a task, with the places they come from. */
export function* textsOf({ dataset, task }: Pick<Resources, "dataset" | "task">): Generator<Text, undefined> {
  for (const split of ["train", "validation", "test"] as const) {
    const { path } = task.files[split] ?? task.files.train;
    const { tokens, examples } = dataset[split];
    for (let row = 0; row < tokens.length; row++) {
      const { source } = tokens.at(row)!;
      yield {
        source,
        get where() {
          return `${path}:${examples.at(row)!.line}`;
        },
      };
    }
  }
}
