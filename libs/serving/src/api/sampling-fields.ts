/**
 * The fields of a request that say how tokens are chosen, as OpenAI's API defines them; `top_k` is an addition.
 * Reference: https://platform.openai.com/docs/api-reference/completions
 * @module
 */
import { z } from 'zod'
import { invalid } from './api-error.js'

/** A field that may be left out, or null. */
export const optional = <T extends z.ZodType>(schema: T) =>
  schema.nullish().transform((value) => value ?? undefined)

const wholeNumber = z
  .number()
  .int()
  .min(-(2 ** 53) + 1)
  .max(2 ** 53 - 1)

export const samplingFields = {
  model: z.string().min(1),
  temperature: optional(z.number().min(0).max(2)),
  top_p: optional(z.number().gt(0).max(1)),
  top_k: optional(z.number().int().min(1)),
  n: optional(z.number().int().min(1).max(16)),
  seed: optional(wholeNumber),
  stop: optional(z.union([z.string().min(1), z.array(z.string().min(1)).max(4)])),
  presence_penalty: optional(z.number().min(-2).max(2)),
  frequency_penalty: optional(z.number().min(-2).max(2)),
  logit_bias: optional(z.record(z.string().regex(/^\d+$/), z.number().min(-100).max(100))),
  stream: optional(z.boolean()),
  stream_options: optional(z.object({ include_usage: optional(z.boolean()) })),
} as const

export type SamplingBody = z.infer<z.ZodObject<typeof samplingFields>>

/** How the tokens of an answer are chosen, and where it ends. */
export interface Sampling {
  readonly temperature: number
  readonly topP: number
  readonly topK?: number
  readonly presencePenalty: number
  readonly frequencyPenalty: number
  readonly bias: readonly (readonly [id: number, added: number])[]
  readonly stops: readonly string[]
  /** Absent: another one each time. */
  readonly seed?: number
  /** How many answers. */
  readonly choices: number
}

export function samplingOf(body: SamplingBody): Sampling {
  const { stop = [], top_k: topK, seed } = body
  return {
    temperature: body.temperature ?? 1,
    topP: body.top_p ?? 1,
    ...(topK === undefined ? {} : { topK }),
    presencePenalty: body.presence_penalty ?? 0,
    frequencyPenalty: body.frequency_penalty ?? 0,
    bias: Object.entries(body.logit_bias ?? {}).map(([id, added]) => [Number(id), added]),
    stops: typeof stop === 'string' ? [stop] : stop,
    ...(seed === undefined ? {} : { seed }),
    choices: body.n ?? 1,
  }
}

/** The body of a request; an ApiError names the first field that does not fit. */
export function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const param = issue?.path.join('.')
  const place = param === undefined || param === '' ? 'the body' : `"${param}"`
  throw invalid(`${place}: ${issue?.message ?? 'it cannot be read'}`, {
    param: param === '' ? undefined : param,
  })
}

/** ApiError for fields that ask for what is not built. */
export function refuseFields(
  body: object,
  fields: Readonly<Record<string, (value: unknown) => boolean>>,
): void {
  for (const [param, isAsked] of Object.entries(fields)) {
    const value = (body as Readonly<Record<string, unknown>>)[param]
    if (value === undefined || value === null || !isAsked(value)) continue
    throw invalid(`"${param}" is not supported here; leave it out`, { param, code: 'unsupported_parameter' })
  }
}
