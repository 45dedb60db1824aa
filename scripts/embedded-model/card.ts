/** @file The card of an embedded model: what it is, how it was made and what it cannot do. */

import type { EmbeddedModel } from "./models.ts";
import type { ProbeKind, ProbeResult } from "./probe.ts";
import { complaintTopics, tasks } from "./tasks.ts";

/** What a card says of one model and not of the other; text in Markdown. */
export interface CardTexts {
  pipelineTag: string;
  tag: string;
  /** "A T5 of 1 million parameters", and what it does. */
  summary: (millions: string) => string;
  /** The mix of its pretraining, as a list. */
  learned: string;
  /** Up to its numbers of parameters and bytes. */
  shape: string;
  /** What to know of its training besides what holds for both. */
  training: string;
  /** Options of pretrain.ts in front of steps, seed and threads. */
  options: string;
}

export interface CardFacts {
  parameters: number;
  bytes: number;
  sha256: string;
  steps: number;
  seed: number;
  batchSize: number;
  learningRate: number;
  threads: number;
  /** Mean loss over the last steps. */
  loss: number;
  probe: ProbeResult;
  /** How many examples the probe drew. */
  probeCount: number;
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

const rate = (value: number) => value.toExponential().replace("+", "");

const probed: Record<ProbeKind, string> = {
  question: "open questions",
  statement: "statements",
  report: "reports, every fact right",
  denoising: "denoising, tokens",
};

/** One row of figures under their names. */
function probeTable(probe: ProbeResult): string {
  const kinds = Object.keys(probed).filter((kind) => kind in probe) as ProbeKind[];
  const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [
    row(kinds.map((kind) => probed[kind])),
    `|${kinds.map(() => "---|").join("")}`,
    row(kinds.map((kind) => percent(probe[kind]!))),
  ].join("\n");
}

/** README.md of the model's folder. */
export function modelCard({ name, config, card }: EmbeddedModel, facts: CardFacts): string {
  return `---
license: mit
language: en
library_name: transformers
pipeline_tag: ${card.pipelineTag}
tags: [${card.tag}, synthetic, prompt-tuning, test-model]
---

# ${name}

${card.summary((facts.parameters / 1e6).toFixed(2))} It exists so that
prompt tuning can be tried in seconds on any CPU. It was not trained by anybody else, on anything else: its text comes from
the generator in \`scripts/embedded-model\`, its weights from the same graph layer that ULPT Lab trains prompts with.

**It is a test object, not a language model.** It knows ${config.vocab_size} tokens and one kind of text, and everything else is \`<unk>\` to it.

## What it learned

A note gives an opinion, its topic and tense, and sometimes a purchase, the weather and a place. Only the whole note tells
whose opinion counts: "clara thinks the stew is splendid but i disagree".

${card.learned}

Never asked for in pretraining: the group of topics (${complaintTopics.join(", ")}) and the label words of the sample tasks
(${tasks.map(({ name }) => name).join(", ")}). What prompts make of it is in the README of the sample workspace.

## Shape

${card.shape} ${facts.parameters.toLocaleString("en")} parameters, ${config.torch_dtype}, ${facts.bytes.toLocaleString("en")} bytes. The tokenizer takes whole words,
lower-cased.

## Training

${facts.steps.toLocaleString("en")} steps of ${facts.batchSize} examples, no text seen twice on purpose; AdamW (0.9, 0.98), learning rate ${rate(facts.learningRate)} with 300 steps of warm-up and linear decay,
weight decay 0.01 on matrices, gradients clipped to 1. ${card.training}

Seed ${facts.seed}, ${facts.threads} thread. Final loss ${facts.loss.toFixed(3)}. Right answers on ${facts.probeCount.toLocaleString("en")} fresh examples, as hard as they get:

${probeTable(facts.probe)}

## Make it again

\`\`\`
npx tsx scripts/embedded-model/pretrain.ts ${card.options}--steps ${facts.steps} --seed ${facts.seed} --threads ${facts.threads}
\`\`\`

On the same kind of processor the file comes out the same, byte for byte:

    model.safetensors  sha256 ${facts.sha256}

Another processor rounds some sums differently; the model is then as good, but not the same.

## Limits

No knowledge of the world, of names, or of English outside its sentence frames; no numbers but 0 to 19; texts up to some 70
words. Opinions about anybody or anything in it are random by construction. Accuracies on it say how prompt methods compare on it,
and nothing about how they compare on models of use.

## Licence

MIT, like the repository; there is no other source of data or weights.
`;
}
