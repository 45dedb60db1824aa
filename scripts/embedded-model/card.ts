/** @file The embedded model's card: what it is, how it was made and what it cannot do. */

import type { ProbeResult } from "./probe.ts";
import { complaintTopics, tasks } from "./tasks.ts";

export interface CardFacts {
  config: Record<string, unknown>;
  parameters: number;
  bytes: number;
  sha256: string;
  steps: number;
  seed: number;
  batchSize: number;
  threads: number;
  /** Mean loss over the last steps. */
  loss: number;
  probe: ProbeResult;
  /** How many examples the probe drew. */
  probeCount: number;
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

/** README.md of the model's folder. */
export function modelCard(facts: CardFacts): string {
  const { config, probe } = facts;
  return `---
license: mit
language: en
library_name: transformers
pipeline_tag: text2text-generation
tags: [t5, synthetic, prompt-tuning, test-model]
---

# tiny-notes-t5

A T5 of ${(facts.parameters / 1e6).toFixed(2)} million parameters that reads short, made-up notes and answers questions about them. It exists so that
prompt tuning can be tried in seconds on any CPU. It was not trained by anybody else, on anything else: its text comes from
the generator in \`scripts/embedded-model\`, its weights from the same graph layer that ULPT Lab trains prompts with.

**It is a test object, not a language model.** It knows ${config.vocab_size} tokens and one kind of text, and everything else is \`<unk>\` to it.

## What it learned

A note gives an opinion, its topic and tense, and sometimes a purchase, the weather and a place. Only the whole note tells
whose opinion counts: "clara thinks the stew is splendid but i disagree".

- 80 % instructed: report facts ("list the facts : opinion topic price"), answer open questions ("what is the tense ?") and judge
  statements, single or joined by "and" and "or" ("is it yes or no that the writer likes it ?"), in many phrasings and at many lengths;
- 13 % denoising: spans replaced by sentinels, as T5 does it;
- 7 % continuation without any cue, so that it does not answer before it is asked.

Never asked for in pretraining: the group of topics (${complaintTopics.join(", ")}) and the label words of the sample tasks
(${tasks.map(({ name }) => name).join(", ")}). What prompts make of it is in the README of the sample workspace.

## Shape

T5 v1.0: relu, tied embeddings, RMSNorm, relative positions; d_model ${config.d_model}, d_kv ${config.d_kv}, ${config.num_heads} heads, d_ff ${config.d_ff},
${config.num_layers} encoder and ${config.num_decoder_layers} decoder layers; ${facts.parameters.toLocaleString("en")} parameters, float32, ${facts.bytes.toLocaleString("en")} bytes. The tokenizer takes whole words,
lower-cased.

## Training

${facts.steps.toLocaleString("en")} steps of ${facts.batchSize} examples, no text seen twice on purpose; AdamW (0.9, 0.98), learning rate 1e-3 with 300 steps of warm-up and linear decay,
weight decay 0.01 on matrices, gradients clipped to 1. Notes and instructions get harder over the first 40 %. Attention was
trained scaled by 1/√d_kv, and the factor is folded into the saved query weights, as T5 expects.

Seed ${facts.seed}, ${facts.threads} thread. Final loss ${facts.loss.toFixed(3)}. Right answers on ${facts.probeCount.toLocaleString("en")} fresh examples, as hard as they get:

| open questions | statements | reports, every fact right | denoising, tokens |
|---|---|---|---|
| ${percent(probe.question)} | ${percent(probe.statement)} | ${percent(probe.report)} | ${percent(probe.denoising)} |

## Make it again

\`\`\`
npx tsx scripts/embedded-model/pretrain.ts --steps ${facts.steps} --seed ${facts.seed} --threads ${facts.threads}
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
