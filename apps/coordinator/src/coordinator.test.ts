import { createHash } from 'node:crypto'
import { decodeSafetensors, floatTensor } from '@lorica/peft-core'
import { type ReleaseView, type RunView, type TrainAssignment, verifyRelease } from '@lorica/protocol'
import { describe, expect, test } from 'vitest'
import { type Manner, startAgent } from './agent.fixture.js'
import { type Fleet, startFleet, until } from './fleet.fixture.js'

async function newestB(fleet: Fleet, run: RunView): Promise<readonly number[]> {
  const { body } = await fleet.api('GET', `/api/v1/blobs/${run.adapterSha256}`)
  expect(
    createHash('sha256')
      .update(body as Buffer)
      .digest('hex'),
  ).toBe(run.adapterSha256)
  const tensors = [...decodeSafetensors(body as Buffer)].filter(([name]) => name.includes('lora_B'))
  return [...new Set(tensors.flatMap(([, raw]) => [...floatTensor(raw).data]))]
}

function finish(fleet: Fleet, runId: string): Promise<unknown> {
  return fleet.event(runId, 'run-ended')
}

describe('a run', () => {
  test('two agents make a signed release that is the weighted mean of their updates', async () => {
    await using fleet = await startFleet()
    await startAgent(fleet, 'oslo', { delta: 4, tokens: 60, loss: ({ round }) => 3 - round })
    await startAgent(fleet, 'turin', { delta: 8, tokens: 180, loss: ({ round }) => 3 - round })
    const runId = await fleet.startRun()
    await finish(fleet, runId)
    const run = await fleet.run(runId)
    expect([run.state, run.release, run.baseline?.loss, run.final?.loss]).toEqual(['succeeded', 'v1', 3, 2])
    expect(await newestB(fleet, run)).toEqual([0.25 * 4 + 0.75 * 8])
    const [record] = run.rounds
    expect(record?.contributions.map(({ name, weight }) => [name, weight]).sort()).toEqual([
      ['oslo', 0.25],
      ['turin', 0.75],
    ])
    expect([record?.loss, record?.parentLoss, record?.trainSeconds]).toEqual([2, 3, 0.007])
    const release = (await fleet.api('GET', '/api/v1/releases/v1')).body as ReleaseView
    const manifest = verifyRelease(release.signed, release.manifest.coordinatorPublicKey, {
      baseSha256: run.base.sha256,
    })
    expect(manifest.files.map(({ sha256 }) => sha256)).toContain(run.adapterSha256)
    expect(manifest.evaluation.loss).toBe(2)
  })

  test('the next round starts from the release, and versions only grow', async () => {
    await using fleet = await startFleet()
    const agents = [
      await startAgent(fleet, 'oslo', { delta: 1 }),
      await startAgent(fleet, 'turin', { delta: 3 }),
    ]
    const runId = await fleet.startRun({ rounds: { count: 3, minimum: 2 } })
    await finish(fleet, runId)
    const run = await fleet.run(runId)
    expect(run.rounds.map(({ release }) => release)).toEqual(['v1', 'v2', 'v3'])
    expect(await newestB(fleet, run)).toEqual([6])
    const trained = agents[0]!.assignments.filter((one): one is TrainAssignment => one.kind === 'train')
    expect(trained.map(({ adapter, local }) => [adapter.version, local.firstStep])).toEqual([
      [0, 0],
      [1, 5],
      [2, 10],
    ])
  })

  test('a seed gives the same bytes with other agents of the same data', async () => {
    const results: (string | null)[] = []
    for (const order of [
      ['oslo', 'turin'],
      ['turin', 'oslo'],
    ]) {
      await using fleet = await startFleet()
      for (const name of order)
        await startAgent(
          fleet,
          name,
          name === 'oslo' ? { delta: 0.1, tokens: 33 } : { delta: 0.7, tokens: 57 },
        )
      const runId = await fleet.startRun({ rounds: { count: 2, minimum: 2 } })
      await finish(fleet, runId)
      results.push((await fleet.run(runId)).adapterSha256)
    }
    expect(results[0]).toBe(results[1])
  })

  test('an update that is not finite is refused by code, and the round goes on without it', async () => {
    await using fleet = await startFleet()
    const broken: Manner = {
      train: async (agent, assignment) => {
        await expect(agent.upload(assignment, Number.NaN)).rejects.toMatchObject({ code: 'LRC-4011' })
        await expect(agent.upload(assignment, 2)).rejects.toMatchObject({ code: 'LRC-4011' })
      },
    }
    await startAgent(fleet, 'oslo', { delta: 4 })
    await startAgent(fleet, 'turin', { delta: 4 })
    await startAgent(fleet, 'graz', broken)
    const runId = await fleet.startRun()
    await finish(fleet, runId)
    const run = await fleet.run(runId)
    expect(run.rounds[0]?.refused.map(({ name, kind, code }) => [name, kind, code])).toEqual([
      ['graz', 'refused', 'LRC-4011'],
    ])
    expect(run.rounds[0]?.refused[0]?.message).toMatch(/model\.layers\.\d\.self_attn\.[qv]_proj\.lora_[AB]/)
    expect(await newestB(fleet, run)).toEqual([4])
  })

  test('a candidate that breaks a guard is not released, and the next round starts where this one did', async () => {
    await using fleet = await startFleet()
    const manner = (delta: number): Manner => ({ delta, loss: ({ round }) => (round === 1 ? 9 : 2) })
    await startAgent(fleet, 'oslo', manner(4))
    await startAgent(fleet, 'turin', manner(4))
    const evaluate = { guards: [{ metric: 'loss', worseBy: '5%' }] }
    const runId = await fleet.startRun({ evaluate, rounds: { count: 2, minimum: 2 } })
    await finish(fleet, runId)
    const run = await fleet.run(runId)
    expect(run.rounds.map(({ verdict, release }) => [verdict, release])).toEqual([
      ['rejected', null],
      ['released', 'v1'],
    ])
    expect(await newestB(fleet, run)).toEqual([4])
  })

  test('a round that too many decline is abandoned, and its run fails with the reasons', async () => {
    await using fleet = await startFleet()
    const declining: Manner = {
      train: async (agent, { assignmentId }) => {
        await agent.emit('decline', { assignmentId, code: 'LRC-6001', message: 'no such file' })
      },
    }
    await startAgent(fleet, 'oslo', { delta: 4 })
    await startAgent(fleet, 'turin', declining)
    const runId = await fleet.startRun()
    const failed = await fleet.event(runId, 'round-failed')
    expect(failed.reason).toContain('turin declined (LRC-6001: no such file)')
    await finish(fleet, runId)
    const run = await fleet.run(runId)
    expect(run.state).toBe('failed')
    expect(run.reason).toContain('LRC-3006')
  })

  test('a round goes on without an agent that went away for longer than its lease', async () => {
    await using fleet = await startFleet()
    await startAgent(fleet, 'oslo', { delta: 4 })
    await startAgent(fleet, 'turin', { delta: 4 })
    await startAgent(fleet, 'graz', { train: async (agent) => agent.close() })
    const runId = await fleet.startRun()
    await finish(fleet, runId)
    const run = await fleet.run(runId)
    expect(run.rounds[0]?.refused.map(({ name, kind }) => [name, kind])).toEqual([['graz', 'absent']])
  })

  test('a round below its minimum takes in an agent that had no seat, or that comes later', async () => {
    const gone: Manner = { train: async (agent) => agent.close() }
    for (const when of ['before', 'after']) {
      await using fleet = await startFleet()
      await startAgent(fleet, 'graz', { delta: 4 })
      await startAgent(fleet, 'oslo', gone)
      if (when === 'before') await startAgent(fleet, 'turin', { delta: 4 })
      const runId = await fleet.startRun({ rounds: { count: 1, goal: 2, minimum: 2 } })
      await fleet.event(runId, 'update-accepted')
      if (when === 'after') await startAgent(fleet, 'turin', { delta: 4 })
      await finish(fleet, runId)
      const [record] = (await fleet.run(runId)).rounds
      expect(record?.contributions.map(({ name }) => name).sort()).toEqual(['graz', 'turin'])
    }
  })

  test('a cancelled run ends at once and is not started again', async () => {
    await using fleet = await startFleet()
    await startAgent(fleet, 'oslo', { train: () => new Promise(() => {}) })
    await startAgent(fleet, 'turin', { delta: 4 })
    const runId = await fleet.startRun()
    await fleet.event(runId, 'update-accepted')
    expect((await fleet.api('POST', `/api/v1/runs/${runId}/cancel`)).status).toBe(200)
    expect((await fleet.api('POST', `/api/v1/runs/${runId}/cancel`)).body).toMatchObject({
      code: 'LRC-3005',
      status: 409,
    })
    await fleet.restart()
    expect((await fleet.run(runId)).state).toBe('cancelled')
  })
})

describe('a restart', () => {
  test('the last measurement waits for the agents to come back', async () => {
    await using fleet = await startFleet()
    const whole: Manner = { loss: ({ maxTokensEvaluated }) => (maxTokensEvaluated === null ? 2 : 3) }
    const manner: Manner = { ...whole, answers: ({ maxTokensEvaluated }) => maxTokensEvaluated !== null }
    const agents = [await startAgent(fleet, 'oslo', manner), await startAgent(fleet, 'turin', manner)]
    const runId = await fleet.startRun()
    await until(() =>
      agents.every(({ assignments }) =>
        assignments.some((one) => one.kind === 'evaluate' && one.maxTokensEvaluated === null),
      ),
    )
    await fleet.restart()
    for (const { name, identity } of agents) await startAgent(fleet, name, whole, identity)
    await finish(fleet, runId)
    expect((await fleet.run(runId)).final).toMatchObject({ loss: 2, tokens: 128 })
  })

  test('an update that was acknowledged before counts after, once, with the same receipt', async () => {
    await using fleet = await startFleet()
    const early = await startAgent(fleet, 'oslo', { delta: 4 })
    const late = await startAgent(fleet, 'turin', { train: () => new Promise(() => {}) })
    const runId = await fleet.startRun()
    await until(() => early.receipts.length > 0)
    const before = fleet.coordinator()
    await fleet.restart()
    expect([fleet.coordinator().coordinatorId, fleet.coordinator().adminToken]).toEqual([
      before.coordinatorId,
      before.adminToken,
    ])
    const assignment = early.assignments.find((one): one is TrainAssignment => one.kind === 'train')!
    const earlyAgain = await startAgent(
      fleet,
      'oslo',
      { train: () => expect.fail('asked again') },
      early.identity,
    )
    const receipt = await earlyAgain.upload(assignment, 4)
    expect(receipt).toEqual(early.receipts[0])
    await startAgent(fleet, 'turin', { delta: 8 }, late.identity)
    await finish(fleet, runId)
    const run = await fleet.run(runId)
    expect(run.state).toBe('succeeded')
    expect(await newestB(fleet, run)).toEqual([6])
    expect(run.rounds).toHaveLength(1)
  })

  test('releases are there, and the next run goes on with the next version', async () => {
    await using fleet = await startFleet()
    const agents = [await startAgent(fleet, 'oslo'), await startAgent(fleet, 'turin')]
    await finish(fleet, await fleet.startRun())
    await fleet.restart()
    for (const { name, identity } of agents) await startAgent(fleet, name, {}, identity)
    const runId = await fleet.startRun({ name: 'second' })
    await finish(fleet, runId)
    expect((await fleet.run(runId)).release).toBe('v2')
    const { releases } = (await fleet.api('GET', '/api/v1/releases')).body as { releases: ReleaseView[] }
    expect(releases.map(({ name, manifest }) => [name, manifest.parent])).toEqual([
      ['v1', null],
      ['v2', null],
    ])
  })
})
