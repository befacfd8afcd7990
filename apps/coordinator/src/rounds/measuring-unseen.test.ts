import type { EvaluateAssignment, JournalPage } from '@lorica/protocol'
import { expect, test } from 'vitest'
import type { ScriptedAgent } from '../agent.fixture.js'
import { type Fleet, startFleet } from '../fleet.fixture.js'
import { type SummingManner, startSummingAgent } from '../summing-agent.fixture.js'

const privately = (more: object = {}, secure: object = {}) => ({
  aggregate: { trust: 'private' },
  privacy: { clip: 40, secureAggregation: secure },
  rounds: { count: 1, minimum: 3 },
  evaluate: { holdout: 0.1, guards: [] },
  ...more,
})
const four = { rounds: { count: 1, minimum: 4 } }

type Manner = Partial<SummingManner>
const names = ['oslo', 'turin', 'graz', 'bern'] as const

/** What a site measures: other numbers of each, and of each adapter. */
const lossOf =
  (at: number) =>
  ({ adapter }: Pick<EvaluateAssignment, 'adapter'>) => ({
    lossSum: 100 * (at + 1) + 7.8125 * adapter.version,
    tokens: 30 + 11 * at * at,
  })
const meanOf = (sites: readonly number[], version: number): number => {
  const all = sites.map((at) => lossOf(at)({ adapter: { version, files: [] } }))
  const sum = (of: 'lossSum' | 'tokens') => all.reduce((total, one) => total + one[of], 0)
  return sum('lossSum') / sum('tokens')
}

const startSites = (fleet: Fleet, count: number, manner: (at: number) => Manner = () => ({})) =>
  Promise.all(
    names
      .slice(0, count)
      .map((name, at) =>
        startSummingAgent(fleet, name, { change: 0.5, measures: lossOf(at), ...manner(at) }),
      ),
  )

async function linesOf(fleet: Fleet, types: RegExp) {
  const { body } = await fleet.api('GET', '/api/v1/journal?limit=200')
  const { lines } = body as JournalPage
  const told = lines.filter(({ type }) => types.test(type)).reverse()
  return told.map(({ type, fields }): Record<string, unknown> => ({ type, ...fields }))
}

const asked = ({ assignments }: ScriptedAgent) =>
  assignments.filter((one): one is EvaluateAssignment => one.kind === 'evaluate')

test('the loss of a run is the mean over the tokens of its agents, of which the coordinator saw the sum alone', async () => {
  await using fleet = await startFleet()
  const agents = await startSites(fleet, 3)
  const runId = await fleet.startRun(privately({ rounds: { count: 2, minimum: 3 } }))
  await fleet.event(runId, 'run-ended')
  const run = await fleet.run(runId)
  expect([run.state, run.reason]).toEqual(['succeeded', 'all rounds are committed'])
  const all = [0, 1, 2]
  expect(run.baseline).toEqual({ loss: meanOf(all, 0), tokens: 145, perAgent: [] })
  expect(run.rounds.map(({ loss }) => loss)).toEqual([meanOf(all, 1), meanOf(all, 2)])
  expect(run.final).toEqual({ loss: meanOf(all, 2), tokens: 145, perAgent: [] }) // summed once: not measured again
  expect(asked(agents[0]!).map(({ round }) => round)).toEqual([0, 1, 2])
  const attempts = asked(agents[0]!).map(({ secure }) => secure?.attempt)
  expect(attempts).toEqual([1, 2, 3])
  const lines = await linesOf(fleet, /^measurement/)
  expect(lines.map(({ type, attempt }) => [type, attempt])).toEqual(
    [1, 2, 3].flatMap((attempt) => [
      ['measurement-begun', attempt],
      ['measurement-ended', attempt],
    ]),
  )
  const ids = agents.map(({ identity }) => identity.id).sort()
  expect(lines.map((line) => line.agents)).toEqual(lines.map(() => ids))
})

const steps = ['keys', 'shares', 'input', 'confirmation', 'reveal'] as const

test.each(steps)(
  'an agent that falls silent before its %s leaves the loss of the others',
  async (stopsBefore) => {
    await using fleet = await startFleet(undefined, { leaseMs: 100 })
    await startSites(fleet, 4, (at) =>
      at === 1 ? { stopsBefore, stopsIn: 'evaluate', how: 'declines' } : {},
    )
    const runId = await fleet.startRun(privately(four, { minSurvivors: 3 }))
    const { loss } = await fleet.event(runId, 'baseline-evaluated')
    const isIn = ['confirmation', 'reveal'].includes(stopsBefore) // its masked loss was there
    expect(loss).toBe(meanOf(isIn ? [0, 1, 2, 3] : [0, 2, 3], 0))
  },
)

test('a loss that cannot be summed is none, and the journal and the round say why', async () => {
  await using fleet = await startFleet(undefined, { leaseMs: 100 })
  const stops = { stopsBefore: 'confirmation', stopsIn: 'evaluate', how: 'declines' } as const
  await startSites(fleet, 3, (at) => (at === 2 ? stops : {}))
  const runId = await fleet.startRun(privately())
  await fleet.event(runId, 'run-ended')
  const run = await fleet.run(runId)
  const why = 'LRC-4018: the secure sum was not finished: too-few: confirmations expected at least 3, got 2'
  expect([run.baseline?.loss, run.rounds[0]?.verdict]).toEqual([null, 'rejected'])
  expect(run.rounds[0]?.reason).toBe(`it was not measured: ${why}`)
  const ended = await linesOf(fleet, /^measurement-ended/)
  expect(ended.map(({ agents, measured }) => [agents, measured])).toEqual(
    ended.map(() => [[], expect.objectContaining({ loss: null, tokens: 0, unmeasured: why })]),
  )
})

test('agents that are left try again without one that never sent keys', async () => {
  await using fleet = await startFleet(undefined, { leaseMs: 100 })
  const never = { stopsBefore: 'keys', stopsIn: 'evaluate', how: 'declines' } as const
  const agents = await startSites(fleet, 4, (at) => (at === 3 ? never : {}))
  const runId = await fleet.startRun(privately(four))
  const { loss } = await fleet.event(runId, 'baseline-evaluated')
  expect(loss).toBe(meanOf([0, 1, 2], 0))
  expect(asked(agents[0]!).map(({ secure }) => [secure?.attempt, secure?.ring.agents])).toEqual([
    [1, 4],
    [2, 3],
  ])
})

test('where fewer than three hold text out nothing is told of their loss', async () => {
  await using fleet = await startFleet()
  const nothing = { measures: () => ({ lossSum: 0, tokens: 0 }) }
  await startSites(fleet, 4, (at) => (at > 1 ? nothing : {}))
  const runId = await fleet.startRun(privately(four))
  expect((await fleet.event(runId, 'baseline-evaluated')).loss).toBeNull()
  const [, ended] = await linesOf(fleet, /^measurement/)
  expect(JSON.stringify(ended)).toContain('fewer than 3 of 4 agents hold text out')
  expect(ended).toMatchObject({ measured: { loss: null, tokens: 0, perAgent: [] } })
})

test('a loss that comes in the clear is refused, and is nowhere', async () => {
  await using fleet = await startFleet(undefined, { leaseMs: 100 })
  const agents = await startSites(fleet, 4, (at) =>
    at === 0 ? { stopsBefore: 'keys', stopsIn: 'evaluate', how: 'declines' } : {},
  )
  const refused = new Promise<string | undefined>((resolve) => {
    agents[0]!.socket.on('assignment', async ({ kind, assignmentId }: EvaluateAssignment) => {
      if (kind !== 'evaluate') return
      const plain = { assignmentId, lossSum: 987.125, tokens: 8, evaluateMs: 3 }
      resolve((await agents[0]!.emit('evaluation', plain)).refusal?.code)
    })
  })
  const runId = await fleet.startRun(privately(four, { minSurvivors: 3 }))
  const { loss } = await fleet.event(runId, 'baseline-evaluated')
  expect([await refused, loss]).toEqual(['LRC-4019', meanOf([1, 2, 3], 0)])
  expect(JSON.stringify(await linesOf(fleet, /./))).not.toContain('987.125')
})

test('a measurement in which the coordinator is restarted is begun again with other keys', async () => {
  await using fleet = await startFleet()
  let reached: () => void = () => {}
  const held = new Promise<void>((resolve) => {
    reached = resolve
  })
  const stuck = async () => {
    reached()
    await new Promise(() => {}) // its shares never come
  }
  const agents = await startSites(fleet, 3, (at) => (at === 2 ? { onRoster: stuck } : {}))
  const runId = await fleet.startRun(privately())
  await held
  await fleet.restart()
  const again = await Promise.all(
    agents.map(({ name, identity }, at) =>
      startSummingAgent(fleet, name, { change: 0.5, measures: lossOf(at) }, identity),
    ),
  )
  await fleet.event(runId, 'run-ended')
  const run = await fleet.run(runId)
  expect([run.state, run.baseline?.loss]).toEqual(['succeeded', meanOf([0, 1, 2], 0)])
  expect(asked(again[0]!)[0]?.secure?.attempt).toBe(2)
})
