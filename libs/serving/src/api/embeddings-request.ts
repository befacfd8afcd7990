/**
 * `POST /v1/embeddings`: texts to turn into vectors.
 * Reference: https://platform.openai.com/docs/api-reference/embeddings/create
 * @module
 */
import { z } from 'zod'
import { invalid } from './api-error.js'
import type { Prompt } from './completion-request.js'
import { optional, parseBody } from './sampling-fields.js'
import { usageBody } from './usage.js'

export interface EmbeddingsRequest {
  readonly model: string
  readonly inputs: readonly Prompt[]
  readonly isBase64: boolean
}

const tokens = z.array(z.number().int().min(0)).min(1)

const schema = z.object({
  model: z.string().min(1),
  input: z.union([
    z.string().min(1),
    tokens,
    z.array(z.string().min(1)).min(1).max(256),
    z.array(tokens).min(1).max(256),
  ]),
  encoding_format: optional(z.enum(['float', 'base64'])),
  dimensions: z.unknown().optional(),
})

/** ApiError names the field that does not fit. */
export function parseEmbeddings(body: unknown): EmbeddingsRequest {
  const { model, input, encoding_format: format, dimensions } = parseBody(schema, body)
  if (dimensions !== undefined && dimensions !== null)
    throw invalid('"dimensions" is not supported here; leave it out', { param: 'dimensions' })
  const isOne = typeof input === 'string' || typeof input[0] === 'number'
  const inputs = (isOne ? [input] : input) as readonly Prompt[]
  return { model, inputs, isBase64: format === 'base64' }
}

export const embeddingsBody = (
  model: string,
  vectors: readonly Float32Array[],
  { isBase64, promptTokens }: { readonly isBase64: boolean; readonly promptTokens: number },
) => {
  const { completion_tokens: _, ...usage } = usageBody({ prompt: promptTokens, completion: 0 })
  return {
    object: 'list',
    model,
    data: vectors.map((vector, index) => ({
      object: 'embedding',
      index,
      embedding: isBase64 ? base64Of(vector) : [...vector],
    })),
    usage,
  }
}

const base64Of = ({ buffer, byteOffset, byteLength }: Float32Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('base64') // little-endian, as every platform Node runs on
