import { parseRolloutSpec, type RolloutView } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { bandOf } from './metric-band.js'
import { firstPlan, planFaults, planOfForm } from './rollout-form.js'
import { reached, rolloutStep, verbsFor } from './rollout-state.js'

const plan = parseRolloutSpec({})
const group = { name: '10%', agents: 4, state: 'open', applied: 3, failed: 1, away: 0 } as const

test.each<[RolloutView['state'], readonly string[]]>([
  ['pending', ['abort']],
  ['running', ['promote', 'pause', 'abort']],
  ['paused', ['promote', 'resume', 'retry', 'abort']],
  ['done', ['undo']],
  ['aborted', ['retry']],
  ['undone', []],
])('a rollout that is %s can be told %j', (state, verbs) => {
  expect(verbsFor({ state, rollout: 'rollout-2', plan }, 'rollout-2')).toEqual(verbs)
})

test('what is approved is what waits for that, and nothing is told to a rollout that another one followed', () => {
  const approved = { ...plan, approval: true }
  expect(verbsFor({ state: 'pending', rollout: 'rollout-2', plan: approved }, undefined)).toContain('approve')
  expect(verbsFor({ state: 'done', rollout: 'rollout-1', plan }, 'rollout-2')).toEqual([])
})

test('a sentence says what to do, and leaves figures to the table', () => {
  const rollout = {
    release: 'v3',
    previous: 'v1',
    group: 2,
    groups: [group, group],
    isWatched: true,
  } as unknown as RolloutView
  expect(
    rolloutStep({ ...rollout, state: 'paused', reason: 'the analysis is inconclusive: loss 0.4556 nats' }),
  ).toBe(
    'It waits for a person: the analysis is inconclusive. Look at the metrics, then promote it, or abort it: the open groups go back to v1.',
  )
  expect(rolloutStep({ ...rollout, state: 'aborted', reason: null })).toContain('Every agent is back on v1.')
  expect(
    reached([
      { ...group, group: 1 },
      { ...group, group: 2, applied: 2, failed: 0 },
    ]),
  ).toEqual({ applied: 5, failed: 1, agents: 8 })
})

test('the interval of a metric is drawn beside zero and the bound', () => {
  const band = bandOf({ low: -0.1, high: 0.3, difference: 0.1, tolerated: 0.2 })
  // from -0.1 to 0.3 over the middle 84 % of the width
  expect(band?.low).toBeCloseTo(0.08, 12)
  expect(band?.zero).toBeCloseTo(0.08 + 0.84 / 4, 12)
  expect(band?.difference).toBeCloseTo(0.5, 12)
  expect(band?.tolerated).toBeCloseTo(0.08 + (0.84 * 3) / 4, 12)
  expect(band?.high).toBeCloseTo(0.92, 12)
  expect(bandOf({ low: null, high: null, difference: null, tolerated: 0.2 })).toBeNull()
})

test('a wide interval reaches the edges, and the bound stays apart from zero', () => {
  const band = bandOf({ low: -9, high: 7, difference: -1, tolerated: 0.01 })
  expect([band?.low, band?.high]).toEqual([0, 1])
  expect((band?.tolerated ?? 0) - (band?.zero ?? 0)).toBeCloseTo(0.84 / 8, 12)
})

test('a plan from the form is one that a coordinator takes', () => {
  const spec = parseRolloutSpec(
    planOfForm({ ...firstPlan, groups: '2, 25%,100%', soakMinutes: '1.5', lossPercent: '2', pauses: true }),
  )
  expect(spec.groups.map(({ size }) => size)).toEqual([{ count: 2 }, { share: 0.25 }, { share: 1 }])
  expect([spec.soakMs, spec.analysis[0]?.worseBy, spec.success.then, spec.approval]).toEqual([
    90_000,
    0.02,
    'pause',
    false,
  ])
  expect(planFaults(firstPlan)).toEqual({})
  expect(
    Object.keys(planFaults({ ...firstPlan, groups: '1, half', soakMinutes: 'ten', lossPercent: '101' })),
  ).toEqual([...['groups', 'soakMinutes', 'lossPercent']])
  expect(planFaults({ ...firstPlan, groups: '1, 50%' })).toHaveProperty('groups')
})
