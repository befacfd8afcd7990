import { otlpBody } from './otlp.js'
import type { Span } from './span.js'

/** Takes spans, and sends them when there are several. Never throws: who is traced does not wait for who looks on. */
export interface SpanExporter {
  add(span: Span): void
  /** Sends what is there. */
  flush(): Promise<void>
  /** As flush, and nothing is taken any more. */
  close(): Promise<void>
}

/** Where spans go. */
export interface SpanTarget {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

/** Sends a request, as fetch does: a library has no way to the network of its own. */
export type Send = (url: string, request: RequestInit) => Promise<Response>

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Where OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, or OTEL_EXPORTER_OTLP_ENDPOINT with /v1/traces, says that spans go; undefined: nowhere.
 * https://opentelemetry.io/docs/specs/otel/protocol/exporter/
 */
export function spanTargetIn(environment: Environment): SpanTarget | undefined {
  if (environment.OTEL_SDK_DISABLED?.toLowerCase() === 'true') return undefined
  const base = environment.OTEL_EXPORTER_OTLP_ENDPOINT?.replace(/\/+$/, '')
  const url = environment.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || (base && `${base}/v1/traces`)
  if (!url || !URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) return undefined
  const pairs = (environment.OTEL_EXPORTER_OTLP_HEADERS ?? '').split(',').filter((pair) => pair.includes('='))
  const headers = pairs.map((pair) => {
    const at = pair.indexOf('=')
    return [pair.slice(0, at).trim(), decodeURIComponent(pair.slice(at + 1).trim())] as const
  })
  return { url, headers: Object.fromEntries(headers) }
}

const KEPT = 2048 // spans that wait; more are left out, and counted
const SENT_AT_ONCE = 512
const EVERY_MS = 5000
const PATIENCE_MS = 10_000
const LAST_MS = 2000 // when the process is about to end

/** An exporter to `target`, as `service`: resource attributes, such as service.name; `send` is fetch. `onFault` hears once of each row of failures. */
export function createSpanExporter(
  { url, headers }: SpanTarget,
  service: Readonly<Record<string, string>>,
  send: Send,
  onFault: (reason: string) => void = () => {},
): SpanExporter {
  let waiting: Span[] = []
  let leftOut = 0
  let isFailing = false
  let isClosed = false
  let sending = Promise.resolve()
  const timer = setInterval(() => void flush(PATIENCE_MS), EVERY_MS)
  timer.unref()

  async function post(spans: readonly Span[], patienceMs: number): Promise<void> {
    const response = await send(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(otlpBody(service, spans)),
      signal: AbortSignal.timeout(patienceMs),
    })
    await response.body?.cancel()
    if (!response.ok) throw new Error(`status ${response.status}`)
  }

  function flush(patienceMs: number): Promise<void> {
    sending = sending.then(async () => {
      while (waiting.length > 0) {
        const spans = waiting.slice(0, SENT_AT_ONCE)
        waiting = waiting.slice(spans.length)
        try {
          await post(spans, patienceMs)
          isFailing = false
          leftOut = 0
        } catch (error) {
          waiting = [...spans, ...waiting].slice(0, KEPT)
          if (!isFailing) onFault(error instanceof Error ? error.message : String(error))
          isFailing = true
          return
        }
      }
    })
    return sending
  }

  return {
    add(span) {
      if (isClosed) return
      if (waiting.length < KEPT) waiting.push(span)
      else if (leftOut++ === 0) onFault('spans come faster than they can be sent: some are left out')
      if (waiting.length === SENT_AT_ONCE && !isFailing) void flush(PATIENCE_MS)
    },
    flush: () => flush(PATIENCE_MS),
    async close() {
      isClosed = true
      clearInterval(timer)
      await flush(LAST_MS)
    },
  }
}
