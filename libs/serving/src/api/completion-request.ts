/**
 * `POST /v1/completions`: texts to go on from.
 * Reference: https://platform.openai.com/docs/api-reference/completions/create
 * @module
 */
import { z } from 'zod'
import { invalid } from './api-error.js'
import {
  optional,
  parseBody,
  refuseFields,
  type Sampling,
  samplingFields,
  samplingOf,
} from './sampling-fields.js'

/** A text, or its tokens. */
export type Prompt = string | readonly number[]

export interface CompletionRequest {
  readonly model: string
  readonly prompts: readonly Prompt[]
  readonly sampling: Sampling
  readonly maxTokens: number
  /** How many of the likeliest tokens are told of; absent, no probabilities are told. */
  readonly alternatives?: number
  /** Whether the prompt stands before each answer. */
  readonly echoes: boolean
  readonly streams: boolean
  readonly streamsUsage: boolean
}

const tokens = z.array(z.number().int().min(0)).min(1)

const schema = z.object({
  ...samplingFields,
  prompt: z.union([z.string(), tokens, z.array(z.string()).min(1).max(64), z.array(tokens).min(1).max(64)]),
  max_tokens: optional(z.number().int().min(0)),
  logprobs: optional(z.number().int().min(0).max(20)),
  echo: optional(z.boolean()),
})

/** ApiError names the field that does not fit. */
export function parseCompletion(body: unknown): CompletionRequest {
  const fields = parseBody(schema, body)
  refuseFields(body as object, {
    suffix: (value) => value !== '',
    best_of: (value) => value !== (fields.n ?? 1),
  })
  const { logprobs: alternatives, echo = false, stream = false } = fields
  if (echo && alternatives !== undefined)
    throw invalid('"logprobs" of an echoed prompt are not supported; leave one of them out', {
      param: 'logprobs',
    })
  return {
    model: fields.model,
    prompts: promptsOf(fields.prompt),
    sampling: samplingOf(fields),
    maxTokens: fields.max_tokens ?? 16,
    ...(alternatives === undefined ? {} : { alternatives }),
    echoes: echo,
    streams: stream,
    streamsUsage: fields.stream_options?.include_usage ?? false,
  }
}

function promptsOf(prompt: z.infer<typeof schema>['prompt']): readonly Prompt[] {
  if (typeof prompt === 'string') return [prompt]
  return typeof prompt[0] === 'number' ? [prompt as number[]] : (prompt as string[] | number[][])
}
