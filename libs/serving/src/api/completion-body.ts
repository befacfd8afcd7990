/**
 * What `/v1/completions` answers: a whole body, or pieces of it.
 * @module
 */
import type { Piece } from '../text/piece.js'
import { type Usage, usageBody } from './usage.js'

export interface Answered {
  readonly id: string
  readonly createdS: number
  readonly model: string
  /** What the model is at this moment, such as the version of its adapter. */
  readonly version: string
}

const head = ({ id, createdS, model, version }: Answered) => ({
  id,
  object: 'text_completion' as const,
  created: createdS,
  model,
  system_fingerprint: version,
})

/** Pieces of one answer, in order, as one choice. */
function choiceOf(index: number, pieces: readonly Piece[]) {
  const told = pieces.flatMap(({ tokens }) => tokens)
  const offsets: number[] = []
  let offset = 0
  for (const { text } of told) {
    offsets.push(offset)
    offset += text.length
  }
  const hasLogprobs = told.some(({ logprob }) => logprob !== undefined)
  return {
    index,
    text: pieces.map(({ text }) => text).join(''),
    logprobs: hasLogprobs
      ? {
          tokens: told.map(({ text }) => text),
          token_logprobs: told.map(({ logprob }) => logprob),
          top_logprobs: told.map(({ top = [] }) => Object.fromEntries(top)),
          text_offset: offsets,
        }
      : null,
    finish_reason: pieces.at(-1)?.ending ?? null,
  }
}

export const completionBody = (answered: Answered, choices: readonly (readonly Piece[])[], usage: Usage) => ({
  ...head(answered),
  choices: choices.map((pieces, index) => choiceOf(index, pieces)),
  usage: usageBody(usage),
})

export const completionChunk = (answered: Answered, index: number, piece: Piece) => ({
  ...head(answered),
  choices: [choiceOf(index, [piece])],
})

/** The last piece of a stream that tells of usage. */
export const completionUsage = (answered: Answered, usage: Usage) => ({
  ...head(answered),
  choices: [],
  usage: usageBody(usage),
})
