import type { Span } from './span.js'

/**
 * The body of a request that exports spans, by OTLP/HTTP with JSON:
 * https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
 */
export function otlpBody(service: Readonly<Record<string, string>>, spans: readonly Span[]): unknown {
  return {
    resourceSpans: [
      {
        resource: { attributes: attributesOf(service) },
        scopeSpans: [{ scope: { name: 'lorica' }, spans: spans.map(spanOf) }],
      },
    ],
  }
}

const INTERNAL = 1
const FAILED = 2

function spanOf({ traceId, spanId, parentSpanId, name, startMs, endMs, attributes, fault }: Span) {
  return {
    ...{ traceId, spanId, name, kind: INTERNAL },
    ...(parentSpanId === undefined ? {} : { parentSpanId }),
    ...{
      startTimeUnixNano: nanosecondsOf(startMs),
      endTimeUnixNano: nanosecondsOf(Math.max(startMs, endMs)),
    },
    attributes: attributesOf(attributes),
    status: fault === undefined ? {} : { code: FAILED, message: fault },
  }
}

// 64-bit integers are strings in it.
const nanosecondsOf = (ms: number): string => String(BigInt(Math.round(ms)) * 1_000_000n)

function attributesOf(attributes: Span['attributes']) {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: shownValue(value) }))
}

function shownValue(value: string | number | boolean) {
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'boolean') return { boolValue: value }
  return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value }
}
