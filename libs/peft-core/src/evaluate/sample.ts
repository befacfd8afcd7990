/**
 * One token drawn from the logits of a position.
 * @module
 */

export interface Distribution {
  /** Divides the logits; 0 always takes the likeliest token. */
  readonly temperature: number
  /** Samples among this many likeliest tokens; absent, all of them. */
  readonly topK?: number
  /** Samples among the fewest likeliest tokens that together have this probability; absent, all of them. */
  readonly topP?: number
}

/** Tokens of a smaller share of the likeliest one's probability are sorted only when a draw may reach them. */
const LIKELY = 1e-5

/** The token that a number from [0, 1) picks, likeliest first; ties go to the smaller id. RangeError without logits, and for NaN. */
export function sampleToken(logits: Float32Array, distribution: Distribution, random: () => number): number {
  if (logits.some(Number.isNaN))
    throw new RangeError('the model gave NaN as a logit; its weights or those of the adapter are damaged')
  const best = likeliest(logits)
  if (distribution.temperature === 0) return best
  const top = logits[best] as number
  const weights = Float64Array.from(logits, (logit) => Math.exp((logit - top) / distribution.temperature))
  const kept = candidates(weights, distribution)
  let left = random() * sumOf(weights, kept)
  for (const id of kept) {
    left -= weights[id] as number
    if (left < 0) return id
  }
  return kept.at(-1) ?? best
}

/** The tokens that may be drawn, the heaviest first. A vocabulary is sorted whole only when its tail may be drawn, too. */
function candidates(weights: Float64Array, { topK, topP = 1 }: Distribution): readonly number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const likely = ranked(weights, LIKELY)
  const suffices = topK === undefined ? sumOf(weights, likely) > topP * total : topK <= likely.length
  const sorted = suffices ? likely : ranked(weights, 0)
  if (topK === undefined) return nucleus(weights, sorted, topP * total)
  const first = sorted.slice(0, topK)
  return nucleus(weights, first, topP * sumOf(weights, first))
}

/** The first of the sorted tokens that together weigh `enough`; at least one. */
function nucleus(weights: Float64Array, sorted: readonly number[], enough: number): readonly number[] {
  let held = 0
  const last = sorted.findIndex((id) => {
    held += weights[id] as number
    return held >= enough
  })
  return last === -1 ? sorted : sorted.slice(0, last + 1)
}

const sumOf = (weights: Float64Array, ids: readonly number[]): number =>
  ids.reduce((sum, id) => sum + (weights[id] as number), 0)

function likeliest(logits: Float32Array): number {
  if (logits.length === 0) throw new RangeError('logits expected at least one number, got none')
  let best = 0
  for (let id = 1; id < logits.length; id++) {
    if ((logits[id] as number) > (logits[best] as number)) best = id
  }
  return best
}

/** The tokens of at least this weight, the heaviest first. */
function ranked(weights: Float64Array, least: number): readonly number[] {
  const ids: number[] = []
  for (let id = 0; id < weights.length; id++) if ((weights[id] as number) >= least) ids.push(id)
  return ids.sort((a, b) => (weights[b] as number) - (weights[a] as number) || a - b)
}
