import type { Span } from '@lorica/protocol'
import { expect, test } from 'vitest'
import type { JournalEntry } from '../journal/chain.js'
import { createTracer } from './tracer.js'

const START_MS = 1_800_000_000_000
const seconds = (ms: number) => (ms - START_MS) / 1000

/** A tracer, and what it made of lines of the journal. */
function tracing() {
  const spans: Span[] = []
  const tracer = createTracer('fleet-7', {
    ...{ add: (span) => void spans.push(span), flush: async () => {}, close: async () => {} },
  })
  const note = (second: number, event: object) =>
    tracer.note(
      { seq: second, at: new Date(START_MS + 1000 * second).toISOString(), event } as JournalEntry,
      undefined,
    )
  return { spans, tracer, note }
}

const rolloutId = 'rollout-4'
const targetOf = (serial: number, release = 'v9') => ({ serial, release })
const reported = (serial: number, agentId: string, more: object = {}) => ({
  ...{ type: 'target-reported', serial, agentId, release: 'v9', outcome: 'applied', downloadedBytes: 4711 },
  ...{ reason: null, ...more },
})
const created = {
  ...{ type: 'rollout-created', rolloutId, release: 'v9' },
  groups: [
    { name: '1', agents: ['oslo'] },
    { name: '2', agents: ['turin', 'cork'] },
  ],
}

test('a rollout is a trace: groups are its children, and what agents made of their targets is below the groups', () => {
  const { spans, tracer, note } = tracing()
  note(1, created)
  note(2, { type: 'rollout-group-opened', rolloutId, group: 1, target: targetOf(31) })
  note(4, reported(31, 'oslo'))
  note(5, reported(31, 'oslo', { isServed: true })) // it is told again that it is served now
  note(7, { type: 'rollout-group-opened', rolloutId, group: 2, target: targetOf(32) })
  const told = tracer.targetContext({ target: '{"serial":32}' }, 'turin')
  note(8, reported(32, 'turin', { outcome: 'failed', reason: 'LRC-6110: too large for /home/ann' }))
  note(9, reported(32, 'cork'))
  note(12, { type: 'rollout-done', rolloutId, target: targetOf(33) })
  note(20, { type: 'rollout-undone', rolloutId, target: targetOf(34, 'v8') })
  note(21, reported(34, 'oslo', { release: 'v8', downloadedBytes: 0 }))
  note(22, reported(77, 'oslo')) // of a target that nobody here knows
  expect(
    spans.map(({ name, startMs, endMs, attributes, fault }) => [
      ...[name, seconds(startMs), seconds(endMs), attributes['lorica.outcome'], fault],
    ]),
  ).toEqual([
    ['target', 2, 4, 'applied', undefined],
    ['group', 2, 7, 'passed', undefined],
    ['target', 7, 8, 'failed', 'LRC-6110'],
    ['target', 7, 9, 'applied', undefined],
    ['group', 7, 12, 'done', undefined],
    ['rollout', 1, 12, 'done', undefined],
    ['watch', 12, 20, 'undone', undefined],
    ['target back', 20, 21, 'applied', undefined],
  ])
  const [oslo, first, turin, cork, second, rollout, watch, back] = spans as Span[] as [
    ...[Span, Span, Span, Span, Span, Span, Span, Span],
  ]
  expect(oslo.parentSpanId).toBe(first.spanId)
  expect([turin, cork].map(({ parentSpanId }) => parentSpanId)).toEqual([second.spanId, second.spanId])
  expect([first, second, watch, back].map(({ parentSpanId }) => parentSpanId)).toEqual(
    Array(4).fill(rollout.spanId),
  )
  expect(rollout.parentSpanId).toBeUndefined()
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1)
  expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(8)
  expect(told).toBe(`00-${turin.traceId}-${turin.spanId}-01`)
  expect(second.attributes).toMatchObject({ 'lorica.group': 2, 'lorica.agents': 2, 'lorica.release': 'v9' })
  expect(JSON.stringify(spans)).not.toContain('ann')
})

test('a rollout that is aborted in its group ends both, and a report bears the context of its target', () => {
  const { spans, tracer, note } = tracing()
  note(1, created)
  note(2, { type: 'rollout-group-opened', rolloutId, group: 1, target: targetOf(31) })
  const traceparent = tracer.targetContext({ target: '{"serial":31}' }, 'oslo')
  tracer.received('target.report', { serial: 31, traceparent }, START_MS)(START_MS + 5)
  tracer.received('target.report', { serial: 30, traceparent }, START_MS)(START_MS + 5)
  note(6, { type: 'rollout-aborted', rolloutId, target: null })
  expect(spans.map(({ name, attributes }) => [name, attributes['lorica.outcome']])).toEqual([
    ['target.report', undefined],
    ['group', 'aborted'],
    ['rollout', 'aborted'],
  ])
  expect(traceparent?.split('-')[2]).toBe(spans[0]?.parentSpanId)
  expect(tracer.targetContext({ target: '{"serial":99}' }, 'oslo')).toBeUndefined()
})

test('what opens an upload says what its chunks and its close belong to, which bear nothing', () => {
  const { spans, tracer, note } = tracing()
  const about = { runId: 'tone-2', round: 3 }
  note(1, {
    ...{ type: 'round-planned', attempt: 1, ...about },
    seats: [{ agentId: 'oslo', name: 'oslo', assignmentId: 'oslo-3' }],
  })
  const [, traceId] = tracer.traceparent({ ...about, kind: 'train', assignmentId: 'oslo-3' }).split('-')
  const opening = { assignmentId: 'oslo-3', traceparent: `00-${traceId}-00f067aa0ba902b7-01` }
  const reply = { uploadId: 'oslo-3-aa', offset: 0 }
  tracer.received('update.open', opening, START_MS)(START_MS + 10, undefined, reply)
  tracer.received('update.chunk', { uploadId: 'oslo-3-aa' }, START_MS + 20)(START_MS + 30, undefined, {})
  tracer.received('update.close', { uploadId: 'oslo-3-ab' }, START_MS + 40)(START_MS + 50)
  tracer.received('update.close', { uploadId: 'oslo-3-aa' }, START_MS + 700)(START_MS + 900)
  tracer.received('update.close', { uploadId: 'oslo-3-aa' }, START_MS + 950)(START_MS + 960)
  expect(spans.map(({ name, startMs, endMs }) => [name, startMs - START_MS, endMs - START_MS])).toEqual([
    ['update.open', 0, 10],
    ['received', 0, 900],
  ])
  expect(spans.map(({ parentSpanId }) => parentSpanId)).toEqual(Array(2).fill('00f067aa0ba902b7'))
})

test('a release belongs to the round that made it', () => {
  const { spans, tracer, note } = tracing()
  const about = { runId: 'tone-2', round: 3 }
  note(1, { type: 'round-planned', attempt: 2, ...about, seats: [] })
  const context = tracer.releaseContext({ manifest: JSON.stringify(about) })
  note(9, {
    ...{ type: 'round-committed', ...about },
    record: { verdict: 'released', seconds: 8, contributions: [] },
  })
  expect(context).toBe(`00-${spans[0]?.traceId}-${spans[0]?.spanId}-01`)
})
