import { parseRunSpec } from '@lorica/protocol'
import { expect, test } from 'vitest'
import type { Contribution, RunJournalEvent } from '../journal/event.js'
import { createRun, type Run, stepRun } from '../runs/run.js'
import { histogramOf, type Live, roundSummaries, roundView } from './round-view.js'

const spec = parseRunSpec({
  name: 'tone',
  base: { model: './base' },
  data: { maxTokens: 64 },
  local: { steps: 20, batch: 8, learningRate: 1e-3 },
  rounds: { count: 5, goal: 2, minimum: 2 },
})
const runId = 'tone-1'
const base = { path: '/m', folder: '/m', name: 'm', sha256: 'ab', files: [] }
const time = (second: number) => new Date(Date.UTC(2026, 0, 2, 3, 0, second)).toISOString()
const seat = (name: string, attempt: number) => ({
  ...{ agentId: `id-${name}`, name, assignmentId: `as-${name}-${attempt}`, device: 'cuda: ort 1.30' },
})
const contribution = (name: string, attempt: number): Contribution => ({
  ...{
    agentId: `id-${name}`,
    name,
    assignmentId: `as-${name}-${attempt}`,
    updateSha256: name,
    acceptedAt: time(9),
  },
  ...{ tokens: 300, examples: 30, norm: 2, trainMs: 4500, lossFirst: 3.25, lossLast: 2.5, sizeBytes: 5000 },
})
const planned = (attempt: number, names: readonly string[]): RunJournalEvent => ({
  ...{
    type: 'round-planned',
    runId,
    round: 1,
    attempt,
    minimum: 2,
    goal: 2,
    deadlineAtMs: Date.UTC(2026, 0, 3),
  },
  seats: names.map((name) => seat(name, attempt)),
  bystanders: [
    { agentId: 'id-bern', name: 'bern', fate: 'unsuited', reason: 'gpu.vramGiB is 6, needed: >= 8' },
  ],
  bystandersNotNamed: 7,
})
const settled = (type: 'update-refused' | 'agent-declined', name: string, code: string): RunJournalEvent => ({
  ...{
    type,
    runId,
    round: 1,
    agentId: `id-${name}`,
    name,
    assignmentId: `as-${name}-1`,
    code,
    message: 'why',
  },
})
const progress = { phase: 'train', step: 7, steps: 20, at: time(8) } as const

const events: readonly (readonly [number, RunJournalEvent])[] = [
  [1, planned(1, ['oslo', 'turin', 'graz', 'kiel'])],
  [2, { type: 'update-accepted', runId, round: 1, contribution: contribution('oslo', 1) }],
  [3, settled('agent-declined', 'turin', 'LRC-6004')],
  [4, settled('agent-declined', 'kiel', 'LRC-6004')],
  [
    10,
    {
      ...{ type: 'round-failed', runId, round: 1, attempt: 1, reason: 'too few', discarded: [] },
      marks: [{ agentId: 'id-graz', bytesUp: 0, bytesDown: 812, progress }],
    },
  ],
  [12, planned(2, ['oslo', 'graz'])],
  [20, { type: 'update-accepted', runId, round: 1, contribution: contribution('oslo', 2) }],
]

const live = (marks: Live['marks'] = new Map(), isConnected = true): Live => ({
  marks,
  isConnected: () => isConnected,
})

function after(count: number): Run {
  const created = { type: 'run-created', runId, spec, seed: 11, base, files: [] } as const
  const lines = events.slice(0, count).map(([second, event]) => ({ event, at: time(second) }))
  return lines.reduce(stepRun, createRun(created, time(0)))
}

test('an attempt that failed says what became of each agent, with the reasons counted', () => {
  const view = roundView(after(events.length), 1, live())
  const [first] = view?.attempts ?? []
  expect(first).toMatchObject({ state: 'failed', reason: 'too few', plannedAt: time(1), endedAt: time(10) })
  expect(first?.reasons).toEqual([
    { kind: 'declined', code: 'LRC-6004', count: 2 },
    { kind: 'absent', code: 'LRC-4002', count: 1 },
  ])
  expect(first?.agents.map(({ name, fate, code, message }) => [name, fate, code, message])).toEqual([
    ['oslo', 'accepted', null, null],
    ['turin', 'declined', 'LRC-6004', 'why'],
    ['graz', 'absent', 'LRC-4002', 'no update before the round closed'],
    ['kiel', 'declined', 'LRC-6004', 'why'],
    ['bern', 'unsuited', null, 'gpu.vramGiB is 6, needed: >= 8'],
  ])
  expect(first?.bystandersNotNamed).toBe(7)
  const [oslo, , graz] = first?.agents ?? []
  expect(oslo).toMatchObject({
    trainSeconds: 4.5,
    lossFirst: 3.25,
    lossLast: 2.5,
    bytesUp: 5000,
    device: 'cuda: ort 1.30',
  })
  expect(graz).toMatchObject({ bytesDown: 812, progress })
})

test('an open attempt shows how far its seats are now', () => {
  const now = { ...progress, step: 19 }
  const marks = new Map([['id-graz', { agentId: 'id-graz', bytesUp: 40, bytesDown: 9, progress: now }]])
  const view = roundView(after(events.length), 1, live(marks))
  expect([view?.state, view?.attempts.length]).toEqual(['open', 2])
  const graz = view?.attempts[1]?.agents.find(({ name }) => name === 'graz')
  expect(graz).toMatchObject({ fate: 'training', code: null, bytesUp: 40, waiting: null, progress: now })
  expect(view?.attempts[1]?.reasons).toEqual([])
})

test('an agent that trains may stand still: its machine is needed, as it says, or it is not connected', () => {
  const halted = { ...progress, step: 19, waiting: 'other programs use 81 % of the processor' }
  const marks = new Map([['id-graz', { agentId: 'id-graz', bytesUp: 40, bytesDown: 9, progress: halted }]])
  const waitingOf = (isConnected: boolean) =>
    roundView(after(events.length - 1), 1, live(marks, isConnected))?.attempts[1]?.agents.map(
      ({ name, waiting }) => [name, waiting],
    )
  expect(waitingOf(true)).toEqual([
    ['oslo', null],
    ['graz', 'other programs use 81 % of the processor'],
    ['bern', null],
  ])
  expect(waitingOf(false)).toEqual([
    ['oslo', 'it is not connected'],
    ['graz', 'it is not connected'],
    ['bern', null],
  ])
})

test('an agent that got its seat later is told of once, with its seat', () => {
  const invited: RunJournalEvent = { type: 'agent-invited', runId, round: 1, seat: seat('bern', 2) }
  const run = stepRun(after(events.length), { event: invited, at: time(21) })
  const agents = roundView(run, 1, live())?.attempts[1]?.agents
  expect(agents?.map(({ name, fate }) => [name, fate])).toEqual([
    ['oslo', 'accepted'],
    ['graz', 'training'],
    ['bern', 'training'],
  ])
})

test('a list of rounds tells the latest attempt in numbers', () => {
  expect(roundSummaries(after(5), live())).toEqual([
    {
      ...{ round: 1, state: 'failed', release: null, loss: null, attempts: 1, reason: 'too few', seats: 4 },
      ...{ error: null, accepted: 1, bytesUp: 5000, bytesDown: 812, plannedAt: time(1), endedAt: time(10) },
      reasons: [
        { kind: 'declined', code: 'LRC-6004', count: 2 },
        { kind: 'absent', code: 'LRC-4002', count: 1 },
      ],
    },
  ])
  expect(roundView(after(5), 2, live())).toBeUndefined()
})

test('reasons that are equally frequent come by code', () => {
  const kinds = ['LRC-4012', 'LRC-4011', 'LRC-4012', 'LRC-4011', 'LRC-6001']
  const counted = histogramOf(kinds.map((code) => ({ kind: 'refused' as const, code })))
  expect(counted.map(({ code, count }) => [code, count])).toEqual([
    ['LRC-4011', 2],
    ['LRC-4012', 2],
    ['LRC-6001', 1],
  ])
})
