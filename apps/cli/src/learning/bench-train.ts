/**
 * Training speed on random weights, beside the speed of the bare matrix products of the same shapes in the same process.
 * @module
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Batch,
  createAdapter,
  createRandom,
  type Engine,
  type EngineFacts,
  rowsAtOnce,
  trainPrivately,
} from '@lorica/peft-core'
import { addNoise } from '@lorica/privacy'
import { type EngineChoice, openEngine } from './engine-choice.js'
import { peakRssBytes } from './memory.js'
import { type RandomModel, writeRandomModel } from './random-model.js'
import type { RecomputeChoice } from './recompute.js'

export interface BenchShape extends Omit<RandomModel, 'positions'>, EngineChoice {
  readonly rank: number
  readonly recompute: RecomputeChoice
  /** `all-linear`, or the last parts of module names separated by commas. */
  readonly targets: string
  readonly batch: number
  readonly sequence: number
  readonly steps: number
  readonly threads: number
  /** Whether gradients are clipped row by row, and steps follow noisy sums of them. */
  readonly private?: boolean
}

export interface BenchResult {
  readonly engine: EngineFacts
  readonly tokensPerSecond: number
  readonly gflops: number // of the matrix products, over the whole step
  readonly gemmGflops: number // of the same products, alone
  readonly ratio: number
  readonly peakRssMB: number // of the engine's process
  readonly stepMs: number
  readonly openSeconds: number
}

/** Training and bare products take turns, so that a machine that is busy for a while slows both. */
const TURNS = 4
const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 } as const

/** Measures one shape: the median step, and the median run of the products. */
export async function benchTrain(
  shape: BenchShape,
  onProgress: (text: string) => void,
): Promise<BenchResult> {
  const folder = await mkdtemp(join(tmpdir(), 'lorica-bench-'))
  try {
    onProgress('writing random weights …')
    await writeRandomModel(folder, { ...shape, positions: shape.sequence })
    const { rank, targets } = shape
    const spec = {
      method: 'lora',
      rank,
      alpha: 2 * rank,
      targets: targets === 'all-linear' ? targets : targets.split(','),
      rslora: false,
    } as const
    const adapter = await createAdapter(folder, spec, 1)
    await using engine = await openEngine(shape)
    const startedMs = performance.now()
    await engine.open({
      model: folder,
      config: adapter.config,
      rows: shape.batch,
      columns: shape.sequence,
      trainable: 'adapter',
      recompute: shape.recompute,
    })
    const openSeconds = (performance.now() - startedMs) / 1000
    const { facts } = engine
    return { engine: facts, ...(await measure(engine, adapter.tensors, shape, onProgress)), openSeconds }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

type Tensors = Parameters<Engine['train']>[0]['tensors']

async function measure(
  engine: Engine,
  start: Tensors,
  shape: BenchShape,
  onProgress: (text: string) => void,
): Promise<Omit<BenchResult, 'openSeconds' | 'engine'>> {
  const stepSeconds: number[] = []
  const productSeconds: number[] = []
  let flops = 0
  let peakRss = 0
  await trainSteps(engine, start, shape, 2) // the first steps fill the memory that later ones reuse
  for (let turn = 0; turn < TURNS; turn++) {
    onProgress(`turn ${turn + 1} of ${TURNS}: training …`)
    stepSeconds.push(...(await trainSteps(engine, start, shape, Math.ceil(shape.steps / TURNS))))
    peakRss ||= await peakRssBytes(engine.pid) // before the bare products take memory of their own
    onProgress(`turn ${turn + 1} of ${TURNS}: bare matrix products …`)
    const bare = await engine.products(Math.ceil(shape.steps / TURNS) + 1)
    flops = bare.flops
    productSeconds.push(...bare.seconds.slice(1))
  }
  const step = median(stepSeconds)
  const gflops = flops / step / 1e9
  const gemmGflops = flops / median(productSeconds) / 1e9
  const tokensPerSecond = (shape.batch * shape.sequence) / step
  return {
    tokensPerSecond,
    gflops,
    gemmGflops,
    ratio: gflops / gemmGflops,
    peakRssMB: peakRss / 2 ** 20,
    stepMs: step * 1000,
  }
}

/** Trains a few steps and returns how long each took, AdamW included. */
async function trainSteps(
  engine: Engine,
  tensors: Tensors,
  shape: BenchShape,
  steps: number,
): Promise<readonly number[]> {
  if (shape.private === true) return await privateSteps(engine, tensors, shape, steps)
  const seconds: number[] = []
  const counted = shape.batch * (shape.family === 'bert' ? hiddenPlaces(shape).length : shape.sequence - 1)
  await engine.train(
    {
      tensors,
      batches: randomBatches(shape, steps),
      optimizer: { ...ADAM, learningRate: 1e-3 },
      schedule: { kind: 'constant', warmupSteps: 0, totalSteps: steps, firstStep: 0 },
      accumulate: 1,
    },
    ({ tokensPerSecond }) => seconds.push(counted / tokensPerSecond),
  )
  return seconds
}

/** The same with privacy of each row: as many rows at once as `lorica train` takes, and noise on their sum. */
async function privateSteps(
  engine: Engine,
  tensors: Tensors,
  shape: BenchShape,
  steps: number,
): Promise<readonly number[]> {
  const { batch, sequence } = shape
  const rows = rowsAtOnce(batch, sequence)
  const parts = randomBatches({ ...shape, batch: rows }, Math.ceil(batch / rows))
  const seconds: number[] = []
  let startedMs = performance.now()
  await trainPrivately(
    engine,
    {
      ...{ tensors, clip: 1, noiseMultiplier: 1, expectedExamples: batch, addNoise },
      steps: Array.from({ length: steps }, () => parts),
      optimizer: { ...ADAM, learningRate: 1e-3 },
      schedule: { kind: 'constant', warmupSteps: 0, totalSteps: steps, firstStep: 0 },
    },
    () => {
      const nowMs = performance.now()
      seconds.push((nowMs - startedMs) / 1000)
      startedMs = nowMs
    },
  )
  return seconds
}

function randomBatches(shape: BenchShape, steps: number): readonly Batch[] {
  const { batch: rows, sequence: columns, vocabulary, family } = shape
  const random = createRandom(1, 'bench')
  const hidden = new Set(hiddenPlaces(shape))
  return Array.from({ length: steps }, () => {
    const words = Int32Array.from({ length: rows * columns }, () => random.below(vocabulary))
    const isHidden = (at: number): boolean => hidden.has(at % columns)
    const [inputIds, labels] =
      family === 'bert'
        ? [
            words.map((word, at) => (isHidden(at) ? 0 : word)),
            words.map((word, at) => (isHidden(at) ? word : -100)),
          ]
        : [words, words]
    return { rows, columns, inputIds, attentionMask: new Int32Array(rows * columns).fill(1), labels }
  })
}

/** Every seventh place of a window: the words that a masked-word model has to find, close to the usual 15 %. */
const hiddenPlaces = ({ sequence }: BenchShape): readonly number[] =>
  Array.from({ length: Math.ceil(sequence / 7) }, (_, index) => index * 7)

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] as number
}
