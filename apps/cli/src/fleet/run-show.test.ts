import { LoricaError, type RoundView, type RunView } from '@lorica/protocol'
import { describe, expect, test } from 'vitest'
import type { Api } from './api.js'
import { guardsOfRunLines, guardText, lastCandidateOf } from './run-show.js'

const finding = (verdict: 'pass' | 'fail' | 'inconclusive') => ({
  ...{
    metric: 'loss' as const,
    of: 'all',
    mode: 'enforce' as const,
    verdict,
    agentId: null,
    value: 2.1,
    before: 2,
  },
  ...{ allowed: 0.02, interval: null, examples: 40 },
})
const spec = {
  evaluate: {
    guards: [
      { metric: 'loss', worseBy: 0.01 },
      { metric: 'accuracy', worseBy: 0.005, of: 'label.site', confidence: 0.95, mode: 'dry-run' },
    ],
  },
} as unknown as RunView['spec']
const committed = { round: 3, verdict: 'rejected', reason: 'loss 2.1, before 2', guards: [finding('fail')] }
const view = (more: object) =>
  ({
    run: 'tone-1',
    spec,
    endedAt: null,
    reason: 'waits',
    rounds: [committed],
    ...more,
  }) as unknown as RunView
const answering = (answer: () => RoundView): Api & { readonly asked: string[] } => {
  const asked: string[] = []
  const get = async (path: string) => {
    asked.push(path)
    return answer()
  }
  return { asked, get } as unknown as Api & { readonly asked: string[] }
}

describe('run show', () => {
  test('says what guards are told, in words', () => {
    expect(spec.evaluate.guards.map(guardText)).toEqual([
      'loss worse by at most 1 %, by the means',
      'accuracy worse by at most 0.5 %, for each value of label.site, with a confidence of 95 %; dry run, it decides nothing',
    ])
    expect(guardsOfRunLines({ spec: { ...spec, evaluate: { ...spec.evaluate, guards: [] } } }, null)).toEqual(
      ['', 'guards: none (evaluate.guards of the run file)'],
    )
  })

  test('shows the findings of the candidate that waits for a person before those of the last committed one', async () => {
    const open = { round: 4, guards: [finding('inconclusive')] } as unknown as RoundView
    const api = answering(() => open)
    const held = await lastCandidateOf(api, view({}))
    expect(api.asked).toEqual(['/api/v1/runs/tone-1/rounds/4'])
    expect(held).toEqual({ round: 4, verdict: 'waits for a person', reason: 'waits', guards: open.guards })
    expect(guardsOfRunLines({ spec }, held).slice(-3)).toEqual([
      'the candidate of round 4: waits for a person; waits',
      '  guard  before     now  allowed  worse by       verdict',
      '  loss   2.0000  2.1000   0.0200         -  inconclusive',
    ])
  })

  test('asks for no open round of a run that has ended, and takes one that was never planned for none', async () => {
    const ended = answering(() => Promise.reject(new Error('not asked')) as never)
    const last = { round: 3, verdict: 'rejected', reason: 'loss 2.1, before 2', guards: [finding('fail')] }
    expect(await lastCandidateOf(ended, view({ endedAt: '2026-01-01T00:00:00Z' }))).toEqual(last)
    expect(ended.asked).toEqual([])
    const unplanned = answering(() => {
      throw new LoricaError('LRC-3013', 'no round 4')
    })
    expect(await lastCandidateOf(unplanned, view({}))).toEqual(last)
    expect(await lastCandidateOf(unplanned, view({ rounds: [] }))).toBeNull()
  })
})
