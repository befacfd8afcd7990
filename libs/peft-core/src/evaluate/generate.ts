/**
 * Text from a causal model, one token at a time.
 * @module
 */
import type { NextLogits } from '../runtime/next-token.js'
import { createRandom } from '../train/random.js'
import { sampleToken } from './sample.js'

export interface Sampling {
  readonly maxTokens: number
  /** Divides the logits; 0 always takes the likeliest token. */
  readonly temperature: number
  /** Samples among this many likeliest tokens; absent, all of them. */
  readonly topK?: number
  /** Samples among the likeliest tokens that together have this probability; absent, all of them. */
  readonly topP?: number
  readonly seed: number
  /** Generation ends before one of these would be added. */
  readonly stopIds: readonly number[]
}

/** The tokens that follow `prompt`; equal arguments give equal tokens. `onToken` sees each as it comes; false ends the text. */
export async function generate(
  nextLogits: NextLogits,
  prompt: readonly number[],
  sampling: Sampling,
  onToken: (id: number) => boolean = () => true,
): Promise<readonly number[]> {
  if (prompt.length === 0) throw new RangeError('prompt expected at least one token, got none')
  const random = createRandom(sampling.seed, 'generate')
  const ids = [...prompt]
  while (ids.length < prompt.length + sampling.maxTokens) {
    const id = sampleToken(await nextLogits(ids), sampling, random.uniform)
    if (sampling.stopIds.includes(id)) break
    ids.push(id)
    if (!onToken(id)) break
  }
  return ids.slice(prompt.length)
}
