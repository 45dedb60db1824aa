/** @file How a task's texts become what a model reads and should write: two ways, after what kinds of models were trained on. */
import type { ChatTemplate, Message } from "./chatTemplate.ts";

export interface FittedSource {
  tokens: readonly number[];
  /** Whether the text was longer than the limit and lost a part. */
  truncated: boolean;
}

/** How texts are written as tokens. */
export interface Texts {
  /** Tokens of a source. Of one with more than `atMost` tokens at least the first `atMost + 1`. */
  source(text: string, atMost?: number): number[];
  /**
   * Tokens of a source, at most `maxLength`.
   * @param tail how many characters at its end are the template's own: they stay where a text is cut before them
   */
  fit(text: string, maxLength: number, tail?: number): FittedSource;
  /** Tokens of a target, with the token that ends it, if the model has one. */
  target(text: string): number[];
  /** That token. */
  readonly targetEnd: number | undefined;
}

/** What a tokenizer does by itself. */
export interface Encoder {
  /**
   * Token ids of a text, with or without the special tokens that the tokenizer's file puts around it; of one with more than
   * `atMost` tokens at least the first `atMost + 1`.
   */
  encode(text: string, options: { special: boolean; atMost: number }): number[];
}

const all = Number.POSITIVE_INFINITY;

/** Of models that read a text whole and answer apart from it: source and target both end with the end token. */
export function endedTexts(encoder: Encoder, endToken: number): Texts {
  const source = (text: string, atMost = all): number[] => {
    const ids = encoder.encode(text, { special: true, atMost });
    // Some exported tokenizers leave the end token to the caller.
    if (ids.at(-1) !== endToken) ids.push(endToken);
    return ids.length > atMost ? ids.slice(0, atMost + 1) : ids;
  };
  return {
    source,
    fit(text, maxLength) {
      const tokens = source(text, maxLength);
      if (tokens.length <= maxLength) return { tokens, truncated: false };
      // As Transformers truncates, the end token stays last.
      return { tokens: [...tokens.slice(0, maxLength - 1), endToken], truncated: true };
    },
    target: (text) => source(text),
    targetEnd: endToken,
  };
}

export interface ContinuedOptions {
  /** Tokens that end what the model writes; the first is written behind a target. */
  endTokens: readonly number[];
  /** Stands for a text that has no tokens at all. */
  beginToken: number;
  /** Writes a source as a user's message, and the target as the answer to it. */
  chat?: { template: ChatTemplate; system: string | undefined } | undefined;
}

/** Of models that go on with a text: a source begins as the tokenizer begins texts, and its target follows it. */
export function continuedTexts(encoder: Encoder, { endTokens, beginToken, chat }: ContinuedOptions): Texts {
  const endToken = (chat && chatEnd(encoder, endTokens, chat)) ?? endTokens[0];
  const source = (text: string, atMost = all): number[] => {
    // A chat template writes its special tokens itself.
    const enough = atMost + mostEnds;
    const ids = encoder.encode(chat ? conversation(chat, text) : text, { special: !chat, atMost: enough });
    // What is to be continued has no end; one that stands where only the rest was not asked for is a part of the text.
    if (ids.length <= enough) while (endTokens.includes(ids.at(-1)!)) ids.pop();
    return ids.length ? ids : [beginToken];
  };
  return {
    source,
    fit(text, maxLength, tail = 0) {
      const whole = source(text, maxLength);
      if (whole.length <= maxLength) return { tokens: whole, truncated: false };
      return { tokens: shortened(text, maxLength, tail, (part) => source(part, maxLength)), truncated: true };
    },
    target(text) {
      const ids = encoder.encode(text, { special: false, atMost: all });
      return endToken === undefined ? ids : [...ids, endToken];
    },
    targetEnd: endToken,
  };
}

/** More end tokens do not stand behind a text. */
const mostEnds = 4;

type Chat = NonNullable<ContinuedOptions["chat"]>;

function messages({ system }: Chat, content: string): Message[] {
  const user: Message = { role: "user", content };
  return system === undefined ? [user] : [{ role: "system", content: system }, user];
}

function conversation(chat: Chat, content: string): string {
  return chat.template.render(messages(chat, content), { answer: true });
}

/** The token that the template writes behind an answer, if it is one that ends what the model writes. */
function chatEnd(encoder: Encoder, endTokens: readonly number[], chat: Chat): number | undefined {
  const answer = "answer";
  const answered = [...messages(chat, "question"), { role: "assistant" as const, content: answer }];
  const text = chat.template.render(answered, { answer: false });
  const rest = text.slice(text.lastIndexOf(answer) + answer.length);
  return encoder.encode(rest, { special: false, atMost: all }).find((id) => endTokens.includes(id));
}

/** Characters: far above the longest token of any vocabulary, a run of spaces. */
const longestToken = 512;

/** The longest beginning of `text` that still fits with the template's own end behind it, as tokens. */
function shortened(
  text: string,
  maxLength: number,
  tail: number,
  encode: (text: string) => number[],
): readonly number[] {
  const end = text.slice(text.length - tail);
  let fitting: readonly number[] | undefined;
  // No token is made of more characters than this, so more of a text is never kept.
  let [low, high] = [0, Math.min(text.length - tail, maxLength * longestToken)];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const tokens = encode(text.slice(0, middle) + end);
    if (tokens.length <= maxLength) [low, fitting] = [middle, tokens];
    else high = middle - 1;
  }
  // Where what stands around the text is too long by itself, its end is what a model answers to.
  return fitting ?? encode(end).slice(-maxLength);
}
