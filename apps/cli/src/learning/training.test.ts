import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createOutput } from '../screen/output.js'
import { readCorpus } from './corpus.js'
import { openSession } from './session.js'
import { type OpenRows, runTraining, type TrainingPlan } from './training.js'

const model = fileURLToPath(new URL('../../../../models/moby-dick', import.meta.url))
const spec = { method: 'lora', rank: 2, alpha: 4, targets: ['q_proj', 'o_proj'], rslora: false } as const

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'training-'))
})
afterEach(() => rm(folder, { recursive: true }))

const open: OpenRows = (rows, adapter) =>
  openSession({
    model,
    adapter: adapter ?? spec,
    rows,
    columns: 16,
    seed: 3,
    engine: { runtime: 'ort', device: 'cpu', threads: 1 },
  })

/** A machine whose memory holds so many rows: with more, the engine's process is killed after a step. */
function openWithin(most: number): OpenRows {
  return async (rows, adapter) => {
    const session = await open(rows, adapter)
    if (rows <= most) return session
    const { engine } = session
    const train: typeof engine.train = (job, onStep) =>
      engine.train(job, (progress) => {
        onStep?.(progress)
        if (progress.step === 0) process.kill(engine.pid, 'SIGKILL')
      })
    return { ...session, engine: { ...engine, train } }
  }
}

async function trained(opens: OpenRows) {
  const data = join(folder, 'a.txt')
  await writeFile(
    data,
    Array.from({ length: 30 }, (_, at) => `Whale ${at} swam ${'on '.repeat(at % 5)}by.`).join('\n\n'),
  )
  using corpus = await readCorpus({ model, data: [data], maxTokens: 16, holdout: 0 })
  const plan: TrainingPlan = {
    ...{
      rows: 4,
      columns: 16,
      unit: 'token',
      accumulate: 1,
      steps: 5,
      seed: 3,
      folder: join(folder, 'checkpoints'),
      notes: {},
    },
    optimizer: { learningRate: 1e-3, weightDecay: 0, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, clipNorm: 1 },
    schedule: { kind: 'linear', warmupSteps: 1, totalSteps: 5 },
    checkpointEvery: 1,
  }
  const start = { step: 0, losses: [] }
  return await runTraining(
    { data: { source: corpus.train, heldOut: [] }, start, open: opens },
    plan,
    createOutput(true),
  )
}

test('when memory runs out, training goes on with fewer rows at once and the same mean', async () => {
  const whole = await trained(open)
  const halved = await trained(openWithin(2))
  expect(halved.losses).toHaveLength(5)
  for (const [step, loss] of whole.losses.entries()) expect(halved.losses[step]).toBeCloseTo(loss, 5)
  for (const [name, { data }] of whole.adapter.tensors) {
    const other = halved.adapter.tensors.get(name)?.data
    for (const [at, value] of data.entries()) expect(other?.[at]).toBeCloseTo(value, 4)
  }
})

test('when not even one row fits, training is refused', async () => {
  await expect(trained(openWithin(0))).rejects.toMatchObject({
    code: 'LRC-6003',
    message: 'one row of 16 tokens does not fit into memory',
  })
})
