import type { AggregationView } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { aggregationLines, measuredLines } from './aggregation-lines.js'

const agreement = { mean: 0.25, least: -0.125 }
const view: AggregationView = {
  ...{ strategy: 'svd', exact: true, error: 0.0125, averagedError: 0.25, norm: 4, change: 0.5, agreement },
  agents: [
    { agentId: 'a1', name: 'oslo', share: 0.25, change: 0.75, cosine: 0.5 },
    { agentId: 'a2', name: 'turin', share: 0.75, change: null, cosine: null },
  ],
  modules: [
    {
      ...{ module: 'layers.0.q_proj', rank: 8, norm: 3, change: 0.375, error: 0.0625, averagedError: null },
      agreement: null,
    },
  ],
  notes: ['a note'],
}

test('an aggregate is told in one line, with what was done to it beside', () => {
  expect(aggregationLines(view)).toEqual([
    'svd: 1.25 % off the exact mean, averaging A and B 25.0 %; updates agree 0.250, least -0.125',
    'a note',
  ])
  const side = { rank: 24, maxRank: 32, dropped: 0.03125 }
  expect(aggregationLines({ ...view, notes: [], optimizer: 'yogi', side, agreement: null })).toEqual([
    'svd: 1.25 % off the exact mean, averaging A and B 25.0 %',
    'beside what is trained: frozen factors of rank 24, at most 32, which left out 3.13 % of their energy',
    'then a step of yogi: the figures are of the aggregate before it',
  ])
})

test('a robust rule is told with whom it left out or counted as less', () => {
  const ruled = (name: string, weight: number | null, norm: number) => ({ agentId: name, name, weight, norm })
  const agents = [
    ruled('oslo', 0.375, 1),
    ruled('turin', 0.25, 2),
    ruled('graz', 0.125, 8),
    ruled('mallory', 0, 16),
  ]
  const rule = { rule: 'norm-bound', liars: null, share: 0.25, start: 0.25, agents }
  expect(aggregationLines({ ...view, notes: [], agreement: null, rule })).toEqual([
    'svd after norm-bound: 1.25 % off the sum that the rule decided, averaging A and B 25.0 %',
    'graz: counts 12.5 % instead of 25.0 %, change 8.000',
    'mallory: left out instead of 25.0 %, change 16.00',
    'the adapter before counts 25.0 %',
  ])
  const median = {
    ...rule,
    rule: 'median',
    start: 0,
    agents: agents.map((one) => ({ ...one, weight: null })),
  }
  expect(aggregationLines({ ...view, notes: [], error: null, rule: median })).toEqual([
    "svd after median: each value is the rule's, and stands beside no mean",
  ])
})

test('what was measured is told by agent and by module', () => {
  expect(measuredLines(view).map((line) => line.trimEnd())).toEqual([
    '',
    'agent   share  change  cosine with the mean',
    'oslo   25.0 %  0.7500                 0.500',
    'turin  75.0 %       -                     -',
    '',
    'module           rank  change     off  averaging  agreement',
    'layers.0.q_proj     8  0.3750  6.25 %          -          -',
  ])
  expect(measuredLines({ ...view, modules: [] })).toHaveLength(4)
})
