import { expect, test } from 'vitest'
import { startWorld, type World } from './fleet.fixture.js'

const plan = { groups: ['50%', '100%'], soak: '1m', patience: '3m', analysis: [] }
const having = (world: World) => world.agents.filter((agent) => world.has(agent) === 'v2').length

test('at most so many agents of a group are told in a minute, also over an end of the coordinator', async () => {
  const world = await startWorld(12)
  await world.director().start('v2', { ...plan, rate: { perMinute: 2 } })
  await world.settle()
  const counts = [having(world)]
  for (let turn = 0; turn < 5; turn++) {
    if (turn === 2) await world.kill()
    for (let part = 0; part < 30; part++) await world.settle(1000)
    counts.push(having(world))
  }
  expect(counts[0]).toBe(1)
  for (const [at, count] of counts.entries()) expect(count).toBeLessThanOrEqual(1 + at)
  expect(counts.at(-1)).toBeGreaterThanOrEqual(5)
  for (let turn = 0; turn < 40; turn++) await world.settle(20_000)
  expect([having(world), world.director().detail('latest').state]).toEqual([12, 'done'])
})

test('no more agents change at once than the plan says; one that keeps silent counts as failed after its time', async () => {
  const world = await startWorld(8)
  for (const agent of world.agents) agent.manner = () => 'keeps silent'
  await world
    .director()
    .start('v2', { ...plan, groups: ['100%'], rate: { atOnce: 3 }, error: { threshold: '50%' } })
  await world.settle(60_000)
  const told = () => world.director().detail('latest')
  expect(told().reason).toBe('group 1: 3 of 8 agents are told by now')
  const ids = told().agents.map(({ agentId }) => agentId)
  const report = (at: number) =>
    world.director().reported(ids[at] ?? '', {
      ...{ serial: 2, releaseId: world.release('v2').id, outcome: 'applied', isServed: false },
      ...{ downloadedBytes: 1, switchMs: 2, reason: null },
    })
  report(0)
  report(1)
  await world.settle(1000)
  expect(told().reason).toBe('group 1: 5 of 8 agents are told by now')
  await world.settle(200_000)
  expect(told().groups[0]).toMatchObject({ applied: 2, failed: 3 })
  expect(told().reason).toBe('group 1: 3 agents have yet to answer')
})
