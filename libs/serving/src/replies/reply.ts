/**
 * The answers of one request: `choices` of each of its prompts, decoded side by side.
 * @module
 */
import { randomInt } from 'node:crypto'
import type { DecodingEngine, Tokenizer } from '@lorica/peft-core'
import { ApiError, apiErrorOf, invalid } from '../api/api-error.js'
import type { Answered } from '../api/completion-body.js'
import type { Sampling } from '../api/sampling-fields.js'
import type { Usage } from '../api/usage.js'
import type { AnswerTallies } from '../metrics/answer-tally.js'
import type { ServingMetrics } from '../metrics/serving-metrics.js'
import type { ServedModel } from '../models/shelf.js'
import { answer } from '../text/answer.js'
import type { Piece } from '../text/piece.js'

/** What a request is answered with: pieces where it streams, or a whole body. */
export interface Reply {
  readonly streams: boolean
  /** Answers; each event of a stream is emitted as it comes. Resolves to the whole body, or undefined when the client has gone. */
  run(emit: (event: object) => void): Promise<object | undefined>
}

/** What every request shares. */
export interface Desk {
  readonly engine: Pick<DecodingEngine, 'decode' | 'embed'>
  readonly tokenizer: Tokenizer
  readonly metrics: ServingMetrics
  readonly tallies: Pick<AnswerTallies, 'answered' | 'failed'>
  /** The longest text, prompt and answer. */
  readonly maxColumns: number
  /** Tokens that end an answer. */
  readonly stopIds: readonly number[]
  /** Takes a place for so many answers; ApiError when too many wait. */
  admit(answers: number): Disposable
}

export interface AnswersRequest {
  readonly model: ServedModel
  readonly prompts: readonly (readonly number[])[]
  readonly sampling: Sampling
  /** Absent: as many as fit. */
  readonly maxTokens?: number
  readonly alternatives?: number
  readonly signal: AbortSignal
}

export interface Answers {
  readonly pieces: readonly (readonly Piece[])[]
  readonly usage: Usage
}

/** The tokens of every prompt, with how many may follow. ApiError when there is no room for them. */
export function expectRoom(
  { maxColumns }: Pick<Desk, 'maxColumns'>,
  { prompts, maxTokens }: Pick<AnswersRequest, 'prompts' | 'maxTokens'>,
): void {
  const longest = Math.max(...prompts.map(({ length }) => length))
  const asked = maxTokens ?? 1
  if (longest + asked <= maxColumns) return
  const parts = maxTokens === undefined ? '' : ` and ${maxTokens} for the answer`
  throw invalid(
    `this model's longest text has ${maxColumns} tokens; the request asks for ${longest} of the prompt${parts}. Shorten one of them.`,
    { code: 'context_length_exceeded' },
  )
}

/** Decodes the answers; `onPiece` sees the pieces of each, which are also kept. Undefined when the client has gone. */
export async function answers(
  desk: Desk,
  request: AnswersRequest,
  onPiece: (index: number, piece: Piece) => void,
): Promise<Answers | undefined> {
  const { model, prompts, sampling, maxTokens, alternatives, signal } = request
  const { temperature, topP, topK, presencePenalty, frequencyPenalty, bias, choices } = sampling
  const choice = {
    temperature,
    topP,
    ...(topK === undefined ? {} : { topK }),
    presencePenalty,
    frequencyPenalty,
    bias,
  }
  const firstSeed = sampling.seed ?? randomInt(2 ** 47)
  const startedMs = performance.now()
  const answerOne = async (prompt: readonly number[], index: number) => {
    const job = {
      adapter: model.key,
      prompt,
      maxTokens: maxTokens ?? desk.maxColumns - prompt.length,
      choice,
      seed: firstSeed + (index % choices),
      stopIds: desk.stopIds,
      ...(alternatives === undefined ? {} : { alternatives }),
    }
    const pieces: Piece[] = []
    let firstMs: number | undefined
    const seen = (piece: Piece): void => {
      if (firstMs === undefined) {
        firstMs = performance.now()
        desk.metrics.firstToken(model.name, (firstMs - startedMs) / 1000)
      }
      pieces.push(piece)
      onPiece(index, piece)
    }
    const end = await answer({ job, stops: sampling.stops }, { ...desk, signal }, seen)
    const seconds = (performance.now() - (firstMs ?? performance.now())) / 1000
    const { ending, tokens } = end
    desk.metrics.answer({ model: model.name, ending, promptTokens: prompt.length, tokens, seconds })
    return { pieces, ...end }
  }
  using _place = desk.admit(prompts.length * choices)
  const all = prompts.flatMap((prompt) => Array.from({ length: choices }, () => prompt))
  const ended = await Promise.all(all.map(answerOne)).catch((error: unknown) => {
    if (!signal.aborted && apiErrorOf(error).status >= 500) desk.tallies.failed(model)
    throw error
  })
  if (signal.aborted) return undefined
  const made = Math.max(...ended.map(({ tokens }) => tokens), 1)
  desk.tallies.answered(model, (performance.now() - startedMs) / 1000 / made)
  return {
    pieces: ended.map(({ pieces }) => pieces),
    usage: {
      prompt: prompts.reduce((sum, { length }) => sum + length, 0),
      completion: ended.reduce((sum, { tokens }) => sum + tokens, 0),
    },
  }
}

/** Who answers, as every body of a reply says it. */
export const answeredBy = (id: string, { name, version }: ServedModel, nowMs: number): Answered => ({
  id,
  createdS: Math.floor(nowMs / 1000),
  model: name,
  version,
})

/** Places for answers; beyond `most`, clients are asked to come again. */
export function createPlaces(most: number): { readonly open: number; admit(answers: number): Disposable } {
  let open = 0
  return {
    get open() {
      return open
    },
    admit(answers) {
      if (open + answers > most) {
        const message =
          answers > most
            ? `expected at most ${most} answers at once, got ${answers}`
            : `${open} answers are on their way, and there is room for ${most}; try again soon`
        throw new ApiError(429, message, { code: 'rate_limit_exceeded', retryAfterS: 1 })
      }
      open += answers
      return {
        [Symbol.dispose]() {
          open -= answers
        },
      }
    },
  }
}
