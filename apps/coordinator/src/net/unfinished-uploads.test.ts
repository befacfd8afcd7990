import type { TrainAssignment } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { offerOf, startAgent, updateBytes } from '../agent.fixture.js'
import { startFleet } from '../fleet.fixture.js'

test('an agent that leaves its uploads unfinished, round after round, is not kept out of the next one', async () => {
  await using fleet = await startFleet()
  const codes: (string | undefined)[] = []
  await startAgent(fleet, 'oslo', { delta: 4 })
  await startAgent(fleet, 'turin', {
    train: async (agent, assignment: TrainAssignment) => {
      const bytes = await updateBytes(agent, assignment, 0.5 + codes.length)
      const opened = await agent.emit('update.open', offerOf(assignment, bytes))
      codes.push(opened.refusal?.code)
      const { assignmentId } = assignment
      await agent.emit('decline', { assignmentId, code: 'LRC-6008', message: 'its owner needs the machine' })
    },
  })
  const runId = await fleet.startRun({ rounds: { count: 7, minimum: 1 }, evaluate: { holdout: 0 } })
  await fleet.event(runId, 'run-ended')
  expect(codes).toEqual(new Array(7).fill(undefined))
})
