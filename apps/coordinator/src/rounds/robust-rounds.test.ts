import { decodeSafetensors, floatTensor, type TensorMap } from '@lorica/peft-core'
import type { ReleaseManifest, ReplayView, RoundView, TrainAssignment } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { startAgent } from '../agent.fixture.js'
import { startFleet } from '../fleet.fixture.js'

const honest = { oslo: 0.4, turin: 0.45, graz: 0.5, ghent: 0.55, porto: 0.62 } as const
const liars = { mallory: 50, trudy: -40 } as const

/** Runs one round of agents whose updates are filled with their deltas; liars state a thousand times the tokens. */
async function ruled(aggregate: object, deltas: Readonly<Record<string, number>>) {
  await using fleet = await startFleet()
  const agents = await Promise.all(
    Object.entries(deltas).map(([name, delta]) =>
      startAgent(fleet, name, { delta, tokens: name in liars ? 300 : 40 }),
    ),
  )
  const minimum = agents.length
  const runId = await fleet.startRun({
    ...{ aggregate, rounds: { count: 1, minimum }, evaluate: { holdout: 0 } },
  })
  await fleet.event(runId, 'run-ended')
  const run = await fleet.run(runId)
  const read = async (sha256 = ''): Promise<TensorMap> =>
    new Map(
      [...decodeSafetensors(await agents[0]!.read(sha256))].map(([name, raw]) => [name, floatTensor(raw)]),
    )
  const { adapter } = agents[0]!.assignments.find((one): one is TrainAssignment => one.kind === 'train')!
  const start = await read(adapter.files.find(({ path }) => path === 'adapter_model.safetensors')?.sha256)
  const released = await read(run.adapterSha256 ?? undefined)
  const view = (await fleet.api('GET', `/api/v1/runs/${runId}/rounds/1`)).body as RoundView
  const { manifest } = (await fleet.api('GET', '/api/v1/releases/v1')).body as { manifest: ReleaseManifest }
  return { run, start, released, view, manifest }
}

/** How far one value of each tensor moved. */
const moves = ({ start, released }: { readonly start: TensorMap; readonly released: TensorMap }) =>
  [...released].map(([name, { data }]) => data[1]! - start.get(name)!.data[1]!)

/** The length of the change of the model, over all modules, when every value of both factors moves by delta. */
const lengthOf = (start: TensorMap, delta: number): number => Math.hypot(...changeOf(start, delta))

/** That change, value by value. */
function changeOf(start: TensorMap, delta: number): readonly number[] {
  return [...start.keys()].flatMap((name) => {
    if (!name.endsWith('.lora_A.weight')) return []
    const [a, b] = [start.get(name)!, start.get(name.replace('_A.', '_B.'))!]
    const [rank, inputs] = a.shape as [number, number]
    return Array.from({ length: b.shape[0]! * inputs }, (_, at) => {
      const [row, column] = [Math.floor(at / inputs), at % inputs]
      let change = 0
      for (let k = 0; k < rank; k++) {
        const [left, right] = [b.data[row * rank + k]!, a.data[k * inputs + column]!]
        change += (left + delta) * (right + delta) - left * right
      }
      return change
    })
  })
}

test('multi-krum keeps the three updates that lie closest, and everybody is told whom it left out', async () => {
  const robust = { rule: 'multi-krum', liars: 2 }
  const { run, view, manifest, ...adapters } = await ruled(
    { trust: 'robust', robust },
    { ...honest, ...liars },
  )
  for (const move of moves(adapters)) expect(move).toBeCloseTo((0.45 + 0.5 + 0.55) / 3, 5)
  const kept = ['ghent', 'graz', 'turin']
  const weightOf = (name: string) => (kept.includes(name) ? 1 / 3 : 0)
  const all = Object.keys({ ...honest, ...liars })
  const record = run.rounds[0]!.contributions
  expect(Object.fromEntries(record.map(({ name, weight }) => [name, weight]))).toEqual(
    Object.fromEntries(all.map((name) => [name, weightOf(name)])),
  )
  expect(manifest.contributions.map(({ name, weight }) => [name, weight]).sort()).toEqual(
    kept.map((name) => [name, 1 / 3]),
  )
  expect(view.aggregation?.rule).toMatchObject({ rule: 'multi-krum', liars: 2, share: 1 / 7, start: 0 })
  for (const { name, weight, norm } of view.aggregation!.rule!.agents) {
    expect(weight).toBe(weightOf(name))
    const delta = { ...honest, ...liars }[name as keyof typeof honest]
    expect(norm! / (2 * lengthOf(adapters.start, delta))).toBeCloseTo(1, 4) // alpha 4, rank 2
  }
})

test('who lied in one round is still apart in the next where the rule remembers, and a replay knows as much', async () => {
  await using fleet = await startFleet()
  const robust = { rule: 'multi-krum', liars: 2, halfLifeRounds: 7 }
  const deltas = { ...honest, ...liars }
  await Promise.all(
    Object.entries(deltas).map(([name, delta]) =>
      startAgent(fleet, name, {
        async train(agent, assignment) {
          await agent.upload(assignment, assignment.round === 1 ? delta : 0.5)
        },
      }),
    ),
  )
  const runId = await fleet.startRun({
    ...{ aggregate: { trust: 'robust', robust }, rounds: { count: 2, minimum: 7 }, evaluate: { holdout: 0 } },
  })
  await fleet.event(runId, 'run-ended')
  const { rounds } = await fleet.run(runId)
  for (const { contributions } of rounds) {
    const left = contributions.filter(({ weight }) => weight === 0).map(({ name }) => name)
    expect(left.sort()).toEqual(['mallory', 'trudy']) // in round 2 all seven sent the same
    for (const { name, weight } of contributions) if (name in honest) expect(weight).toBeCloseTo(0.2, 12)
  }
  const view = (await fleet.api('GET', `/api/v1/runs/${runId}/rounds/2`)).body as RoundView
  expect(view.aggregation?.notes.join()).toContain(
    'multi-krum against 2 liars, by their distances over the rounds',
  )
  for (const round of [1, 2]) {
    const { body } = await fleet.api('POST', `/api/v1/runs/${runId}/rounds/${round}/replay`)
    expect((body as ReplayView).isSame).toBe(true)
  }
})

test('a bound shortens the liars to the median, and the adapter before keeps the rest', async () => {
  const robust = { rule: 'norm-bound' }
  const { view, manifest, ...adapters } = await ruled({ trust: 'robust', robust }, { ...honest, ...liars })
  const deltas = { ...honest, ...liars }
  const norms = Object.values(deltas).map((delta) => lengthOf(adapters.start, delta))
  const bound = norms.toSorted((a, b) => a - b)[3]!
  const weights = norms.map((norm) => Math.min(1, bound / norm) / 7)
  const wanted = Object.values(deltas).reduce((sum, delta, at) => sum + delta * weights[at]!, 0)
  for (const move of moves(adapters)) expect(move).toBeCloseTo(wanted, 4)
  const { agents, start } = view.aggregation!.rule!
  expect(start).toBeCloseTo(1 - weights.reduce((sum, weight) => sum + weight, 0), 6)
  for (const [at, name] of Object.keys(deltas).entries())
    expect(agents.find((one) => one.name === name)?.weight).toBeCloseTo(weights[at]!, 6)
  expect(manifest.contributions).toHaveLength(7)
})

test('the median takes each value of the factor that a round trains', async () => {
  const few = { oslo: 0.4, graz: 0.5, porto: 0.62, ...liars }
  const aggregate = { strategy: 'rolora', trust: 'robust', robust: { rule: 'median', liars: 2 } }
  const { view, ...adapters } = await ruled(aggregate, few)
  for (const [name, { data }] of adapters.released) {
    const move = data[1]! - adapters.start.get(name)!.data[1]!
    expect(move).toBeCloseTo(name.includes('lora_B') ? 0.5 : 0, 5) // 50, 0.62, 0.5, 0.4, -40: the middle is 0.5
  }
  expect(view.aggregation?.rule?.agents.map(({ weight }) => weight)).toEqual([null, null, null, null, null])
})

test('two liars of seven move the plain mean far away, and the robust run ends near the one without them', async () => {
  const all = { ...honest, ...liars }
  const moveOf = async (aggregate: object, deltas: Readonly<Record<string, number>>) =>
    moves(await ruled(aggregate, deltas))[0]!
  const clean = await moveOf({}, honest)
  const robust = await moveOf({ trust: 'robust', robust: { rule: 'multi-krum', liars: 2 } }, all)
  const plain = await moveOf({}, all)
  expect(clean).toBeCloseTo((0.4 + 0.45 + 0.5 + 0.55 + 0.62) / 5, 5)
  expect(Math.abs(robust / clean - 1)).toBeLessThan(0.02)
  expect(Math.abs(plain / clean - 1)).toBeGreaterThan(1)
})

test('a trusted root is the measure of the others: who points elsewhere counts nothing, and nobody counts more than its length', async () => {
  const robust = { rule: 'trusted-root', root: 'oslo' }
  const others = { turin: 0.45, graz: -0.02, mallory: 50, trudy: -40 }
  const round = await ruled({ trust: 'robust', robust }, { oslo: 0.4, ...others })
  const root = changeOf(round.start, 0.4)
  const dot = (one: readonly number[], other: readonly number[]) =>
    one.reduce((sum, value, at) => sum + value * other[at]!, 0)
  const trusts = Object.entries(others).map(([name, delta]) => {
    const change = changeOf(round.start, delta)
    const length = Math.hypot(...change)
    const cosine = dot(change, root) / (length * Math.hypot(...root))
    return { name, delta, length, trust: Math.max(0, cosine) }
  })
  const total = trusts.reduce((sum, { trust }) => sum + trust, 0)
  const { agents } = round.view.aggregation!.rule!
  const weights = new Map(agents.map(({ name, weight }) => [name, weight]))
  for (const { name, length, trust } of trusts)
    expect(weights.get(name), name).toBeCloseTo((trust * Math.hypot(...root)) / (length * total), 5)
  expect([weights.get('oslo'), weights.get('graz')]).toEqual([0, 0]) // the root itself, and one that goes the other way
  const expected = trusts.reduce((sum, { name, delta }) => sum + weights.get(name)! * delta, 0)
  for (const move of moves(round)) expect(move).toBeCloseTo(expected, 4)
  expect(Math.abs(expected)).toBeLessThan(1)
  expect(round.manifest.contributions.map(({ name }) => name).sort()).toEqual(['mallory', 'trudy', 'turin'])
})

test('no round begins without the trusted root, and its seat is the first of a round that has few', async () => {
  await using fleet = await startFleet()
  for (const name of ['turin', 'graz', 'ghent']) await startAgent(fleet, name, { delta: 0.45 })
  const aggregate = { trust: 'robust', robust: { rule: 'trusted-root', root: 'oslo' } }
  const runId = await fleet.startRun({
    ...{ aggregate, rounds: { count: 2, minimum: 2, goal: 2 }, evaluate: { holdout: 0 } },
  })
  const reason = 'round 1 needs oslo, whom aggregate.robust.root trusts: not connected, or not selected'
  await expect.poll(async () => (await fleet.run(runId)).reason).toBe(reason)
  await startAgent(fleet, 'oslo', { delta: 0.4 })
  await fleet.event(runId, 'run-ended')
  const { rounds, state } = await fleet.run(runId)
  expect(state).toBe('succeeded')
  for (const { contributions } of rounds) expect(contributions.map(({ name }) => name)).toContain('oslo')
})
