import { gaussianEpsilon, SHARED_NOISE_APART } from '@lorica/privacy'
import { parseRunSpec } from '@lorica/protocol'
import { describe, expect, test } from 'vitest'
import { chargeOf, expectNoise, overBudget, plannedPrivacy, roundPrivacyOf } from './site-privacy.js'

const runOf = (dp: object, rounds: object = { count: 20 }, evaluate: object = {}) => {
  const spec = parseRunSpec({
    ...{ name: 'tone', base: { model: './base' }, data: { maxTokens: 128 }, rounds, evaluate },
    ...{ local: { steps: 20, batch: 8, learningRate: 1e-3 } },
    privacy: { clip: 0.5, dp: { unit: 'site', delta: 1e-5, ...dp } },
  })
  return { spec, clip: spec.privacy.clip }
}
const given = { noiseMultiplier: 1.3, budget: { epsilon: 10 } }
const epsilonOf = (noiseMultiplier: number, steps: number) =>
  gaussianEpsilon([{ noiseMultiplier, steps, samplingRate: 1, sampling: 'none' }], 1e-5)

/** A run whose agents share the noise out in a secure sum. */
const sharing = (secureAggregation: object, rounds: object) => {
  const spec = parseRunSpec({
    ...{
      name: 'tone',
      base: { model: './base' },
      data: { maxTokens: 128 },
      rounds,
      evaluate: { holdout: 0 },
    },
    ...{ local: { steps: 20, batch: 8, learningRate: 1e-3 }, aggregate: { trust: 'private' } },
    privacy: { clip: 0.5, secureAggregation, dp: { unit: 'site', delta: 1e-5, noise: 'shared', ...given } },
  })
  return { spec, clip: spec.privacy.clip }
}

describe('roundPrivacyOf', () => {
  test('divides by the goal, or by the seats where there is none', () => {
    expect(roundPrivacyOf(runOf(given, { count: 20, goal: 12 }), 30)?.cohort).toBe(12)
    expect(roundPrivacyOf(runOf(given), 30)?.cohort).toBe(30)
  })

  test('takes the least noise for an epsilon, of all rounds together', () => {
    const privacy = roundPrivacyOf(runOf({ epsilon: 8 }), 30)
    const noise = privacy?.noiseMultiplier ?? 0
    expect(epsilonOf(noise, 20)).toBeLessThanOrEqual(8)
    expect(epsilonOf(noise, 20)).toBeGreaterThan(7.999)
    expect(privacy?.valueNoise).toBe(noise)
  })

  test('a clip that adapts has the clip of the run as it is now, and more noise on the values', () => {
    const run = { ...runOf({ ...given, adaptiveClip: { bitNoise: 2 } }), clip: 0.31 }
    const privacy = roundPrivacyOf(run, 30)
    expect(privacy?.clip).toBe(0.31)
    expect(privacy?.valueNoise).toBeCloseTo(1 / Math.sqrt(1 / 1.3 ** 2 - 1 / 16), 12)
    expect(chargeOf(privacy!).noiseMultiplier).toBe(1.3)
    expect(roundPrivacyOf(runOf({ ...given, adaptiveClip: {} }), 100)?.bitNoise).toBe(5)
    expect(roundPrivacyOf(runOf({ ...given, adaptiveClip: {} }), 10)?.bitNoise).toBe(1.3)
  })

  test('noise that agents share out is divided among the survivors that do not collude', () => {
    const run = sharing({ minSurvivors: 24, colluding: '20%' }, { count: 20, minimum: 30 })
    const share = roundPrivacyOf(run, 30)?.share
    expect(share).toMatchObject({ honest: 18, colluding: 6 }) // of 24 survivors, 6 of 30 agents may collude
    expect(share?.deviation).toBeCloseTo((1.3 * 0.5) / Math.sqrt(18), 6)
    expect(share?.deviation).toBeGreaterThan((1.3 * 0.5) / Math.sqrt(18))
    expect(chargeOf(roundPrivacyOf(run, 30)!)).toMatchObject({
      noiseMultiplier: 1.3,
      apart: SHARED_NOISE_APART,
    })
    expect(plannedPrivacy(run.spec, { seats: 30, values: 400 })).toMatchObject({
      ...{ honest: 18, colluding: 6 },
      noiseNorm: expect.closeTo((1.3 * 0.5 * 20 * Math.sqrt(30 / 18)) / 30, 9), // what all thirty add
    })
    expect(plannedPrivacy(run.spec, { seats: 12, values: 400 })).toBeNull()
    const fewBits = sharing({ bits: 8 }, { count: 20, minimum: 30 })
    expect(() => expectNoise(fewBits.spec)).toThrow('run: "privacy.dp": bits expected enough')
  })

  test('a run without it has none', () => {
    const { spec } = runOf(given)
    expect(roundPrivacyOf({ spec: { ...spec, privacy: { clip: 1 } }, clip: 1 }, 30)).toBeNull()
  })
})

describe('before a run', () => {
  test('the noise of a mean is told beside the clip', () => {
    const { spec } = runOf(given)
    const planned = plannedPrivacy(spec, { seats: 10, values: 400 })
    expect(planned?.noiseNorm).toBeCloseTo((1.3 * 0.5 * 20) / 10, 12)
    expect(planned?.epsilon).toBe(epsilonOf(1.3, 20))
    expect(plannedPrivacy(spec, { seats: 0, values: 400 })).toBeNull()
    const agents = runOf({ ...given, noise: 'agent' }, { count: 20, goal: 16 }, { holdout: 0 })
    expect(plannedPrivacy(agents.spec, { seats: 16, values: 400 })?.noiseNorm).toBeCloseTo(
      (1.3 * 0.5 * 20) / 4,
      12,
    )
  })

  test('bits that cost more than the round are refused when the run is sent', () => {
    expect(() => expectNoise(runOf({ ...given, adaptiveClip: { bitNoise: 0.6 } }).spec)).toThrow(
      'run: "privacy.dp": bitNoise expected more than half of the noise multiplier 1.3, got 0.6',
    )
    expect(expectNoise(runOf({ ...given, adaptiveClip: { bitNoise: 0.7 } }).spec)).toBeUndefined()
  })
})

describe('overBudget', () => {
  const run = runOf({ noiseMultiplier: 1.3, budget: { epsilon: epsilonOf(1.3, 4) } })
  const privacy = roundPrivacyOf(run, 3)!
  const after = (name: string, steps: number) => ({
    name,
    account: steps === 0 ? [] : [{ ...chargeOf(privacy), steps }],
  })

  test('the last round that a budget allows is asked for, and none after it', () => {
    expect(overBudget(run.spec, privacy, [after('oslo', 3), after('graz', 0)])).toBeUndefined()
    expect(overBudget(run.spec, privacy, [after('oslo', 4), after('graz', 0)])).toBe(
      `it would bring oslo from epsilon 7.269 to 8.315, above the budget ${epsilonOf(1.3, 4)} at delta 0.00001`,
    )
  })

  test('one name is one site, and a site is in a sum once', () => {
    expect(overBudget(run.spec, privacy, [after('oslo', 0), after('graz', 0), after('oslo', 0)])).toContain(
      'two agents are named oslo',
    )
  })

  test('a site of which something was released that protects examples only can be promised nothing', () => {
    const account = [{ ...chargeOf(privacy), unit: 'example' as const }]
    expect(overBudget(run.spec, privacy, [{ name: 'oslo', account }])).toContain(
      'protects single examples only',
    )
  })
})
