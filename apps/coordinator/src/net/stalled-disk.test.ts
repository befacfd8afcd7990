import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TrainAssignment } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { offerOf, type ScriptedAgent, startAgent, updateBytes } from '../agent.fixture.js'
import { startFleet } from '../fleet.fixture.js'
import { systemHost } from '../host.js'
import { writeModel } from '../model.fixture.js'
import type { Disk } from '../store/disk.js'

const CHUNK = 64 * 1024
const BUDGET = 1_000_000
const AGENTS = 6

/** The disk of this machine, whose staged updates take no bytes until `go`. */
function stalledDisk() {
  const { disk: system } = systemHost()
  let go = (): void => {}
  const gate = new Promise<void>((resolve) => {
    go = resolve
  })
  const disk: Disk = {
    ...system,
    async write(path, from, mode) {
      const file = await system.write(path, from, mode)
      if (!path.endsWith('.part')) return file
      return {
        ...file,
        async append(bytes) {
          await gate
          await file.append(bytes)
        },
      }
    },
  }
  return { disk, go: () => go() }
}

test('while the disk takes nothing, uploads wait in the budget and nobody is dropped; then all are accepted', async () => {
  const { disk, go } = stalledDisk()
  const root = await mkdtemp(join(tmpdir(), 'lorica-stalled-'))
  await using fleet = await startFleet(root, { uploadBudgetBytes: BUDGET }, (host) => ({ ...host, disk }))
  let sentBytes = 0
  let answers = 0
  let beganAll = (): void => {}
  const began = new Promise<void>((resolve) => {
    beganAll = resolve
  })
  let count = 0
  /** Sends a whole update at once: more than any window allows. */
  const train = async (agent: ScriptedAgent, assignment: TrainAssignment) => {
    const bytes = await updateBytes(agent, assignment, 0.5 + count / 8)
    const opened = await agent.emit('update.open', offerOf(assignment, bytes))
    const chunks: Promise<unknown>[] = []
    for (let offset = 0; offset < bytes.byteLength; offset += CHUNK) {
      const chunk = { uploadId: opened.uploadId, offset, bytes: bytes.subarray(offset, offset + CHUNK) }
      sentBytes += chunk.bytes.byteLength
      const answered = agent.socket.timeout(60_000).emitWithAck('update.chunk', chunk)
      chunks.push(answered.then(() => void answers++))
    }
    if (++count === AGENTS) beganAll()
    await Promise.all(chunks)
    const closed = await agent.socket
      .timeout(60_000)
      .emitWithAck('update.close', { uploadId: opened.uploadId })
    expect(closed).toMatchObject({ ok: true })
  }
  for (let index = 0; index < AGENTS; index++) await startAgent(fleet, `site-${index}`, { train })
  const runId = await fleet.startRun({
    base: { model: await writeModel(root, 128) },
    peft: { rank: 64, alpha: 64, targets: 'all-linear' }, // 1.1 MB an update
    rounds: { count: 1, minimum: AGENTS },
    evaluate: { holdout: 0 },
  })
  await began
  await new Promise((resolve) => setTimeout(resolve, 500)) // for whatever would still arrive
  expect(sentBytes).toBeGreaterThan(4 * BUDGET)
  expect(answers).toBe(0) // nothing is acknowledged that is not written
  expect(fleet.logged('uploads-wait')).toHaveLength(1)
  go()
  await fleet.event(runId, 'run-ended')
  const run = await fleet.run(runId)
  expect(run.state).toBe('succeeded')
  expect(run.rounds[0]!.contributions).toHaveLength(AGENTS)
  const [first] = fleet.logged('uploads-go-on')
  const most = first?.mostBytes
  expect(most).toBeGreaterThanOrEqual(BUDGET)
  expect(most).toBeLessThan(BUDGET + (AGENTS + 1) * 1.01 * CHUNK) // what had arrived in part
  expect(fleet.logged('agent-disconnected')).toEqual([])
  await rm(root, { recursive: true, force: true })
})
