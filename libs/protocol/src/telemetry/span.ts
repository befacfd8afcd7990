/**
 * Spans of OpenTelemetry, as far as they are written here: https://opentelemetry.io/docs/specs/otel/trace/api/
 * @module
 */
import { createHash } from 'node:crypto'
import { z } from 'zod'

/** Where a span is: which trace, and which one of it. */
export interface SpanContext {
  readonly traceId: string // 16 bytes, hexadecimal
  readonly spanId: string // 8 bytes, hexadecimal
}

/** Something that took time. Attributes are ids, kinds, codes and counts: never texts, names of files, or numbers about private data. */
export interface Span extends SpanContext {
  readonly parentSpanId?: string | undefined
  readonly name: string
  readonly startMs: number // since 1970
  readonly endMs: number
  readonly attributes: Readonly<Record<string, string | number | boolean>>
  readonly fault?: string | undefined // of what failed; absent: nothing did
}

/** A context in messages, as in HTTP: https://www.w3.org/TR/trace-context/#traceparent-header */
export const traceparentSchema = z
  .string()
  .regex(/^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/, 'a W3C traceparent of version 00')

export const traceparentOf = ({ traceId, spanId }: SpanContext): string => `00-${traceId}-${spanId}-01`

/** The context that a traceparent of the schema names. */
export function contextOf(traceparent: string): SpanContext {
  const [, traceId = '', spanId = ''] = traceparent.split('-')
  return { traceId, spanId }
}

/** A context that follows from what it is of, so that it is the same after a restart. */
export function contextFor(trace: readonly string[], span: readonly string[]): SpanContext {
  return { traceId: hashOf(trace).slice(0, 32), spanId: hashOf([...trace, ...span]).slice(0, 16) }
}

const hashOf = (parts: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex')
