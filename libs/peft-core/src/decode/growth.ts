/**
 * One text that grows: which token comes next, and when it ends.
 * @module
 */
import { createRandom } from '../train/random.js'
import { type ChoiceOptions, chooseToken, likelihoodOf, type TokenLikelihood } from './choice.js'

export interface DecodeJob {
  /** The name that an adapter was loaded under. */
  readonly adapter: string
  /** Tokens to go on from; at least one. */
  readonly prompt: readonly number[]
  readonly maxTokens: number
  readonly choice: ChoiceOptions
  /** Equal jobs of one seed give equal tokens. */
  readonly seed: number
  /** The text ends before one of these would be added. */
  readonly stopIds: readonly number[]
  /** How many of the likeliest tokens are told of beside each; absent, no probabilities are told. */
  readonly alternatives?: number
}

export interface DecodedToken extends Partial<TokenLikelihood> {
  readonly id: number
}

export type OnToken = (token: DecodedToken) => void

/** Why a text ended: one of `stopIds` came, it became as long as it may, or its caller let go of it. */
export type Ending = 'stop' | 'length' | 'cancelled'

export interface DecodedText {
  readonly ending: Ending
  /** How many tokens were added. */
  readonly tokens: number
}

export interface Growth {
  readonly prompt: readonly number[]
  /** Chooses from the logits after the text: the token that is added, or the end. RangeError for logits that are no numbers. */
  take(logits: Float32Array): number | DecodedText
  goesOn(): boolean
  cancelled(): DecodedText
}

export interface GrowthOptions {
  readonly vocabulary: number
  /** The longest text, prompt and answer. */
  readonly maxColumns: number
  readonly onToken: OnToken
  goesOn(): boolean
}

/** RangeError for a prompt that is empty, too long, or has a token that the model does not have. */
export function createGrowth(
  job: DecodeJob,
  { vocabulary, maxColumns, onToken, goesOn }: GrowthOptions,
): Growth {
  const { prompt, maxTokens, choice, seed, stopIds, alternatives } = job
  expectTokens(prompt, { vocabulary, maxColumns: maxColumns - 1 }) // and one more
  const { uniform } = createRandom(seed, 'generate')
  const before = new Map<number, number>()
  let tokens = 0
  return {
    prompt,
    goesOn,
    take(logits) {
      const id = chooseToken(logits, choice, { before, random: uniform })
      if (stopIds.includes(id)) return { ending: 'stop', tokens }
      onToken({ id, ...(alternatives === undefined ? {} : likelihoodOf(logits, id, alternatives)) })
      before.set(id, (before.get(id) ?? 0) + 1)
      tokens++
      const isFull = tokens >= maxTokens || prompt.length + tokens >= maxColumns
      return isFull ? { ending: 'length', tokens } : id
    },
    cancelled: () => ({ ending: 'cancelled', tokens }),
  }
}

/** RangeError for a text that is empty, longer than `maxColumns`, or has a token that the model does not have. */
export function expectTokens(
  ids: readonly number[],
  { vocabulary, maxColumns }: Pick<GrowthOptions, 'vocabulary' | 'maxColumns'>,
): void {
  if (ids.length === 0) throw new RangeError('text expected at least one token, got none')
  if (ids.length > maxColumns)
    throw new RangeError(`text expected at most ${maxColumns} tokens, got ${ids.length}`)
  const unknown = ids.find((id) => !(Number.isInteger(id) && id >= 0 && id < vocabulary))
  if (unknown !== undefined)
    throw new RangeError(`text expected tokens from 0 to ${vocabulary - 1}, got ${unknown}`)
}
