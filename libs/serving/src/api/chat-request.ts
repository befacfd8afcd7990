/**
 * `POST /v1/chat/completions`: a conversation to answer.
 * Reference: https://platform.openai.com/docs/api-reference/chat/create
 * @module
 */
import { z } from 'zod'
import {
  optional,
  parseBody,
  refuseFields,
  type Sampling,
  samplingFields,
  samplingOf,
} from './sampling-fields.js'

export interface ChatMessage {
  readonly role: string
  readonly content: string
  readonly [field: string]: unknown
}

export interface ChatRequest {
  readonly model: string
  readonly messages: readonly ChatMessage[]
  readonly sampling: Sampling
  /** Absent: as many as fit. */
  readonly maxTokens?: number
  /** How many of the likeliest tokens are told of; absent, no probabilities are told. */
  readonly alternatives?: number
  readonly streams: boolean
  readonly streamsUsage: boolean
}

const textPart = z.object({ type: z.literal('text'), text: z.string() })

const message = z.looseObject({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']),
  content: z.union([z.string(), z.array(textPart)]),
})

const schema = z.object({
  ...samplingFields,
  messages: z.array(message).min(1),
  max_tokens: optional(z.number().int().min(1)),
  max_completion_tokens: optional(z.number().int().min(1)),
  logprobs: optional(z.boolean()),
  top_logprobs: optional(z.number().int().min(0).max(20)),
})

const isFilled = (value: unknown): boolean => !Array.isArray(value) || value.length > 0

/** ApiError names the field that does not fit. */
export function parseChat(body: unknown): ChatRequest {
  const fields = parseBody(schema, body)
  refuseFields(body as object, {
    tools: isFilled,
    functions: isFilled,
    audio: () => true,
    modalities: (value) => JSON.stringify(value) !== '["text"]',
    response_format: (value) => (value as { type?: unknown }).type !== 'text',
  })
  const { stream = false, logprobs = false, top_logprobs: alternatives = 0 } = fields
  const maxTokens = fields.max_completion_tokens ?? fields.max_tokens
  return {
    model: fields.model,
    messages: fields.messages.map(({ role, content, ...rest }) => ({
      ...rest,
      role: role === 'developer' ? 'system' : role,
      content: typeof content === 'string' ? content : content.map(({ text }) => text).join(''),
    })),
    sampling: samplingOf(fields),
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(logprobs ? { alternatives } : {}),
    streams: stream,
    streamsUsage: fields.stream_options?.include_usage ?? false,
  }
}
