import { hasPart, type TensorMap } from '@lorica/peft-core'
import type { EvaluateAssignment, RoundView } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { startAgent } from '../agent.fixture.js'
import { type Fleet, startFleet } from '../fleet.fixture.js'
import { federate, type Site } from './federation.fixture.js'

/** Another change in each place, for each site. */
const site = (seed: number, tokens: number): Site => ({
  tokens,
  change: (start) =>
    new Map(
      [...start].map(([name, { shape, data }]) => [
        name,
        { shape, data: data.map((_, at) => 0.1 * Math.sin(seed * (at + 1) + name.length)) },
      ]),
    ),
})
const sites = { oslo: site(3, 40), turin: site(5, 80), graz: site(7, 40) }

/** What the shared tensors of a round are to be: the start, and the mean of the updates by tokens. */
function expectMean(
  before: TensorMap,
  after: TensorMap,
  sent: readonly { readonly share: number; readonly update: TensorMap }[],
  isShared: (name: string) => boolean,
): void {
  for (const [name, { data }] of before) {
    const found = after.get(name)!.data
    for (const { update } of sent) expect(update.has(name), name).toBe(isShared(name))
    if (!isShared(name)) {
      expect(found).toEqual(data)
      continue
    }
    for (const [at, value] of data.entries()) {
      const mean = sent.reduce((sum, { share, update }) => sum + share * update.get(name)!.data[at]!, 0)
      expect(Math.abs(found[at]! - (value + mean)), name).toBeLessThan(1e-7)
    }
    expect(Math.hypot(...found.map((value, at) => value - data[at]!))).toBeGreaterThan(0.05)
  }
}

test('fedsa averages A of what agents send, which has no B, and a newcomer finds the B of the start', async () => {
  await using fleet = await startFleet()
  const federation = await federate(fleet, sites, { aggregate: { strategy: 'fedsa' }, rounds: 2 })
  const { adapters, assignments, sent, view, replay } = federation
  const isShared = (name: string) => hasPart(name, 'lora_A')
  for (const round of [1, 2]) {
    const [before, after] = [adapters[round - 1]!.tensors, adapters[round]!.tensors]
    expectMean(before, after, sent(round), isShared)
    const names = [...before.keys()].filter((name) => !isShared(name))
    expect(names).toHaveLength(before.size / 2)
    expect(assignments[round - 1]?.personal).toEqual(names)
    expect((await replay(round)).isSame).toBe(true)
  }
  const { aggregation } = await view(1)
  expect(aggregation).toMatchObject({ strategy: 'fedsa', error: null, modules: [] })
  expect(aggregation?.notes).toEqual([
    'B and whole modules stay with each agent; the release has those of the start, for newcomers',
    'each agent measures the candidate with its own parts',
  ])
})

test('tensors that a run names stay with the agents, and the others are sent, averaged and measured', async () => {
  await using fleet = await startFleet()
  const personal = ['layers.1', 'v_proj.lora_A']
  const federation = await federate(fleet, sites, { aggregate: { personal }, rounds: 1 })
  const { adapters, assignments, sent, view, run } = federation
  const isShared = (name: string) => !personal.some((part) => hasPart(name, part))
  const [before, after] = [adapters[0]!.tensors, adapters[1]!.tensors]
  expectMean(before, after, sent(1), isShared)
  expect(assignments[0]?.personal).toEqual([...before.keys()].filter((name) => !isShared(name)))
  const { aggregation } = await view(1)
  expect(aggregation?.modules.map(({ module }) => module)).toEqual(['model.layers.0.self_attn.q_proj'])
  expect(aggregation?.error).toBeGreaterThan(0.01)
  expect(aggregation?.notes[0]).toContain('5 tensors stay with each agent')
  const values = [...before].reduce((sum, [name, { data }]) => sum + (isShared(name) ? data.length : 0), 0)
  const { bytesUp } = run.rounds[0]!
  expect(bytesUp).toBeGreaterThan(3 * 4 * values)
  expect(bytesUp).toBeLessThan(3 * (4 * values + 600)) // headers
})

test('an optimiser of the coordinator steps what is shared, and nothing else', async () => {
  await using fleet = await startFleet()
  const optimizer = { kind: 'momentum', learningRate: 0.5, momentum: 0 }
  const { adapters, sent, replay } = await federate(fleet, sites, {
    ...{ aggregate: { strategy: 'fedsa', optimizer }, rounds: 1 },
  })
  const half = sent(1).map(({ share, update }) => ({ share: share / 2, update }))
  expectMean(adapters[0]!.tensors, adapters[1]!.tensors, half, (name) => hasPart(name, 'lora_A'))
  expect((await replay(1)).isSame).toBe(true)
})

test('rolora freezes a factor of the personal parts in turn with the others', async () => {
  await using fleet = await startFleet()
  const aggregate = { strategy: 'rolora', personal: ['layers.1'] }
  const { adapters, assignments, sent } = await federate(fleet, sites, { aggregate, rounds: 2 })
  for (const [at, factor] of ['lora_B', 'lora_A'].entries()) {
    const isShared = (name: string) => hasPart(name, factor) && !hasPart(name, 'layers.1')
    expectMean(adapters[at]!.tensors, adapters[at + 1]!.tensors, sent(at + 1), isShared)
    const { frozen, personal } = assignments[at]!
    const names = [...adapters[0]!.tensors.keys()]
    expect(frozen).toEqual(names.filter((name) => !hasPart(name, factor)))
    expect(personal).toEqual(names.filter((name) => hasPart(name, 'layers.1')))
  }
})

test('agents are told which parts are their own when they measure, and those that could not know are not asked', async () => {
  await using fleet = await startFleet()
  const agents = []
  for (const name of ['oslo', 'turin']) agents.push(await startAgent(fleet, name, { delta: 0.25 }))
  await startAgent(fleet, 'graz', { protocol: 1 })
  const runId = await fleet.startRun({ aggregate: { strategy: 'fedsa' } })
  await fleet.event(runId, 'run-ended')
  const evaluations = agents[0]!.assignments.filter(
    (assignment): assignment is EvaluateAssignment => assignment.kind === 'evaluate',
  )
  expect(evaluations.map(({ round }) => round)).toEqual([0, 1, 1])
  for (const { personal = [] } of evaluations) {
    expect(personal).toHaveLength(4)
    expect(personal.every((name) => name.endsWith('.lora_B.weight'))).toBe(true)
  }
  const { body } = await fleet.api('GET', `/api/v1/runs/${runId}/rounds/1`)
  const fates = (body as RoundView).attempts[0]!.agents.map(({ name, fate, message }) => [
    name,
    fate,
    message,
  ])
  expect(fates).toContainEqual([
    'graz',
    'unsuited',
    'speaks protocol 1, and aggregate.strategy fedsa needs 2',
  ])
})

test.each([
  [{ personal: ['lora_B', 'lora_Q'] }, '"aggregate.personal.1": "lora_Q" names no tensor of the adapter'],
  [{ personal: ['proj'] }, 'nothing'],
  [{ personal: ['model'] }, 'nothing is left to send in round 1'],
  [{ strategy: 'rolora', personal: ['lora_A'] }, 'nothing is left to send in round 2'],
  [{ strategy: 'ffa', personal: ['q_proj.lora_A'] }, 'names only tensors that are never trained'],
])('%j is refused before the run is recorded', async (aggregate, why) => {
  await using fleet: Fleet = await startFleet()
  const answer = await fleet.startRun({ aggregate }).then(
    () => 'it was taken',
    (error: Error) => error.message,
  )
  if (why === 'nothing') expect(answer).toContain('names no tensor')
  else expect(answer).toContain(why.replaceAll('"', '\\"'))
  expect(answer).toContain('LRC-3001')
})
