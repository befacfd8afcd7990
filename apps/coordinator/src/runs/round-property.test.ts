import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { RoundEvent } from '../journal/event.js'
import { contributionsOf, openRound, phaseOf, type RoundState, refusalsOf, stepRound } from './round.js'

const names = ['bern', 'graz', 'kiel', 'oslo', 'turin'] as const
const at = '2026-01-02T03:04:05.000Z'
const origin = { runId: 'tone-1', round: 4 } as const
const start = openRound(
  {
    ...{ type: 'round-planned', ...origin, attempt: 1, minimum: 2, goal: null, deadlineAtMs: 9000 },
    seats: names.map((name) => ({ agentId: name, name, assignmentId: `as-${name}` })),
  },
  at,
)

function settling(name: string, how: 'accepted' | 'refused' | 'declined', tokens: number): RoundEvent {
  const who = { agentId: name, name, assignmentId: `as-${name}` }
  if (how !== 'accepted') {
    const type = how === 'refused' ? 'update-refused' : 'agent-declined'
    return { type, ...origin, ...who, code: 'LRC-6001', message: 'why' }
  }
  const numbers = { tokens, examples: 3, norm: 2, trainMs: 40, lossFirst: 3, lossLast: 2, sizeBytes: 99 }
  const contribution = { ...who, updateSha256: `${tokens}-${name}`, acceptedAt: at, ...numbers }
  return { type: 'update-accepted', ...origin, contribution }
}

const how = fc.constantFrom('accepted', 'refused', 'declined' as const)
const anyEvent: fc.Arbitrary<RoundEvent> = fc.oneof(
  fc
    .tuple(fc.constantFrom(...names, 'a-stranger'), how, fc.integer({ min: 1, max: 99 }))
    .map((made) => settling(...made)),
  fc.constantFrom(...names, 'late').map(
    (name): RoundEvent => ({
      ...{ type: 'agent-invited', ...origin },
      seat: { agentId: name, name, assignmentId: `late-${name}` },
    }),
  ),
  fc.constant<RoundEvent>({ type: 'round-closed', ...origin }),
  fc.constant<RoundEvent>({ type: 'round-aggregated', ...origin, files: [] }),
)
const play = (from: RoundState, events: readonly RoundEvent[]) =>
  events.reduce((state, event) => stepRound(state, event, at), from)

/** What a round comes to: who counts, in which order, and why the others do not. */
const outcome = (state: RoundState) => ({
  contributions: contributionsOf(state),
  refusals: [...refusalsOf(state)].sort((a, b) => (a.agentId < b.agentId ? -1 : 1)),
})

describe('a round', () => {
  test('comes to the same in any order of its events, however often each one comes', () => {
    const plays = fc.record({
      hows: fc.array(how, { minLength: 5, maxLength: 5 }),
      seed: fc.infiniteStream(fc.nat()),
    })
    fc.assert(
      fc.property(plays, fc.array(fc.nat(4), { maxLength: 20 }), ({ hows, seed }, repeats) => {
        const once = names.map((name, index) => settling(name, hows[index]!, 10 + index))
        const repeated = [...once, ...repeats.map((index) => once[index]!)]
        const keyed = repeated.map((event) => ({ event, key: seed.next().value as number }))
        const shuffled = keyed.sort((a, b) => a.key - b.key).map(({ event }) => event)
        expect(outcome(play(start, shuffled))).toEqual(outcome(play(start, once)))
      }),
    )
  })

  test('that is closed never changes what it comes to', () => {
    fc.assert(
      fc.property(
        fc.array(anyEvent, { maxLength: 30 }),
        fc.array(anyEvent, { maxLength: 30 }),
        (before, later) => {
          const closed = stepRound(play(start, before), { type: 'round-closed', ...origin }, at)
          expect(outcome(play(closed, later))).toEqual(outcome(closed))
        },
      ),
    )
  })

  test('counts an agent at most once, and only for the assignment that it has', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 60 }), (events) => {
        const state = play(start, events)
        const counted = contributionsOf(state)
        expect(new Set(counted.map(({ agentId }) => agentId)).size).toBe(counted.length)
        for (const { agentId, assignmentId } of counted) expect(assignmentId).toBe(`as-${agentId}`)
        expect(counted.length + refusalsOf(state).length).toBe(state.seats.size)
      }),
    )
  })

  test('ignores the events of other rounds', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 20 }), fc.integer({ min: 1, max: 9 }), (events, round) => {
        fc.pre(round !== origin.round)
        expect(
          play(
            start,
            events.map((event) => ({ ...event, round })),
          ),
        ).toBe(start)
      }),
    )
  })

  test('gives a receipt for exactly the updates that are in its aggregate, however they race its deadline', async () => {
    const race = fc.record({ graceMs: fc.constantFrom(0, 50), moving: fc.subarray([...names]) })
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), race, async (scheduler, { graceMs, moving }) => {
        let state: RoundState = { ...start, lateGraceMs: graceMs }
        let nowMs = start.deadlineAtMs! - 2
        let aggregate: readonly string[] | undefined
        const uploading = new Set<string>(moving)
        const receipts = new Set<string>()
        const step = (event: RoundEvent) => {
          state = stepRound(state, event, at)
          const phase = phaseOf(state, { nowMs, lapsed: new Set(), hung: new Set(), uploading })
          if (phase !== 'training' && !state.isClosed)
            state = stepRound(state, { type: 'round-closed', ...origin }, at)
        }
        const last = (name: string, index: number) =>
          scheduler.schedule(Promise.resolve(), `last chunk of ${name}`).then(() => {
            uploading.delete(name)
            const isOpen = !state.isClosed && state.seats.get(name)?.status === 'training'
            if (!isOpen) return // LRC-4002
            step(settling(name, 'accepted', 10 + index))
            receipts.add(name)
          })
        const tick = (ms: number) =>
          scheduler.schedule(Promise.resolve(), `${ms} ms pass`).then(() => {
            nowMs += ms
            step({ type: 'round-closed', runId: origin.runId, round: -1 }) // nothing but the time
          })
        const fold = scheduler.schedule(Promise.resolve(), 'aggregate').then(() => {
          if (state.isClosed) aggregate = contributionsOf(state).map(({ agentId }) => agentId)
        })
        const all = Promise.all([...names.map(last), tick(1), tick(1), tick(60), fold])
        await scheduler.waitFor(all)
        expect(state.isClosed).toBe(true)
        expect(
          contributionsOf(state)
            .map(({ agentId }) => agentId)
            .sort(),
        ).toEqual([...receipts].sort())
        if (aggregate !== undefined) expect([...aggregate].sort()).toEqual([...receipts].sort())
      }),
      { numRuns: 200 },
    )
  })
})
