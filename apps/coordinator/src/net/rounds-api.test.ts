import type { RoundSummary, RoundView } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { type Manner, startAgent } from '../agent.fixture.js'
import { startFleet, until } from '../fleet.fixture.js'

test('a run says per round and agent what happened, also after a restart', async () => {
  await using fleet = await startFleet()
  const declining: Manner = {
    labels: { site: 'north' },
    train: async (agent, { assignmentId }) => {
      await agent.emit('decline', { assignmentId, code: 'LRC-6004', message: 'not at night' })
    },
  }
  await startAgent(fleet, 'graz', { labels: { site: 'south' } })
  await startAgent(fleet, 'oslo', { delta: 4, labels: { site: 'north' }, tokens: 60 })
  await startAgent(fleet, 'turin', { delta: 8, labels: { site: 'north' }, tokens: 180 })
  await startAgent(fleet, 'vaduz', declining)
  const runId = await fleet.startRun({ rounds: { count: 1, minimum: 2, where: 'label.site == north' } })
  await fleet.event(runId, 'run-ended')
  const show = async () => (await fleet.api('GET', '/api/v1/runs/tone/rounds/1')).body as RoundView
  const view = await show()
  expect([view.run, view.state, view.release, view.attempts.length]).toEqual([runId, 'committed', 'v1', 1])
  const agents = view.attempts[0]?.agents ?? []
  expect(agents.map(({ name, fate, code, message }) => [name, fate, code, message])).toEqual([
    ['oslo', 'accepted', null, null],
    ['turin', 'accepted', null, null],
    ['vaduz', 'declined', 'LRC-6004', 'not at night'],
    ['graz', 'unsuited', null, 'label.site is south, needed: == north'],
  ])
  expect(agents[0]).toMatchObject({ trainSeconds: 0.007, lossFirst: 3, lossLast: 2, tokens: 60 })
  const { bytesUp = 0, bytesDown = 0 } = agents[0] ?? {}
  expect(bytesUp).toBeGreaterThan(4 * 128) // 2 modules of 2 layers, rank 2, width 8: 128 floats
  expect(bytesDown).toBeGreaterThan(4 * 128)
  const { rounds } = (await fleet.api('GET', `/api/v1/runs/${runId}/rounds`)).body as {
    rounds: RoundSummary[]
  }
  expect(rounds).toMatchObject([
    { round: 1, seats: 3, accepted: 2, reasons: [{ kind: 'declined', code: 'LRC-6004', count: 1 }] },
  ])
  await fleet.restart()
  expect(await show()).toEqual(view)
  expect((await fleet.api('GET', '/api/v1/runs/tone/rounds/2')).body).toMatchObject({
    ...{ code: 'LRC-3013', status: 404, expected: '1 to 1' },
  })
})

test('a round that is open says which of its agents stand still, and why, until they go on', async () => {
  await using fleet = await startFleet()
  const assigned = new Map<string, string>()
  const train: Manner['train'] = async ({ name }, { assignmentId }) => void assigned.set(name, assignmentId)
  const oslo = await startAgent(fleet, 'oslo', { train })
  const turin = await startAgent(fleet, 'turin', { train })
  await fleet.startRun()
  await until(() => assigned.size === 2)
  const waitingOf = async () => {
    const view = (await fleet.api('GET', '/api/v1/runs/tone/rounds/1')).body as RoundView
    return view.attempts[0]?.agents.map(({ fate, waiting }) => [fate, waiting])
  }
  const report = (step: number, more: object) => {
    const now = {
      assignmentId: assigned.get('oslo'),
      phase: 'train',
      step,
      steps: 5,
      loss: null,
      tokensPerSecond: null,
    }
    return oslo.emit('progress', { ...now, ...more })
  }
  await report(2, { waiting: 'paused by its owner' })
  expect(await waitingOf()).toEqual([
    ['training', 'paused by its owner'],
    ['training', null],
  ])
  turin.close()
  await report(3, {})
  await expect.poll(waitingOf).toEqual([
    ['training', null],
    ['training', 'it is not connected'],
  ])
})
