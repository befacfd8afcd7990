import type { Comparison, EvaluateAssignment, RoundView } from '@lorica/protocol'
import { describe, expect, test } from 'vitest'
import { type Manner, startAgent } from '../agent.fixture.js'
import { type Fleet, startFleet } from '../fleet.fixture.js'

const bin = (labels: number, confidence: number, right: number) => ({ labels, confidence, right })
const bins = (right: number) =>
  Array.from({ length: 10 }, (_, at) => (at === 4 ? bin(64, 28.5, right) : bin(0, 0, 0)))

/** Eight examples, whose differences in loss have this mean and this spread. */
function comparisonOf(mean: number, spread: number): Comparison {
  const sums = { count: 8, sum: 8 * mean, sumOfSquares: 8 * (mean * mean + spread * spread) }
  return {
    ...{ adapter: { right: 30, calibration: bins(30) }, against: { right: 28, calibration: bins(28) } },
    ...{ againstLossSum: 2.6 * 64, loss: sums, accuracy: { count: 8, sum: -0.25, sumOfSquares: 0.125 } },
  }
}

const evaluate = { guards: [{ metric: 'loss', worseBy: '1%', confidence: '95%' }] }
const wide: Manner = { delta: 4, comparison: () => comparisonOf(-0.01, 0.5) }

async function held(fleet: Fleet, changes: object = {}): Promise<string> {
  for (const name of ['oslo', 'turin']) await startAgent(fleet, name, wide)
  const runId = await fleet.startRun({ evaluate, ...changes })
  await waiting(fleet, runId)
  return runId
}

async function waiting(fleet: Fleet, runId: string): Promise<string> {
  for (;;) {
    const { reason, state } = await fleet.run(runId)
    if (state === 'waiting' && reason?.includes('waits for a person')) return reason
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

const decide = (fleet: Fleet, runId: string, verb: string, body: object = {}) =>
  fleet.api('POST', `/api/v1/runs/${runId}/${verb}`, body)

describe('a candidate that guards cannot decide over', () => {
  test('waits for a person, who releases it', async () => {
    await using fleet = await startFleet()
    const runId = await held(fleet)
    expect(await waiting(fleet, runId)).toContain(
      '95.0% confidence over 16 examples, and 1.0% are allowed: too wide to tell. `lorica run approve',
    )
    const open = (await fleet.api('GET', `/api/v1/runs/${runId}/rounds/1`)).body as RoundView
    expect(open.guards).toMatchObject([{ metric: 'loss', verdict: 'inconclusive', examples: 16 }])
    expect((await decide(fleet, runId, 'approve', { reason: 'seen' })).status).toBe(200)
    await fleet.event(runId, 'run-ended')
    const { rounds, state } = await fleet.run(runId)
    expect([state, rounds[0]?.release, rounds[0]?.verdict]).toEqual(['succeeded', 'v1', 'released'])
    expect(rounds[0]?.reason).toMatch(/too wide to tell; approved by an operator: seen$/)
    expect((await decide(fleet, runId, 'reject')).body).toMatchObject({ code: 'LRC-3005' })
  })

  test('is not released where that person rejects it, and the run goes on from the adapter before', async () => {
    await using fleet = await startFleet()
    const runId = await held(fleet, { rounds: { count: 2, minimum: 2 } })
    await decide(fleet, runId, 'reject')
    await fleet.event(runId, 'round-committed')
    const [first] = (await fleet.run(runId)).rounds
    expect([first?.verdict, first?.release]).toEqual(['rejected', null])
    await waiting(fleet, runId)
    await decide(fleet, runId, 'approve')
    await fleet.event(runId, 'run-ended')
    expect((await fleet.run(runId)).rounds.map(({ release }) => release)).toEqual([null, 'v1'])
  })

  test('is decided over once, whoever else decides at the same time', async () => {
    await using fleet = await startFleet()
    const runId = await held(fleet)
    const answers = await Promise.all([decide(fleet, runId, 'reject'), decide(fleet, runId, 'approve')])
    expect(answers.map(({ body }) => (body as { code?: string }).code ?? 'taken')).toEqual([
      'taken',
      'LRC-3024',
    ])
    await fleet.event(runId, 'round-committed')
    expect((await fleet.run(runId)).rounds.map(({ verdict }) => verdict)).toEqual(['rejected'])
  })

  test('still waits after a restart, and is not measured again', async () => {
    await using fleet = await startFleet()
    const asked: EvaluateAssignment[] = []
    const manner: Manner = {
      ...wide,
      comparison(assignment) {
        asked.push(assignment)
        return comparisonOf(0, 0.5)
      },
    }
    for (const name of ['oslo', 'turin']) await startAgent(fleet, name, manner)
    const runId = await fleet.startRun({ evaluate })
    await waiting(fleet, runId)
    expect(asked.map(({ against }) => against?.version)).toEqual([0, 0])
    await fleet.restart()
    expect(await waiting(fleet, runId)).toContain('lorica run approve')
    await decide(fleet, runId, 'approve')
    await fleet.event(runId, 'round-committed')
    expect(asked).toHaveLength(2)
  })
})

test('a candidate that is surely no worse is released without a person, and there is nothing to decide', async () => {
  await using fleet = await startFleet()
  const sure: Manner = { delta: 4, comparison: () => comparisonOf(-0.1, 0.02) }
  for (const name of ['oslo', 'turin']) await startAgent(fleet, name, sure)
  const runId = await fleet.startRun({ evaluate, rounds: { count: 1, minimum: 3 } })
  expect((await decide(fleet, runId, 'approve')).body).toMatchObject({ code: 'LRC-3024' })
  await startAgent(fleet, 'graz', sure)
  await fleet.event(runId, 'run-ended')
  const [round] = (await fleet.run(runId)).rounds
  expect([round?.release, round?.guards?.[0]?.verdict]).toEqual(['v1', 'pass'])
})
