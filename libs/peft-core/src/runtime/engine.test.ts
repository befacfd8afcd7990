import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { createLoraConfig } from '../adapter/lora-config.js'
import type { Tensor } from '../adapter/tensor.js'
import type { Batch } from '../train/batch.js'
import type { StepProgress, TrainJob } from '../train/trainer.js'
import { startEngine } from './engine.js'
import type { EngineSpec } from './training-graph.js'

const host = new URL('engine-host.fixture.mjs', import.meta.url)
const config = createLoraConfig({ method: 'lora', rank: 8, alpha: 16, targets: 'all-linear', rslora: false })
const start = (silenceMs = 30_000) => startEngine({ threads: 2, host, silenceMs })
const spec = (model: string, rows = 4, columns = 3): EngineSpec => ({
  model,
  config,
  rows,
  columns,
  trainable: 'adapter',
})

function regressionBatch(step: number): Batch {
  const inputIds = Int32Array.from({ length: 12 }, (_, index) => (index * 7 + step * 5) % 11)
  const labels = Int32Array.from({ length: 4 }, (_, row) => (row * 3 + step * 2) % 13)
  return { rows: 4, columns: 3, inputIds, attentionMask: new Int32Array(12).fill(1), labels }
}

const sixBatches = [0, 1, 2, 3, 4, 5].map(regressionBatch)
const regressionJob: TrainJob = {
  tensors: new Map<string, Tensor>([
    ['w', { shape: [1, 3], data: Float32Array.of(0.5, -0.25, 1) }],
    ['b', { shape: [1], data: Float32Array.of(0.2) }],
  ]),
  batches: sixBatches,
  optimizer: { learningRate: 0.05, weightDecay: 0.01, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, clipNorm: 0.5 },
  schedule: { kind: 'linear', warmupSteps: 1, totalSteps: 8, firstStep: 0 },
  accumulate: 1,
}
const slowTensors = new Map([['p', { shape: [1], data: Float32Array.of(3) }]])
const slowJob = (steps: number): TrainJob => ({
  ...regressionJob,
  tensors: slowTensors,
  batches: Array.from({ length: steps }, () => regressionBatch(0)),
})

/** Whether a process is there and is not only waiting to be collected. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

function expectClose(actual: ArrayLike<number> | undefined, expected: readonly number[]): void {
  expect(actual?.length).toBe(expected.length)
  for (const [index, value] of expected.entries()) expect(actual?.[index]).toBeCloseTo(value, 6)
}

// PyTorch 2.13 on the same numbers: mse_loss, clip_grad_norm_, AdamW, get_linear_schedule_with_warmup.
test('a round of training follows PyTorch', async () => {
  await using engine = await start()
  expect(await engine.open(spec('regression'))).toEqual({ parameters: 4, task: 'sequence' })
  const steps: StepProgress[] = []
  const result = await engine.train(regressionJob, (progress) => steps.push(progress))
  expectClose(result.losses, [0.1171875, 0.42406249, 0.56163478, 0.21772462, 0.60548353, 0.14789981])
  expectClose(
    steps.map(({ gradNorm }) => gradNorm),
    [0.29234233, 0.78166682, 0.85990852, 0.65290946, 0.8852371, 0.40183726],
  )
  expectClose(
    steps.map(({ learningRate }) => learningRate),
    [0.0, 0.05, 0.04285714, 0.03571429, 0.02857143, 0.02142857],
  )
  expectClose(result.tensors.get('w')?.data, [0.35853049, -0.22307496, 0.85940385])
  expectClose(result.tensors.get('b')?.data, [0.07957434])
  expect(result.tokens).toBe(24)
})

test('accumulated batches count as one', async () => {
  await using engine = await start()
  await engine.open(spec('regression'))
  const result = await engine.train({ ...regressionJob, accumulate: 2 })
  expectClose(result.losses, [0.270625, 0.41210939, 0.41183333])
  expectClose(result.tensors.get('w')?.data, [0.4079724, -0.19015896, 0.90635526])
  expectClose(result.tensors.get('b')?.data, [0.10870447])
})

test('training again gives the same bytes, and so does training in two parts', async () => {
  await using engine = await start()
  await engine.open(spec('regression'))
  const whole = await engine.train(regressionJob)
  expect((await engine.train(regressionJob)).tensors).toEqual(whole.tensors)
  const { schedule } = regressionJob
  const first = await engine.train({ ...regressionJob, batches: sixBatches.slice(0, 2), keepState: true })
  if (first.optimizer === undefined) throw new Error('expected the state of the optimiser')
  const rest = { batches: sixBatches.slice(2), schedule: { ...schedule, firstStep: 2 } }
  const second = await engine.train({
    ...regressionJob,
    ...rest,
    tensors: first.tensors,
    state: first.optimizer,
  })
  expect(second.tensors).toEqual(whole.tensors)
})

test('batches are taken when they are needed, and training ends with them', async () => {
  await using engine = await start()
  await engine.open(spec('regression'))
  let taken = 0
  let done = 0
  let ahead = 0
  function* counted() {
    for (let step = 0; step < 6; step++) {
      ahead = Math.max(ahead, ++taken - done)
      yield regressionBatch(step)
    }
  }
  const result = await engine.train({ ...regressionJob, batches: counted() }, () => done++)
  expect(result.losses).toEqual((await engine.train(regressionJob)).losses)
  expect(ahead).toBeLessThanOrEqual(3) // one is worked on, and one is on its way; a step is heard of a little late
  const { tokens } = await engine.evaluate(regressionJob.tensors, counted())
  expect(tokens).toBe(24)
})

test('a fault of the batches is thrown as it is, and the engine lives on', async () => {
  await using engine = await start()
  await engine.open(spec('regression'))
  const fault = new TypeError('line 7 is not what it was')
  async function* failing() {
    yield regressionBatch(0)
    throw fault
  }
  await expect(engine.train({ ...regressionJob, batches: failing() })).rejects.toBe(fault)
  await expect(engine.evaluate(regressionJob.tensors, failing())).rejects.toBe(fault)
  expectClose((await engine.train(regressionJob)).losses.slice(0, 1), [0.1171875])
})

test('gradients and evaluation give the loss of the batch before training', async () => {
  await using engine = await start()
  await engine.open(spec('regression'))
  const { tensors } = regressionJob
  const { loss, gradients } = await engine.gradients(tensors, regressionBatch(0))
  expect(loss).toBeCloseTo(0.1171875, 6)
  expect(Math.hypot(...(gradients.get('w')?.data ?? []), ...(gradients.get('b')?.data ?? []))).toBeCloseTo(
    0.292342335,
    6,
  )
  const { lossSum, tokens } = await engine.evaluate(tensors, [regressionBatch(0), regressionBatch(2)])
  const second = (await engine.gradients(tensors, regressionBatch(2))).loss
  expect(tokens).toBe(8)
  expect(lossSum).toBeCloseTo(4 * 0.1171875 + 4 * second, 5)
})

test('a text that is longer than the model has positions for is read from its end', async () => {
  await using engine = await start()
  await engine.open({ ...spec('bigram', 1, 8), purpose: 'logits' })
  const tensors = new Map([
    ['table', { shape: [4, 4], data: Float32Array.from({ length: 16 }, (_, at) => at) }],
  ])
  for (const length of [39, 40, 41, 70]) {
    const ids = Array.from({ length }, (_, at) => (at === length - 1 ? 2 : 3))
    expect(Array.from(await engine.logits(tensors, ids))).toEqual([8, 9, 10, 11])
  }
})

test('only a causal model continues a text', async () => {
  await using engine = await start()
  await engine.open({ ...spec('filler', 1, 8), purpose: 'evaluate' })
  const tensors = new Map([['table', { shape: [4, 4], data: new Float32Array(16).fill(0.5) }]])
  await expect(engine.logits(tensors, [1, 2])).rejects.toThrow(
    /expected a causal language model, got .* "masked"/,
  )
})

test('generation follows the logits of the last token and stops', async () => {
  await using engine = await start()
  await engine.open({ ...spec('bigram', 1, 8), maxColumns: 24, purpose: 'evaluate' })
  const table = Float32Array.of(
    0,
    5,
    1,
    0,
    /* after 1 */ 0,
    1,
    5,
    0,
    /* after 2 */ 5,
    0,
    1,
    4,
    /* after 3 */ 0,
    0,
    0,
    5,
  )
  const tensors = new Map([['table', { shape: [4, 4], data: table }]])
  expect(Array.from(await engine.logits(tensors, [0, 3, 2]))).toEqual([5, 0, 1, 4])
  expect(Array.from(await engine.logits(tensors, [...Array(40).fill(3), 1]))).toEqual([0, 1, 5, 0]) // longer than maxColumns
  const seen: number[] = []
  const greedy = { maxTokens: 40, temperature: 0, seed: 1, stopIds: [3] }
  const tokens = await engine.generate(tensors, [1], greedy, (id) => seen.push(id) > 0)
  expect(tokens).toEqual(Array.from({ length: 40 }, (_, index) => [2, 0, 1][index % 3]))
  expect(seen).toEqual(tokens)
  const sampled = await engine.generate(tensors, [1], { ...greedy, temperature: 1 })
  expect(sampled.length).toBeLessThan(40) // a stop was drawn after a 2
  expect(await engine.generate(tensors, [1], { ...greedy, temperature: 1 })).toEqual(sampled)
})

test('a request that cannot be served is refused, and the engine lives on', async () => {
  await using engine = await start()
  await expect(engine.gradients(regressionJob.tensors, regressionBatch(0))).rejects.toMatchObject({
    reason: 'refused',
  })
  await expect(engine.open(spec('unknown'))).rejects.toThrow('operator Quux is not supported')
  await engine.open(spec('regression'))
  const tensors = new Map([...regressionJob.tensors, ['c', { shape: [1], data: Float32Array.of(2) }]])
  await expect(engine.train({ ...regressionJob, tensors })).rejects.toThrow('tensor "c" belongs to no module')
  const optimizer = { ...regressionJob.optimizer, learningRate: 1e30 }
  await expect(engine.train({ ...regressionJob, optimizer })).rejects.toThrow('diverged at step 3')
  expectClose((await engine.train(regressionJob)).losses.slice(0, 1), [0.1171875])
})

test('a crash of the native runtime rejects what was asked and leaves this process alone', async () => {
  await using engine = await start()
  await expect(engine.open(spec('abort'))).rejects.toMatchObject({
    reason: 'crashed',
    message: expect.stringContaining('SIGABRT'),
  })
  await expect(engine.open(spec('regression'))).rejects.toMatchObject({ reason: 'crashed' })
  expect(isRunning(engine.pid)).toBe(false)
})

test('closing ends a step in the middle, at once, and no process is left', async () => {
  const engine = await start()
  await engine.open(spec('slow'))
  const training = engine.train(slowJob(20))
  const outcome = expect(training).rejects.toMatchObject({ reason: 'killed' })
  await new Promise((resolve) => setTimeout(resolve, 200))
  const startedMs = performance.now()
  await engine.close()
  expect(performance.now() - startedMs).toBeLessThan(1000)
  expect(isRunning(engine.pid)).toBe(false)
  await outcome
})

test('this process goes on while a step runs', { retry: 2 }, async () => {
  await using engine = await start()
  await engine.open(spec('slow'))
  let longestGapMs = 0
  let previousMs = performance.now()
  const ticks = setInterval(() => {
    const nowMs = performance.now()
    longestGapMs = Math.max(longestGapMs, nowMs - previousMs)
    previousMs = nowMs
  }, 2)
  const { seconds } = await engine.train(slowJob(2))
  clearInterval(ticks)
  expect(seconds).toBeGreaterThan(0.08)
  expect(longestGapMs).toBeLessThan(250 * seconds) // half of a step; a process that waits for one is silent for all of it
})

test('an engine whose program cannot start says why', async () => {
  const missing = new URL('no-such-host.mjs', import.meta.url)
  await expect(startEngine({ host: missing })).rejects.toMatchObject({
    reason: 'crashed',
    message: expect.stringContaining('Cannot find module'),
  })
})

test('an engine is ended when it falls silent, however long it worked before', async () => {
  const silenceMs = 8000
  await using engine = await start(silenceMs)
  await engine.open(spec('slow'))
  const startedMs = performance.now()
  while (performance.now() - startedMs < 1.2 * silenceMs) await engine.train(slowJob(4))
  const training = engine.train(
    slowJob(1000),
    ({ step }) => step === 2 && process.kill(engine.pid, 'SIGSTOP'),
  )
  await expect(training).rejects.toMatchObject({ reason: 'stalled' })
})

test('an engine ends with the process that started it', async () => {
  const program = `
    import { startEngine } from ${JSON.stringify(new URL('../../dist/runtime/engine.js', import.meta.url).href)}
    const engine = await startEngine({ host: new URL(${JSON.stringify(host.href)}) })
    console.log(engine.pid)
    if (process.argv[1] === 'kill') process.kill(process.pid, 'SIGKILL')`
  for (const how of ['return', 'kill']) {
    const { status, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program, how], {
      encoding: 'utf8',
      timeout: 20_000,
    })
    expect(status).toBe(how === 'return' ? 0 : null) // an idle engine keeps no process alive
    const pid = Number(stdout)
    expect(pid).toBeGreaterThan(1)
    await expect.poll(() => isRunning(pid), { timeout: 5000 }).toBe(false)
  }
})
