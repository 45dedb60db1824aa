/** @file How well a checkpoint does what it was pretrained for, on generated examples that training never drew. */
import type { LanguageModel } from "../../src/models/languageModel.ts";
import { Stream } from "../../src/random/philox.ts";
import type { Example } from "./denoising.ts";
import type { EmbeddedModel } from "./models.ts";

export const probeKinds = ["question", "statement", "report", "denoising"] as const;
export type ProbeKind = (typeof probeKinds)[number];

/** Share of right answers, of the kinds that a model was pretrained for: of whole answers, for denoising of tokens. */
export type ProbeResult = Partial<Record<ProbeKind, number>>;

const verdicts = new Set(["yes", "no", "true", "false", "1", "0"]);

/** Undefined for a text that is only gone on with, which has no one right answer. */
function kindOf({ source, target }: Example): ProbeKind | undefined {
  if (source.includes("<extra_id_0>")) return "denoising";
  if (/\b(report|facts|form)\b/.test(source)) return "report";
  if (verdicts.has(target)) return "statement";
  return target === "" || target.includes(" ") || target === "." ? undefined : "question";
}

const maxTokens = 8000;

/** @param count how many examples are drawn, of all kinds, as hard as they get */
export async function probe(
  model: LanguageModel,
  { example, vocabulary }: EmbeddedModel,
  count: number,
  threads: number,
): Promise<ProbeResult> {
  const stream = new Stream(0, "pretraining/probe");
  const drawn = Array.from({ length: count }, () => example(stream, 1));
  const examples = drawn.flatMap((one) => {
    const kind = kindOf(one);
    return kind ? [{ kind, source: one.tokens.source, target: vocabulary.encode(one.target) }] : [];
  });
  const generator = model.generator({ device: "cpu", threads });
  const tally = new Map(examples.map(({ kind }) => [kind, { right: 0, of: 0 }]));
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
  return Object.fromEntries([...tally].map(([kind, { right, of }]) => [kind, right / of]));
}

export function describeProbe(result: ProbeResult): string {
  return probeKinds.flatMap((kind) => (kind in result ? `${kind} ${result[kind]!.toFixed(3)}` : [])).join("  ");
}
