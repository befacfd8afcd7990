import { describe, expect, test } from 'vitest'
import type { Contribution, RoundEvent } from '../journal/event.js'
import {
  contributionsOf,
  type Moment,
  openRound,
  phaseOf,
  type RoundState,
  refusalsOf,
  stepRound,
} from './round.js'

const seats = ['oslo', 'turin', 'graz'].map((name) => ({
  agentId: `id-${name}`,
  name,
  assignmentId: `as-${name}`,
}))
const planned = '2026-01-02T03:04:05.000Z'
const step = (state: RoundState, event: RoundEvent): RoundState => stepRound(state, event, planned)
const start = openRound(
  {
    type: 'round-planned',
    runId: 'tone-1',
    round: 4,
    attempt: 2,
    minimum: 2,
    goal: null,
    deadlineAtMs: 9000,
    seats,
  },
  planned,
)
const early: Moment = { nowMs: 5000, lapsed: new Set(), hung: new Set(), uploading: new Set() }

function contribution(name: string, updateSha256 = name): Contribution {
  const numbers = { tokens: 30, examples: 3, norm: 2, trainMs: 40, lossFirst: 3, lossLast: 2, sizeBytes: 99 }
  return {
    agentId: `id-${name}`,
    name,
    assignmentId: `as-${name}`,
    updateSha256,
    acceptedAt: 'now',
    ...numbers,
  }
}

function accepted(name: string, sha?: string): RoundEvent {
  return { type: 'update-accepted', runId: 'tone-1', round: 4, contribution: contribution(name, sha) }
}

function settled(type: 'update-refused' | 'agent-declined', name: string): RoundEvent {
  const code = type === 'update-refused' ? 'LRC-4011' : 'LRC-6001'
  return {
    type,
    runId: 'tone-1',
    round: 4,
    agentId: `id-${name}`,
    name,
    assignmentId: `as-${name}`,
    code,
    message: 'why',
  }
}

function after(...events: readonly RoundEvent[]): RoundState {
  return events.reduce(step, start)
}

describe('phaseOf', () => {
  test('a round waits for every agent that is present', () => {
    expect(phaseOf(after(accepted('oslo'), accepted('turin')), early)).toBe('training')
    expect(phaseOf(after(accepted('oslo'), accepted('turin'), accepted('graz')), early)).toBe('complete')
  })

  test('the update of a trusted agent is waited for, whatever else is there, and without it a round has failed', () => {
    const trusting = (state: RoundState, goal: number | null = null) => ({
      ...state,
      goal,
      trusted: 'id-graz',
    })
    const others = after(accepted('oslo'), accepted('turin'))
    expect(phaseOf(trusting(others, 2), early)).toBe('training')
    expect(phaseOf(trusting(others), { ...early, lapsed: new Set(['id-graz']) })).toBe('training')
    expect(phaseOf(trusting(others, 2), { ...early, nowMs: 9000 })).toBe('failed')
    const gone = after(accepted('oslo'), accepted('turin'), settled('update-refused', 'graz'))
    expect(phaseOf(trusting(gone), early)).toBe('failed')
    expect(phaseOf(trusting(after(accepted('oslo'), accepted('graz')), 2), early)).toBe('complete')
  })

  test('agents that refuse or are refused do not hold a round up', () => {
    const state = after(accepted('oslo'), accepted('turin'), settled('agent-declined', 'graz'))
    expect(phaseOf(state, early)).toBe('complete')
  })

  test('a round with enough updates goes on without an agent that is away', () => {
    const state = after(accepted('oslo'), accepted('turin'))
    expect(phaseOf(state, { ...early, lapsed: new Set(['id-graz']) })).toBe('complete')
  })

  test('a round without enough updates waits for an agent that is away, until the deadline', () => {
    const state = after(accepted('oslo'), settled('update-refused', 'turin'))
    const away = { ...early, lapsed: new Set(['id-graz']) }
    expect(phaseOf(state, away)).toBe('training')
    expect(phaseOf(state, { ...away, nowMs: 8999 })).toBe('training')
    expect(phaseOf(state, { ...away, nowMs: 9000 })).toBe('failed')
  })

  test('at the deadline enough updates are enough', () => {
    expect(phaseOf(after(accepted('oslo'), accepted('turin')), { ...early, nowMs: 9000 })).toBe('complete')
    expect(phaseOf(after(accepted('oslo')), { ...early, nowMs: 9000 })).toBe('failed')
  })

  test('a round without a deadline waits as long as its agents move', () => {
    const endless = { ...after(accepted('oslo'), accepted('turin')), deadlineAtMs: null }
    expect(phaseOf(endless, { ...early, nowMs: 9e15 })).toBe('training')
    expect(phaseOf(endless, { ...early, nowMs: 9e15, lapsed: new Set(['id-graz']) })).toBe('complete')
  })

  test('a round below its minimum in which only agents are left that hang has failed', () => {
    const state = after(accepted('oslo'), settled('update-refused', 'turin'))
    const hung = { ...early, lapsed: new Set(['id-graz']), hung: new Set(['id-graz']) }
    expect(phaseOf(state, hung)).toBe('failed')
    expect(phaseOf(after(accepted('oslo')), hung)).toBe('training')
  })

  test('an upload that is under way at the deadline may finish while its bytes move, up to the grace', () => {
    const state = { ...after(accepted('oslo'), accepted('turin')), lateGraceMs: 700 }
    const moving = { ...early, nowMs: 9600, uploading: new Set(['id-graz']) }
    expect(phaseOf(state, moving)).toBe('training')
    expect(phaseOf(state, { ...moving, nowMs: 9700 })).toBe('complete')
    expect(phaseOf(state, { ...moving, uploading: new Set() })).toBe('complete')
    expect(phaseOf(state, { ...moving, uploading: new Set(['id-oslo']) })).toBe('complete')
    const few = { ...after(accepted('oslo')), lateGraceMs: 700 }
    expect(phaseOf(few, moving)).toBe('training')
    expect(phaseOf(few, { ...moving, nowMs: 9701 })).toBe('failed')
  })

  test('a round that has reached its goal waits for nobody', () => {
    const over = { ...start, goal: 2 }
    expect(phaseOf(step(over, accepted('oslo')), early)).toBe('training')
    expect(phaseOf([accepted('oslo'), accepted('turin')].reduce(step, over), early)).toBe('complete')
  })

  test('a round that nobody can complete any more fails at once', () => {
    const state = after(
      accepted('oslo'),
      settled('agent-declined', 'turin'),
      settled('update-refused', 'graz'),
    )
    expect(phaseOf(state, early)).toBe('failed')
  })
})

describe('stepRound', () => {
  test('an update sent twice counts once, and the first one stays', () => {
    const state = after(accepted('oslo', 'first'), accepted('oslo', 'second'))
    expect(contributionsOf(state).map(({ updateSha256 }) => updateSha256)).toEqual(['first'])
  })

  test('nothing is accepted after the round has closed', () => {
    const closed: RoundEvent = { type: 'round-closed', runId: 'tone-1', round: 4 }
    const state = after(accepted('oslo'), accepted('turin'), closed, accepted('graz'))
    expect(contributionsOf(state)).toHaveLength(2)
    expect(phaseOf(state, early)).toBe('complete')
  })

  test('events of another round or another assignment change nothing', () => {
    const other = { ...contribution('oslo'), assignmentId: 'as-turin' }
    expect(after({ ...accepted('oslo'), round: 3 })).toBe(start)
    expect(after({ type: 'update-accepted', runId: 'tone-1', round: 4, contribution: other })).toBe(start)
  })

  test('an agent that comes late gets a seat, once', () => {
    const seat = { agentId: 'id-bern', name: 'bern', assignmentId: 'as-bern' }
    const invited: RoundEvent = { type: 'agent-invited', runId: 'tone-1', round: 4, seat }
    const state = after(invited, accepted('bern'), { ...invited, seat: { ...seat, assignmentId: 'other' } })
    expect(state.seats.get('id-bern')?.status).toBe('accepted')
  })
})

describe('contributionsOf', () => {
  test('the order is that of the hashes, whoever came first', () => {
    const one = after(accepted('oslo', 'b2'), accepted('turin', 'c3'), accepted('graz', 'a1'))
    const other = after(accepted('graz', 'a1'), accepted('oslo', 'b2'), accepted('turin', 'c3'))
    expect(contributionsOf(one).map(({ name }) => name)).toEqual(['graz', 'oslo', 'turin'])
    expect(contributionsOf(other)).toEqual(contributionsOf(one))
  })
})

describe('refusalsOf', () => {
  test('every agent without a contribution has a reason', () => {
    const state = after(accepted('oslo'), settled('update-refused', 'turin'))
    expect(refusalsOf(state).map(({ name, kind, code }) => [name, kind, code])).toEqual([
      ['turin', 'refused', 'LRC-4011'],
      ['graz', 'absent', 'LRC-4002'],
    ])
  })
})
