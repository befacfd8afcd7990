import { decodeSafetensors, floatTensor, type TensorMap } from '@lorica/peft-core'
import type { ReplayView, RoundView, RunView, TrainAssignment } from '@lorica/protocol'
import { describe, expect, test } from 'vitest'
import { type Manner, offerOf, type ScriptedAgent, startAgent, updateBytes } from '../agent.fixture.js'
import { type Fleet, startFleet, until } from '../fleet.fixture.js'

type Name = 'oslo' | 'turin' | 'graz'
const names: readonly Name[] = ['oslo', 'turin', 'graz']
const deltas = { oslo: 0.25, turin: -0.5, graz: 1.5 } as const
const tokens = { oslo: 40, turin: 80, graz: 40 } as const

/** Three agents of which each trains an assignment only when `go` was called for its round. */
async function startGated(fleet: Fleet, manner: Manner = {}, known: readonly ScriptedAgent[] = []) {
  const gates = new Map<string, Gate>()
  const gate = (name: string, round: number) => {
    const key = `${name} ${round}`
    const found = gates.get(key) ?? closedGate()
    gates.set(key, found)
    return found
  }
  const train = async (agent: ScriptedAgent, assignment: TrainAssignment): Promise<void> => {
    const name = agent.name as Name
    await gate(name, assignment.round).promise
    await agent.upload(assignment, deltas[name], tokens[name])
  }
  const agents = await Promise.all(
    names.map((name, at) => startAgent(fleet, name, { ...manner, train }, known[at]?.identity)),
  )
  const of = (name: Name): ScriptedAgent => agents[names.indexOf(name)]!
  return {
    agents,
    of,
    go: (name: Name, ...rounds: number[]) => {
      for (const round of rounds) gate(name, round).resolve()
    },
    /** The assignment of an agent in a round, once it came. */
    async asked(name: Name, round: number): Promise<TrainAssignment> {
      const find = () =>
        of(name).assignments.find(
          (one): one is TrainAssignment => one.kind === 'train' && one.round === round,
        )
      await until(() => find() !== undefined)
      return find()!
    },
  }
}

interface Gate {
  readonly promise: Promise<void>
  readonly resolve: () => void
}

function closedGate(): Gate {
  let resolve = () => {}
  const promise = new Promise<void>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

const buffered = (count: number, buffer: object = { size: 2 }) => ({
  ...{ rounds: { count, mode: 'buffered', buffer }, evaluate: { holdout: 0 } },
})

const roundOf = async (fleet: Fleet, runId: string, round: number): Promise<RoundView> =>
  (await fleet.api('GET', `/api/v1/runs/${runId}/rounds/${round}`)).body as RoundView

async function adapterOf(agent: ScriptedAgent, sha256: string): Promise<TensorMap> {
  const tensors = decodeSafetensors(await agent.read(sha256))
  return new Map([...tensors].map(([name, tensor]) => [name, floatTensor(tensor)]))
}

/** base + sum of weight / all weights * delta in float64, in the order of the hashes, rounded once; `still` is not trained or not sent. */
function stepped(
  base: TensorMap,
  record: RunView['rounds'][number],
  weights: Partial<Record<Name, number>>,
  still: readonly string[] = [],
) {
  const ordered = [...record.contributions].sort((a, b) => (a.updateSha256 < b.updateSha256 ? -1 : 1))
  const counted = ordered.map(({ name }) => ({ delta: deltas[name as Name], weight: weights[name as Name]! }))
  const total = counted.reduce((sum, { weight }) => sum + weight, 0)
  const change = counted.reduce((sum, { delta, weight }) => sum + (weight / total) * delta, 0)
  return new Map(
    [...base].map(([name, { shape, data }]) => [
      name,
      { shape, data: data.map((value) => (still.includes(name) ? value : value + change)) },
    ]),
  )
}

/** A run of three rounds: graz is late in the first, turin in the second. */
async function lateRun(fleet: Fleet, restarts = false, aggregate: object = {}, buffer?: object) {
  let fleetOf = await startGated(fleet)
  const runId = await fleet.startRun({ ...buffered(3, buffer), aggregate })
  fleetOf.go('oslo', 1)
  fleetOf.go('turin', 1)
  await fleetOf.asked('oslo', 2)
  const [first] = [await fleetOf.asked('graz', 1)]
  if (restarts) {
    const { agents } = fleetOf
    await fleet.restart()
    fleetOf = await startGated(fleet, {}, agents)
    expect(await fleetOf.asked('graz', 1)).toEqual({ ...first, deadlineMs: expect.any(Number) })
  }
  fleetOf.go('graz', 1)
  await until(() => fleetOf.of('graz').receipts.length === 1)
  fleetOf.go('oslo', 2)
  await fleetOf.asked('graz', 3)
  fleetOf.go('turin', 2)
  await until(() => fleetOf.of('turin').receipts.length === (restarts ? 1 : 2))
  fleetOf.go('graz', 3)
  await fleet.event(runId, 'run-ended')
  return { runId, run: await fleet.run(runId), first, ...fleetOf }
}

/** Holds each release of such a run against what the updates come to. */
async function expectSteps(agent: ScriptedAgent, run: RunView, first: TrainAssignment): Promise<void> {
  const weights: readonly Partial<Record<Name, number>>[] = [
    { oslo: 40, turin: 80 },
    { oslo: 40, graz: 40 / Math.SQRT2 },
    { graz: 40, turin: 80 / Math.SQRT2 },
  ]
  const still = [...(first.frozen ?? []), ...(first.personal ?? [])]
  const start = first.adapter.files.find(({ path }) => path === 'adapter_model.safetensors')!.sha256
  let wanted = await adapterOf(agent, start)
  for (const [at, record] of run.rounds.entries()) {
    wanted = stepped(wanted, record, weights[at]!, still)
    expect(await adapterOf(agent, record.adapterSha256)).toEqual(wanted)
  }
}

describe('an update that comes after its round has closed', () => {
  test('counts in a later one, less by how many releases it is behind, from what it started from', async () => {
    await using fleet = await startFleet()
    const { runId, run, first, of } = await lateRun(fleet)
    expect(run.rounds.map(({ contributions }) => contributions.map(({ name }) => name).sort())).toEqual([
      ['oslo', 'turin'],
      ['graz', 'oslo'],
      ['graz', 'turin'],
    ])
    await expectSteps(of('oslo'), run, first)
    const [, second] = run.rounds
    const late = second!.contributions.find(({ name }) => name === 'graz')
    expect(late?.late).toEqual({ round: 1, version: 0, staleness: 1 })
    expect(late?.weight).toBeCloseTo(Math.SQRT1_2 / (1 + Math.SQRT1_2), 12)
    const views = await Promise.all([1, 2, 3].map((round) => roundOf(fleet, runId, round)))
    const fates = views.map(({ attempts }) =>
      Object.fromEntries(attempts[0]!.agents.map(({ name, fate, late: since }) => [name, [fate, since]])),
    )
    expect(fates).toEqual([
      { oslo: ['accepted', null], turin: ['accepted', null], graz: ['carried', null] },
      {
        oslo: ['accepted', null],
        turin: ['carried', null],
        graz: ['accepted', { round: 1, version: 0, staleness: 1 }],
      },
      {
        oslo: ['absent', null],
        turin: ['accepted', { round: 2, version: 1, staleness: 1 }],
        graz: ['accepted', null],
      },
    ])
    const replay = (round: number) => fleet.api('POST', `/api/v1/runs/${runId}/rounds/${round}/replay`)
    const replays = (await Promise.all([1, 2, 3].map(replay))).map(({ body }) => body as ReplayView)
    expect(replays.map(({ updates, isSame }) => [updates, isSame])).toEqual(Array(3).fill([2, true]))
  })

  test.each([
    ['ffa', { strategy: 'ffa' }, 4],
    ['fedsa', { strategy: 'fedsa' }, 4],
    ['parts that stay with their agents', { personal: ['layers.1'] }, 4],
  ])('counts so with %s', async (_, aggregate, still) => {
    await using fleet = await startFleet()
    const { run, first, of } = await lateRun(fleet, false, aggregate)
    expect([...(first.frozen ?? []), ...(first.personal ?? [])]).toHaveLength(still)
    await expectSteps(of('oslo'), run, first)
  })

  test('shortens the step of its round where the run says so, and an optimiser of the coordinator takes that', async () => {
    await using fleet = await startFleet()
    const optimizer = { kind: 'momentum', learningRate: 0.5, momentum: 0.8 }
    const { runId, run, first, of } = await lateRun(fleet, false, { optimizer }, { size: 2, shortens: true })
    const changes = [
      (40 * 0.25 - 80 * 0.5) / 120,
      (40 * 0.25 + (40 / Math.SQRT2) * 1.5) / 80,
      (40 * 1.5 - (80 / Math.SQRT2) * 0.5) / 120,
    ]
    const start = first.adapter.files.find(({ path }) => path === 'adapter_model.safetensors')!.sha256
    const [name, { data }] = [...(await adapterOf(of('oslo'), start))][0]!
    let [velocity, moved] = [0, 0]
    for (const [at, record] of run.rounds.entries()) {
      velocity = 0.8 * velocity + changes[at]!
      moved += 0.5 * velocity
      const released = (await adapterOf(of('oslo'), record.adapterSha256)).get(name)!
      expect(released.data[3]! - data[3]!).toBeCloseTo(moved, 6)
    }
    const weights = run.rounds[1]!.contributions.map(({ weight }) => weight)
    expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo((1 + Math.SQRT1_2) / 2, 12)
    const { aggregation } = await roundOf(fleet, runId, 2)
    expect(aggregation?.notes).toContainEqual(expect.stringContaining('85.4 % of their change is taken'))
    const { body } = await fleet.api('POST', `/api/v1/runs/${runId}/rounds/3/replay`)
    expect(body).toMatchObject({ isSame: true })
  })

  test('counts the same when the coordinator was restarted meanwhile', async () => {
    await using one = await startFleet()
    await using other = await startFleet()
    const undisturbed = await lateRun(one)
    const restarted = await lateRun(other, true)
    expect(restarted.run.rounds.map(({ adapterSha256 }) => adapterSha256)).toEqual(
      undisturbed.run.rounds.map(({ adapterSha256 }) => adapterSha256),
    )
  })

  test('counts in the next round when it comes while none is open', async () => {
    await using fleet = await startFleet()
    const { of, go, asked } = await startGated(fleet, { answers: ({ round }) => round === 0 })
    const runId = await fleet.startRun({ ...buffered(2), evaluate: { holdout: '20%' } })
    go('oslo', 1)
    go('turin', 1)
    const measuring = (name: Name) =>
      of(name).assignments.find(({ kind, round }) => kind === 'evaluate' && round === 1)
    await until(() => measuring('oslo') !== undefined && measuring('turin') !== undefined)
    go('graz', 1)
    await until(() => of('graz').receipts.length === 1)
    expect(of('graz').receipts[0]?.round).toBe(1)
    expect((await fleet.run(runId)).rounds).toEqual([])
    for (const name of ['oslo', 'turin'] as const) {
      const answer = { assignmentId: measuring(name)!.assignmentId, lossSum: 128, tokens: 64, evaluateMs: 3 }
      await of(name).emit('evaluation', answer)
    }
    await asked('oslo', 2)
    go('oslo', 2)
    await fleet.event(runId, 'round-committed')
    await until(() => of('oslo').assignments.some(({ kind, round }) => kind === 'evaluate' && round === 2))
    const view = await roundOf(fleet, runId, 2)
    const accepted = view.attempts[0]!.agents.filter(({ fate }) => fate === 'accepted')
    expect(accepted.map(({ name, late }) => [name, late?.staleness])).toEqual([
      ['graz', 1],
      ['oslo', undefined],
    ])
  })
})

test('an agent whose link is dead for hours comes back to what it was asked, rounds later, and its work counts', async () => {
  await using fleet = await startFleet()
  const { of, go, asked } = await startGated(fleet)
  const runId = await fleet.startRun(buffered(4))
  const first = await asked('graz', 1)
  of('graz').close()
  go('oslo', 1, 2)
  go('turin', 1, 2)
  await asked('oslo', 3)
  fleet.pass(5 * 3600_000)
  const hold: Manner = { train: () => new Promise(() => {}) }
  const back = await startAgent(fleet, 'graz', hold, of('graz').identity)
  await until(() => back.assignments.length > 0)
  expect(back.assignments).toEqual([{ ...first, deadlineMs: expect.any(Number) }])
  const receipt = await back.upload(first, deltas.graz, tokens.graz)
  go('oslo', 3)
  await expect.poll(async () => (await fleet.run(runId)).rounds.length).toBe(3)
  const counted = (await fleet.run(runId)).rounds[2]!.contributions.find(({ name }) => name === 'graz')
  expect(counted).toMatchObject({
    ...{ updateSha256: receipt.updateSha256, late: { round: 1, version: 0, staleness: 2 } },
  })
})

test('an update that waits for a round when its run is cancelled counts nowhere, and has no receipt any more', async () => {
  await using fleet = await startFleet()
  const { of, go, asked } = await startGated(fleet)
  const runId = await fleet.startRun(buffered(2))
  const first = await asked('graz', 1)
  await fleet.api('POST', `/api/v1/runs/${runId}/pause`)
  go('oslo', 1)
  go('turin', 1)
  await expect.poll(async () => (await fleet.run(runId)).state).toBe('paused')
  const receipt = await of('graz').upload(first, deltas.graz, tokens.graz)
  const offer = offerOf(first, await updateBytes(of('graz'), first, deltas.graz), tokens.graz)
  expect(await of('graz').emit('update.open', offer)).toMatchObject({ ok: true, receipt })
  await fleet.api('POST', `/api/v1/runs/${runId}/cancel`)
  const { refusal } = await of('graz').emit('update.open', offer)
  expect([refusal?.code, (await fleet.run(runId)).state]).toEqual(['LRC-4002', 'cancelled'])
})

describe('an update that is too many releases behind', () => {
  test('is refused by a code of its own, and its agent has a new assignment', async () => {
    await using fleet = await startFleet()
    const { of, go, asked } = await startGated(fleet)
    const runId = await fleet.startRun(buffered(2, { size: 2, maxStaleness: 0 }))
    const old = await asked('graz', 1)
    go('oslo', 1)
    go('turin', 1)
    const fresh = await asked('graz', 2)
    expect([old.adapter.version, fresh.adapter.version]).toEqual([0, 1])
    const { refusal } = await of('graz').emit(
      'update.open',
      offerOf(old, await updateBytes(of('graz'), old, 2)),
    )
    const why = 'asked for in round 1, 1 release ago, and rounds.buffer.maxStaleness is 0'
    expect([refusal?.code, refusal?.message]).toEqual(['LRC-4017', why])
    go('oslo', 2)
    go('graz', 2)
    await fleet.event(runId, 'run-ended')
    const { attempts } = await roundOf(fleet, runId, 2)
    expect(attempts[0]!.agents.filter(({ name }) => name === 'graz')).toMatchObject([
      { fate: 'accepted', late: null },
      { fate: 'refused', code: 'LRC-4017', message: why, late: { round: 1, version: 0, staleness: 1 } },
    ])
    expect((await fleet.run(runId)).rounds[1]?.refused.map(({ name, code }) => [name, code])).toEqual([
      ['graz', 'LRC-4017'],
      ['turin', 'LRC-4002'],
    ])
  })
})

test('an agent that is connected and hangs is not waited for, and has a new assignment in the next round', async () => {
  await using fleet = await startFleet()
  const { go, asked } = await startGated(fleet)
  const runId = await fleet.startRun(buffered(3, { size: 3 }))
  await asked('graz', 1)
  go('oslo', 1, 2)
  go('turin', 1, 2)
  await expect
    .poll(async () =>
      (await roundOf(fleet, runId, 1)).attempts[0]?.agents.filter(({ fate }) => fate === 'accepted'),
    )
    .toHaveLength(2)
  fleet.pass(36_001) // 120 leases of 300 ms
  expect((await asked('graz', 2)).adapter.version).toBe(1)
  const { attempts } = await roundOf(fleet, runId, 2)
  const [end] = attempts[0]!.agents.filter(({ name, fate }) => name === 'graz' && fate !== 'training')
  expect(end).toMatchObject({ fate: 'absent', code: 'LRC-4002', late: { round: 1, staleness: 1 } })
  expect(end?.message).toMatch(/^connected, but made no progress for 3\d s$/)
})

test('when every update of a round comes in time, a buffered round is a synchronous one, to the byte', async () => {
  const released = async (rounds: object): Promise<string | null> => {
    await using fleet = await startFleet()
    const { go } = await startGated(fleet)
    for (const name of names) go(name, 1, 2)
    const runId = await fleet.startRun({ rounds, evaluate: { holdout: 0 } })
    await fleet.event(runId, 'run-ended')
    return (await fleet.run(runId)).adapterSha256
  }
  const sync = await released({ count: 2, minimum: 3 })
  expect(await released({ count: 2, minimum: 3, mode: 'buffered', buffer: { size: 3 } })).toBe(sync)
})
