import { decodeSafetensors, floatTensor, type TensorMap } from '@lorica/peft-core'
import type { RoundView } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { type ScriptedAgent, startAgent } from '../agent.fixture.js'
import { type Fleet, startFleet } from '../fleet.fixture.js'
import { startSummingAgent } from '../summing-agent.fixture.js'

/** A change that differs from value to value, and from site to site; within a norm of 4. */
const changeOf =
  (site: number) =>
  (start: TensorMap): TensorMap =>
    new Map(
      [...start].map(([name, { shape, data }]) => [
        name,
        { shape, data: data.map((_, at) => Math.sin(at * (site + 2) + name.length) / 8) },
      ]),
    )

const read = async (agent: ScriptedAgent, sha256 = ''): Promise<TensorMap> =>
  new Map(
    [...decodeSafetensors(await agent.read(sha256))].map(([name, tensor]) => [name, floatTensor(tensor)]),
  )

async function releasedBy(
  fleet: Fleet,
  agent: ScriptedAgent,
  { aggregate, trust }: { readonly aggregate: object; readonly trust: object },
) {
  const runId = await fleet.startRun({
    aggregate: { ...aggregate, ...trust },
    ...{ privacy: { clip: 4 }, rounds: { count: 2, minimum: 3 }, evaluate: { holdout: 0 }, seed: 7 },
  })
  await fleet.event(runId, 'run-ended')
  const run = await fleet.run(runId)
  expect([run.state, run.reason]).toEqual(['succeeded', 'all rounds are committed'])
  const { body } = await fleet.api('POST', `/api/v1/runs/${runId}/rounds/2/replay`)
  expect(body).toMatchObject({ isSame: true })
  const view = (await fleet.api('GET', `/api/v1/runs/${runId}/rounds/2`)).body as RoundView
  return { tensors: await read(agent, run.adapterSha256 ?? ''), view }
}

test.each([
  { strategy: 'fedavg' },
  { strategy: 'fedavg', optimizer: { kind: 'momentum' } },
  { strategy: 'ffa' },
  { strategy: 'rolora' },
  { strategy: 'fedsa' },
  { strategy: 'fedavg', personal: ['lora_A'] },
])('%j makes of sums alone what it makes of the updates', async (aggregate) => {
  await using plain = await startFleet()
  await using unseen = await startFleet()
  const plainAgents = await Promise.all(
    [0, 1, 2].map((site) => startAgent(plain, `site-${site}`, { delta: changeOf(site) })),
  )
  const agents = await Promise.all(
    [0, 1, 2].map((site) => startSummingAgent(unseen, `site-${site}`, { change: changeOf(site) })),
  )
  const uniform = { weights: { by: 'uniform' } }
  const [expected, got] = await Promise.all([
    releasedBy(plain, plainAgents[0]!, { aggregate, trust: uniform }),
    releasedBy(unseen, agents[0]!, { aggregate, trust: { trust: 'private' } }),
  ])
  let furthest = 0
  for (const [name, { data }] of expected.tensors)
    for (const [at, value] of data.entries())
      furthest = Math.max(furthest, Math.abs(value - got.tensors.get(name)!.data[at]!))
  expect(furthest).toBeLessThan(2e-6)
  expect(got.view.aggregation?.notes.join()).toContain('only the sum of the updates of 3 agents is known')
  expect(got.view.aggregation?.agents).toEqual([])
  const [attempt] = got.view.attempts
  expect(attempt?.agents.map(({ lossFirst, lossLast }) => [lossFirst, lossLast])).toEqual(
    Array.from({ length: 3 }, () => [null, null]),
  )
})

test('fedsvd makes a release of sums alone', async () => {
  await using fleet = await startFleet()
  const agents = await Promise.all(
    [0, 1, 2].map((site) => startSummingAgent(fleet, `site-${site}`, { change: changeOf(site) })),
  )
  const trust = { trust: 'private' }
  const { view } = await releasedBy(fleet, agents[0]!, { aggregate: { strategy: 'fedsvd' }, trust })
  expect(view.release).toBe('v2')
})
