/**
 * Masked language modelling: hidden words to guess.
 * Paper: https://arxiv.org/abs/1810.04805 (section 3.1)
 * @module
 */
import type { TokenBatch } from '../train/batch.js'
import { IGNORED } from '../train/counted.js'
import { createRandom } from '../train/random.js'

export interface Masking {
  readonly maskId: number
  /** Never hidden. */
  readonly specialIds: ReadonlySet<number>
  /** A token in ten of those that are hidden becomes any token below this. */
  readonly vocabularySize: number
}

const HIDDEN = 0.15
const AS_MASK = 0.8
const AS_ANY = 0.9 // from here on it stays as it is

/**
 * A batch of plain text with 15 % of its tokens to guess, at least one: of these 80 % become the mask token, 10 % any
 * token, and 10 % stay. All other labels are -100. The same seed and stream hide the same tokens.
 */
export function maskedBatch(
  batch: TokenBatch,
  { maskId, specialIds, vocabularySize }: Masking,
  of: { seed: number; stream: string },
): TokenBatch {
  const random = createRandom(of.seed, of.stream)
  const inputIds = batch.inputIds.slice()
  const labels = new Int32Array(batch.labels.length).fill(IGNORED)
  const hide = (at: number): void => {
    labels[at] = batch.inputIds[at] as number
    const draw = random.uniform()
    if (draw < AS_MASK) inputIds[at] = maskId
    else if (draw < AS_ANY) inputIds[at] = random.below(vocabularySize)
  }
  const candidates = [...batch.inputIds.keys()].filter(
    (at) => batch.labels[at] !== IGNORED && !specialIds.has(batch.inputIds[at] as number),
  )
  const hidden = candidates.filter(() => random.uniform() < HIDDEN)
  const fallback = candidates.length === 0 ? [] : [candidates[random.below(candidates.length)] as number]
  for (const at of hidden.length > 0 ? hidden : fallback) hide(at)
  return { ...batch, inputIds, labels }
}
