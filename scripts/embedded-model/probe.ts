/** @file How well a checkpoint does what it was pretrained for, on generated examples that training never drew. */
import type { LanguageModel } from "../../src/models/languageModel.ts";
import { Stream } from "../../src/random/philox.ts";
import type { Example } from "./denoising.ts";
import { pretrainingExample } from "./instructions.ts";
import { encode } from "./vocabulary.ts";

const kinds = ["question", "statement", "report", "denoising"] as const;
type Kind = (typeof kinds)[number];

/** Share of right answers: of whole answers, for denoising of tokens. */
export type ProbeResult = Record<Kind, number>;

const verdicts = new Set(["yes", "no", "true", "false", "1", "0"]);

/** Undefined for a continuation, which has no one right answer. */
function kindOf({ source, target }: Example): Kind | undefined {
  if (source.includes("<extra_id_0>")) return "denoising";
  if (/\b(report|facts|form)\b/.test(source)) return "report";
  if (verdicts.has(target)) return "statement";
  return target.includes(" ") || target === "." ? undefined : "question";
}

const maxTokens = 8000;

/** @param count how many examples are drawn, of all kinds, as hard as they get */
export async function probe(model: LanguageModel, count: number, threads: number): Promise<ProbeResult> {
  const stream = new Stream(0, "pretraining/probe");
  const drawn = Array.from({ length: count }, () => pretrainingExample(stream, 1));
  const examples = drawn.flatMap((example) => {
    const kind = kindOf(example);
    return kind ? [{ kind, source: encode(example.source), target: encode(example.target).slice(0, -1) }] : [];
  });
  const generator = model.generator({ device: "cpu", threads });
  const tally = new Map(kinds.map((kind) => [kind, { right: 0, of: 0 }]));
  try {
    const lengths = examples.map(({ source }) => source.length);
    for (const group of model.groups(lengths, { ports: [], promptLength: 0 }, maxTokens)) {
      const rows = group.map((index) => examples[index]!);
      const texts = await generator.prefill(
        undefined,
        rows.map(({ source }) => source),
      );
      const maxNewTokens = Math.max(...rows.map(({ target }) => target.length)) + 1;
      const answers = await texts.generate({ maxNewTokens });
      for (const [row, { kind, target }] of rows.entries()) {
        const answer = answers[row]!;
        const matches = target.filter((token, position) => answer[position] === token).length;
        const score = tally.get(kind)!;
        if (kind === "denoising") {
          score.right += matches;
          score.of += target.length;
        } else {
          score.right += Number(matches === target.length && answer.length === target.length);
          score.of += 1;
        }
      }
    }
  } finally {
    await generator.release();
  }
  return Object.fromEntries([...tally].map(([kind, { right, of }]) => [kind, right / Math.max(1, of)])) as ProbeResult;
}

export function describeProbe(result: ProbeResult): string {
  return kinds.map((kind) => `${kind} ${result[kind].toFixed(3)}`).join("  ");
}
