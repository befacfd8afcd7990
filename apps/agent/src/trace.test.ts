import type { Span } from '@lorica/protocol'
import { expect, test } from 'vitest'
import type { AgentEvent } from './report.js'
import { createTrace, tracedLink } from './trace.js'

test('the work for an assignment is a child of what the coordinator names, with its phases; no loss is in it', () => {
  const spans: Span[] = []
  const exporter = {
    add: (span: Span) => void spans.push(span),
    flush: async () => {},
    close: async () => {},
  }
  let nowMs = 1000
  const trace = createTrace(exporter, () => nowMs)
  const at = (ms: number, event: AgentEvent) => {
    nowMs = ms
    trace.tell(event)
  }
  const assignmentId = 'a7'
  const progress = { event: 'progress', assignmentId, step: 3, steps: 9, tokensPerSecond: 71.5 } as const
  trace.given({ assignmentId, traceparent: `00-${'4c'.repeat(16)}-${'b9'.repeat(8)}-01` } as never)
  expect(trace.traceparent(assignmentId)).toBeUndefined()
  at(1000, { event: 'assignment', assignmentId, kind: 'train', runId: 'tone-2', round: 4 })
  const traceparent = trace.traceparent(assignmentId)!
  at(1300, { ...progress, phase: 'download', loss: null })
  at(1700, { ...progress, phase: 'train', loss: 3.21 })
  at(1900, { ...progress, phase: 'train', loss: 2.87 })
  at(2600, { ...progress, phase: 'upload', loss: null })
  at(2750, { event: 'receipt', assignmentId, runId: 'tone-2', round: 4 } as never)
  expect(spans.map(({ name, startMs, endMs }) => [name, startMs, endMs])).toEqual([
    ['download', 1300, 1700],
    ['train', 1700, 2600],
    ['upload', 2600, 2750],
    ['agent train', 1000, 2750],
  ])
  const whole = spans[3]!
  expect([whole.traceId, whole.parentSpanId]).toEqual(['4c'.repeat(16), 'b9'.repeat(8)])
  expect(traceparent).toBe(`00-${whole.traceId}-${whole.spanId}-01`)
  expect(spans.slice(0, 3).map(({ parentSpanId }) => parentSpanId)).toEqual(Array(3).fill(whole.spanId))
  expect(JSON.stringify(spans)).not.toMatch(/3\.21|2\.87|71\.5/)
  expect(trace.traceparent(assignmentId)).toBeUndefined()
})

test('a target and a release are work too, and messages about what is under way bear its context', async () => {
  const spans: Span[] = []
  const exporter = {
    ...{ add: (span: Span) => void spans.push(span), flush: async () => {}, close: async () => {} },
  }
  const trace = createTrace(exporter, () => 1000)
  const sent: Record<string, unknown>[] = []
  const request = async (name: string, message: object) => void sent.push({ name, ...message })
  const link = tracedLink({ request } as never, trace)
  const traceparent = `00-${'4c'.repeat(16)}-${'b9'.repeat(8)}-01`
  trace.targeted({ target: '{"serial":31}', traceparent })
  trace.targeted({ target: 'no JSON', traceparent })
  trace.released({ manifest: '{"name":"v9"}', traceparent })
  trace.tell({ event: 'target-applied', serial: 31, name: 'v9', isServed: true, downloadedBytes: 5 })
  trace.tell({ event: 'release-verified', name: 'v9', version: 9, folder: '/agent/v9' })
  await link.request('target.report', { serial: 31 } as never)
  await link.request('target.report', { serial: 30 } as never)
  trace.tell({ event: 'assignment', assignmentId: 'a7', kind: 'train', runId: 'tone-2', round: 4 })
  for (const name of ['sum.keys', 'sum.shares', 'sum.confirm', 'sum.reveal', 'progress'] as const)
    await link.request(name, { assignmentId: 'a7' } as never)
  await link.request('update.chunk', { uploadId: 'u' } as never)
  const [target, release] = spans as [Span, Span]
  expect(spans.map(({ name, parentSpanId }) => [name, parentSpanId])).toEqual([
    ['agent target', 'b9'.repeat(8)],
    ['agent release', 'b9'.repeat(8)],
  ])
  const work = trace.traceparent('a7')
  expect(sent.map(({ name, traceparent: borne }) => [name, borne])).toEqual([
    ['target.report', `00-${target.traceId}-${target.spanId}-01`],
    ['target.report', undefined],
    ...['sum.keys', 'sum.shares', 'sum.confirm', 'sum.reveal'].map((name) => [name, work]),
    ['progress', undefined],
    ['update.chunk', undefined],
  ])
  expect(release.traceId).toBe('4c'.repeat(16))
})
