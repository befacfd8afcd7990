/**
 * Scores of membership inference: the higher, the more a text looks as if the model had been trained on it.
 * Papers: https://arxiv.org/abs/2012.07805 (loss over compressed size), https://arxiv.org/abs/2310.16789 (Min-K%),
 * https://arxiv.org/abs/2404.02936 (Min-K%++)
 * @module
 */

/** What a model says of each token of a text; the lists are of one length. */
export interface TokenScores {
  /** Nats: the logarithm of the token's probability. */
  readonly logProbabilities: ArrayLike<number>
  /** Nats: the mean of the log probability over all tokens that the model could have meant there. */
  readonly expected: ArrayLike<number>
  /** Nats: its standard deviation. */
  readonly deviations: ArrayLike<number>
}

export interface ScoredText {
  readonly target: TokenScores
  /** The same text for the base model, without what was learned. */
  readonly base: TokenScores
  /** How many bytes the text takes when it is compressed. */
  readonly compressedBytes: number
}

/** In the order in which they are shown. */
export const membershipScores = ['reference', 'loss', 'zlib', 'minK', 'minKPlusPlus'] as const
export type MembershipScore = (typeof membershipScores)[number]

const SHARE = 0.2 // of the tokens, for Min-K%

/**
 * Every score of one text. `reference` is how much less the text surprises than it surprises the base model; `minK` is the
 * mean log probability of the fifth of the tokens that surprise most, and `minKPlusPlus` the same of log probabilities that
 * are standardised by what the model expects at each place. RangeError for no tokens, lists of unlike length, or values that
 * are not finite.
 */
export function scoresOf({
  target,
  base,
  compressedBytes,
}: ScoredText): Readonly<Record<MembershipScore, number>> {
  expectAlike(target, base)
  const loss = -mean(target.logProbabilities)
  return {
    reference: -mean(base.logProbabilities) - loss,
    loss: -loss,
    zlib: -loss / compressedBytes,
    minK: lowestMean(Array.from(target.logProbabilities)),
    minKPlusPlus: lowestMean(standardised(target)),
  }
}

/** RangeError names a value that is NaN or infinite: no comparison with it means anything. */
export function expectFinite(name: string, values: ArrayLike<number>): void {
  const bad = Array.from(values).findIndex((value) => !Number.isFinite(value))
  if (bad >= 0) throw new RangeError(`${name}[${bad}] expected a finite number, got ${values[bad]}`)
}

function standardised({ logProbabilities, expected, deviations }: TokenScores): readonly number[] {
  return Array.from(logProbabilities, (value, at) => {
    const deviation = deviations[at] as number
    return deviation > 0 ? (value - (expected[at] as number)) / deviation : 0
  })
}

function lowestMean(values: readonly number[]): number {
  const count = Math.max(1, Math.floor(SHARE * values.length))
  return mean([...values].sort((a, b) => a - b).slice(0, count))
}

function mean(values: ArrayLike<number>): number {
  return Array.from(values).reduce((sum, value) => sum + value, 0) / values.length
}

function expectAlike(target: TokenScores, base: TokenScores): void {
  const { length } = target.logProbabilities
  if (length === 0)
    throw new RangeError('target expected a text of two tokens or more, got one with nothing to predict')
  for (const [name, scores] of Object.entries({ target, base }))
    for (const [list, values] of Object.entries(scores) as [string, ArrayLike<number>][]) {
      if (values.length !== length)
        throw new RangeError(`${name}.${list} expected ${length} values, got ${values.length}`)
      expectFinite(`${name}.${list}`, values)
    }
}
