import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  type Batch,
  type EngineSpec,
  readAdapter,
  startEngine,
  type TokenBatch,
  type TrainJob,
  type TrainResult,
} from '@lorica/peft-core'
import { LoricaError } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { systemClock } from '../clock.js'
import { createTrainer } from './engine.js'

const golden = fileURLToPath(new URL('../../../../libs/peft-core/golden/llama', import.meta.url))
const never = new AbortController().signal

/** How the process may end under way, from outside; each ends in another way. */
const ends: Readonly<Record<string, (pid: number) => void>> = {
  'is killed': (pid) => process.kill(pid, 'SIGKILL'),
  aborts: (pid) => process.kill(pid, 'SIGABRT'),
  hangs: (pid) => process.kill(pid, 'SIGSTOP'),
  ...(existsSync('/usr/bin/prlimit') ? { 'runs out of memory': starve } : {}),
}
const reasons: Readonly<Record<string, RegExp>> = {
  'is killed': /ended by SIGKILL/,
  aborts: /ended by SIGABRT/,
  hangs: /hung and was ended/,
  'runs out of memory': /out of memory|ended by SIG(ABRT|TRAP|ILL|SEGV|BUS)|ended with code/,
}

let undisturbed: Promise<TrainResult> | undefined

test.each(Object.entries(ends))(
  'when the process %s, training is done again with half the rows at a time, to the same end',
  async (name, end) => {
    const { trainer, spec, job, pids, fallen } = await prepared(name === 'hangs' ? 5000 : 60_000)
    undisturbed ??= trainer.train(spec, job, () => {}, never)
    const whole = await undisturbed
    if (pids.length === 0) await trainer.evaluate(spec, job.tensors, job.batches.slice(0, 1), never)
    let isEnded = false
    const once = () => {
      if (!isEnded) end(pids.at(-1) ?? -1)
      isEnded = true
    }
    const again = await trainer.train(spec, job, once, never)
    expect(pids).toHaveLength(2)
    expect(fallen.map(({ code }) => code)).toEqual(['LRC-6003'])
    expect(fallen[0]?.message).toMatch(reasons[name] as RegExp)
    expect(fallen[0]?.message).toMatch(/once more with 2 of 3 rows at a time$/)
    expect(again.losses).toHaveLength(20)
    expect(furthest(again.losses, whole.losses)).toBeLessThan(1e-4)
    expect(again.tokens).toBe(whole.tokens)
    const later = await trainer.evaluate(spec, job.tensors, job.batches, never)
    expect([later.tokens, pids.length]).toEqual([20 * 3 * 15, 2])
    await trainer.close()
  },
)

test('a process that falls each time is tried twice, and the next job has another', async () => {
  const { trainer, spec, job, pids, fallen } = await prepared()
  const killAlways = () => process.kill(pids.at(-1) ?? -1, 'SIGKILL')
  await expect(trainer.train(spec, job, killAlways, never)).rejects.toMatchObject({
    ...{ code: 'LRC-6003', message: 'the training process ended by SIGKILL' },
  })
  expect([pids.length, fallen.length]).toEqual([2, 1])
  const { losses } = await trainer.train(spec, job, () => {}, never)
  expect(losses).toHaveLength(20)
  expect(pids).toHaveLength(3)
  await trainer.close()
})

test('a batch of one row is tried once more as it is', async () => {
  const { trainer, spec, job, pids, fallen } = await prepared()
  const single = { ...job, batches: Array.from({ length: 6 }, (_, index) => firstRow(batch(index))) }
  const { losses } = await trainer.train({ ...spec, rows: 1 }, single, killOnce(pids), never)
  expect(losses).toHaveLength(6)
  expect(fallen[0]?.message).toBe('the training process ended by SIGKILL; it is tried once more')
  await trainer.close()
})

test('a fault of the owner of the data is no fault of the process', async () => {
  const { trainer, spec, job, pids, fallen } = await prepared()
  const reason = new LoricaError('LRC-6008', 'the agent is paused')
  async function* interrupted() {
    yield batch(1)
    throw reason
  }
  const once = { [Symbol.asyncIterator]: interrupted }
  await expect(trainer.train(spec, { ...job, batches: once }, () => {}, never)).rejects.toBe(reason)
  expect([pids.length, fallen]).toEqual([1, []])
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

test('what is examined example by example adds up to what is evaluated, also with half the rows at a time', async () => {
  const { trainer, spec, job, pids } = await prepared()
  const batches = job.batches.slice(0, 4)
  const { lossSum, tokens } = await trainer.evaluate(spec, job.tensors, batches, never)
  const whole = await trainer.examine(spec, job.tensors, batches, never)
  expect([whole.labels, tokens, whole.losses.length]).toEqual([180, 180, 12])
  expect(whole.lossSum).toBeCloseTo(lossSum, 2)
  expect(15 * whole.losses.reduce((sum, loss) => sum + loss, 0)).toBeCloseTo(lossSum, 2)
  const right = whole.calibration.reduce((sum, bin) => sum + bin.right, 0)
  expect(15 * whole.accuracies.reduce((sum, share) => sum + share, 0)).toBeCloseTo(right, 6)
  const [first] = pids
  const examining = trainer.examine(
    spec,
    job.tensors,
    slowly(batches, () => process.kill(first ?? -1, 'SIGKILL')),
    never,
  )
  const halved = await examining
  expect(pids).toHaveLength(2)
  expect(halved.losses).toHaveLength(12)
  expect(furthest(Float32Array.from(halved.losses), Float32Array.from(whole.losses))).toBeLessThan(1e-4)
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

/** `silenceMs` is that of the first process. */
async function prepared(silenceMs = 60_000) {
  const { config, tensors } = await readAdapter(join(golden, 'adapter'))
  const pids: number[] = []
  const fallen: LoricaError[] = []
  const trainer = createTrainer({
    clock: systemClock(),
    start: async () => {
      const engine = await startEngine({ threads: 1, silenceMs: pids.length === 0 ? silenceMs : 60_000 })
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
  const job = {
    tensors,
    batches: Array.from({ length: 20 }, (_, index) => batch(index)),
    optimizer: { learningRate: 0.01, weightDecay: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, clipNorm: 1 },
    schedule: { kind: 'constant', warmupSteps: 2, totalSteps: 40, firstStep: 0 },
    accumulate: 1,
  } satisfies TrainJob
  return { trainer, spec, job, pids, fallen }
}

/** The batches, before the last of which something happens once. */
function slowly(batches: readonly Batch[], happen: () => void): Iterable<Batch> {
  let hasHappened = false
  return {
    *[Symbol.iterator]() {
      yield* batches.slice(0, -1)
      if (!hasHappened) happen()
      hasHappened = true
      yield* batches.slice(-1)
    },
  }
}

/** Lets a process have no memory beside what it has now: all that it asks for is refused. */
function starve(pid: number): void {
  const [, kib = '0'] = /^VmData:\s*(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  const most = Number(kib) * 512 // half of it: what is held is kept
  execFileSync('/usr/bin/prlimit', ['--pid', String(pid), `--data=${most}`, `--as=${64 * 1024 ** 3}`])
}

function furthest(left: Float32Array, right: Float32Array): number {
  return Math.max(...left.map((value, index) => Math.abs(value - (right[index] ?? Number.NaN))))
}

function firstRow(whole: Batch): Batch {
  const { inputIds, attentionMask, labels } = whole as TokenBatch
  const cut = (numbers: Int32Array) => numbers.slice(0, 16)
  return {
    rows: 1,
    columns: 16,
    inputIds: cut(inputIds),
    attentionMask: cut(attentionMask),
    labels: cut(labels),
  }
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

test('memory of GPUs is asked for of the process that trains on one, and of no other', async () => {
  const asked: number[] = []
  const trainerOn = (device: string) =>
    createTrainer({
      ...{ clock: systemClock(), onFallen: () => {} },
      start: async () => ({ pid: 4711, facts: { device } }) as never,
      gpuBytes: async (pid) => {
        asked.push(pid)
        return 5
      },
    })
  const [onGpu, onCpu] = [trainerOn('cuda'), trainerOn('cpu')]
  expect(await onGpu.gpuBytes()).toBeUndefined() // there is no process yet
  onGpu.warm()
  onCpu.warm()
  expect([await onGpu.gpuBytes(), await onCpu.gpuBytes(), asked]).toEqual([5, undefined, [4711]])
})
