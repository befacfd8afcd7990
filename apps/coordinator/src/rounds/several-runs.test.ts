import type { ReleaseView, RoundView, RunView, TrainAssignment } from '@lorica/protocol'
import { describe, expect, test } from 'vitest'
import { type Manner, offerOf, type ScriptedAgent, startAgent, updateBytes } from '../agent.fixture.js'
import { type Fleet, startFleet, until } from '../fleet.fixture.js'

const rounds = { count: 3, minimum: 2 }
const manners: Readonly<Record<string, Manner>> = {
  oslo: { delta: 0.1, tokens: 33 },
  turin: { delta: 0.7, tokens: 57 },
}
const finish = (fleet: Fleet, runId: string) => fleet.event(runId, 'run-ended')

async function startBoth(fleet: Fleet): Promise<readonly ScriptedAgent[]> {
  return Promise.all(Object.entries(manners).map(([name, manner]) => startAgent(fleet, name, manner)))
}

describe('several runs at once', () => {
  test('take turns on the same agents, give each what it gives alone, and number their releases without holes', async () => {
    const alone: (string | null)[] = []
    for (const seed of [5, 6]) {
      await using fleet = await startFleet()
      await startBoth(fleet)
      const runId = await fleet.startRun({ rounds, seed })
      await finish(fleet, runId)
      alone.push((await fleet.run(runId)).adapterSha256)
    }
    await using fleet = await startFleet()
    const agents = await startBoth(fleet)
    const runIds = await Promise.all(
      [5, 6].map((seed) => fleet.startRun({ name: `tone-${seed}`, rounds, seed })),
    )
    await Promise.all(runIds.map((runId) => finish(fleet, runId)))
    const runs = await Promise.all(runIds.map((runId) => fleet.run(runId)))
    expect(runs.map(({ state }) => state)).toEqual(['succeeded', 'succeeded'])
    expect(runs.map(({ adapterSha256 }) => adapterSha256)).toEqual(alone)
    const names = runs.flatMap(({ rounds: records }) => records.map(({ release }) => release))
    expect([...names].sort()).toEqual(['v1', 'v2', 'v3', 'v4', 'v5', 'v6'])
    const { releases } = (await fleet.api('GET', '/api/v1/releases')).body as { releases: ReleaseView[] }
    expect(releases.map(({ manifest }) => manifest.version)).toEqual([1, 2, 3, 4, 5, 6])
    const trained = agents[0]!.assignments.filter(({ kind }) => kind === 'train').map(({ runId }) => runId)
    const turns = trained.filter((runId, index) => index > 0 && runId !== trained[index - 1]).length
    expect(turns).toBeGreaterThan(1) // neither had to wait for the end of the other
  })

  test('one that fails, waits or is cancelled leaves the others alone', async () => {
    await using fleet = await startFleet()
    await startBoth(fleet)
    const waiting = await fleet.startRun({ name: 'big', rounds: { count: 1, minimum: 9 } })
    const runId = await fleet.startRun({ name: 'small', rounds: { count: 1, minimum: 2 } })
    await finish(fleet, runId)
    expect((await fleet.run(waiting)).state).toBe('waiting')
    expect((await fleet.api('POST', `/api/v1/runs/${waiting}/cancel`)).status).toBe(200)
    const { runs } = (await fleet.api('GET', '/api/v1/runs')).body as { runs: RunView[] }
    expect(runs.map(({ name, state }) => [name, state])).toEqual([
      ['big', 'cancelled'],
      ['small', 'succeeded'],
    ])
  })
})

describe('time', () => {
  const hold: Manner = { train: () => new Promise(() => {}) }
  const isTraining = ({ assignments }: ScriptedAgent) => assignments.some(({ kind }) => kind === 'train')
  const asked = (agent: ScriptedAgent) =>
    agent.assignments.find((one): one is TrainAssignment => one.kind === 'train')!

  test('an agent that is six minutes away finds its round open, and its work counts', async () => {
    await using fleet = await startFleet(undefined, { leaseMs: 15_000 })
    await startAgent(fleet, 'oslo', { delta: 4 })
    const away = await startAgent(fleet, 'turin', hold)
    const runId = await fleet.startRun()
    await fleet.event(runId, 'update-accepted')
    await until(() => isTraining(away))
    away.close()
    await expect
      .poll(async () => (await fleet.api('GET', '/api/v1/agents/turin')).body)
      .toMatchObject({ state: 'away' })
    fleet.pass(6 * 60_000)
    const back = await startAgent(fleet, 'turin', hold, away.identity)
    await until(() => isTraining(back))
    expect(asked(back).assignmentId).toBe(asked(away).assignmentId)
    await back.upload(asked(back), 8)
    await finish(fleet, runId)
    const [record] = (await fleet.run(runId)).rounds
    expect([record?.attempt, record?.contributions.length]).toEqual([1, 2])
  })

  test('one that is connected and does nothing for long loses its seat, and the round says so', async () => {
    await using fleet = await startFleet()
    for (const name of ['oslo', 'turin']) await startAgent(fleet, name, { delta: 4 })
    const hung = await startAgent(fleet, 'graz', hold)
    const runId = await fleet.startRun()
    await until(() => isTraining(hung))
    await expect
      .poll(async () => (await fleet.api('GET', `/api/v1/runs/${runId}/rounds/1`)).body)
      .toMatchObject({
        attempts: [{ agents: [{ fate: 'training' }, { fate: 'accepted' }, { fate: 'accepted' }] }],
      })
    fleet.pass(36_001) // 120 leases of 300 ms
    await finish(fleet, runId)
    const { attempts } = (await fleet.api('GET', `/api/v1/runs/${runId}/rounds/1`)).body as RoundView
    expect(attempts[0]?.agents[0]).toMatchObject({ name: 'graz', fate: 'absent', code: 'LRC-4002' })
    expect(attempts[0]?.agents[0]?.message).toMatch(/^connected, but made no progress for 3\d s$/)
  })

  test('an update after the deadline is refused with the time at which its round closed', async () => {
    await using fleet = await startFleet()
    const prompt = await Promise.all(['oslo', 'turin'].map((name) => startAgent(fleet, name, { delta: 4 })))
    const late = await startAgent(fleet, 'graz', hold)
    const runId = await fleet.startRun({ rounds: { count: 1, minimum: 2, deadline: '1h' } })
    await until(() => isTraining(late) && prompt.every(({ receipts }) => receipts.length > 0))
    fleet.setAhead(2 * 3600_000) // somebody sets the clock: no deadline passes by that
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect((await fleet.run(runId)).rounds).toEqual([])
    fleet.pass(3600_000)
    await finish(fleet, runId)
    const { attempts } = (await fleet.api('GET', `/api/v1/runs/${runId}/rounds/1`)).body as RoundView
    const offer = offerOf(asked(late), await updateBytes(late, asked(late), 2))
    const { refusal } = await late.emit('update.open', offer)
    expect([refusal?.code, refusal?.message]).toEqual([
      'LRC-4002',
      `round 1 closed at ${attempts[0]?.closedAt}`,
    ])
  })

  test('the deadline of a round is that of the journal, also after a restart', async () => {
    await using fleet = await startFleet(undefined, { leaseMs: 120_000 })
    const quick = [
      await startAgent(fleet, 'oslo', { delta: 4 }),
      await startAgent(fleet, 'turin', { delta: 4 }),
    ]
    let late = await startAgent(fleet, 'graz', hold)
    const runId = await fleet.startRun({
      rounds: { count: 1, minimum: 2, deadline: '1h' },
      evaluate: { holdout: 0 },
    })
    await until(() => isTraining(late) && quick.every(({ receipts }) => receipts.length > 0))
    let step = 0
    const train = async (minutes: number) => {
      for (let minute = 0; minute < minutes; minute++) {
        fleet.pass(60_000)
        const now = { phase: 'train', step: ++step, steps: 100, loss: 2.5, tokensPerSecond: 7 }
        await late.emit('progress', { assignmentId: asked(late).assignmentId, ...now })
      }
    }
    await train(40)
    await fleet.restart()
    late = await startAgent(fleet, 'graz', hold, late.identity)
    await until(() => isTraining(late))
    await train(19)
    await new Promise((resolve) => setTimeout(resolve, 200))
    const round = async () => (await fleet.api('GET', `/api/v1/runs/${runId}/rounds/1`)).body as RoundView
    expect((await round()).state).toBe('open')
    await train(2)
    await finish(fleet, runId)
    expect((await round()).attempts[0]?.agents.map(({ name, fate, code }) => [name, fate, code])).toEqual([
      ['graz', 'absent', 'LRC-4002'],
      ['oslo', 'accepted', null],
      ['turin', 'accepted', null],
    ])
  })

  test('an upload that is under way at the deadline may finish, one that is not may not begin', async () => {
    await using fleet = await startFleet(undefined, { leaseMs: 15_000 })
    await startAgent(fleet, 'oslo', { delta: 4 })
    const [slow, late] = [await startAgent(fleet, 'graz', hold), await startAgent(fleet, 'turin', hold)]
    const runId = await fleet.startRun({
      rounds: { count: 1, minimum: 1, deadline: '1h', late: { grace: '10m' } },
    })
    await fleet.event(runId, 'update-accepted')
    await until(() => [slow, late].every(isTraining))
    const bytes = await updateBytes(slow, asked(slow), 8)
    const { uploadId } = (await slow.emit('update.open', offerOf(asked(slow), bytes))) as unknown as {
      uploadId: string
    }
    const half = Math.floor(bytes.byteLength / 2)
    await slow.emit('update.chunk', { uploadId, offset: 0, bytes: bytes.subarray(0, half) })
    fleet.pass(3600_000 - 5_000)
    let offset = half
    for (const step of [5_000, 0, 0]) {
      fleet.pass(step)
      const part = bytes.subarray(offset, offset + 40)
      expect(await slow.emit('update.chunk', { uploadId, offset, bytes: part })).toMatchObject({ ok: true })
      offset += part.byteLength
    }
    const offer = offerOf(asked(late), await updateBytes(late, asked(late), 2))
    expect(await late.emit('update.open', offer)).toMatchObject({ refusal: { code: 'LRC-4002' } })
    await slow.emit('update.chunk', { uploadId, offset, bytes: bytes.subarray(offset) })
    expect(await slow.emit('update.close', { uploadId })).toMatchObject({ ok: true, receipt: { round: 1 } })
    await finish(fleet, runId)
    const [record] = (await fleet.run(runId)).rounds
    expect(record?.contributions.map(({ name }) => name).sort()).toEqual(['graz', 'oslo'])
  })
})

describe('a revoked agent', () => {
  test('brings nothing to the open round, even what was accepted before', async () => {
    await using fleet = await startFleet()
    const thief = await startAgent(fleet, 'thief', { delta: 99 })
    await startAgent(fleet, 'oslo', { delta: 4 })
    const slow = await startAgent(fleet, 'turin', { train: () => new Promise(() => {}) })
    const runId = await fleet.startRun({ rounds: { count: 1, minimum: 2 } })
    await until(() => thief.receipts.length > 0)
    await until(() => slow.assignments.some(({ kind }) => kind === 'train'))
    expect((await fleet.api('POST', '/api/v1/agents/thief/revoke')).status).toBe(200)
    await until(() => !thief.socket.connected)
    const assignment = slow.assignments.find((one): one is TrainAssignment => one.kind === 'train')!
    await slow.upload(assignment, 4)
    await finish(fleet, runId)
    const run = await fleet.run(runId)
    expect(run.rounds[0]?.contributions.map(({ name }) => name).sort()).toEqual(['oslo', 'turin'])
    expect(run.rounds[0]?.refused).toMatchObject([{ name: 'thief', kind: 'refused', code: 'LRC-2011' }])
  })

  test('brings nothing to a release that is being written', async () => {
    let release: (() => void) | undefined
    await using fleet = await startFleet(undefined, {}, (host) => ({
      ...host,
      disk: {
        ...host.disk,
        async write(path, from, mode) {
          if (path.includes('manifest.sig') && release === undefined)
            await new Promise<void>((resolve) => (release = resolve))
          return host.disk.write(path, from, mode)
        },
      },
    }))
    await startAgent(fleet, 'thief', { delta: 99 })
    await startAgent(fleet, 'oslo', { delta: 4 })
    await startAgent(fleet, 'turin', { delta: 5 })
    const runId = await fleet.startRun({ rounds: { count: 1, minimum: 2 } })
    await until(() => release !== undefined)
    expect((await fleet.api('POST', '/api/v1/agents/thief/revoke')).status).toBe(200)
    release?.()
    await finish(fleet, runId)
    const { releases } = (await fleet.api('GET', '/api/v1/releases')).body as { releases: ReleaseView[] }
    const names = releases.map(({ manifest }) => manifest.contributions.map(({ name }) => name).sort())
    expect(names).toEqual([['oslo', 'turin']])
  })
})
