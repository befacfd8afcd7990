import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { advertise, shareSecrets } from './agent-side.js'
import { type Dropouts, fleet, runSum, startOf, taken, termsFor } from './fleet.fixture.js'
import {
  MEASURED_ELEMENTS,
  type MeasuredLoss,
  measuredElements,
  measuredRing,
  summedLoss,
} from './measured-loss.js'
import { advertisementText, type SumTerms, type VerifyText } from './terms.js'
import { termsProblem } from './terms-check.js'

const measures = { adapter: 'a'.repeat(64), question: 'b'.repeat(64) }
const losses = (agents: number): SumTerms => ({
  ...termsFor(agents),
  ...{ elements: MEASURED_ELEMENTS, ring: measuredRing(agents), measures },
  minSurvivors: Math.max(3, Math.floor(agents / 2) + 1),
})

test('a loss is limbs of 16 bits in steps of 2^-16 nats, beside its tokens and whether there were any', () => {
  expect([...measuredElements({ lossSum: 2.5, tokens: 70_000 })]).toEqual([32_768, 2, 0, 4464, 1, 0, 1])
  expect([...measuredElements({ lossSum: 65_536 + 2 ** -16, tokens: 3 })]).toEqual([1, 0, 1, 3, 0, 0, 1])
  expect([...measuredElements({ lossSum: 0.6 * 2 ** -16, tokens: 3 })].slice(0, 3)).toEqual([1, 0, 0])
  expect([...measuredElements({ lossSum: 0, tokens: 0 })]).toEqual([0, 0, 0, 0, 0, 0, 0])
})

test.each([
  [{ lossSum: Number.NaN, tokens: 3 }],
  [{ lossSum: Number.POSITIVE_INFINITY, tokens: 3 }],
  [{ lossSum: -0.25, tokens: 3 }],
  [{ lossSum: 2 ** 29, tokens: 3 }],
  [{ lossSum: 2.5, tokens: 0 }],
  [{ lossSum: 2.5, tokens: 1.5 }],
  [{ lossSum: 2.5, tokens: -3 }],
  [{ lossSum: 2.5, tokens: 2 ** 45 }],
])('what is no loss of tokens is refused: %o', (measured) => {
  expect(() => measuredElements(measured)).toThrow(RangeError)
})

test('the largest of 256 agents sum exactly', () => {
  const most = { lossSum: 2 ** 29 - 2 ** -16, tokens: 2 ** 45 - 1 }
  const sum = measuredElements(most).map((limb) => limb * 256)
  expect(summedLoss(sum, 256)).toEqual({ lossSum: 256 * most.lossSum, tokens: 256 * most.tokens, sites: 256 })
  expect(256 * most.tokens).toBeLessThanOrEqual(Number.MAX_SAFE_INTEGER)
})

test('numbers that no agents add up to are no sum', () => {
  const of =
    (...elements: number[]) =>
    () =>
      summedLoss(Uint32Array.from(elements), 3)
  expect(of(9, 0, 0, 5, 0, 0, 2)()).toEqual({ lossSum: 9 * 2 ** -16, tokens: 5, sites: 2 })
  expect(of(9, 0, 0, 5, 0, 0, 4)).toThrow('3 agents') // more sites than agents
  expect(of(3 * 65_535 + 1, 0, 0, 5, 0, 0, 2)).toThrow('3 agents')
  expect(of(9, 0, 0, 1, 0, 0, 2)).toThrow('3 agents') // fewer tokens than sites
  expect(of(9, 0, 0, 5, 0, 0, 0)).toThrow('3 agents')
  expect(of(9, 0, 0, 5, 0, 0)).toThrow('7 elements')
})

const measuredOf = (agent: string, seed: number): MeasuredLoss => {
  const words = createHash('sha256').update(`${seed} ${agent}`).digest()
  if (words[0]! % 4 === 0) return { lossSum: 0, tokens: 0 } // holds nothing out
  return { lossSum: words.readUInt32LE(4) * 2 ** ((words[1]! % 14) - 17), tokens: 1 + words.readUInt32LE(8) }
}

test('the sum of losses is exact for 3 to 14 agents, whoever drops out in whichever step, up to the most allowed', async () => {
  const cohorts = fc.record({ size: fc.integer({ min: 3, max: 14 }), seed: fc.nat() })
  const steps = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 14, maxLength: 14 })
  await fc.assert(
    fc.asyncProperty(cohorts, steps, async ({ size, seed }, at) => {
      const terms = losses(size)
      const order = fleet(size).toSorted((a, b) => measuredOf(a, seed).tokens - measuredOf(b, seed).tokens)
      const lost = order.slice(0, size - terms.minSurvivors)
      const of = (step: number) => lost.filter((_, index) => at[index] === step)
      const dropouts: Dropouts = {
        keys: of(0),
        shares: of(1),
        input: of(2),
        confirmation: of(3),
        reveal: of(4),
      }
      const { result, agents } = await runSum(terms, dropouts, {
        input: (agent) => measuredElements(measuredOf(agent, seed)),
      })
      const gone = [...dropouts.shares, ...dropouts.input]
      const counted = agents.filter((agent) => !gone.includes(agent)).map((agent) => measuredOf(agent, seed))
      const steps16 = counted.reduce((sum, { lossSum }) => sum + BigInt(Math.round(lossSum * 65_536)), 0n)
      expect('sum' in result && summedLoss(result.sum, counted.length)).toEqual({
        lossSum: Number(steps16) / 65_536,
        tokens: counted.reduce((sum, { tokens }) => sum + tokens, 0),
        sites: counted.filter(({ tokens }) => tokens > 0).length,
      })
    }),
    { numRuns: 25 },
  )
}, 120_000)

test('terms of losses are whole numbers without noise, of at least three agents', () => {
  expect(termsProblem(losses(5), 2)).toBeNull()
  const wrong: readonly Partial<SumTerms>[] = [
    { elements: 8 },
    { ring: { ...measuredRing(5), bound: 65_534 } },
    { ring: { ...measuredRing(5), fractionBits: 1, bits: 32 } },
    { noise: { deviation: 40, honest: 3 } },
  ]
  for (const part of wrong)
    expect(termsProblem({ ...losses(5), ...part }, 2)).toMatchObject({ refused: 'terms' })
  const two = { ...losses(3), minSurvivors: 2 }
  expect(termsProblem(two, 2)?.message).toBe('terms expected what at least 3 agents measured, got 2')
  const { measures: _, ...updates } = two
  expect(termsProblem(updates, 2)).toBeNull()
})

test('what is signed for updates is what it was before there were losses, and is good for no other purpose', async () => {
  const { measures: _, ...updates } = losses(4)
  const keys = { agent: 'agent-00', channelKey: 'c', maskKey: 'm', seedCommitment: 's' }
  const { ring, degree, threshold, minSurvivors } = updates
  const list = ['run-7', 3, 1, 7, ring.agents, 65_535, 0, 32, degree, threshold, minSurvivors]
  const digest = createHash('sha256').update(JSON.stringify(list)).digest('hex')
  const text = JSON.stringify(['lorica-secure-sum-keys', digest, 'agent-00', 'c', 'm', 's'])
  expect(advertisementText(updates, keys)).toBe(text)
  const others = [losses(4), { ...losses(4), measures: { ...measures, adapter: 'c'.repeat(64) } }]
  const trainings = ['d'.repeat(64), 'e'.repeat(64)].map((training) => ({ ...updates, training }))
  const texts = [...others, ...trainings].map((terms) => advertisementText(terms, keys))
  expect(new Set([text, ...texts]).size).toBe(5)

  const started = fleet(4).map((agent) => taken(advertise(startOf(agent, losses(4)))))
  const victim = taken(advertise(startOf('agent-00', updates)))
  const ads = started.map(({ advertisement }, at) => (at === 0 ? victim.advertisement : advertisement))
  const everybody: VerifyText = (agent, signed, signature) =>
    startOf(agent, updates).sign(signed) === signature
  const refused = await shareSecrets(victim.next, ads, everybody, new Set())
  expect(refused).toMatchObject({
    refused: 'signature',
    message: 'keys of agent-01 expected its signature for these terms',
  })
})
