import type { TrainAssignment } from '@lorica/protocol'
import { LoricaError } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { offerOf, type ScriptedAgent, startAgent, updateBytes } from './agent.fixture.js'
import { startFleet, until } from './fleet.fixture.js'
import type { Host } from './host.js'

/** A machine whose disk, and so its database, takes nothing while `isFull` says so. */
function withDisk(host: Host, isFull: () => boolean): Host {
  const noSpace = () => Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
  return {
    ...host,
    disk: {
      ...host.disk,
      async write(path, from, mode) {
        const file = await host.disk.write(path, from, mode)
        return { ...file, append: (bytes) => (isFull() ? Promise.reject(noSpace()) : file.append(bytes)) }
      },
    },
    async openStore(dir, url) {
      const store = await host.openStore(dir, url)
      const full = new LoricaError('LRC-5005', 'database or disk is full')
      return {
        ...store,
        append: (epoch, lines) => (isFull() ? Promise.reject(full) : store.append(epoch, lines)),
      }
    },
  }
}

const asked = ({ assignments }: ScriptedAgent) =>
  assignments.find((one): one is TrainAssignment => one.kind === 'train')

test('a full disk: uploads are told to come again, no round begins, /healthz says why, and all goes on by itself', async () => {
  let isFull = false
  await using fleet = await startFleet(undefined, { leaseMs: 60_000 }, (host) => withDisk(host, () => isFull))
  const health = () => fleet.api('GET', '/healthz')
  const idle = { train: () => new Promise<void>(() => {}) }
  const oslo = await startAgent(fleet, 'oslo', idle)
  const turin = await startAgent(fleet, 'turin', idle)
  const runId = await fleet.startRun({ evaluate: { holdout: 0 }, rounds: { count: 1, minimum: 2 } })
  await until(() => [oslo, turin].every((agent) => asked(agent) !== undefined))
  expect(await health()).toMatchObject({ status: 200, body: { ok: true } })

  const assignment = asked(oslo) as TrainAssignment
  const bytes = await updateBytes(oslo, assignment, 3)
  const { uploadId } = await oslo.emit('update.open', offerOf(assignment, bytes))
  await oslo.emit('update.chunk', { uploadId, offset: 0, bytes: bytes.subarray(0, 200) })
  isFull = true
  const chunk = { uploadId, offset: 200, bytes: bytes.subarray(200) }
  expect((await oslo.emit('update.chunk', chunk)).refusal?.code).toBe('LRC-5005')
  expect((await turin.emit('update.open', offerOf(assignment, bytes))).ok).toBe(false)
  expect(await health()).toMatchObject({ status: 503, body: { ok: false, code: 'LRC-5005' } })
  expect((await oslo.emit('update.open', offerOf(assignment, bytes))).refusal?.code).toBe('LRC-5005')
  const other = await fleet.api('POST', '/api/v1/agents/invite', {})
  expect([other.status, (other.body as { code: string }).code]).toEqual([507, 'LRC-5005'])

  isFull = false
  await until(() => fleet.logged('ready-again').length > 0)
  expect(await health()).toMatchObject({ status: 200 })
  const again = await oslo.emit('update.open', offerOf(assignment, bytes))
  expect(again).toMatchObject({ ok: true, offset: 200 }) // what had been written is not sent again
  await oslo.upload(assignment, 3)
  await turin.upload(asked(turin) as TrainAssignment, 5)
  await fleet.event(runId, 'run-ended')
  expect(await fleet.run(runId)).toMatchObject({ state: 'succeeded', release: 'v1' })
})

test('an update that the journal could not take is acknowledged once it can, and counts once', async () => {
  let isFull = false
  await using fleet = await startFleet(undefined, { leaseMs: 60_000 }, (host) => withDisk(host, () => isFull))
  const idle = { train: () => new Promise<void>(() => {}) }
  const oslo = await startAgent(fleet, 'oslo', idle)
  const turin = await startAgent(fleet, 'turin', idle)
  const runId = await fleet.startRun({ evaluate: { holdout: 0 }, rounds: { count: 1, minimum: 2 } })
  await until(() => [oslo, turin].every((agent) => asked(agent) !== undefined))
  const assignment = asked(oslo) as TrainAssignment
  const bytes = await updateBytes(oslo, assignment, 3)
  const offer = offerOf(assignment, bytes)
  const { uploadId } = await oslo.emit('update.open', offer)
  await oslo.emit('update.chunk', { uploadId, offset: 0, bytes })
  isFull = true // between the last byte and the line of the journal
  expect((await oslo.emit('update.close', { uploadId })).refusal?.code).toBe('LRC-5005')
  expect((await oslo.emit('update.open', offer)).refusal?.code).toBe('LRC-5005')
  isFull = false
  await until(() => fleet.logged('ready-again').length > 0)
  const reply = await oslo.emit('update.open', offer)
  expect(reply).toMatchObject({ ok: true, receipt: { updateSha256: offer.sha256, round: 1 } })
  await turin.upload(asked(turin) as TrainAssignment, 5)
  await fleet.event(runId, 'run-ended')
  const { rounds } = await fleet.run(runId)
  expect(rounds[0]?.contributions.map(({ name }) => name).toSorted()).toEqual(['oslo', 'turin'])
})
