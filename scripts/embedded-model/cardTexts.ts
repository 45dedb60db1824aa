/** @file What the card of each embedded model says of it alone. */
import type { CardTexts } from "./card.ts";
import type { LlamaShape } from "./llamaNetwork.ts";
import type { T5Shape } from "./t5Network.ts";

export function t5Card(shape: T5Shape): CardTexts {
  return {
    pipelineTag: "text2text-generation",
    tag: "t5",
    summary: (millions) =>
      `A T5 of ${millions} million parameters that reads short, made-up notes and answers questions about them.`,
    learned: `- 80 % instructed: report facts ("list the facts : opinion topic price"), answer open questions ("what is the tense ?") and judge
  statements, single or joined by "and" and "or" ("is it yes or no that the writer likes it ?"), in many phrasings and at many lengths;
- 13 % denoising: spans replaced by sentinels, as T5 does it;
- 7 % continuation without any cue, so that it does not answer before it is asked.`,
    shape: `T5 v1.0: relu, tied embeddings, RMSNorm, relative positions; d_model ${shape.hiddenSize}, d_kv ${shape.headSize}, ${shape.numHeads} heads, d_ff ${shape.feedForwardSize},
${shape.numEncoderLayers} encoder and ${shape.numDecoderLayers} decoder layers;`,
    training: `Notes and instructions get harder over the first 40 %. Attention was
trained scaled by 1/√d_kv, and the factor is folded into the saved query weights, as T5 expects.`,
    options: "",
  };
}

export function llamaCard(shape: LlamaShape): CardTexts {
  return {
    pipelineTag: "text-generation",
    tag: "llama",
    summary: (millions) =>
      `A Llama of ${millions} million parameters that reads short, made-up notes, goes on with them and answers questions about them.`,
    learned: `- 88 % instructed, before the note or behind it; the answer comes last. It reports facts ("list the facts : opinion topic
  price"), answers open questions ("what is the tense ?") and judges statements, single or joined by "and" and "or" ("is it yes or no
  that the writer likes it ?"), in many phrasings and at many lengths. Half is plain text with \`answer :\` before the answer, half a
  conversation as the chat template writes it; up to three more questions about the note follow, each answer ended by \`</s>\`;
- 12 % notes that just end, some after one more sentence, so that it does not answer before it is asked.

At the start most are reports of every fact. All of a text is learned: a token of an answer counts 1 in the loss, any other 0.05.`,
    shape: `Llama: silu-gated, tied embeddings, RMSNorm, rotary positions; hidden_size ${shape.hiddenSize}, ${shape.numHeads} heads of ${shape.headSize} that share ${shape.numKeyValueHeads} of keys and
values, intermediate_size ${shape.feedForwardSize}, ${shape.numLayers} layers;`,
    training: `Notes and instructions get
harder from 30 to 65 % of the steps. The matrices that write to the residual start smaller by √(2 · layers). The weights were trained
in float32 and rounded to bfloat16 when they were saved; the figures below are those of the rounded ones.`,
    options: "--model tiny-notes-llama ",
  };
}
