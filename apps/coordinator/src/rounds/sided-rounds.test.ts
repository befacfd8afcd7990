import { type Adapter, splitAdapter, type Tensor, type TensorMap } from '@lorica/peft-core'
import { describe, expect, test } from 'vitest'
import { startFleet } from '../fleet.fixture.js'
import { changesOf, distance, exactMean, federate, type Site } from './federation.fixture.js'

/** Moves every value by an amount of its own, of both factors. */
function wandering(pace: number, tokens: number, length = 1): Site {
  return {
    tokens,
    change: (start, round) =>
      new Map(
        [...start].map(([name, { shape, data }]): [string, Tensor] => [
          name,
          {
            shape,
            data: data.map(
              (_, at) => 0.4 * length * Math.sin(pace * (at + name.length + round) ** 2 + data[0]!),
            ),
          },
        ]),
      ),
  }
}

const sites = { oslo: wandering(1, 40), turin: wandering(2.3, 80), graz: wandering(-0.7, 40) }

const rankOf = ({ tensors }: Adapter) => firstOf(tensors).shape[0]
const firstOf = (tensors: TensorMap) => [...tensors].find(([name]) => name.endsWith('.lora_A.weight'))![1]
const leading = (adapter: Adapter) => splitAdapter(adapter, 2).trained.tensors

describe.each([
  ['flora', [2, 2 + 6, 2 + 8, 2 + 8]], // of modules of 8 inputs and outputs
  ['fedex', [2, 2 + 4, 2 + 8, 2 + 8]],
] as const)('%s', (strategy, ranks) => {
  test('releases the exact mean of what the agents did, round after round, and agents train and send the leading rank', async () => {
    await using fleet = await startFleet()
    const federation = await federate(fleet, sites, { aggregate: { strategy }, rounds: 3 })
    const { adapters, assignments, run } = federation
    expect(adapters.map(rankOf)).toEqual(ranks)
    expect(assignments.map(({ trained, frozen }) => [trained, frozen])).toEqual(
      [1, 2, 3].map(() => [{ rank: 2 }, undefined]),
    )
    for (const round of [1, 2, 3]) {
      expect(distance(changesOf(adapters[round]!), exactMean(federation, round))).toBeLessThan(1e-6)
      const { aggregation } = await federation.view(round)
      expect(aggregation).toMatchObject({ strategy, exact: true })
      expect(aggregation?.side).toEqual({ rank: ranks[round]! - 2, maxRank: 256, dropped: 0 })
      expect(aggregation?.error).toBeLessThan(1e-6)
      expect(aggregation?.averagedError).toBeGreaterThan(0.02)
      expect(aggregation?.norm).toBeCloseTo(
        Math.hypot(...[...changesOf(adapters[round]!).values()].flatMap((x) => [...x])),
        4,
      )
      expect(await federation.replay(round)).toMatchObject({ updates: 3, isSame: true })
    }
    const sizes = run.rounds.map(({ contributions }) => contributions.map(({ sizeBytes }) => sizeBytes))
    expect(new Set(sizes.flat()).size).toBe(1)
  })

  test('a side that outgrows aggregate.maxRank loses the least of it, and the round says how much', async () => {
    await using fleet = await startFleet()
    const federation = await federate(fleet, sites, { aggregate: { strategy, maxRank: 3 }, rounds: 2 })
    for (const round of [1, 2]) {
      expect(rankOf(federation.adapters[round]!)).toBe(2 + 3)
      const error = distance(changesOf(federation.adapters[round]!), exactMean(federation, round))
      const { aggregation } = await federation.view(round)
      expect(aggregation).toMatchObject({ exact: false, side: { rank: 3, maxRank: 3 } })
      expect(aggregation?.error).toBeCloseTo(error, 5)
      expect(aggregation?.side?.dropped).toBeGreaterThan(1e-6)
      expect(error).toBeLessThan(aggregation!.averagedError!)
      expect(await federation.replay(round)).toMatchObject({ isSame: true })
    }
  })

  test.each([{ rule: 'norm-bound' }, { rule: 'trusted-root', root: 'oslo' }])(
    'the rule $rule says what each update counts, and the side holds exactly that',
    async (robust) => {
      await using fleet = await startFleet()
      const federation = await federate(
        fleet,
        { ...sites, mallory: wandering(0.2, 300, 8) },
        { aggregate: { strategy, trust: 'robust', robust }, rounds: 2 },
      )
      for (const round of [1, 2]) {
        const { aggregation } = await federation.view(round)
        const weights = new Map(aggregation!.rule!.agents.map(({ name, weight }) => [name, weight!]))
        expect(weights.get('mallory')).toBeLessThan(0.1)
        const wanted = weighted(federation, round, weights)
        expect(distance(changesOf(federation.adapters[round]!), wanted)).toBeLessThan(2e-6)
      }
    },
  )
})

/** What the updates do to the weights with these weights, and what the round started from with the rest. */
function weighted(
  federation: Awaited<ReturnType<typeof federate>>,
  round: number,
  weights: ReadonlyMap<string, number>,
) {
  const start = federation.adapters[round - 1]!
  const sent = federation.sent(round)
  const terms = sent.map(({ name, update }) => [weights.get(name)!, changesOf(start, update)] as const)
  const rest = 1 - [...weights.values()].reduce((sum, weight) => sum + weight, 0)
  const all = [...terms, [rest, changesOf(start)] as const]
  return new Map(
    [...changesOf(start)].map(([module, values]) => [
      module,
      values.map((_, at) => all.reduce((sum, [weight, of]) => sum + weight * of.get(module)![at]!, 0)),
    ]),
  )
}

test('flora gives every round fresh factors without effect, and fedex lets agents go on from the means of theirs', async () => {
  const startsOf = async (strategy: string) => {
    await using fleet = await startFleet()
    return (await federate(fleet, sites, { aggregate: { strategy }, rounds: 2 })).adapters.map(leading)
  }
  const fresh = await startsOf('flora')
  const isB = (name: string) => name.endsWith('.lora_B.weight')
  for (const tensors of fresh)
    for (const [name, { data }] of tensors) expect(data.every((value) => value === 0)).toBe(isB(name))
  expect(new Set(fresh.map((tensors) => firstOf(tensors).data[0])).size).toBe(3)
  const [first, second] = await startsOf('fedex')
  for (const [name, { data }] of second!) {
    const before = first!.get(name)!
    const mean = Object.values(sites)
      .map(({ change, tokens }) =>
        change(new Map([[name, before]]), 1)
          .get(name)!
          .data.map((x) => (tokens / 160) * x),
      )
      .reduce((sum, term) => sum.map((value, at) => value + term[at]!))
    for (const [at, value] of data.entries()) expect(value).toBeCloseTo(before.data[at]! + mean[at]!, 6)
  }
})

test('with flora agents may train ranks of their own beside the side, and the candidate is the exact mean of all of them', async () => {
  await using fleet = await startFleet()
  const federation = await federate(fleet, sites, {
    ...{ aggregate: { strategy: 'flora' }, rounds: 2 },
    peft: { rank: 2, alpha: 4, targets: ['q_proj', 'v_proj'], ranks: [{ where: 'name == turin', rank: 1 }] },
  })
  const rankIn = (round: number) =>
    federation.sent(round).map(({ name, update }) => `${name} ${firstOf(update).shape[0]}`)
  for (const round of [1, 2]) {
    expect(rankIn(round)).toEqual(['oslo 2', 'turin 1', 'graz 2'])
    expect(distance(changesOf(federation.adapters[round]!), exactMean(federation, round))).toBeLessThan(1e-6)
    expect(await federation.replay(round)).toMatchObject({ isSame: true })
  }
  expect(federation.adapters.map(rankOf)).toEqual([2, 2 + 5, 2 + 8])
})
