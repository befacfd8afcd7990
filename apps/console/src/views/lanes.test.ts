import type { RunEvent } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { fractionOf, laneRows, laneStep, noLanes } from './lanes.js'

type Loose = Readonly<Record<string, unknown>>
const after = (...events: readonly Loose[]) =>
  events
    .map(
      (event, seq) =>
        ({ seq, at: `2026-05-06T07:08:0${seq}.000Z`, runId: 'tone-1', ...event }) as unknown as RunEvent,
    )
    .reduce(laneStep, noLanes)

const planned = {
  type: 'round-planned',
  round: 3,
  attempt: 1,
  agents: ['oslo', 'turin', 'graz', 'porto'],
} as const
const progress = (name: string, step: number, more = {}) =>
  ({
    ...{ type: 'progress', round: 3, agentId: `id-${name}`, name, phase: 'train', step, steps: 20 },
    ...{ loss: 2 + step / 10, tokensPerSecond: 900, ...more },
  }) as const

test('a planned round has a lane for each agent, and what is least far comes first', () => {
  const state = after(planned, progress('turin', 5), progress('oslo', 12), {
    type: 'update-accepted',
    round: 3,
    agentId: 'id-graz',
    name: 'graz',
    sizeBytes: 4096,
    lossLast: 1.5,
  })
  expect([state.round, state.stage]).toEqual([3, 'train'])
  expect(laneRows(state).map(({ name, phase }) => [name, phase])).toEqual([
    ['porto', 'invited'],
    ['turin', 'train'],
    ['oslo', 'train'],
    ['graz', 'accepted'],
  ])
  expect(laneRows(state).map(fractionOf)).toEqual([null, 0.25, 0.6, 1])
  expect(state.lanes.get('graz')).toMatchObject({ loss: 1.5, sizeBytes: 4096, agentId: 'id-graz' })
})

test('what is known of a lane stays while a message does not say it', () => {
  const state = after(
    planned,
    progress('oslo', 7),
    progress('oslo', 8, { loss: null, tokensPerSecond: null, waiting: 'the GPU is busy' }),
  )
  expect(state.lanes.get('oslo')).toMatchObject({
    step: 8,
    loss: 2.7,
    tokensPerSecond: 900,
    note: 'the GPU is busy',
  })
})

test('progress of an earlier round, or of a lane that was refused, changes nothing', () => {
  const refused = {
    type: 'update-refused',
    round: 3,
    agentId: 'id-oslo',
    name: 'oslo',
    code: 'LRC-4005',
    message: 'not finite',
  } as const
  const state = after(planned, refused)
  expect(state.lanes.get('oslo')).toMatchObject({ phase: 'refused', note: 'LRC-4005 not finite' })
  expect(after(planned, refused, progress('oslo', 9))).toEqual(state)
  expect(after(planned, { ...progress('turin', 9), round: 2 })).toEqual(after(planned))
})

test('a round goes through its stages, and the next one begins with fresh lanes', () => {
  const stages = [
    planned,
    { type: 'round-aggregated', round: 3 },
    { type: 'round-committed', record: { round: 3 } },
    { ...planned, round: 4, agents: ['oslo'] },
    { type: 'round-failed', round: 4, attempt: 1, reason: 'too few' },
    { type: 'run-ended', state: 'failed', reason: 'round 4 failed three times' },
  ] as const
  const seen = stages.map((_, index) => after(...stages.slice(0, index + 1)))
  expect(seen.map(({ stage }) => stage)).toEqual(['train', 'evaluate', 'done', 'train', 'failed', 'failed'])
  expect(seen[3]?.lanes.size).toBe(1)
  expect(seen[5]?.note).toBe('round 4 failed three times')
})
