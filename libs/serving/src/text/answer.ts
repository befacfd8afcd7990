/**
 * One answer: tokens from the engine as text, up to a stop text.
 * @module
 */
import type { DecodedToken, DecodeJob, DecodingEngine, Tokenizer } from '@lorica/peft-core'
import type { Piece, ToldToken } from './piece.js'
import { createStopText } from './stop-text.js'
import { createTokenText } from './token-text.js'

export interface AnswerJob {
  readonly job: DecodeJob
  readonly stops: readonly string[]
}

export interface AnswerTools {
  readonly engine: Pick<DecodingEngine, 'decode'>
  readonly tokenizer: Pick<Tokenizer, 'decode'>
  /** Lets go of the answer. */
  readonly signal: AbortSignal
}

/** How an answer came to its end, and how many tokens it took. */
export interface AnswerEnd {
  readonly ending: 'stop' | 'length' | 'cancelled'
  readonly tokens: number
}

/** Decodes one answer and shows it piece by piece; the last piece has an ending, unless the caller lets go. */
export async function answer(
  { job, stops }: AnswerJob,
  { engine, tokenizer, signal }: AnswerTools,
  onPiece: (piece: Piece) => void,
): Promise<AnswerEnd> {
  const letGo = new AbortController()
  const text = createTokenText((ids) => tokenizer.decode(ids), job.prompt)
  const stop = createStopText(stops)
  let told: ToldToken[] = []
  let tokens = 0
  const show = (shown: string): void => {
    if (shown === '') return
    onPiece({ text: shown, tokens: told })
    told = []
  }
  const onToken = (token: DecodedToken): void => {
    if (stop.isStopped) return
    tokens++
    told.push(toldToken(token, tokenizer))
    const shown = stop.add(text.add(token.id))
    if (stop.isStopped) letGo.abort()
    show(shown)
  }
  const ended = await engine.decode(job, onToken, AbortSignal.any([signal, letGo.signal]))
  if (ended.ending === 'cancelled' && !stop.isStopped) return { ending: 'cancelled', tokens }
  const rest = stop.isStopped ? '' : stop.add(text.end()) + stop.end()
  const ending = stop.isStopped || ended.ending === 'stop' ? 'stop' : 'length'
  onPiece({ text: rest, tokens: told, ending })
  return { ending, tokens }
}

function toldToken({ id, logprob, top }: DecodedToken, tokenizer: AnswerTools['tokenizer']): ToldToken {
  if (logprob === undefined) return { text: '' }
  const textOf = (token: number): string => tokenizer.decode([token], { specialTokens: true })
  return {
    text: textOf(id),
    logprob,
    top: (top ?? []).map(([token, value]) => [textOf(token), value] as const),
  }
}
