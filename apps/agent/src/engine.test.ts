import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Batch, type EngineSpec, readAdapter, startEngine, type TrainJob } from '@lorica/peft-core'
import { LoricaError } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { systemClock } from './clock.js'
import { createTrainer } from './engine.js'

const golden = fileURLToPath(new URL('../../../libs/peft-core/golden/llama', import.meta.url))
const never = new AbortController().signal

test('training goes on in a new process when the first one is killed', async () => {
  const { trainer, spec, job, pids, fallen } = await prepared()
  const undisturbed = await trainer.train(spec, job, () => {}, never)
  const disturbed = await trainer.train(spec, job, killOnce(pids), never)
  expect(pids).toHaveLength(2)
  expect(fallen.map(({ code }) => code)).toEqual(['LRC-6003'])
  expect(disturbed.losses).toEqual(undisturbed.losses)
  await trainer.close()
})

test('a process that falls each time is reported and the next job has another', async () => {
  const { trainer, spec, job, pids } = await prepared()
  const killAlways = () => process.kill(pids.at(-1) ?? -1, 'SIGKILL')
  await expect(trainer.train(spec, job, killAlways, never)).rejects.toMatchObject({ code: 'LRC-6003' })
  const { losses } = await trainer.train(spec, job, () => {}, never)
  expect(losses).toHaveLength(20)
  expect(pids).toHaveLength(3)
  await trainer.close()
})

test('one process serves round after round', async () => {
  const { trainer, spec, job, pids } = await prepared()
  await trainer.train(spec, job, () => {}, never)
  await trainer.train(spec, job, () => {}, never)
  const { tokens } = await trainer.evaluate(spec, job.tensors, job.batches, never)
  expect(tokens).toBe(20 * 3 * 15)
  expect(pids).toHaveLength(1)
  await trainer.close()
})

test('an aborted job ends its process at once and throws the reason', async () => {
  const { trainer, spec, job, pids } = await prepared()
  const stop = new AbortController()
  const reason = new LoricaError('LRC-6010', 'told to stop')
  const training = trainer.train(spec, job, () => stop.abort(reason), stop.signal)
  await expect(training).rejects.toBe(reason)
  await trainer.close()
  expect(() => process.kill(pids[0] ?? -1, 0)).toThrow('ESRCH')
})

test('training that diverges is said to, and the process stays', async () => {
  const { trainer, spec, job, pids } = await prepared()
  const wild = { ...job, optimizer: { ...job.optimizer, learningRate: 1e38 } }
  await expect(trainer.train(spec, wild, () => {}, never)).rejects.toMatchObject({ code: 'LRC-6011' })
  await trainer.train(spec, job, () => {}, never)
  expect(pids).toHaveLength(1)
  await trainer.close()
})

async function prepared() {
  const { config, tensors } = await readAdapter(join(golden, 'adapter'))
  const pids: number[] = []
  const fallen: LoricaError[] = []
  const trainer = createTrainer({
    clock: systemClock(),
    start: async () => {
      const engine = await startEngine({ threads: 1 })
      pids.push(engine.pid)
      return engine
    },
    onFallen: (error) => fallen.push(error),
  })
  const spec: EngineSpec = {
    model: join(golden, 'model'),
    config,
    rows: 3,
    columns: 16,
    trainable: 'adapter',
  }
  const job: TrainJob = {
    tensors,
    batches: Array.from({ length: 20 }, (_, index) => batch(index)),
    optimizer: { learningRate: 0.01, weightDecay: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, clipNorm: 1 },
    schedule: { kind: 'constant', warmupSteps: 2, totalSteps: 40, firstStep: 0 },
    accumulate: 1,
  }
  return { trainer, spec, job, pids, fallen }
}

function killOnce(pids: readonly number[]): () => void {
  let isDone = false
  return () => {
    if (!isDone) process.kill(pids.at(-1) ?? -1, 'SIGKILL')
    isDone = true
  }
}

function batch(seed: number): Batch {
  const inputIds = Int32Array.from({ length: 48 }, (_, index) => 3 + ((index * 37 + seed * 101) % 300))
  const attentionMask = new Int32Array(48).fill(1)
  return { rows: 3, columns: 16, inputIds, attentionMask, labels: inputIds }
}
