import type { Span } from '@lorica/protocol'
import { expect, test } from 'vitest'
import type { AgentEvent } from './report.js'
import { createTrace } from './trace.js'

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
