import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Dropouts, fleet, inputOf, noDropouts, runSum, termsFor } from './fleet.fixture.js'
import { planGraph } from './graph-plan.js'
import { planRing } from './ring.js'

/** The sum in exact integers, modulo 2^bits. */
const plainSum = (agents: readonly string[], elements: number, bits: number) =>
  Array.from({ length: elements }, (_, at) => {
    const sum = agents.reduce((total, agent) => total + BigInt(inputOf(agent, elements, bits)[at]!), 0n)
    return Number(sum % 2n ** BigInt(bits))
  })

test('three agents: the sum is the plain sum, and every agent sent something else', async () => {
  const { agents, result, inputs } = await runSum(termsFor(3), noDropouts)
  expect(result).toMatchObject({ survivors: agents })
  expect('sum' in result && [...result.sum]).toEqual([...plainSum(agents, 8, 32)])
  for (const { agent, vector } of inputs) expect([...vector]).not.toEqual([...inputOf(agent, 8, 32)])
})

test.each([
  [3, 60, 3],
  [101, 200, 1],
])(
  'the sum is exact for %i to %i agents, whoever drops out in whichever step, up to the most allowed',
  async (min, max, numRuns) => {
    const cohorts = fc
      .record({ size: fc.integer({ min, max }), bits: fc.integer({ min: 10, max: 32 }), seed: fc.nat() })
      .chain(({ size, bits, seed }) => {
        const terms = { ...termsFor(size), ...(size > 100 ? sparse(size) : {}), ring: ringOf(size, bits) }
        const allowed = size - terms.minSurvivors
        const order = fleet(size)
          .toSorted((a, b) => hash(a, seed) - hash(b, seed))
          .slice(0, allowed)
        return fc.tuple(
          fc.constant({ terms, bits, order }),
          fc.array(fc.integer({ min: 0, max: 4 }), { minLength: allowed, maxLength: allowed }),
        )
      })
    await fc.assert(
      fc.asyncProperty(cohorts, async ([{ terms, bits, order }, steps]) => {
        const dropouts = dropoutsOf(order, steps)
        const { result, agents } = await runSum(terms, dropouts)
        const gone = new Set([...dropouts.keys, ...dropouts.shares, ...dropouts.input])
        const survivors = agents.filter((agent) => !gone.has(agent)).toSorted()
        expect(result).toMatchObject({ survivors })
        expect('sum' in result && [...result.sum]).toEqual(plainSum(survivors, 8, bits))
      }),
      { numRuns },
    )
  },
  240_000,
)

test.each(['keys', 'shares', 'input', 'confirmation', 'reveal'] as const)(
  'the most dropouts before the %s is a sum, one more is none',
  async (step) => {
    const terms = termsFor(9) // threshold and survivors 5
    const most = { ...noDropouts, [step]: ['agent-00', 'agent-02', 'agent-05', 'agent-08'] }
    const { result, agents } = await runSum(terms, most)
    const isIn = (agent: string) =>
      step === 'confirmation' || step === 'reveal' || !most[step].includes(agent)
    const summed = agents.filter(isIn)
    expect('sum' in result && [...result.sum]).toEqual([...plainSum(summed, 8, 32)])
    const over = await runSum(terms, { ...noDropouts, [step]: [...most[step], 'agent-04'] })
    expect(over.result).toMatchObject({ refused: 'too-few' })
    expect(Object.keys(over.result).sort()).toEqual(['message', 'refused'])
  },
)

test('a sparse graph sums as exactly, and an agent that loses its neighbours ends the sum', async () => {
  const terms = { ...termsFor(24), degree: 8, threshold: 5 }
  const one = {
    keys: ['agent-01'],
    shares: ['agent-07'],
    input: ['agent-13'],
    confirmation: [],
    reveal: ['agent-20'],
  }
  const { result, agents, rosterNeighbours } = await runSum(terms, one)
  const survivors = agents.filter((agent) => !['agent-01', 'agent-07', 'agent-13'].includes(agent))
  expect('sum' in result && [...result.sum]).toEqual([...plainSum(survivors, 8, 32)])
  expect(rosterNeighbours('agent-00')).toHaveLength(8)
  const lost = await runSum(terms, noDropouts, { dropNeighboursOf: 'agent-04', count: 4 })
  expect('sum' in lost.result).toBe(true)
  const lonely = await runSum(terms, noDropouts, { dropNeighboursOf: 'agent-04', count: 5 })
  expect(lonely.result).toMatchObject({ refused: 'too-few' })
})

test('two sums of the same values send different vectors', async () => {
  const [first, second] = [
    await runSum(termsFor(4), noDropouts),
    await runSum(termsFor(4), noDropouts, { seed: 2 }),
  ]
  for (const [index, { vector }] of first.inputs.entries())
    expect([...vector]).not.toEqual([...second.inputs[index]!.vector])
})

/** Neighbours for so many agents that not everybody is everybody's. */
const sparse = (agents: number) => planGraph({ agents, corruptShare: 0, dropoutShare: 0.1 })
const hash = (text: string, seed: number) => Math.imul(Number(text.slice(-2)) + 1, seed | 1) >>> 0
const ringOf = (agents: number, bits: number) => ({
  ...planRing({ agents, bound: 1, fractionBits: 1 }),
  bits,
})
function dropoutsOf(agents: readonly string[], steps: readonly number[]): Dropouts {
  const at = (step: number) => agents.filter((_, index) => steps[index] === step)
  return { keys: at(0), shares: at(1), input: at(2), confirmation: at(3), reveal: at(4) }
}
