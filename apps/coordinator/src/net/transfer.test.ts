import { createHash } from 'node:crypto'
import type { TrainAssignment } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { offerOf, type ScriptedAgent, startAgent, updateBytes } from '../agent.fixture.js'
import { startFleet, until } from '../fleet.fixture.js'

const asked = ({ assignments }: ScriptedAgent) =>
  assignments.find((one): one is TrainAssignment => one.kind === 'train')
const idle = { train: () => new Promise<void>(() => {}) }
const run = { evaluate: { holdout: 0 }, rounds: { count: 1, minimum: 1 } }

test('the upload of an agent that leaves is closed, though that of another could not be opened meanwhile', async () => {
  const closed: string[] = []
  let refuse: ((error: Error) => void) | undefined
  let holdsBack = false
  await using fleet = await startFleet(undefined, { leaseMs: 60_000 }, (host) => ({
    ...host,
    disk: {
      ...host.disk,
      async write(path, from, mode) {
        if (!path.endsWith('.part')) return host.disk.write(path, from, mode)
        if (holdsBack) return new Promise((_, reject) => (refuse = reject))
        const file = await host.disk.write(path, from, mode)
        return {
          ...file,
          close: () => {
            closed.push(path)
            return file.close()
          },
        }
      },
    },
  }))
  const oslo = await startAgent(fleet, 'oslo', idle)
  const turin = await startAgent(fleet, 'turin', idle)
  await fleet.startRun(run)
  await until(() => [oslo, turin].every((agent) => asked(agent) !== undefined))
  const open = async (agent: ScriptedAgent) => {
    const assignment = asked(agent) as TrainAssignment
    return agent.emit('update.open', offerOf(assignment, await updateBytes(agent, assignment, 3)))
  }
  const { uploadId } = await open(oslo)
  holdsBack = true
  const opening = open(turin)
  await until(() => refuse !== undefined)
  oslo.close()
  await until(() => fleet.logged('agent-disconnected').length > 0)
  refuse?.(Object.assign(new Error('EIO: i/o error'), { code: 'EIO' }))
  expect((await opening).ok).toBe(false)
  await until(() => closed.length > 0)
  expect(closed[0]).toContain(String(uploadId))
  expect(fleet.logged('fault')).toEqual([])
})

test('an agent may have four updates half sent; a fifth is refused', async () => {
  await using fleet = await startFleet()
  const oslo = await startAgent(fleet, 'oslo', idle)
  await fleet.startRun(run)
  await until(() => asked(oslo) !== undefined)
  const assignment = asked(oslo) as TrainAssignment
  const offer = offerOf(assignment, await updateBytes(oslo, assignment, 3))
  const codes: unknown[] = []
  for (let at = 0; at < 5; at++) {
    const sha256 = createHash('sha256').update(`update ${at}`).digest('hex')
    const { ok, refusal } = await oslo.emit('update.open', { ...offer, sha256 })
    codes.push(ok ? 'open' : refusal?.code)
  }
  expect(codes).toEqual(['open', 'open', 'open', 'open', 'LRC-4015'])
})

test('an update whose file was taken away is opened again from its start, and is accepted', async () => {
  const staged: string[] = []
  let remove: ((path: string) => Promise<void>) | undefined
  await using fleet = await startFleet(undefined, { leaseMs: 60_000 }, (host) => {
    remove = host.disk.remove
    const write: typeof host.disk.write = (path, from, mode) => {
      if (path.endsWith('.part')) staged.push(path)
      return host.disk.write(path, from, mode)
    }
    return { ...host, disk: { ...host.disk, write } }
  })
  const oslo = await startAgent(fleet, 'oslo', idle)
  await fleet.startRun(run)
  await until(() => asked(oslo) !== undefined)
  const assignment = asked(oslo) as TrainAssignment
  const bytes = await updateBytes(oslo, assignment, 3)
  const { uploadId } = await oslo.emit('update.open', offerOf(assignment, bytes))
  await oslo.emit('update.chunk', { uploadId, offset: 0, bytes })
  await remove?.(staged[0] as string)
  expect((await oslo.emit('update.close', { uploadId })).refusal?.code).toBe('LRC-4005')
  expect((await oslo.emit('update.open', offerOf(assignment, bytes))).offset).toBe(0)
  await oslo.emit('update.chunk', { uploadId, offset: 0, bytes })
  expect((await oslo.emit('update.close', { uploadId })).receipt).toMatchObject({ round: 1 })
  expect(fleet.logged('fault')).toEqual([])
})
