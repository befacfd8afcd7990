import { invalid } from '../api/api-error.js'
import { completionBody, completionChunk, completionUsage } from '../api/completion-body.js'
import type { CompletionRequest, Prompt } from '../api/completion-request.js'
import type { ServedModel } from '../models/shelf.js'
import type { Piece } from '../text/piece.js'
import { answeredBy, answers, type Desk, expectRoom, type Reply } from './reply.js'

export interface ReplyContext {
  readonly id: string
  readonly model: ServedModel
  readonly nowMs: number
  readonly signal: AbortSignal
}

/** Goes on from each prompt of a request. ApiError when it has no room. */
export function completionReply(desk: Desk, request: CompletionRequest, context: ReplyContext): Reply {
  const { sampling, maxTokens, echoes, streams, alternatives } = request
  const prompts = request.prompts.map((prompt) => promptTokens(desk, prompt))
  expectRoom(desk, { prompts, maxTokens })
  const answered = answeredBy(context.id, context.model, context.nowMs)
  const echoed = (index: number): Piece | undefined => {
    const at = Math.floor(index / sampling.choices)
    const given = request.prompts[at] as Prompt
    const text = typeof given === 'string' ? given : desk.tokenizer.decode(given)
    return echoes ? { text, tokens: [], ...(maxTokens === 0 ? { ending: 'length' } : {}) } : undefined
  }
  const all = prompts.length * sampling.choices
  return {
    streams,
    async run(emit) {
      const emitPiece = (index: number, piece: Piece): void => emit(completionChunk(answered, index, piece))
      const echo = Array.from({ length: all }, (_, index) => echoed(index))
      if (streams)
        for (const [index, piece] of echo.entries()) if (piece !== undefined) emitPiece(index, piece)
      const asked = {
        ...context,
        prompts,
        sampling,
        maxTokens,
        ...(alternatives === undefined ? {} : { alternatives }),
      }
      const ended =
        maxTokens === 0 ? nothing(prompts, all) : await answers(desk, asked, streams ? emitPiece : ignore)
      if (ended === undefined) return undefined
      const { pieces, usage } = ended
      if (streams && request.streamsUsage) emit(completionUsage(answered, usage))
      const whole = pieces.map((own, index) => [echo[index], ...own].filter((piece) => piece !== undefined))
      return completionBody(answered, whole, usage)
    },
  }
}

const ignore = (): void => {}

/** What comes of a request for no tokens: only what it echoes. */
const nothing = (prompts: readonly (readonly number[])[], all: number) => ({
  pieces: Array.from({ length: all }, (): readonly Piece[] => []),
  usage: { prompt: prompts.reduce((sum, { length }) => sum + length, 0), completion: 0 },
})

/** The tokens of a prompt, with those that the model expects before a text; an empty one begins a text. */
export function promptTokens({ tokenizer }: Pick<Desk, 'tokenizer'>, prompt: Prompt): readonly number[] {
  if (typeof prompt !== 'string') {
    const unknown = prompt.find((id) => id >= tokenizer.vocabularySize)
    if (unknown === undefined) return prompt
    throw invalid(`"prompt": expected tokens below ${tokenizer.vocabularySize}, got ${unknown}`, {
      param: 'prompt',
    })
  }
  const ids = tokenizer.encode(prompt, { specialTokens: true })
  return ids.length > 0 ? ids : [tokenizer.bosId ?? tokenizer.eosId ?? 0]
}
