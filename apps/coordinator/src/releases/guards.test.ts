import type { Comparison, GuardSpec } from '@lorica/protocol'
import { describe, expect, test } from 'vitest'
import { findingText } from './finding-text.js'
import { judge } from './gate.js'
import { guardFindings } from './guards.js'

/** Differences of single examples, how many labels were right of 20 before and now, and the loss before and now. */
interface Told {
  readonly differences: readonly number[]
  readonly right: readonly [before: number, now: number]
  readonly loss: readonly [before: number, now: number]
  readonly confidence?: readonly [before: number, now: number] // mean probability of predictions
}

const LABELS = 20

function sums(values: readonly number[]): Comparison['loss'] {
  const add = (of: (value: number) => number) => values.reduce((all, value) => all + of(value), 0)
  return { count: values.length, sum: add((value) => value), sumOfSquares: add((value) => value * value) }
}

function predictions(right: number, confidence: number): Comparison['adapter'] {
  const empty = { labels: 0, confidence: 0, right: 0 }
  const all = { labels: LABELS, confidence: LABELS * confidence, right }
  return { right, calibration: Array.from({ length: 10 }, (_, at) => (at === 7 ? all : empty)) }
}

function comparisonOf({ differences, right, loss, confidence = [0.75, 0.75] }: Told): Comparison {
  return {
    adapter: predictions(right[1], confidence[1]),
    against: predictions(right[0], confidence[0]),
    againstLossSum: loss[0] * LABELS,
    loss: sums(differences),
    accuracy: sums(differences.map((value) => value / 4)),
  }
}

function measuredOf(told: Readonly<Record<string, Told>>) {
  const agents = Object.entries(told)
  const perAgent = agents.map(([agentId, { loss }]) => ({ agentId, loss: loss[1], tokens: LABELS }))
  const loss = perAgent.reduce((sum, agent) => sum + agent.loss, 0) / perAgent.length
  const comparisons = agents.map(([agentId, one]) => ({ agentId, comparison: comparisonOf(one) }))
  return { loss, tokens: LABELS * perAgent.length, perAgent, comparisons, seconds: 1 }
}

const oslo: Told = { differences: [0.3, -0.1, 0.2, 0], right: [15, 14], loss: [2, 2.1] }
const graz: Told = { differences: [-0.2, -0.4, -0.3, -0.1], right: [10, 13], loss: [4, 3.75] }
const find = (guard: GuardSpec, told: Readonly<Record<string, Told>>) =>
  guardFindings([guard], measuredOf(told), null)[0]

describe('a guard', () => {
  test('with confidence looks at the interval of the differences over all examples', () => {
    // oslo: mean 0.1, variance 1/30; graz: mean -0.25, variance 1/60. All: mean -0.075, standard error sqrt(4/30 + 4/60) / 8 = 0.0559017, t(6; .975) = 2.4469119
    const found = find({ metric: 'loss', worseBy: 0.01, confidence: 0.95 }, { oslo, graz })
    expect(found).toMatchObject({
      verdict: 'inconclusive',
      value: 2.925,
      before: 3,
      allowed: 0.03,
      examples: 8,
    })
    expect(found?.interval?.low).toBeCloseTo(-0.075 - 2.4469119 * 0.0559017, 6)
    expect(found?.interval?.high).toBeCloseTo(-0.075 + 2.4469119 * 0.0559017, 6)
    expect(findingText(found!)).toBe(
      'loss worse by -0.2118 to 0.0618 with 95.0% confidence over 8 examples, and 1.0% are allowed: too wide to tell',
    )
    expect(find({ metric: 'loss', worseBy: 0.03, confidence: 0.95 }, { oslo, graz })?.verdict).toBe('pass')
  })

  test('fails where the whole interval is worse', () => {
    const worse = { ...oslo, differences: [0.3, 0.32, 0.29, 0.31] }
    const found = find({ metric: 'accuracy', worseBy: 0.02, confidence: 0.9 }, { oslo: worse })
    expect(found).toMatchObject({ verdict: 'fail', value: 0.7, before: 0.75, allowed: 0.02 })
    expect(findingText(found!)).toBe(
      'accuracy worse by 7.25 points to 8.00 points with 90.0% confidence over 4 examples: worse, and not shown to be within the 2.0 points that are allowed',
    )
  })

  test('without confidence looks at the means: the accuracy in points', () => {
    expect(find({ metric: 'accuracy', worseBy: 0.04 }, { oslo, graz })).toMatchObject({
      ...{ verdict: 'pass', value: 27 / 40, before: 25 / 40, interval: null },
    })
    const found = find({ metric: 'accuracy', worseBy: 0.04 }, { oslo })
    expect(found?.verdict).toBe('fail')
    expect(findingText(found!)).toBe('accuracy 70.0%, before 75.0%: worse by more than 4.0 points')
  })

  test('of calibration adds up the bins of all agents', () => {
    // before: 20 labels at 0.75 with 15 right, 20 with 10 right: |15 - 15 + 15 - 10| / 40; now 20 at 0.9 with 14, and 13 of 20 at 0.75
    const told = { oslo: { ...oslo, confidence: [0.75, 0.9] as const }, graz }
    expect(find({ metric: 'calibration', worseBy: 0.02 }, told)).toMatchObject({
      ...{ verdict: 'fail', before: 0.125, value: (18 - 14 + 15 - 13) / 40 },
    })
    expect(find({ metric: 'calibration', worseBy: 0.03 }, told)?.verdict).toBe('pass')
  })

  test('of each is about the agent that does worst, whose interval is wider so that all of them hold at once', () => {
    const found = find({ metric: 'loss', worseBy: 0.01, of: 'each' }, { oslo, graz })
    expect(found).toMatchObject({ verdict: 'fail', agentId: 'oslo', value: 2.1, before: 2, allowed: 0.02 })
    expect(findingText(found!)).toBe('loss at oslo 2.1000, before 2.0000: worse by more than 1.0%')
    const sure = find({ metric: 'loss', worseBy: 0.01, of: 'each', confidence: 0.9 }, { oslo, graz })
    // t(3; .975) = 3.1824463, standard error sqrt(1/30 / 4)
    expect(sure).toMatchObject({ verdict: 'inconclusive', agentId: 'oslo', interval: { confidence: 0.95 } })
    expect(sure?.interval?.high).toBeCloseTo(0.1 + 3.1824463 * Math.sqrt(1 / 120), 6)
  })

  test('cannot tell of one example, or of what nobody compared', () => {
    const one = find(
      { metric: 'loss', worseBy: 0, confidence: 0.9 },
      { oslo: { ...oslo, differences: [0.4] } },
    )
    expect(one).toMatchObject({ verdict: 'inconclusive', interval: null, examples: 1 })
    expect(findingText(one!)).toContain('too few examples to tell')
    const none = guardFindings(
      [{ metric: 'accuracy', worseBy: 0 }],
      { ...measuredOf({ oslo }), comparisons: [] },
      null,
    )
    expect(none[0]).toMatchObject({ verdict: 'inconclusive', value: null })
    expect(findingText(none[0]!)).toBe('no agent compared its accuracy with that of the adapter before')
  })
})

describe('the gate', () => {
  const evaluate = (...guards: readonly GuardSpec[]) => ({ holdout: 0.1, tokens: 1024, guards: [...guards] })
  const sure: GuardSpec = { metric: 'loss', worseBy: 0.01, confidence: 0.95 }
  const broken: GuardSpec = { metric: 'loss', worseBy: 0.01, of: 'each' }

  test('leaves to a person what its guards cannot tell, unless another one fails', () => {
    const candidate = measuredOf({ oslo, graz })
    expect(judge(candidate, null, evaluate(sure))).toMatchObject({ verdict: 'held' })
    expect(judge(candidate, null, evaluate(sure, broken))).toMatchObject({
      verdict: 'rejected',
      reason: 'nothing to compare it with: loss at oslo 2.1000, before 2.0000: worse by more than 1.0%',
    })
  })

  test('only notes what a dry run finds, and nothing of a guard that is off', () => {
    const guards = [
      { ...sure, mode: 'dry-run' as const },
      { ...broken, mode: 'off' as const },
    ]
    const verdict = judge(measuredOf({ oslo, graz }), null, evaluate(...guards))
    expect(verdict.verdict).toBe('released')
    expect(verdict.guards.map(({ mode, verdict }) => [mode, verdict])).toEqual([['dry-run', 'inconclusive']])
  })
})
