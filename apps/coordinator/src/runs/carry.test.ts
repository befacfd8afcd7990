import { parseRunSpec, type RoundRecord } from '@lorica/protocol'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Contribution, RunJournalEvent } from '../journal/event.js'
import { planRound, trainAssignment } from '../rounds/plan.js'
import { carriedOver, endOf, waitingUpdates } from './carry.js'
import { openSeats } from './open-seats.js'
import { contributionsOf, refusalsOf } from './round.js'
import { createRun, type Run, stepRun } from './run.js'

const spec = parseRunSpec({
  name: 'tone',
  base: { model: './base' },
  data: { maxTokens: 64 },
  local: { steps: 20, batch: 8, learningRate: 1e-3 },
  rounds: { count: 9, minimum: 2, deadline: '10s', mode: 'buffered', buffer: { size: 2, maxStaleness: 2 } },
})
const sha256 = 'ab'.repeat(32)
const filesOf = (version: number) => [
  { path: 'adapter_model.safetensors', sha256: `${version}`.repeat(64), sizeBytes: 400 },
]
const base = { path: '/m', folder: '/m', name: 'm', sha256, files: [{ path: 'c', sha256, sizeBytes: 90 }] }
const at = '2026-01-02T03:04:05Z'
const fresh = createRun({ type: 'run-created', runId: 'tone-1', spec, seed: 11, base, files: filesOf(0) }, at)
const names = ['bern', 'graz', 'oslo'] as const
const connected = names.map((name) => ({ agentId: name, name }))
const nobody: ReadonlyMap<string, string> = new Map()

const after = (run: Run, ...events: readonly RunJournalEvent[]): Run =>
  events.reduce((so, event) => stepRun(so, { event, at }), run)

/** The run once its next round is planned. */
function planned(run: Run, absent = nobody): Run {
  let ids = 0
  const newId = () => `as-${run.history.length + 1}-${++ids}`
  const plan = planRound(run, connected, { nowMs: 1000, wallMs: 1000, newId, absent })
  return plan.kind === 'round' ? after(run, plan.event) : expect.fail(plan.kind)
}

function accepted(run: Run, agentId: string, updateSha256 = agentId): RunJournalEvent {
  const open = openSeats(run, agentId) ?? expect.fail('no seat')
  const { assignmentId, start } = open.seats.get(agentId) ?? expect.fail('no seat')
  const numbers = { tokens: 30, examples: 3, norm: 2, trainMs: 40, lossFirst: 3, lossLast: 2, sizeBytes: 99 }
  const contribution = { agentId, name: agentId, assignmentId, updateSha256, acceptedAt: at, ...numbers }
  return { type: 'update-accepted', runId: 'tone-1', round: start?.round ?? open.round, contribution }
}

const closed = (round: number): RunJournalEvent => ({ type: 'round-closed', runId: 'tone-1', round })

/** What commits the open round, released as the version given or not at all. */
function committed(run: Run, version: number | null): RunJournalEvent {
  const { round } = run.current ?? expect.fail('no round')
  const contributions: readonly Contribution[] = []
  const record = {
    ...{ round, contributions, loss: null, evaluation: [], evaluateSeconds: 0, reason: 'so' },
    ...(version === null
      ? { verdict: 'rejected', release: null }
      : { verdict: 'released', release: `v${version}` }),
  } as unknown as RoundRecord
  const next = version ?? run.adapter.version
  const files = version === null ? run.adapter.files : filesOf(version)
  return { type: 'round-committed', runId: 'tone-1', round, record, files, version: next }
}

/** Round 1 closes with bern and graz, and is released as version 4: oslo still trains. */
function oneLate(): Run {
  const open = planned(fresh)
  const both = after(open, accepted(open, 'bern'), accepted(open, 'graz'), closed(1))
  return after(both, committed(both, 4))
}

describe('a seat that still trains when its round closes', () => {
  test('goes on in the next round with what it started from', () => {
    const late = oneLate()
    expect(late.history[0]?.seats.get('oslo')?.status).toBe('carried')
    expect(refusalsOf(late.history[0]!)).toEqual([])
    const run = planned(late)
    const seat = run.current?.seats.get('oslo')
    expect(seat).toEqual({
      ...{ agentId: 'oslo', name: 'oslo', assignmentId: 'as-1-3', status: 'training' },
      start: { round: 1, version: 0, staleness: 1, files: filesOf(0) },
    })
    expect(run.current?.goal).toBe(2)
    expect([...(run.current?.seats.keys() ?? [])].sort()).toEqual([...names])
    const asked = trainAssignment(run, run.current!, seat!, { nowMs: 9e9, frozen: [] })
    const first = trainAssignment(planned(fresh), planned(fresh).current!, seat!, { nowMs: 0, frozen: [] })
    expect(asked).toEqual(first)
    expect([asked.round, asked.local.firstStep, asked.deadlineMs]).toEqual([1, 0, 30 * 24 * 3600 * 1000])
    const own = trainAssignment(run, run.current!, run.current!.seats.get('bern')!, { nowMs: 0, frozen: [] })
    expect([own.round, own.adapter.version, own.local.firstStep]).toEqual([2, 4, 20])
  })

  test('takes its update whether a round is open or not, and it counts once', () => {
    const late = oneLate()
    const early = after(late, accepted(late, 'oslo'))
    const run = planned(early)
    expect(contributionsOf(run.current!)).toMatchObject([
      { agentId: 'oslo', late: { round: 1, version: 0, staleness: 1 } },
    ])
    expect(run.carried.size).toBe(0)
    const again = after(run, accepted(run, 'oslo', 'another'))
    expect(contributionsOf(again.current!)).toEqual(contributionsOf(run.current!))
    const open = planned(late)
    const inTime = after(open, accepted(open, 'oslo'))
    expect(contributionsOf(inTime.current!)).toEqual(contributionsOf(run.current!))
  })

  test('is folded in the same place whoever sends first, also beside the same update of another start', () => {
    const open = planned(oneLate())
    const both = [
      accepted(open, 'oslo', 'same'),
      accepted(open, 'bern', 'same'),
      accepted(open, 'graz', 'other'),
    ]
    const orders = [both, both.toReversed(), [both[1]!, both[2]!, both[0]!]]
    const folded = orders.map((events) =>
      contributionsOf(after(open, ...events).current!).map(({ agentId }) => agentId),
    )
    expect(folded).toEqual(Array(3).fill(['graz', 'bern', 'oslo']))
  })

  test('is not behind by a round whose candidate was not released', () => {
    const open = planned(fresh)
    const both = after(open, accepted(open, 'bern'), accepted(open, 'graz'), closed(1))
    const rejected = after(both, committed(both, null))
    expect(planned(rejected).current?.seats.get('oslo')?.start).toMatchObject({ version: 0, staleness: 0 })
  })

  test('goes on through an attempt that fails, whose accepted updates do not', () => {
    const open = planned(fresh)
    const one = after(open, accepted(open, 'bern'))
    const reason = 'why'
    const discarded = [{ agentId: 'bern', updateSha256: 'bern', code: 'LRC-4016' as const }]
    const failed = after(one, {
      ...{ type: 'round-failed', runId: 'tone-1', round: 1, attempt: 1 },
      reason,
      discarded,
    })
    const { current } = planned(failed)
    expect(current?.seats.get('graz')).toMatchObject({
      assignmentId: 'as-1-2',
      start: { round: 1, staleness: 0 },
    })
    expect(current?.seats.get('bern')).toEqual({
      ...{ agentId: 'bern', name: 'bern', assignmentId: 'as-2-1', status: 'training' },
    })
  })

  test('is over when no round comes after, and what had been accepted is said to count nowhere', () => {
    const last = { ...planned(fresh), spec: { ...spec, rounds: { ...spec.rounds, count: 1 } } }
    const end = after(last, accepted(last, 'bern'), accepted(last, 'graz'), closed(1))
    expect([end.carried.size, end.current?.seats.get('oslo')?.status]).toEqual([0, 'training'])
    const late = oneLate()
    const early = after(late, accepted(late, 'oslo', 'feed'))
    expect(waitingUpdates(early)).toEqual([{ agentId: 'oslo', updateSha256: 'feed', code: 'LRC-4016' }])
  })
})

describe('a seat that does not go on', () => {
  const releases = (count: number): Run => {
    let run = oneLate()
    for (let more = 1; more < count; more++) {
      const open = planned(run)
      const both = after(open, accepted(open, 'bern'), accepted(open, 'graz'), closed(1 + more))
      run = after(both, committed(both, 4 + more))
    }
    return run
  }

  test('is one of too many releases ago; its agent has another seat', () => {
    expect(carriedOver(releases(2), nobody)).toMatchObject({ seats: [{ start: { staleness: 2 } }], over: [] })
    const old = releases(3)
    const message = 'asked for in round 1, 3 releases ago, and rounds.buffer.maxStaleness is 2'
    const end = { agentId: 'oslo', assignmentId: 'as-1-3', kind: 'refused', code: 'LRC-4017', message }
    expect(carriedOver(old, nobody)).toMatchObject({ seats: [], over: [end] })
    const run = planned(old)
    expect(run.current?.seats.get('oslo')).toMatchObject({ status: 'training', assignmentId: 'as-4-3' })
    expect(refusalsOf(run.current!)[0]).toMatchObject({ agentId: 'oslo', code: 'LRC-4017' })
    expect(endOf(run, 'as-1-3')).toMatchObject(end)
    const early = after(old, accepted(old, 'oslo', 'feed'))
    expect(carriedOver(early, nobody).over).toMatchObject([{ ...end, updateSha256: 'feed' }])
  })

  test('is one whose agent hangs, declined, or is out of the fleet', () => {
    const late = oneLate()
    const absent = new Map([['oslo', 'connected, but made no progress for 700 s']])
    const { over } = carriedOver(late, absent)
    expect(over).toMatchObject([{ kind: 'absent', code: 'LRC-4002', message: absent.get('oslo') }])
    const said = { agentId: 'oslo', name: 'oslo', code: 'LRC-6004', message: 'not now' } as const
    const declined = {
      type: 'agent-declined',
      runId: 'tone-1',
      round: 1,
      assignmentId: 'as-1-3',
      ...said,
    } as const
    expect(carriedOver(after(late, declined), nobody).over).toMatchObject([{ kind: 'declined', ...said }])
    const early = after(late, accepted(late, 'oslo', 'feed'))
    expect(carriedOver(early, absent)).toMatchObject({ seats: [{ agentId: 'oslo' }], over: [] }) // it is here
    const why = { code: 'LRC-2011', message: 'revoked' } as const
    const ofAgent = { runId: 'tone-1', round: 1, agentId: 'oslo', name: 'oslo', updateSha256: 'feed' }
    const revoked = after(early, { type: 'seat-revoked', ...ofAgent, ...why })
    expect(carriedOver(revoked, nobody)).toMatchObject({ seats: [], over: [{ kind: 'refused', ...why }] })
    expect(waitingUpdates(revoked)).toEqual([])
  })
})

test('however rounds and late updates race, each accepted update is in one round or said to count nowhere', () => {
  const acts = fc.array(
    fc.tuple(fc.constantFrom('update', 'close', 'commit', 'plan'), fc.nat(2), fc.boolean()),
    {
      minLength: 20,
      maxLength: 120,
    },
  )
  fc.assert(
    fc.property(acts, (played) => {
      let run = planned(fresh)
      let version = 0
      const receipts: string[] = []
      for (const [act, who, isReleased] of played) {
        const agentId = names[who]!
        const open = openSeats(run, agentId)
        const { current } = run
        if (act === 'update' && open?.isClosed === false && open.seats.get(agentId)?.status === 'training') {
          const sha = `update ${receipts.length}`
          receipts.push(sha)
          run = after(run, accepted(run, agentId, sha))
        }
        if (act === 'close' && current !== null && !current.isClosed && contributionsOf(current).length >= 2)
          run = after(run, closed(current.round))
        if (act === 'commit' && current?.isClosed)
          run = after(run, committed(run, isReleased ? ++version : null))
        if (act === 'plan' && current === null && run.rounds.length < 9) run = planned(run)
      }
      const rounds = run.current === null ? run.history : [...run.history, run.current]
      const counted = rounds.flatMap((round) =>
        contributionsOf(round).map(({ updateSha256 }) => updateSha256),
      )
      const over = rounds.flatMap((round) => round.over.flatMap(({ updateSha256 }) => updateSha256 ?? []))
      const waiting = waitingUpdates(run).map(({ updateSha256 }) => updateSha256)
      expect([...counted, ...over, ...waiting].sort()).toEqual([...receipts].sort())
      for (const round of rounds) expect(round.seats.size).toBe(3)
    }),
  )
})
