import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A span as OTLP has it in JSON. */
export interface ReceivedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[]
}

export interface SpanReceiver extends AsyncDisposable {
  readonly url: string
  /** All bodies so far, as they came. */
  bytes(): Buffer
  spans(): readonly ReceivedSpan[]
  /** Waits until they fit. */
  until(fit: (spans: readonly ReceivedSpan[]) => boolean): Promise<void>
}

/** Receives spans by OTLP/HTTP with JSON. */
export async function startSpanReceiver(): Promise<SpanReceiver> {
  const bodies: Buffer[] = []
  const spans: ReceivedSpan[] = []
  const waiting = new Set<() => void>()
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const body = Buffer.concat(parts)
    bodies.push(body)
    const { resourceSpans } = JSON.parse(body.toString()) as {
      resourceSpans: { scopeSpans: { spans: ReceivedSpan[] }[] }[]
    }
    for (const { scopeSpans } of resourceSpans) for (const scope of scopeSpans) spans.push(...scope.spans)
    response.writeHead(request.url === '/v1/traces' ? 200 : 404).end('{}')
    for (const look of waiting) look()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    bytes: () => Buffer.concat(bodies),
    spans: () => spans,
    until: (fit) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!fit(spans)) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
      }),
    [Symbol.asyncDispose]: async () => void server.close().closeAllConnections(),
  }
}
