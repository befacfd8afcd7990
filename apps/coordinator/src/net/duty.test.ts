import type { AgentView, PlanView, RoundView, RunView, TrainAssignment } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { startAgent } from '../agent.fixture.js'
import { type Fleet, startFleet, until } from '../fleet.fixture.js'

const post = async <T>(fleet: Fleet, path: string, body?: object) => {
  const answer = await fleet.api('POST', path, body)
  expect(answer.status, JSON.stringify(answer.body)).toBe(200)
  return answer.body as T
}
const finish = (fleet: Fleet, runId: string) => fleet.event(runId, 'run-ended')

test('a paused run ends its open round and opens no other until it is resumed, also after a restart', async () => {
  await using fleet = await startFleet()
  const hold = { train: () => new Promise<void>(() => {}) }
  const agents = [await startAgent(fleet, 'oslo', hold), await startAgent(fleet, 'turin', hold)]
  const trained = () =>
    agents.map(({ assignments }) => assignments.find((one): one is TrainAssignment => one.kind === 'train'))
  const runId = await fleet.startRun({ rounds: { count: 2, minimum: 2 } })
  await until(() => trained().every((one) => one !== undefined))
  const paused = await post<RunView>(fleet, `/api/v1/runs/${runId}/pause`)
  expect([paused.state, paused.reason]).toEqual(['running', 'pauses when round 1 has ended'])
  for (const [index, agent] of agents.entries()) await agent.upload(trained()[index]!, 4)
  await fleet.event(runId, 'round-committed')
  await expect.poll(async () => (await fleet.run(runId)).state).toBe('paused')
  await fleet.restart()
  for (const { name, identity } of agents) await startAgent(fleet, name, { delta: 4 }, identity)
  await expect
    .poll(async () => (await fleet.run(runId)).reason)
    .toBe(`paused by an operator: lorica run resume ${runId}`)
  expect((await fleet.run(runId)).rounds).toHaveLength(1)
  await post(fleet, `/api/v1/runs/${runId}/resume`)
  await finish(fleet, runId)
  expect((await fleet.run(runId)).rounds.map(({ release }) => release)).toEqual(['v1', 'v2'])
  expect((await fleet.api('POST', `/api/v1/runs/${runId}/pause`)).body).toMatchObject({ code: 'LRC-3005' })
})

test('an agent that is cordoned takes part in no new round, and one with another label in those that ask for it', async () => {
  await using fleet = await startFleet()
  for (const name of ['graz', 'oslo', 'turin'])
    await startAgent(fleet, name, { delta: 4, labels: { site: 'south' } })
  expect(await post<AgentView>(fleet, '/api/v1/agents/graz/cordon')).toMatchObject({
    isCordoned: true,
    doing: null,
  })
  await post(fleet, '/api/v1/agents/oslo/label', { labels: { site: 'north', tier: '2' } })
  const bad = await fleet.api('POST', '/api/v1/agents/oslo/label', { labels: { 'Bad Key': 'x' } })
  expect(bad.body).toMatchObject({ code: 'LRC-1007' })
  await fleet.restart()
  const { agents } = (await fleet.api('GET', '/api/v1/agents')).body as { agents: AgentView[] }
  expect(agents.map(({ name, isCordoned, labels }) => [name, isCordoned, labels])).toEqual([
    ['graz', true, { site: 'south' }],
    ['oslo', false, { site: 'north', tier: '2' }],
    ['turin', false, { site: 'south' }],
  ])
})

test('a cordon and a label act on the rounds that come, and the round says so', async () => {
  await using fleet = await startFleet()
  for (const name of ['graz', 'oslo', 'turin'])
    await startAgent(fleet, name, { delta: 4, labels: { site: 'south' } })
  await post(fleet, '/api/v1/agents/graz/cordon')
  const runId = await fleet.startRun({ rounds: { count: 1, minimum: 2, where: 'label.site == north' } })
  await expect.poll(async () => (await fleet.run(runId)).state).toBe('waiting')
  for (const name of ['graz', 'oslo', 'turin'])
    await post(fleet, `/api/v1/agents/${name}/label`, { labels: { site: 'north' } })
  await finish(fleet, runId)
  const round = (await fleet.api('GET', `/api/v1/runs/${runId}/rounds/1`)).body as RoundView
  expect(round.attempts[0]?.agents.map(({ name, fate }) => [name, fate])).toEqual([
    ['oslo', 'accepted'],
    ['turin', 'accepted'],
    ['graz', 'cordoned'],
  ])
  await post(fleet, '/api/v1/agents/graz/uncordon')
  const spec = { ...(await fleet.run(runId)).spec, schedule: { cron: '0 0 1 1 *', window: '1m' } }
  const { rounds: _, ...rest } = spec
  const plan = (await fleet.api('POST', '/api/v1/runs/plan', { ...rest, rounds: { count: 3 } }))
    .body as PlanView
  // An agent of the fixture trains 20 examples of 16 tokens in 7 ms: 45,714 tokens a second. A round asks for 320 of them.
  expect(
    plan.agents.map(({ name, fate, tokensPerSecond }) => [
      name,
      fate,
      tokensPerSecond && Math.round(tokensPerSecond),
    ]),
  ).toEqual([
    ['graz', 'invited', null],
    ['oslo', 'invited', 45_714],
    ['turin', 'invited', 45_714],
  ])
  expect([plan.seconds, plan.opensAt?.slice(4)]).toEqual([null, '-01-01T00:00:00.000Z'])
  expect(plan.memoryBytes).toBeGreaterThan(2 * (4 * 64 + 3 * 128) * 4) // the linear layers of the base alone
  await post(fleet, '/api/v1/agents/graz/cordon')
  const without = (await fleet.api('POST', '/api/v1/runs/plan', { ...rest, rounds: { count: 3 } }))
    .body as PlanView
  expect(without.agents[0]).toMatchObject({ name: 'graz', fate: 'cordoned', memoryBytes: 2 ** 30 })
  expect(without.seconds?.eachRound).toBeCloseTo(0.007, 9)
  expect(without.seconds?.all).toBeCloseTo(0.021, 9)
})

test('a run with a schedule opens no round outside its window', async () => {
  await using fleet = await startFleet()
  for (const name of ['oslo', 'turin']) await startAgent(fleet, name, { delta: 4 })
  const january = new Date(Date.UTC(new Date().getUTCFullYear() + 1, 0, 1)).getTime()
  const schedule = { cron: '0 0 1 1 *', timeZone: 'UTC', window: '1h' }
  const runId = await fleet.startRun({ schedule })
  await expect
    .poll(async () => (await fleet.run(runId)).reason)
    .toMatch(/^waits for \w+ 1 Jan 00:00 \(UTC\)$/)
  fleet.setAhead(january - Date.now() + 60_000)
  await finish(fleet, runId)
  expect((await fleet.run(runId)).release).toBe('v1')
})
