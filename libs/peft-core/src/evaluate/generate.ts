/**
 * Text from a causal model, one token at a time.
 * @module
 */
import { createRandom } from '../train/random.js'

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

/** The logits (vocabulary) of the token that follows `ids`. */
export type NextLogits = (ids: readonly number[]) => Promise<Float32Array>

/** The tokens that follow `prompt`; equal arguments give equal tokens. `onToken` sees each as it comes. */
export async function generate(
  nextLogits: NextLogits,
  prompt: readonly number[],
  sampling: Sampling,
  onToken: (id: number) => void = () => {},
): Promise<readonly number[]> {
  if (prompt.length === 0) throw new RangeError('prompt expected at least one token, got none')
  const random = createRandom(sampling.seed, 'generate')
  const ids = [...prompt]
  while (ids.length < prompt.length + sampling.maxTokens) {
    const id = sampleToken(await nextLogits(ids), sampling, random.uniform)
    if (sampling.stopIds.includes(id)) break
    ids.push(id)
    onToken(id)
  }
  return ids.slice(prompt.length)
}

/** The token that a number from [0, 1) picks; ties go to the smaller id. */
export function sampleToken(
  logits: Float32Array,
  { temperature, topK, topP }: Pick<Sampling, 'temperature' | 'topK' | 'topP'>,
  random: () => number,
): number {
  const ranked = Array.from(logits.keys()).sort(
    (a, b) => (logits[b] as number) - (logits[a] as number) || a - b,
  )
  const best = ranked[0]
  if (best === undefined) throw new RangeError('logits expected at least one number, got none')
  if (temperature === 0) return best
  const top = logits[best] as number
  const kept = ranked.slice(0, topK ?? ranked.length)
  const weights = kept.map((id) => Math.exp(((logits[id] as number) - top) / temperature))
  const size = topP === undefined ? kept.length : nucleus(weights, topP)
  let left = random() * sum(weights.slice(0, size))
  for (let index = 0; index < size; index++) {
    left -= weights[index] as number
    if (left < 0) return kept[index] as number
  }
  return kept[size - 1] as number
}

/** How many of the sorted weights are needed to hold the share `topP` of them; at least one. */
function nucleus(weights: readonly number[], topP: number): number {
  const enough = topP * sum(weights)
  let held = 0
  const last = weights.findIndex((weight) => {
    held += weight
    return held >= enough
  })
  return last === -1 ? weights.length : last + 1
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

/** The smallest window of 32, 64, 128… columns that holds `length` tokens, so that few graphs serve every length. */
export function windowColumns(length: number, maxColumns = Number.POSITIVE_INFINITY): number {
  let columns = 32
  while (columns < length) columns *= 2
  return Math.min(columns, maxColumns)
}
