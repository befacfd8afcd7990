import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createSpanExporter, type Span, spanTargetIn } from '@lorica/protocol'
import { expect, test } from 'vitest'
import type { JournalEntry } from '../journal/chain.js'
import { createTracer } from './tracer.js'

const seat = (agentId: string) => ({ agentId, name: `site of ${agentId}`, assignmentId: `${agentId}-3` })
const line = (second: number, event: object) =>
  ({ seq: second, at: new Date(1_800_000_000_000 + 1000 * second).toISOString(), event }) as JournalEntry
const createdAt = new Date(1_800_000_000_000 - 4000).toISOString()

function tracedRound() {
  const spans: Span[] = []
  const tracer = createTracer('fleet-7', {
    ...{ add: (span) => void spans.push(span), flush: async () => {}, close: async () => {} },
  })
  const about = { runId: 'tone-2', round: 3 }
  const note = (second: number, event: object) => tracer.note(line(second, { ...about, ...event }), createdAt)
  return { spans, tracer, note, about }
}

test('a run has its rounds as children, and a round its assignments, each with how it ended', () => {
  const { spans, tracer, note, about } = tracedRound()
  note(1, { type: 'round-planned', attempt: 2, seats: [seat('oslo'), seat('turin'), seat('cork')] })
  const given = tracer.traceparent({ ...about, kind: 'train', assignmentId: 'oslo-3' })
  const measuring = tracer.traceparent({ ...about, kind: 'evaluate', assignmentId: 'oslo-4' })
  note(5, { type: 'update-accepted', contribution: { assignmentId: 'oslo-3', sizeBytes: 4711 } })
  note(6, { type: 'agent-declined', assignmentId: 'turin-3', code: 'LRC-6004', message: 'of the site' })
  note(9, { type: 'round-committed', record: { verdict: 'released', seconds: 8, contributions: [{}] } })
  note(11, { type: 'run-ended', state: 'succeeded', reason: '' })
  const seconds = (ms: number) => (ms - 1_800_000_000_000) / 1000
  expect(
    spans.map(({ name, startMs, endMs, attributes, fault }) => [
      ...[name, seconds(startMs), seconds(endMs), attributes['lorica.outcome'], fault],
    ]),
  ).toEqual([
    ['assignment', 1, 5, 'accepted', undefined],
    ['assignment', 1, 6, 'declined', 'LRC-6004'],
    ['round', 1, 9, 'released', undefined],
    ['assignment', 1, 11, 'absent', undefined],
    ['run', -4, 11, 'succeeded', undefined],
  ])
  const [oslo, turin, round, cork, run] = spans as [Span, Span, Span, Span, Span]
  expect([oslo, turin, cork].map(({ parentSpanId }) => parentSpanId)).toEqual(Array(3).fill(round.spanId))
  expect([round.parentSpanId, run.parentSpanId]).toEqual([run.spanId, undefined])
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1)
  expect(given).toBe(`00-${oslo.traceId}-${oslo.spanId}-01`)
  expect(measuring).toBe(`00-${round.traceId}-${round.spanId}-01`)
  expect(JSON.stringify(spans)).not.toContain('of the site')
})

test('an agent adds to the trace of what it was asked, and to no other', () => {
  const { spans, tracer, note, about } = tracedRound()
  note(1, { type: 'round-planned', attempt: 1, seats: [seat('oslo')] })
  const asked = tracer.traceparent({ ...about, kind: 'train', assignmentId: 'oslo-3' })
  const [, traceId] = asked.split('-')
  const own = `00-${traceId}-00f067aa0ba902b7-01`
  const foreign = `00-${'5d'.repeat(16)}-00f067aa0ba902b7-01`
  for (const message of [
    { assignmentId: 'oslo-3', traceparent: foreign },
    { assignmentId: 'cork-3', traceparent: own },
    { assignmentId: 'oslo-3' },
    { assignmentId: 'oslo-3', traceparent: own },
  ])
    tracer.received('update.open', message, 2500)(2700, 'LRC-4001')
  expect(spans).toEqual([
    expect.objectContaining({
      name: 'update.open',
      traceId,
      parentSpanId: '00f067aa0ba902b7',
      fault: 'LRC-4001',
    }),
  ])
})

test('spans go to a receiver of OTLP in the form that it reads, again after it failed, and nowhere unless one is named', async () => {
  const bodies: { resourceSpans: unknown[] }[] = []
  let answers = [503, 200]
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const status = answers.shift() ?? 200
    if (status === 200) bodies.push(JSON.parse(Buffer.concat(parts).toString()))
    response
      .writeHead(request.url === '/in/v1/traces' && request.headers['x-tenant'] === 'a=b' ? status : 400)
      .end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const named = {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}/in/`,
    OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=a%3Db',
  }
  const faults: string[] = []
  const exporter = createSpanExporter(spanTargetIn(named)!, { 'service.name': 'here' }, fetch, (why) =>
    faults.push(why),
  )
  const context = { traceId: '4c'.repeat(16), spanId: 'b9'.repeat(8), parentSpanId: 'a1'.repeat(8) }
  const times = { startMs: 1_800_000_000_123, endMs: 1_800_000_004_007 }
  exporter.add({
    ...context,
    ...times,
    name: 'round',
    attributes: { n: 3, x: 0.25, is: true },
    fault: 'LRC-4001',
  })
  await exporter.flush()
  expect([faults, bodies]).toEqual([['status 503'], []])
  await exporter.close()
  expect(bodies[0]?.resourceSpans).toEqual([
    {
      resource: { attributes: [{ key: 'service.name', value: { stringValue: 'here' } }] },
      scopeSpans: [
        {
          scope: { name: 'lorica' },
          spans: [
            {
              ...{ ...context, name: 'round', kind: 1 },
              ...{ startTimeUnixNano: '1800000000123000000', endTimeUnixNano: '1800000004007000000' },
              attributes: [
                { key: 'n', value: { intValue: '3' } },
                { key: 'x', value: { doubleValue: 0.25 } },
                { key: 'is', value: { boolValue: true } },
              ],
              status: { code: 2, message: 'LRC-4001' },
            },
          ],
        },
      ],
    },
  ])
  server.close().closeAllConnections()
  answers = []
  for (const environment of [
    {},
    { ...named, OTEL_SDK_DISABLED: 'true' },
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'otel' },
  ])
    expect(spanTargetIn(environment)).toBeUndefined()
})
