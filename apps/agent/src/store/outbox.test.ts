import { createHash } from 'node:crypto'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TrainAssignment } from '@lorica/protocol'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Disk, systemDisk } from './disk.js'
import { type Finished, openOutbox, workOf } from './outbox.js'

const hash = createHash('sha256').update(new Uint8Array(6)).digest('hex')
const file = { path: 'config.json', sha256: hash, sizeBytes: 12 }
const assignment: TrainAssignment = {
  ...{
    assignmentId: 'a1',
    kind: 'train',
    runId: 'r1',
    round: 3,
    seed: 11,
    maxUpdateNorm: 2.5,
    deadlineMs: 9000,
  },
  ...{ base: { sha256: hash, files: [file] }, adapter: { version: 2, files: [file] } },
  peft: { method: 'lora', rank: 4, alpha: 8, targets: 'all-linear', rslora: false },
  data: { format: 'text', maxTokens: 32, holdout: 0.1 },
  local: {
    ...{
      steps: 5,
      batch: 2,
      learningRate: 0.003,
      weightDecay: 0,
      clipNorm: 1,
      schedule: 'linear',
      warmupSteps: 2,
    },
    ...{ accumulate: 1, optimizerState: 'keep', totalSteps: 20, firstStep: 10 },
  },
}

function finished(work: string, change: Partial<Finished> = {}): Finished {
  return {
    ...{
      work,
      assignmentId: 'a1',
      runId: 'r1',
      round: 3,
      sha256: hash,
      sizeBytes: 6,
      examples: 10,
      tokens: 310,
    },
    ...{ trainMs: 12.5, lossFirst: 4.5, lossLast: 4.25, settled: false },
    ...change,
  }
}

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-outbox-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test('assignments that differ in id and deadline only ask for the same work', () => {
  expect(workOf({ ...assignment, assignmentId: 'b7', deadlineMs: 5 })).toBe(workOf(assignment))
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  expect(workOf({ ...assignment, traceparent })).toBe(workOf(assignment))
  expect(workOf({ ...assignment, seed: 12 })).not.toBe(workOf(assignment))
  expect(workOf({ ...assignment, round: 4 })).not.toBe(workOf(assignment))
})

test('finished work is flushed, file and folder, before it is offered', async () => {
  const disk = systemDisk()
  const order: string[] = []
  const watched: Disk = {
    ...disk,
    async write(path, from, mode) {
      const file = await disk.write(path, from, mode)
      const kind = path.includes('.safetensors') ? 'bytes' : 'entry'
      return {
        ...file,
        async flush() {
          order.push(`flush ${kind}`)
          await file.flush()
        },
      }
    },
    async rename(from, to) {
      order.push(`rename ${to.endsWith('.json') ? 'entry' : 'bytes'}`)
      await disk.rename(from, to)
    },
    async flushFolder(path) {
      order.push('flush folder')
      await disk.flushFolder(path)
    },
  }
  await openOutbox(folder, watched).put(finished('w1'), Uint8Array.of(9, 8, 7))
  const each = (kind: string) => [`flush ${kind}`, `rename ${kind}`, 'flush folder']
  expect(order).toEqual([...each('bytes'), ...each('entry')])
})

test('finished work is found again after a restart, bytes and counts', async () => {
  const bytes = Uint8Array.of(9, 8, 7, 6, 5, 4)
  const entry = finished('w1', { sha256: createHash('sha256').update(bytes).digest('hex') })
  await openOutbox(folder).put(entry, bytes)
  const outbox = openOutbox(folder)
  expect(await outbox.find('w1')).toEqual(entry)
  expect(await outbox.unsettled()).toEqual([entry])
  expect([...(await outbox.read(entry, 2, 3))]).toEqual([7, 6, 5])
  await writeFile(join(folder, 'w1.safetensors'), Uint8Array.of(9, 8, 7, 6, 5, 12))
  expect(await outbox.find('w1')).toBeUndefined() // its bytes were damaged: it is trained again
})

test('settled work is not offered again but stays until a later round of its run', async () => {
  const outbox = openOutbox(folder)
  await outbox.put(finished('w1'), new Uint8Array(6))
  await outbox.put(finished('other', { runId: 'r2', round: 1 }), new Uint8Array(6))
  await outbox.settle(finished('w1'))
  expect((await outbox.unsettled()).map(({ work }) => work)).toEqual(['other'])
  expect((await outbox.find('w1'))?.settled).toBe(true)
  await outbox.put(finished('w2', { round: 4 }), new Uint8Array(6))
  expect((await readdir(folder)).sort()).toEqual([
    'other.json',
    'other.safetensors',
    'w2.json',
    'w2.safetensors',
  ])
})

test('a damaged entry counts as none', async () => {
  const outbox = openOutbox(folder)
  await outbox.put(finished('w1', { sha256: 'short' }), new Uint8Array(6))
  expect(await outbox.find('w1')).toBeUndefined()
})
