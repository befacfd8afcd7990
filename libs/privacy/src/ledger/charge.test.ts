import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { epsilonOf } from '../accountant/epsilon.js'
import { type Account, type Charge, projected, spent, withCharge } from './charge.js'

const site = (noiseMultiplier: number, steps = 1): Charge => ({
  ...{ unit: 'site', noiseMultiplier, samplingRate: 1, sampling: 'none', steps },
})
const example = (noiseMultiplier: number, samplingRate: number, steps: number): Charge => ({
  ...{ unit: 'example', noiseMultiplier, samplingRate, sampling: 'poisson', steps },
})
const accountOf = (charges: readonly Charge[]): Account => charges.reduce<Account>(withCharge, [])
const epsilon = (charges: readonly Charge[], unit: Charge['unit'] = 'site', delta = 1e-5) =>
  spent(accountOf(charges), unit, delta)?.epsilon ?? null

describe('an account', () => {
  test('rounds of one run and of another compose as all of their steps', () => {
    const rounds = [
      ...Array.from({ length: 10 }, () => site(4)),
      ...Array.from({ length: 90 }, () => site(4)),
    ]
    expect(accountOf(rounds)).toEqual([site(4, 100)])
    expect(epsilon(rounds)).toBeCloseTo(13.20671224, 6) // one Gaussian of mu = sqrt(100) / 4
  })

  test('nothing released is epsilon 0', () => {
    expect(spent([], 'site', 1e-5)).toEqual({ epsilon: 0, accountant: 'gaussian', order: null })
  })

  test('what was kept as text goes on to the same epsilon', () => {
    const before = accountOf([site(3), site(5, 4), example(1.1, 0.02, 40)])
    const resumed = JSON.parse(JSON.stringify(before)) as Account
    expect(spent(withCharge(resumed, site(3)), 'example', 1e-6)).toEqual(
      spent(withCharge(before, site(3)), 'example', 1e-6),
    )
  })

  test('noise for sites is half as much for their examples, and noise for examples is none for sites', () => {
    expect(epsilon([site(4, 3)], 'example')).toBe(epsilon([site(2, 3)]))
    expect(epsilon([site(4, 3), example(1, 0.1, 5)])).toBeNull()
    const phases = [
      { noiseMultiplier: 2, samplingRate: 1, sampling: 'none', steps: 3 },
      { noiseMultiplier: 1.5, samplingRate: 0.1, sampling: 'poisson', steps: 20 },
    ] as const
    expect(epsilon([site(4, 3), example(1.5, 0.1, 20)], 'example')).toBe(epsilonOf(phases, 1e-5).epsilon)
  })

  test('sampling that is not secret amplifies nothing', () => {
    const fixed: Charge = { ...example(2, 0.1, 10), sampling: 'none' }
    expect(epsilon([fixed], 'example')).toBe(epsilon([site(2, 10)]))
    expect(epsilon([example(2, 0.1, 10)], 'example')).toBeLessThan(
      (epsilon([fixed], 'example') as number) / 3,
    )
  })

  test('a projection is what is spent once it is charged', () => {
    const account = accountOf([site(2.5, 7)])
    expect(projected(account, site(3), 1e-6)).toEqual(spent(withCharge(account, site(3)), 'site', 1e-6))
    expect(account).toEqual([site(2.5, 7)])
  })

  test('what cannot be accounted for is refused', () => {
    for (const noiseMultiplier of [0, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => withCharge([], site(noiseMultiplier))).toThrow('noiseMultiplier expected')
    expect(() => withCharge([], { ...site(1), unit: 'user' as 'site' })).toThrow('unit expected')
    expect(() => withCharge([], example(1, 1.5, 3))).toThrow('samplingRate expected')
  })
})

describe('what is spent', () => {
  const charges = fc.array(
    fc.record({ z: fc.double({ min: 0.3, max: 20, noNaN: true }), steps: fc.integer({ min: 1, max: 50 }) }),
    { minLength: 1, maxLength: 6 },
  )

  test('grows with every charge, whatever their order', () => {
    fc.assert(
      fc.property(charges, fc.integer({ min: 0, max: 99 }), (drawn, turn) => {
        const all = drawn.map(({ z, steps }) => site(z, steps))
        const cut = turn % all.length
        const turned = [...all.slice(cut), ...all.slice(0, cut)]
        expect(epsilon(turned)).toBeCloseTo(epsilon(all) as number, 9)
        expect(epsilon([...all, site(5)])).toBeGreaterThan(epsilon(all) as number)
      }),
      { numRuns: 60 },
    )
  })

  test('falls as noise grows and as delta does', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.3, max: 20, noNaN: true }),
        fc.integer({ min: 1, max: 200 }),
        (z, steps) => {
          expect(epsilon([site(z * 1.1, steps)])).toBeLessThan(epsilon([site(z, steps)]) as number)
          expect(epsilon([site(z, steps)], 'site', 1e-4)).toBeLessThan(epsilon([site(z, steps)]) as number)
        },
      ),
      { numRuns: 60 },
    )
  })
})
