import { robustWeights } from '@lorica/peft-core'
import { leastUpdates, parseRunSpec, type RobustSpec } from '@lorica/protocol'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { expectEnough, ruleIn } from './rule.js'

const specOf = (robust: RobustSpec, minimum = leastUpdates(robust)) =>
  parseRunSpec({
    ...{ name: 'tone', base: { model: './base' }, data: { maxTokens: 128 } },
    local: { steps: 20, batch: 8, learningRate: 1e-3 },
    rounds: { count: 10, minimum },
    aggregate: { trust: 'robust', strategy: 'ffa', robust },
  })

const gramOf = (count: number) => ({
  ...{ rows: count, columns: count },
  data: Float64Array.from({ length: count * count }, (_, at) =>
    at % (count + 1) === 0 ? 1 + (at % 7) : 0.25,
  ),
})

const liars = fc.integer({ min: 1, max: 12 })
const wholeRules = fc.oneof(
  fc.record({ rule: fc.constant('krum' as const), liars }),
  fc.record({ rule: fc.constant('multi-krum' as const), liars, keep: fc.integer({ min: 1, max: 30 }) }),
  fc.record({ rule: fc.constant('multi-krum' as const), liars }),
  fc.record({ rule: fc.constant('geometric-median' as const), liars }),
)

test('a rule acts on as many updates as a run must have, and on no fewer', () => {
  fc.assert(
    fc.property(wholeRules, (robust) => {
      const [spec, least] = [specOf(robust), leastUpdates(robust)]
      const rule = ruleIn(spec)
      if (rule === null || !('liars' in rule) || rule.rule === 'median') return
      const whole = rule as Parameters<typeof robustWeights>[1]
      const sum = robustWeights(gramOf(least), whole).reduce((total, weight) => total + weight, 0)
      expect(sum).toBeCloseTo(1, 9)
      expect(() => robustWeights(gramOf(least - 1), whole)).toThrow(RangeError)
      expectEnough(spec, least)
      expect(() => expectEnough(spec, least - 1)).toThrow(
        `needs ${least} updates, the round has ${least - 1}`,
      )
    }),
  )
})

test.each([
  [{ rule: 'bulyan', liars: 3 }, 15],
  [{ rule: 'median', liars: 3 }, 7],
  [{ rule: 'multi-krum', liars: 2, keep: 6 }, 10],
  [{ rule: 'multi-krum', liars: 2, keep: 6, halfLifeRounds: 7 }, 8],
  [{ rule: 'trimmed-mean', liars: 2, trim: 0.25 }, 9], // 0.25 * 8 is not above 2
  [{ rule: 'trimmed-mean', liars: 2, trim: 0.3 }, 7],
  [{ rule: 'centred-clipping', maxNorm: 0.5 }, 1],
] as const)('%j needs %i updates, and its run as many in each round', (robust, least) => {
  expect(leastUpdates(robust)).toBe(least)
  if (least > 1)
    expect(() => specOf(robust, least - 1)).toThrow(`the rule needs ${least} updates in each round`)
})

test('settings reach the rule by its own names', () => {
  const trimmed = { rule: 'trimmed-mean', liars: 2, trim: 0.3 } as const
  expect(ruleIn(specOf(trimmed))).toEqual({ rule: 'trimmed-mean', liars: 2, share: 0.3 })
  expect(ruleIn(specOf({ rule: 'multi-krum', liars: 1, keep: 4 }))).toEqual({
    ...{ rule: 'multi-krum', liars: 1, kept: 4 },
  })
  expect(ruleIn(specOf({ rule: 'centred-clipping', maxNorm: 0.5 }))).toEqual({
    ...{ rule: 'centred-clipping', radius: 0.5 },
  })
})
