import type { AgentView, RoundView, TrainAssignment } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { type Manner, offerOf, type ScriptedAgent, startAgent, updateBytes } from '../agent.fixture.js'
import { type Fleet, startFleet, until } from '../fleet.fixture.js'

const hold: Manner = { train: () => new Promise(() => {}) }
const asked = async (agent: ScriptedAgent): Promise<TrainAssignment> => {
  const found = () => agent.assignments.find((one): one is TrainAssignment => one.kind === 'train')
  await until(() => found() !== undefined)
  return found()!
}
const codeOf = (reply: { refusal?: { code: string } }) => reply.refusal?.code
const alarmOf = async (fleet: Fleet, name: string) =>
  ((await fleet.api('GET', `/api/v1/agents/${name}`)).body as AgentView).alarm

test('a round that gets nothing valid is abandoned with the reasons counted, and makes no release', async () => {
  await using fleet = await startFleet()
  const diverged: Manner = {
    train: async (agent, one) => void (await agent.upload(one, Number.NaN).catch(() => {})),
  }
  const declining: Manner = {
    train: async (agent, { assignmentId }) =>
      void (await agent.emit('decline', { assignmentId, code: 'LRC-6004', message: 'not at night' })),
  }
  for (const [name, manner] of Object.entries({ graz: diverged, oslo: diverged, turin: declining }))
    await startAgent(fleet, name, manner)
  const runId = await fleet.startRun({ rounds: { count: 2, minimum: 2 } })
  await fleet.event(runId, 'run-ended')
  const run = await fleet.run(runId)
  expect([run.state, run.release, run.rounds]).toEqual(['failed', null, []])
  const round = (await fleet.api('GET', `/api/v1/runs/${runId}/rounds/1`)).body as RoundView
  expect([round.state, round.attempts.length, round.attempts[0]?.reasons]).toEqual([
    'failed',
    1,
    [
      { kind: 'refused', code: 'LRC-4011', count: 2 },
      { kind: 'declined', code: 'LRC-6004', count: 1 },
    ],
  ])
  expect((await fleet.api('GET', '/api/v1/releases')).body).toEqual({ releases: [], aliases: {} })
})

test('a second, different update and the assignment of another are refused, and somebody hears of it', async () => {
  await using fleet = await startFleet()
  const [oslo, turin] = [await startAgent(fleet, 'oslo', hold), await startAgent(fleet, 'turin', hold)]
  const runId = await fleet.startRun()
  const [own, other] = [await asked(oslo), await asked(turin)]
  await oslo.upload(own, 4)
  expect(codeOf(await oslo.emit('update.open', offerOf(own, await updateBytes(oslo, own, 5))))).toBe(
    'LRC-4013',
  )
  await expect.poll(() => alarmOf(fleet, 'oslo')).toMatchObject({ kind: 'conflicting-update' })
  const stolen = await updateBytes(oslo, other, 99)
  expect(codeOf(await oslo.emit('update.open', offerOf(other, stolen)))).toBe('LRC-4001')
  await expect
    .poll(() => alarmOf(fleet, 'oslo'))
    .toMatchObject({
      ...{ kind: 'foreign-assignment', detail: `it used assignment ${other.assignmentId} of turin` },
    })
  const unknown = { ...other, assignmentId: 'never-given' }
  expect(codeOf(await turin.emit('update.open', offerOf(unknown, stolen)))).toBe('LRC-4001')
  expect(await alarmOf(fleet, 'turin')).toBeNull()
  await turin.upload(other, 8)
  await fleet.event(runId, 'run-ended')
  const { contributions } = (await fleet.run(runId)).rounds[0]!
  expect(contributions.map(({ name, norm }) => [name, Math.round(norm!)]).sort()).toEqual([
    ['oslo', 45], // 4 * sqrt(128 values)
    ['turin', 91],
  ])
})

test('a coordinator that is told to stop as an update closes has either answered it or goes on with it', async () => {
  await using fleet = await startFleet()
  const [oslo, turin] = [await startAgent(fleet, 'oslo', hold), await startAgent(fleet, 'turin', hold)]
  const runId = await fleet.startRun({ rounds: { count: 1, minimum: 2 } })
  const [own, other] = [await asked(oslo), await asked(turin)]
  await turin.upload(other, 8)
  const bytes = await updateBytes(oslo, own, 4)
  const { uploadId } = await oslo.emit('update.open', offerOf(own, bytes))
  await oslo.emit('update.chunk', { uploadId, offset: 0, bytes })
  const closing = oslo.emit('update.close', { uploadId }).catch(() => undefined) // the connection may be faster
  await fleet.restart()
  const closed = await closing
  const back = await startAgent(fleet, 'oslo', hold, oslo.identity)
  const offered = await back.emit('update.open', offerOf(own, bytes))
  if (closed?.ok) expect(offered.receipt).toEqual(closed.receipt)
  else if (offered.receipt === undefined) await back.upload(own, 4)
  await startAgent(fleet, 'turin', { train: () => expect.fail('asked again') }, turin.identity)
  await fleet.event(runId, 'run-ended')
  const [record] = (await fleet.run(runId)).rounds
  expect([record?.attempt, record?.contributions.length]).toEqual([1, 2])
})

test('whoever does not answer in time may have its assignment all the same: that is no refusal', async () => {
  await using fleet = await startFleet()
  const late = { ok: false, refusal: { code: 'LRC-1009', message: 'no answer in 30 s' } } // what silence comes to
  const agents = await Promise.all(
    ['oslo', 'turin'].map((name) => startAgent(fleet, name, { delta: 3, reply: late })),
  )
  const runId = await fleet.startRun({ evaluate: { holdout: '10%' }, rounds: { count: 2, minimum: 2 } })
  await fleet.event(runId, 'run-ended')
  const run = await fleet.run(runId)
  expect(run.rounds.map(({ attempt, refused }) => [attempt, refused])).toEqual([
    [1, []],
    [1, []],
  ])
  expect(agents.map(({ receipts }) => receipts.length)).toEqual([2, 2])
})
