/**
 * What `/v1/chat/completions` answers: a whole body, or pieces of it.
 * @module
 */
import type { Piece, ToldToken } from '../text/piece.js'
import type { Answered } from './completion-body.js'
import { type Usage, usageBody } from './usage.js'

const head = ({ id, createdS, model, version }: Answered, isChunk: boolean) => ({
  id,
  object: isChunk ? 'chat.completion.chunk' : 'chat.completion',
  created: createdS,
  model,
  system_fingerprint: version,
})

function logprobsOf(pieces: readonly Piece[]) {
  const told = pieces.flatMap(({ tokens }) => tokens)
  if (!told.some(({ logprob }) => logprob !== undefined)) return null
  return {
    content: told.map(({ text, logprob, top = [] }: ToldToken) => ({
      token: text,
      logprob,
      bytes: bytesOf(text),
      top_logprobs: top.map(([token, value]) => ({ token, logprob: value, bytes: bytesOf(token) })),
    })),
    refusal: null,
  }
}

/** The bytes of a token's text; null for one that is a part of a character. */
const bytesOf = (text: string): readonly number[] | null =>
  text.includes('\uFFFD') ? null : [...Buffer.from(text)]

export const chatBody = (answered: Answered, choices: readonly (readonly Piece[])[], usage: Usage) => ({
  ...head(answered, false),
  choices: choices.map((pieces, index) => ({
    index,
    message: { role: 'assistant', content: pieces.map(({ text }) => text).join(''), refusal: null },
    logprobs: logprobsOf(pieces),
    finish_reason: pieces.at(-1)?.ending ?? null,
  })),
  usage: usageBody(usage),
})

/** The piece of a stream that says who speaks. */
export const chatStart = (answered: Answered, index: number) => ({
  ...head(answered, true),
  choices: [{ index, delta: { role: 'assistant', content: '' }, logprobs: null, finish_reason: null }],
})

export const chatChunk = (answered: Answered, index: number, piece: Piece) => ({
  ...head(answered, true),
  choices: [
    {
      index,
      delta: piece.text === '' ? {} : { content: piece.text },
      logprobs: logprobsOf([piece]),
      finish_reason: piece.ending ?? null,
    },
  ],
})

/** The last piece of a stream that tells of usage. */
export const chatUsage = (answered: Answered, usage: Usage) => ({
  ...head(answered, true),
  choices: [],
  usage: usageBody(usage),
})
