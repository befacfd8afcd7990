import type { Assignment, EvaluateAssignment } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { systemClock } from '../clock.js'
import { createAgenda } from './agenda.js'

const hash = 'ab'.repeat(32)
const file = { path: 'config.json', sha256: hash, sizeBytes: 12 }

function assignment(
  assignmentId: string,
  round: number,
  change: Partial<EvaluateAssignment> = {},
): Assignment {
  return {
    ...{ assignmentId, kind: 'evaluate', runId: 'r1', round },
    ...{ base: { sha256: hash, files: [file] }, adapter: { version: 2, files: [file] } },
    ...{ data: { format: 'text', maxTokens: 32, holdout: 0.1 }, batch: 4, maxTokensEvaluated: null },
    deadlineMs: 60_000,
    ...change,
  }
}

/** An agenda whose work lasts until it is told to finish. */
function watched() {
  const log: string[] = []
  const finish = new Map<string, () => void>()
  const agenda = createAgenda(systemClock(), async ({ assignmentId }, signal) => {
    log.push(`start ${assignmentId}`)
    await new Promise<void>((resolve) => {
      finish.set(assignmentId, resolve)
      signal.addEventListener('abort', () => resolve())
    })
    log.push(signal.aborted ? `${signal.reason.code} ${assignmentId}` : `end ${assignmentId}`)
  })
  return { agenda, log, finish: (id: string) => finish.get(id)?.() }
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 5))

test('assignments are done one at a time, in the order in which they came', async () => {
  const { agenda, log, finish } = watched()
  agenda.take(assignment('a1', 4))
  agenda.take(assignment('b1', 9, { runId: 'r2' }))
  await settle()
  expect(log).toEqual(['start a1'])
  finish('a1')
  await settle()
  expect(log).toEqual(['start a1', 'end a1', 'start b1'])
  expect(agenda.isIdle()).toBe(false)
  finish('b1')
  await settle()
  expect(agenda.isIdle()).toBe(true)
})

test('an assignment that comes twice is done once', async () => {
  const { agenda, log, finish } = watched()
  agenda.take(assignment('a1', 4))
  agenda.take(assignment('a1', 4))
  await settle()
  finish('a1')
  await settle()
  expect(log).toEqual(['start a1', 'end a1'])
})

test('a later round of a run stops the earlier one', async () => {
  const { agenda, log } = watched()
  agenda.take(assignment('a1', 4))
  await settle()
  agenda.take(assignment('a2', 5))
  await settle()
  expect(log).toEqual(['start a1', 'LRC-4002 a1', 'start a2'])
})

test('a round that is started again replaces its first assignment', async () => {
  const { agenda, log } = watched()
  agenda.take(assignment('a1', 4))
  await settle()
  agenda.take(assignment('a2', 4))
  await settle()
  expect(log).toEqual(['start a1', 'LRC-4002 a1', 'start a2'])
})

test('an assignment whose deadline passes is given up', async () => {
  const { agenda, log } = watched()
  agenda.take(assignment('a1', 4, { deadlineMs: 20 }))
  await new Promise((resolve) => setTimeout(resolve, 60))
  expect(log).toEqual(['start a1', 'LRC-4002 a1'])
})

test('the end of a run stops its assignments and no others', async () => {
  const { agenda, log } = watched()
  agenda.take(assignment('a1', 4))
  agenda.take(assignment('b1', 2, { runId: 'r2' }))
  await settle()
  await agenda.endRun('r1')
  await settle()
  expect(log).toEqual(['start a1', 'LRC-3005 a1', 'start b1'])
})

test('a stopped agenda finishes what it stops and takes nothing more', async () => {
  const { agenda, log } = watched()
  agenda.take(assignment('a1', 4))
  agenda.take(assignment('b1', 2, { runId: 'r2' }))
  await settle()
  await agenda.stop()
  agenda.take(assignment('c1', 7, { runId: 'r3' }))
  await settle()
  expect(log).toEqual(['start a1', 'LRC-6010 a1'])
})
