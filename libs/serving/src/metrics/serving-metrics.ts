/**
 * What is measured of serving. Labels are names that are served and paths that are known, so that nobody outside can add more.
 * @module
 */
import type { ServedModel } from '../models/shelf.js'
import { createCounter, createGauge, createHistogram, type Instrument } from './instruments.js'

export interface ServingMetrics {
  /** A request that was answered, or refused. */
  request(path: string, status: number, seconds: number): void
  /** The first token of an answer. */
  firstToken(model: string, seconds: number): void
  /** An answer at its end, however it ended. */
  answer(answer: AnswerMeasure): void
  text(): string
}

export interface AnswerMeasure {
  readonly model: string
  readonly ending: string
  readonly promptTokens: number
  readonly tokens: number
  /** Since the first token. */
  readonly seconds: number
}

export interface MetricsOptions {
  models(): readonly ServedModel[]
  /** Answers that are on their way, waiting ones included. */
  open(): number
}

const REQUEST_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120]
const TOKENS_A_SECOND = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000]

export function createServingMetrics({ models, open }: MetricsOptions): ServingMetrics {
  const requests = createCounter('lorica_requests_total', 'Requests by path and status.')
  const seconds = createHistogram('lorica_request_seconds', 'How long requests took.', REQUEST_SECONDS)
  const first = createHistogram(
    'lorica_first_token_seconds',
    'From a request to the first token of an answer.',
    REQUEST_SECONDS,
  )
  const rates = createHistogram(
    'lorica_answer_tokens_per_second',
    'Tokens a second of an answer, after its first.',
    TOKENS_A_SECOND,
  )
  const tokens = createCounter('lorica_tokens_total', 'Tokens that were read (prompt) and made (completion).')
  const answers = createCounter('lorica_answers_total', 'Answers by model and by how they ended.')
  const served = createGauge('lorica_served_model', 'Models that are served, with their versions.', () =>
    models().map(({ name, version }) => [{ model: name, version }, 1] as const),
  )
  const waiting = createGauge('lorica_open_answers', 'Answers that are on their way.', () => [[{}, open()]])
  const all: readonly Instrument[] = [requests, seconds, first, rates, tokens, answers, served, waiting]
  return {
    request(path, status, took) {
      requests.add(1, { path, status: String(status) })
      seconds.observe(took, { path })
    },
    firstToken: (model, took) => first.observe(took, { model }),
    answer({ model, ending, promptTokens, tokens: made, seconds: took }) {
      answers.add(1, { model, ending })
      tokens.add(promptTokens, { model, kind: 'prompt' })
      tokens.add(made, { model, kind: 'completion' })
      if (made > 1 && took > 0) rates.observe((made - 1) / took, { model })
    },
    text: () => `${all.flatMap((one) => one.lines()).join('\n')}\n`,
  }
}
