import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TensorMap } from '@lorica/peft-core'
import type { TrainAssignment } from '@lorica/protocol'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { agentIn, assignment, never, receipt } from './contribution.fixture.js'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-correction-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test('steps are corrected by what the data of all pull at and those here do not, and what is found out stays for the round after', async () => {
  const { perform, jobs, controls } = agentIn(folder, async ({ sha256 }) => receipt(sha256))
  const corrected = (control: TrainAssignment['control'], round = 1): TrainAssignment => ({
    ...{ ...assignment, control, round, assignmentId: `a${round}` },
    local: { ...assignment.local, optimizer: 'sgd' },
  })
  const values = (map: TensorMap | undefined) => [...(map ?? [])].flatMap(([, { data }]) => [...data])
  const jobOf = (at: number) => jobs[at] as { optimizer: object; correction?: TensorMap }
  await perform(corrected({ file: null, counted: null }), never())
  expect(values(jobOf(0).correction)).toEqual([0, 0, 0])
  expect(jobOf(0).optimizer).toEqual({
    kind: 'sgd',
    learningRate: assignment.local.learningRate,
    weightDecay: 0.1,
    clipNorm: 1,
  })
  const [first] = await readdir(join(folder, 'controls', assignment.runId))
  const counted = first!.replace('.safetensors', '')
  // (x - y) / rateSum = -(2, -3, 6) / 0.02, with c and c_k zero
  for (const [at, value] of [-100, 150, -300].entries())
    expect(values(await controls.of(assignment.runId, counted))[at]).toBeCloseTo(value, 4)
  const file = { path: '8_-4_2', sha256: 'ab'.repeat(32), sizeBytes: 9 }
  await perform(corrected({ file, counted }, 2), never())
  for (const [at, value] of [8 + 100, -4 - 150, 2 + 300].entries())
    expect(values(jobOf(1).correction)[at]).toBeCloseTo(value, 4) // c - c_k
  await perform(corrected({ file, counted: 'cd'.repeat(32) }, 3), never())
  expect(values(jobOf(2).correction)).toEqual([8, -4, 2]) // of a control that is gone
  await perform(assignment, never())
  expect(jobOf(3).correction).toBeUndefined()
})
