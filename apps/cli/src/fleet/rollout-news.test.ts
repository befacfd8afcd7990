import type { RolloutDetail } from '@lorica/protocol'
import { describe, expect, test } from 'vitest'
import { rolloutNews, rolloutNewsLines } from './rollout-news.js'

const metric = {
  ...{ metric: 'loss' as const, of: 'all agents', verdict: 'inconclusive' as const, isEnforced: true },
  ...{
    champion: 2,
    difference: 0.1,
    low: -1,
    high: 1,
    tolerated: 0.02,
    count: 9,
    text: 'loss of all agents: open',
  },
}
const agent = {
  ...{
    agentId: 'a1',
    name: 'oslo',
    group: 1,
    has: 'v1',
    outcome: 'waiting' as const,
    isServed: null,
    reason: null,
  },
}
const group = { group: 1, name: 'canary', agents: 2, state: 'open' as const, applied: 0, failed: 0, away: 0 }
const line = { seq: 7, at: '2026-01-01T00:00:00.000Z', what: 'created', text: 'v1 -> v2', evidence: null }
const first = {
  ...{ rollout: 'rollout-1', history: [line], groups: [group], metrics: [metric], agents: [agent] },
} as unknown as RolloutDetail

describe('what is new in a rollout', () => {
  test('is its whole story at first, and nothing while nothing changes', () => {
    expect(rolloutNews(undefined, first)).toEqual([{ type: 'step', rollout: 'rollout-1', ...line }])
    expect(rolloutNews(first, first)).toEqual([])
  })

  test('is each step once, and the groups, metrics and agents that changed', () => {
    const step = { ...line, seq: 9, what: 'soaking', text: 'group 1 has it and soaks', evidence: [metric] }
    const now = {
      ...first,
      history: [line, step],
      groups: [{ ...group, applied: 1, failed: 1 }],
      metrics: [{ ...metric, verdict: 'fail', text: 'loss of all agents: fail' }],
      agents: [{ ...agent, outcome: 'failed', reason: 'LRC-6026: no' }],
    } as RolloutDetail
    const news = rolloutNews(first, now)
    expect(news.map(({ type }) => type)).toEqual(['step', 'group', 'metric', 'agent'])
    expect(rolloutNewsLines(news, first)).toEqual([
      'group 1 has it and soaks',
      '  loss of all agents: open',
      '  group 1 (canary): 1/2 have it, 1 failed',
      '  loss of all agents: fail',
      '  oslo failed: LRC-6026: no',
    ])
  })

  test('a metric that keeps its verdict is a line for programs, and none for people', () => {
    const now = { ...first, metrics: [{ ...metric, difference: 0.2, count: 12 }] } as RolloutDetail
    const news = rolloutNews(first, now)
    expect(news).toEqual([{ type: 'metric', rollout: 'rollout-1', ...metric, difference: 0.2, count: 12 }])
    expect(rolloutNewsLines(news, first)).toEqual([])
  })
})
