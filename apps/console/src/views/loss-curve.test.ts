import type { RunView } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { curveText, lossCurve, quantile } from './loss-curve.js'

const agents = (...losses: readonly number[]) =>
  losses.map((loss, index) => ({ agentId: `a${index}`, loss, tokens: 70 }))

function runOf(
  baseline: RunView['baseline'],
  ...rounds: readonly {
    loss: number | null
    verdict: 'released' | 'rejected'
    evaluation: ReturnType<typeof agents>
  }[]
): Pick<RunView, 'baseline' | 'rounds'> {
  return {
    baseline,
    rounds: rounds.map((round, index) => ({ ...round, round: index + 1 })) as unknown as RunView['rounds'],
  }
}

test('a quantile is that of numpy', () => {
  // numpy.quantile([1, 2, 4, 8, 16], [0.1, 0.5, 0.9])
  const values = [1, 2, 4, 8, 16]
  expect(quantile(values, 0.1)).toBeCloseTo(1.4, 12)
  expect(quantile(values, 0.5)).toBe(4)
  expect(quantile(values, 0.9)).toBeCloseTo(12.8, 12)
})

test('a curve begins before training, and has a gap where a candidate was not released', () => {
  const curve = lossCurve(
    runOf(
      { loss: 4, tokens: 210, perAgent: agents(3.8, 4.3, 4.1) },
      { loss: 2.5, verdict: 'released', evaluation: agents(2.2, 2.9) },
      { loss: 2.7, verdict: 'rejected', evaluation: agents(2.6, 2.8) },
    ),
  )
  expect(curve).toEqual({
    rounds: [0, 1, 2],
    mean: [4, 2.5, 2.7],
    released: [4, 2.5, null],
    low: [3.8, 2.2, 2.6],
    high: [4.3, 2.9, 2.8],
    band: 'all',
  })
  expect(curveText(curve)).toBe(
    'Loss 4.0000 before training, 2.7000 after round 2; agents lie between 2.6000 and 2.8000.',
  )
})

test('of many agents the band leaves a tenth out at each end', () => {
  const many = agents(...Array.from({ length: 21 }, (_, index) => 1 + index / 10))
  const curve = lossCurve(runOf(null, { loss: 2, verdict: 'released', evaluation: many }))
  expect([curve.band, curve.low[0], curve.high[0]]).toEqual([
    'most',
    expect.closeTo(1.2),
    expect.closeTo(2.8),
  ])
})

test('agents that keep their losses to themselves have no band', () => {
  const curve = lossCurve(runOf(null, { loss: 2.25, verdict: 'released', evaluation: [] }))
  expect([curve.band, curve.low, curveText(curve)]).toEqual(['none', [null], 'Loss 2.2500 after round 1.'])
  expect(curveText(lossCurve(runOf(null)))).toBe('No loss was measured yet.')
})
