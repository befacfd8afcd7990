import type { PlanView } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { type Manner, startAgent } from '../agent.fixture.js'
import { type Fleet, startFleet } from '../fleet.fixture.js'

const at = (site: string, more: Manner = {}): Manner => ({ labels: { site }, ...more })

function specOf(fleet: Fleet, rounds: object): object {
  return {
    name: 'tone',
    base: { model: fleet.model },
    peft: { rank: 2, alpha: 4, targets: ['q_proj', 'v_proj'] },
    data: { maxTokens: 16 },
    local: { steps: 5, batch: 4, learningRate: 1e-3, accumulate: 3 },
    rounds: { count: 1, ...rounds },
    evaluate: { holdout: 0 },
    seed: 5,
  }
}

test('a plan says who would take part and why others would not, and starts nothing', async () => {
  await using fleet = await startFleet()
  for (const name of ['bern', 'graz', 'oslo'])
    await startAgent(fleet, name, at(name === 'graz' ? 'south' : 'north'))
  const away = await startAgent(fleet, 'turin', at('north'))
  away.close()
  await expect
    .poll(async () => (await fleet.api('GET', '/api/v1/agents')).body)
    .toMatchObject({
      agents: expect.arrayContaining([expect.objectContaining({ name: 'turin', state: 'away' })]),
    })
  const plan = async (rounds: object) =>
    (await fleet.api('POST', '/api/v1/runs/plan', specOf(fleet, rounds))).body as PlanView
  const wide = await plan({ where: 'label.site == north' })
  expect(wide.agents.map(({ name, fate, reason }) => [name, fate, reason])).toEqual([
    ['bern', 'invited', null],
    ['graz', 'unsuited', 'label.site is south, needed: == north'],
    ['oslo', 'invited', null],
    ['turin', 'away', 'not connected'],
  ])
  expect([wide.ready, wide.tokensEachRound]).toEqual([true, 5 * 3 * 4 * 16])
  expect(wide.bytes.upEachRound).toBeGreaterThan(4 * wide.parameters)
  expect(wide.bytes.downEachRound).toBeGreaterThan(wide.bytes.upEachRound)
  const narrow = await plan({ where: 'label.site == north', goal: 1 })
  expect(narrow.agents.map(({ fate }) => fate).toSorted()).toEqual(['away', 'invited', 'reserve', 'unsuited'])
  expect((await plan({ where: 'threads > 64', minimum: 1 })).ready).toBe(false)
  const corrected = {
    ...{ ...specOf(fleet, {}), aggregate: { weights: { by: 'uniform' } } },
    local: { steps: 5, batch: 4, learningRate: 1e-3, optimizer: 'sgd', scaffold: true },
  }
  const { bytes } = (await fleet.api('POST', '/api/v1/runs/plan', corrected)).body as PlanView
  expect(bytes.downEachRound - wide.bytes.downEachRound).toBe(4 * wide.parameters) // the control
  const trusting = { trust: 'robust', robust: { rule: 'trusted-root', root: 'turin' } }
  const { body } = await fleet.api('POST', '/api/v1/runs/plan', {
    ...{ ...specOf(fleet, { minimum: 2 }), aggregate: trusting },
  })
  expect((body as PlanView).ready).toBe(false) // whom it trusts is away
  expect((await fleet.api('GET', '/api/v1/runs')).body).toEqual({ runs: [] })
})

test('a run asks only those that its condition selects, and nobody holds up a round that has its goal', async () => {
  await using fleet = await startFleet()
  const silent = at('north', { train: () => new Promise(() => {}) })
  await startAgent(fleet, 'bern', at('north', { delta: 4 }))
  const graz = await startAgent(fleet, 'graz', at('south', { delta: 4 }))
  await startAgent(fleet, 'oslo', at('north', { delta: 8 }))
  const slow = await startAgent(fleet, 'turin', silent)
  const spec = specOf(fleet, { where: 'label.site == north', goal: 2, overSelect: '50%', minimum: 2 })
  const { body } = await fleet.api('POST', '/api/v1/runs', spec)
  const { run: runId } = body as { run: string }
  await fleet.event(runId, 'run-ended')
  const run = await fleet.run(runId)
  expect(run.state).toBe('succeeded')
  expect(run.rounds[0]?.contributions.map(({ name }) => name).toSorted()).toEqual(['bern', 'oslo'])
  expect(run.rounds[0]?.refused.map(({ name, kind }) => [name, kind])).toEqual([['turin', 'absent']])
  expect([graz.assignments.length, slow.assignments.length]).toEqual([0, 1])
})
