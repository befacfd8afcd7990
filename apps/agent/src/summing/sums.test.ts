import type { LoricaError, TrainAssignment } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { systemClock } from '../clock.js'
import { evaluation, assignment as plain } from '../work/contribution.fixture.js'
import { createSums, type TakePart } from './sums.js'

const asked = (assignmentId: string, runId: string): TrainAssignment => ({ ...plain, assignmentId, runId })

/** Sums that say their keys, wait for the survivors, and say how they ended. */
function summing() {
  const log: string[] = []
  const part: TakePart = async ({ assignment: { assignmentId } }, mail, signal) => {
    const keys = async () => void log.push(`keys of ${assignmentId}`)
    await keys()
    try {
      const { agents } = await mail.takeOr('sum-roster', keys, signal)
      log.push(`roster of ${agents.length} for ${assignmentId}`)
      const { survivors } = await mail.take('sum-survivors', signal)
      log.push(`sum of ${survivors.length} with ${assignmentId}`)
    } catch (error) {
      log.push(`${assignmentId} ${(error as LoricaError).code}`)
    }
  }
  return { log, sums: createSums(systemClock(), part) }
}
const turn = () => new Promise((resolve) => setTimeout(resolve, 0))

test('sums of several runs go on side by side, and letters find the one that they are for, also early ones', async () => {
  const { log, sums } = summing()
  sums.begin({ assignment: asked('a1', 'r1') })
  sums.begin({ assignment: asked('b1', 'r2') })
  await turn()
  sums.hear('sum-survivors', { assignmentId: 'b1', survivors: ['x', 'y', 'z'] })
  sums.hear('sum-roster', { assignmentId: 'b1', agents: [] })
  sums.hear('sum-roster', { assignmentId: 'unknown', agents: [] })
  await turn()
  expect(log).toEqual(['keys of a1', 'keys of b1', 'roster of 0 for b1', 'sum of 3 with b1'])
})

test('a sum that is asked for again says its keys again, until it has the roster', async () => {
  const { log, sums } = summing()
  sums.begin({ assignment: asked('a1', 'r1') })
  await turn()
  sums.begin({ assignment: asked('a1', 'r1') })
  await turn()
  expect(log).toEqual(['keys of a1', 'keys of a1'])
  sums.hear('sum-roster', { assignmentId: 'a1', agents: [] })
  await turn()
  sums.begin({ assignment: asked('a1', 'r1') })
  await turn()
  expect(log.slice(2)).toEqual(['roster of 0 for a1'])
})

test('a later assignment of a run, its end, or that of the agent ends a sum', async () => {
  const { log, sums } = summing()
  sums.begin({ assignment: asked('a1', 'r1') })
  sums.begin({ assignment: asked('a2', 'r1') })
  sums.begin({ assignment: asked('b1', 'r2') })
  await turn()
  await sums.endRun('r2')
  await sums.stop()
  sums.begin({ assignment: asked('a3', 'r1') })
  await turn()
  expect(log.filter((line) => line.includes('LRC'))).toEqual(['a1 LRC-4002', 'b1 LRC-3005', 'a2 LRC-6010'])
  expect(log.some((line) => line.includes('a3'))).toBe(false)
})

test('what was measured ends no sum of an update, and the next update ends both', async () => {
  const { log, sums } = summing()
  const measured = { lossSum: 2.5, tokens: 4, evaluateMs: 3 }
  sums.begin({ assignment: asked('a1', 'r1') })
  for (const assignmentId of ['m1', 'm2'])
    sums.begin({ assignment: { ...evaluation, assignmentId, runId: 'r1' }, measured })
  await turn()
  expect([sums.ask('m2'), sums.ask('m9')]).toEqual([true, false])
  sums.begin({ assignment: asked('a2', 'r1') })
  await turn()
  const ended = ['m1 LRC-4002', 'a1 LRC-4002', 'm2 LRC-4002']
  expect(log).toEqual([
    'keys of a1',
    'keys of m1',
    'keys of m2',
    ended[0],
    'keys of m2',
    'keys of a2',
    ...ended.slice(1),
  ])
})
