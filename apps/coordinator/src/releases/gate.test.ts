import { describe, expect, test } from 'vitest'
import type { Measured } from '../journal/event.js'
import { judge, judgePooled } from './gate.js'

const evaluate = { holdout: 0.1, tokens: 1024, guards: [{ metric: 'loss' as const, worseBy: 0.01 }] }

function measured(losses: Readonly<Record<string, readonly [loss: number, tokens: number]>>): Measured {
  const perAgent = Object.entries(losses).map(([agentId, [loss, tokens]]) => ({ agentId, loss, tokens }))
  const tokens = perAgent.reduce((sum, agent) => sum + agent.tokens, 0)
  const loss =
    tokens === 0 ? null : perAgent.reduce((sum, agent) => sum + agent.loss * agent.tokens, 0) / tokens
  return { loss, tokens, perAgent, seconds: 0.5 }
}

describe('judge', () => {
  test('a better candidate is released', () => {
    const verdict = judge(measured({ a: [2, 100] }), measured({ a: [3, 100] }), evaluate)
    expect([verdict.verdict, verdict.loss, verdict.parentLoss]).toEqual(['released', 2, 3])
  })

  test('a candidate may be worse by what the guard allows and no more', () => {
    const parent = measured({ a: [2, 100] })
    expect(judge(measured({ a: [2.019, 100] }), parent, evaluate).verdict).toBe('released')
    const verdict = judge(measured({ a: [2.021, 100] }), parent, evaluate)
    expect([verdict.verdict, verdict.reason]).toEqual([
      'rejected',
      'loss 2.0210, before 2.0000: worse by more than 1.0%',
    ])
  })

  test('only agents that measured both are compared, each with its tokens', () => {
    const candidate = measured({ a: [2, 100], b: [4, 300], new: [9, 1000] })
    const parent = measured({ a: [1, 100], b: [5, 300], gone: [0.1, 1000] })
    const verdict = judge(candidate, parent, evaluate)
    expect([verdict.loss, verdict.parentLoss, verdict.verdict]).toEqual([3.5, 4, 'released'])
  })

  test('without guards a worse candidate is released', () => {
    expect(judge(measured({ a: [5, 9] }), measured({ a: [3, 9] }), { ...evaluate, guards: [] }).verdict).toBe(
      'released',
    )
  })

  test('a candidate that nobody measured is rejected, unless nothing is held out', () => {
    const parent = measured({ a: [3, 9] })
    expect(judge(measured({}), parent, evaluate)).toMatchObject({
      verdict: 'rejected',
      reason: 'no agent measured it',
    })
    expect(judge(measured({}), parent, { ...evaluate, holdout: 0 }).verdict).toBe('released')
  })
})

test('where only the mean over all agents is told, the means are compared, and too few agents reject', () => {
  const told = (loss: number | null) => ({ loss, tokens: loss === null ? 0 : 120, perAgent: [], seconds: 1 })
  expect(judgePooled(told(2.02), told(2), evaluate)).toMatchObject({
    verdict: 'released',
    parentLoss: 2,
  })
  expect(judgePooled(told(2.03), told(2), evaluate)).toMatchObject({
    verdict: 'rejected',
    reason: 'loss 2.0300, before 2.0000: worse by more than 1.0%',
  })
  expect(judgePooled(told(null), told(2), evaluate)).toMatchObject({
    verdict: 'rejected',
    reason: expect.stringContaining('fewer than 3 agents'),
  })
  expect(judgePooled(told(2.5), told(null), evaluate).verdict).toBe('released')
})
