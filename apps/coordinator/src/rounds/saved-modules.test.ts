import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { decodeSafetensors, floatTensor, hasPart } from '@lorica/peft-core'
import type { PlanView } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { startAgent } from '../agent.fixture.js'
import { startFleet } from '../fleet.fixture.js'
import { federate, type Site } from './federation.fixture.js'

const peft = { rank: 2, alpha: 4, targets: ['q_proj', 'v_proj'], modulesToSave: ['model.norm'] }
const norm = 'base_model.model.model.norm.weight'

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

test.each(['fedavg', 'ffa', 'rolora', 'svd', 'fedsvd', 'lora-fair', 'hetlora', 'fedrot'])(
  '%s releases the mean of a module that agents train whole, from what the base has',
  async (strategy) => {
    await using fleet = await startFleet()
    const { adapters, assignments, sent, replay } = await federate(fleet, sites, {
      ...{ aggregate: { strategy }, rounds: 2, peft },
    })
    const base = decodeSafetensors(await readFile(join(fleet.model, 'model.safetensors')))
    expect(adapters[0]!.tensors.get(norm)).toEqual(floatTensor(base.get('model.norm.weight')!))
    expect(adapters[2]!.config).toMatchObject({ modulesToSave: ['model.norm'] })
    for (const round of [1, 2]) {
      expect(assignments[round - 1]!.peft.modulesToSave).toEqual(['model.norm'])
      expect(assignments[round - 1]!.frozen ?? []).not.toContain(norm)
      const [before, after] = [adapters[round - 1]!, adapters[round]!].map(
        ({ tensors }) => tensors.get(norm)!,
      )
      const [oslo, turin, graz] = sent(round).map(({ update }) => update.get(norm)!.data)
      for (const [at, value] of before!.data.entries()) {
        const mean = oslo![at]! / 4 + turin![at]! / 2 + graz![at]! / 4
        expect(Math.abs(after!.data[at]! - (value + mean))).toBeLessThan(1e-7)
        expect(Math.abs(mean)).toBeGreaterThan(1e-4)
      }
    }
    expect((await replay(2)).isSame).toBe(true)
  },
)

test.each([{ strategy: 'fedsa' }, { personal: ['norm'] }])(
  'with %j a module that agents train whole stays with them',
  async (aggregate) => {
    await using fleet = await startFleet()
    const { adapters, assignments, sent } = await federate(fleet, sites, { aggregate, rounds: 1, peft })
    expect(assignments[0]!.personal).toContain(norm)
    expect(assignments[0]!.personal!.every((name) => hasPart(name, 'norm') || hasPart(name, 'lora_B'))).toBe(
      true,
    )
    for (const { update } of sent(1)) {
      expect(update.has(norm)).toBe(false)
      expect(update.size).toBeGreaterThan(3)
    }
    expect(adapters[1]!.tensors.get(norm)).toEqual(adapters[0]!.tensors.get(norm))
  },
)

test('an optimiser of the coordinator steps a module that agents train whole', async () => {
  await using fleet = await startFleet()
  const optimizer = { kind: 'momentum', learningRate: 0.5, momentum: 0 }
  const stepped = await federate(fleet, sites, { aggregate: { optimizer }, rounds: 1, peft })
  const [oslo, turin, graz] = stepped.sent(1).map(({ update }) => update.get(norm)!.data)
  const [before, after] = stepped.adapters.map(({ tensors }) => tensors.get(norm)!.data)
  for (const [at, value] of before!.entries()) {
    const half = (oslo![at]! / 4 + turin![at]! / 2 + graz![at]! / 4) / 2
    expect(Math.abs(after![at]! - (value + half))).toBeLessThan(1e-7)
  }
})

test('the middle value of each place counts with the rule median beside a frozen factor', async () => {
  await using fleet = await startFleet()
  const aggregate = { strategy: 'ffa', trust: 'robust', robust: { rule: 'median', liars: 1 } }
  const { adapters, sent } = await federate(fleet, sites, { aggregate, rounds: 1, peft })
  const values = sent(1).map(({ update }) => update.get(norm)!.data)
  const [before, after] = adapters.map(({ tensors }) => tensors.get(norm)!.data)
  for (const [at, value] of before!.entries()) {
    const middle = values.map((own) => own[at]!).toSorted((a, b) => a - b)[1]!
    expect(Math.abs(after![at]! - (value + middle))).toBeLessThan(1e-7)
  }
})

test('agents of other ranks train all of it', async () => {
  await using fleet = await startFleet()
  for (const name of ['oslo', 'turin']) await startAgent(fleet, name, { delta: 0.25, labels: { gpu: name } })
  const ranks = [{ where: 'label.gpu == oslo', rank: 1 }]
  const runId = await fleet.startRun({
    ...{ peft: { ...peft, ranks }, aggregate: { strategy: 'svd' }, evaluate: { holdout: 0 } },
  })
  await fleet.event(runId, 'run-ended')
  const { state, rounds } = await fleet.run(runId)
  expect([state, rounds[0]!.contributions.length]).toEqual(['succeeded', 2])
})

test('a plan counts it, says who could not know it, and a name that the base has not is refused', async () => {
  await using fleet = await startFleet()
  await startAgent(fleet, 'oslo')
  await startAgent(fleet, 'graz', { protocol: 1 })
  const spec = {
    ...{ name: 'tone', base: { model: fleet.model }, data: { maxTokens: 16 }, rounds: { count: 1 } },
    ...{ local: { steps: 5, batch: 4, learningRate: 1e-3 }, peft },
  }
  const plan = async (changed: object) =>
    (await fleet.api('POST', '/api/v1/runs/plan', { ...spec, peft: { ...peft, ...changed } })).body
  const { modulesToSave: _, ...factors } = peft
  const [whole, none] = [
    (await plan({})) as PlanView,
    (await fleet.api('POST', '/api/v1/runs/plan', { ...spec, peft: factors })).body as PlanView,
  ]
  expect(whole.parameters - none.parameters).toBe(8)
  expect(whole.bytes.upEachRound - none.bytes.upEachRound).toBeGreaterThanOrEqual(4 * 8)
  expect(whole.memoryBytes! - none.memoryBytes!).toBeGreaterThanOrEqual(3 * 4 * 8) // its gradient and two moments
  expect(whole.agents.map(({ name, reason }) => [name, reason])).toEqual([
    ['oslo', null],
    ['graz', 'speaks protocol 1, and peft.modulesToSave needs 2'],
  ])
  expect(await plan({ modulesToSave: ['score'] })).toMatchObject({
    code: 'LRC-3003',
    detail: expect.stringContaining('modules_to_save score match no module; the model has'),
  })
})
