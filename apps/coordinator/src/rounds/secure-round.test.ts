import { decodeSafetensors, floatTensor, type TensorMap } from '@lorica/peft-core'
import type { RoundView, TrainAssignment } from '@lorica/protocol'
import { expect, test } from 'vitest'
import type { ScriptedAgent } from '../agent.fixture.js'
import { type Fleet, startFleet } from '../fleet.fixture.js'
import { startSummingAgent } from '../summing-agent.fixture.js'

const privately = (more: object = {}, secure: object | true = true) => ({
  aggregate: { trust: 'private' },
  privacy: { clip: 40, secureAggregation: secure },
  rounds: { count: 1, minimum: 3 },
  evaluate: { holdout: 0 },
  ...more,
})

const read = async (agent: ScriptedAgent, sha256 = ''): Promise<TensorMap> => {
  const tensors = decodeSafetensors(await agent.read(sha256))
  return new Map([...tensors].map(([name, tensor]) => [name, floatTensor(tensor)]))
}

/** The change of every value of a run of one round. */
async function changeOf(fleet: Fleet, agent: ScriptedAgent, runId: string): Promise<readonly number[]> {
  const run = await fleet.run(runId)
  const { adapter } = agent.assignments.find((one): one is TrainAssignment => one.kind === 'train')!
  const weights = adapter.files.find(({ path }) => path === 'adapter_model.safetensors')
  const [before, after] = await Promise.all([
    read(agent, weights?.sha256),
    read(agent, run.adapterSha256 ?? ''),
  ])
  return [...before].flatMap(([name, { data }]) =>
    [...data].map((value, at) => after.get(name)!.data[at]! - value),
  )
}

test('three agents sum their updates unseen, and the release is their mean', async () => {
  await using fleet = await startFleet()
  const changes = { oslo: 0.25, turin: -0.5, graz: 1.5 }
  const masked: number[] = []
  const agents = await Promise.all(
    Object.entries(changes).map(([name, change]) =>
      startSummingAgent(fleet, name, { change, onMasked: (_, vector) => masked.push(...vector.slice(0, 4)) }),
    ),
  )
  const runId = await fleet.startRun(privately())
  await fleet.event(runId, 'run-ended')
  const run = await fleet.run(runId)
  expect([run.state, run.reason]).toEqual(['succeeded', 'all rounds are committed'])
  const moved = await changeOf(fleet, agents[0]!, runId)
  const mean = (0.25 - 0.5 + 1.5) / 3
  expect(Math.max(...moved.map((value) => Math.abs(value - mean)))).toBeLessThan(1e-6)
  const view = (await fleet.api('GET', `/api/v1/runs/${runId}/rounds/1`)).body as RoundView
  expect(view.aggregation).toMatchObject({ agents: [], error: null, agreement: null })
  const { sum } = view.attempts[0]!
  const values = moved.length
  expect(sum).toMatchObject({ keys: 3, shares: 3, survivors: 3, confirmations: 3, plainBytes: 12 * values })
  expect(sum!.bytesUp).toBeGreaterThan(12 * values + 3 * (2 * 82 + 3 * 33)) // masked values, sealed shares and those revealed
  expect(sum!.bytesDown).toBeGreaterThan(3 * 2 * 82)
  expect(sum!.ms).toBeGreaterThanOrEqual(sum!.unmaskMs!)
  const { body } = await fleet.api('POST', `/api/v1/runs/${runId}/rounds/1/replay`)
  expect(body).toMatchObject({ isSame: true, updates: 3 })
})

test('of held-out losses only the mean over all agents is told, and of training nothing', async () => {
  await using fleet = await startFleet()
  const names = ['oslo', 'turin', 'graz']
  for (const name of names) await startSummingAgent(fleet, name, { change: 0.5 })
  const runId = await fleet.startRun(privately({ evaluate: { holdout: 0.1 } }))
  await fleet.event(runId, 'run-ended')
  const run = await fleet.run(runId)
  expect(run.state).toBe('succeeded')
  for (const measured of [run.baseline, run.final]) {
    expect(measured?.loss).toBeGreaterThan(0)
    expect(measured?.perAgent).toEqual([])
  }
  expect(run.rounds[0]?.evaluation).toEqual([])
  for (const { tokens, examples, lossFirst, norm } of run.rounds[0]?.contributions ?? [])
    expect({ tokens, examples, lossFirst, norm }).toEqual({
      tokens: 1,
      examples: 0,
      lossFirst: null,
      norm: null,
    })
})

const steps = ['keys', 'shares', 'input', 'confirmation', 'reveal'] as const

test.each(steps)(
  'an agent that falls silent before its %s drops out, and the others are summed',
  async (stopsBefore) => {
    await using fleet = await startFleet(undefined, { leaseMs: 100 })
    const changes = { oslo: 0.25, turin: -0.5, graz: 1.5, bern: 3 }
    const agents = await Promise.all(
      Object.entries(changes).map(([name, change]) =>
        startSummingAgent(fleet, name, name === 'bern' ? { change, stopsBefore } : { change }),
      ),
    )
    const runId = await fleet.startRun(privately({ rounds: { count: 1, minimum: 4 } }, { minSurvivors: 3 }))
    await fleet.event(runId, 'run-ended')
    const run = await fleet.run(runId)
    expect([run.state, run.reason]).toEqual(['succeeded', 'all rounds are committed'])
    const isIn = ['confirmation', 'reveal'].includes(stopsBefore) // its masked update was there
    const counted = Object.values(changes).filter((change) => isIn || change !== 3)
    const mean = counted.reduce((sum, change) => sum + change, 0) / counted.length
    const moved = await changeOf(fleet, agents[0]!, runId)
    expect(Math.max(...moved.map((value) => Math.abs(value - mean)))).toBeLessThan(1e-6)
    expect(run.rounds[0]!.contributions.map(({ weight }) => weight)).toEqual(
      counted.map(() => 1 / counted.length),
    )
  },
)

test.each(steps)(
  'below its survivors before the %s a sum ends without a word of the updates, and is tried again',
  async (stopsBefore) => {
    await using fleet = await startFleet(undefined, { leaseMs: 100 })
    const agents = await Promise.all(
      ['oslo', 'turin', 'graz', 'bern'].map((name, at) =>
        startSummingAgent(fleet, name, {
          change: at - 1.25,
          ...(at < 2 ? ({ stopsBefore, how: 'declines', stops: 1 } as const) : {}),
        }),
      ),
    )
    const runId = await fleet.startRun(privately({ rounds: { count: 1, minimum: 4 } }, { minSurvivors: 3 }))
    const failed = await fleet.event(runId, 'round-failed')
    expect(failed.reason).toMatch(
      stopsBefore === 'keys' ? /needs 3 updates/ : /^LRC-4018: the secure sum was not finished: too-few: /,
    )
    expect(agents).toHaveLength(4)
  },
)

test('forty agents in one process, of which some fall silent before each step, are waited for while others still answer', async () => {
  await using fleet = await startFleet(undefined, { leaseMs: 500 })
  const changeOfSite = (at: number) => (at - 5) / 64
  const agents = await Promise.all(
    Array.from({ length: 40 }, (_, at) => {
      const stopsBefore = steps[at]
      const stops = stopsBefore === undefined ? {} : { stopsBefore }
      return startSummingAgent(fleet, `site-${at}`, { change: changeOfSite(at), ...stops })
    }),
  )
  const runId = await fleet.startRun(
    privately({ rounds: { count: 1, minimum: 40 } }, { minSurvivors: 34, colluding: '8%' }),
  )
  await fleet.event(runId, 'run-ended')
  const run = await fleet.run(runId)
  expect([run.state, run.reason]).toEqual(['succeeded', 'all rounds are committed'])
  const counted = Array.from({ length: 40 }, (_, at) => at).filter((at) => at > 2)
  const mean = counted.reduce((sum, at) => sum + changeOfSite(at), 0) / counted.length
  const moved = await changeOf(fleet, agents[11]!, runId)
  expect(Math.max(...moved.map((value) => Math.abs(value - mean)))).toBeLessThan(2e-6)
})

test('a coordinator that is restarted in the middle of a sum ends it, and the next attempt goes through with fresh keys', async () => {
  await using fleet = await startFleet()
  const keys: string[] = []
  let isHeld = true
  let reached: () => void = () => {}
  const held = new Promise<void>((resolve) => {
    reached = resolve
  })
  const agents = await Promise.all(
    ['oslo', 'turin', 'graz'].map((name, at) =>
      startSummingAgent(fleet, name, {
        change: at + 0.5,
        onMasked: (_, __, { attempt }) => keys.push(`${name} ${attempt}`),
        onRoster: async () => {
          if (name !== 'graz' || !isHeld) return
          reached()
          await new Promise(() => {}) // its shares never come
        },
      }),
    ),
  )
  const runId = await fleet.startRun(privately())
  await held
  isHeld = false
  await fleet.restart()
  await Promise.all(
    agents.map(({ name, identity }, at) =>
      startSummingAgent(
        fleet,
        name,
        { change: at + 0.5, onMasked: (_, __, { attempt }) => keys.push(`${name} ${attempt}`) },
        identity,
      ),
    ),
  )
  const failed = await fleet.event(runId, 'round-failed')
  expect(failed.reason).toBe(
    'LRC-4018: the secure sum was not finished: the coordinator was restarted meanwhile',
  )
  await fleet.event(runId, 'run-ended')
  expect((await fleet.run(runId)).state).toBe('succeeded')
  expect(keys.sort()).toEqual(['graz 2', 'oslo 2', 'turin 2'])
})

test('an agent that begins anew in the middle of a sum drops out, and one that repeats itself does not', async () => {
  await using fleet = await startFleet(undefined, { leaseMs: 150 })
  const names = ['oslo', 'turin', 'graz', 'bern']
  const refusals: string[] = []
  await Promise.all(
    names.map((name, at) =>
      startSummingAgent(fleet, name, {
        change: at,
        onRoster: async (agent, said) => {
          if (name === 'oslo') refusals.push(await said(agent, 'same'))
          if (name === 'bern') refusals.push(await said(agent, 'other'))
        },
      }),
    ),
  )
  const runId = await fleet.startRun(privately({ rounds: { count: 1, minimum: 4 } }, { minSurvivors: 3 }))
  await fleet.event(runId, 'run-ended')
  const { rounds } = await fleet.run(runId)
  expect(rounds[0]!.contributions.map(({ name }) => name).sort()).toEqual(['graz', 'oslo', 'turin'])
  expect(refusals.sort()).toEqual(['LRC-4019', 'ok'])
})
