/**
 * Texts of which a model learns only some stretches: the answers.
 * @module
 */
import { IGNORED } from '../train/counted.js'
import type { Tokenizer } from '../train/tokens.js'
import type { Example } from './example.js'

export interface AnsweredText {
  readonly text: string
  /** Where each answer begins and ends in the text, in order. */
  readonly answers: readonly { readonly start: number; readonly end: number }[]
  /** Whether the tokens that the model expects around a text are put there; a chat template writes them itself. */
  readonly specialTokens: boolean
  /** Whether the token that ends a text follows the last answer, and is learned. */
  readonly ends: boolean
}

/**
 * The tokens of the whole text, with labels for those of the answers. A token that is half in an answer is not learned.
 * What goes beyond `columns` tokens is cut off.
 */
export function answeredExample(
  { text, answers, specialTokens, ends }: AnsweredText,
  tokenizer: Tokenizer,
  columns: number,
): Example {
  const encode = (part: string): number[] => tokenizer.encode(part, { specialTokens })
  const { eosId } = tokenizer
  const encoded = encode(text)
  const isEnded = !ends || eosId === undefined || encoded.at(-1) === eosId
  const ids = isEnded ? encoded : [...encoded, eosId]
  const tokensBefore = (at: number): number =>
    at === text.length ? ids.length : commonLength(encode(text.slice(0, at)), ids)
  const labels = new Array<number>(ids.length).fill(IGNORED)
  for (const { start, end } of answers) {
    const last = tokensBefore(end)
    for (let at = tokensBefore(start); at < last; at++) labels[at] = ids[at] as number
  }
  return { ids: ids.slice(0, columns), labels: labels.slice(0, columns), isCut: ids.length > columns }
}

function commonLength(left: readonly number[], right: readonly number[]): number {
  const most = Math.min(left.length, right.length)
  let length = 0
  while (length < most && left[length] === right[length]) length++
  return length
}
