import { parseRolloutSpec } from '@lorica/protocol'
import { describe, expect, test } from 'vitest'
import { analyse, type Observed, verdictOf } from './analysis.js'

/** Uniform and normal numbers that are the same every time (mulberry32). */
function seeded(seed: number) {
  let state = seed
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
  return { uniform, normal }
}

const plan = parseRolloutSpec({})
const nothing: Observed = { losses: [], health: [], mayMeasure: true }
const look = (observed: Partial<Observed>, of = plan) =>
  analyse(of, [{ of: 'all agents', observed: { ...nothing, ...observed } }])

/** A rollout of four groups as it is looked at: rows and requests come in, and each look counts. Says whether one looks like a regression. */
function raisesAlarm(seed: number, shift: number, looks: number): boolean {
  const { uniform, normal } = seeded(seed)
  const agents = Array.from({ length: 10 }, () => ({
    losses: { count: 0, sum: 0, sumOfSquares: 0, against: 2.5 },
    now: { requests: 0, failures: 0, seconds: 0, secondsSquared: 0 },
    before: { requests: 0, failures: 0, seconds: 0, secondsSquared: 0 },
    speed: 0.05 + uniform() * 0.3,
  }))
  const request = (
    tally: { requests: number; failures: number; seconds: number; secondsSquared: number },
    speed: number,
  ) => {
    tally.requests++
    if (uniform() < 0.01) tally.failures++
    else {
      const seconds = speed * Math.exp(0.4 * normal())
      tally.seconds += seconds
      tally.secondsSquared += seconds * seconds
    }
  }
  for (const agent of agents) for (let n = 0; n < 40; n++) request(agent.before, agent.speed)
  for (let at = 0; at < looks; at++) {
    const open = agents.slice(0, at < looks / 4 ? 1 : at < looks / 2 ? 3 : 10)
    for (const agent of open) {
      for (let row = 0; row < 10; row++) {
        const difference = shift + 0.2 * normal()
        agent.losses.count++
        agent.losses.sum += difference
        agent.losses.sumOfSquares += difference * difference
        request(agent.now, agent.speed)
      }
    }
    const observed = (some: typeof agents): Observed => ({
      ...{
        losses: some.map(({ losses }) => losses),
        health: some.map(({ now, before }) => ({ now, before })),
        mayMeasure: true,
      },
    })
    const metrics = analyse(plan, [
      { of: 'all agents', observed: observed(open) },
      { of: 'newest', observed: observed(open.slice(-7)) },
    ])
    if (verdictOf(plan, metrics) === 'fail') return true
  }
  return false
}

describe('a look at a rollout', () => {
  test('says nothing of nothing, and skips losses that may not be asked for', () => {
    expect(look({}).map(({ verdict }) => verdict)).toEqual(['inconclusive', 'inconclusive', 'inconclusive'])
    expect(verdictOf(plan, look({}))).toBe('inconclusive')
    expect(look({ mayMeasure: false })[0]).toMatchObject({ metric: 'loss', verdict: 'skipped' })
    expect(verdictOf(plan, look({ mayMeasure: false }))).toBe('pass')
  })

  test('compares losses row by row: the same adapter differs by exactly 0 and passes', () => {
    const [loss] = look({ losses: [{ count: 64, sum: 0, sumOfSquares: 0, against: 2.5 }] })
    expect(loss).toMatchObject({ verdict: 'pass', difference: 0, low: 0, high: 0, champion: 2.5, count: 64 })
    expect(loss?.tolerated).toBeCloseTo(0.025, 15)
  })

  test('compares each agent with itself: a slow machine that gets more of the requests is no regression', () => {
    const at = (requests: number, mean: number) => ({
      ...{ requests, failures: 0, seconds: requests * mean, secondsSquared: requests * mean * mean * 1.01 },
    })
    const health = [
      { now: at(10, 0.1), before: at(1000, 0.1) },
      { now: at(1000, 1), before: at(100, 1) },
    ]
    const latency = look({ health })[2]
    expect(latency?.difference).toBeCloseTo(0, 12) // pooled it would be 0.99 - 0.18
    expect(latency?.verdict).toBe('pass')
    const slower = look({
      health: health.map(({ now, before }) => ({
        now: { ...now, seconds: now.seconds * 2, secondsSquared: now.secondsSquared * 4 },
        before,
      })),
    })[2]
    expect(slower?.verdict).toBe('fail')
    expect(slower?.champion).toBeCloseTo((10 * 0.1 + 100 * 1) / 110, 12)
  })

  test('a metric of a dry run is shown and decides nothing', () => {
    const dry = parseRolloutSpec({ analysis: [{ metric: 'loss', mode: 'dry-run' }] })
    const metrics = look({ losses: [{ count: 64, sum: 64, sumOfSquares: 65, against: 2.5 }] }, dry)
    expect(metrics[0]).toMatchObject({ verdict: 'fail', isEnforced: false })
    expect(verdictOf(dry, metrics)).toBe('pass')
  })

  test('raises at most 5 false alarms in 100 rollouts that are looked at after every few rows, and finds a regression of 4% in each', () => {
    const rollouts = 1000
    const seeds = Array.from({ length: rollouts }, (_, seed) => seed + 1)
    const alarms = seeds.filter((seed) => raisesAlarm(seed, 0, 12)).length
    expect(alarms / rollouts).toBeLessThanOrEqual(0.05)
    const found = seeds.slice(0, 100).filter((seed) => raisesAlarm(seed, 0.1, 12)).length
    expect(found / 100).toBeGreaterThanOrEqual(0.95)
  })
})
