/**
 * What the engine's process does with requests: opens graphs of one model as they are needed, and runs them.
 * @module
 */
import { isDeepStrictEqual } from 'node:util'
import { DROPOUT_WORDS, dropoutWords } from '../adapt/dropout.js'
import { SIDE_PREFIX } from '../adapt/lora.js'
import type { Tensor, TensorMap } from '../adapter/tensor.js'
import { CLIP, NORMS } from '../differentiate/per-example.js'
import { type Answer, answerPrompts } from '../evaluate/answer.js'
import { generate, type Sampling } from '../evaluate/generate.js'
import { evaluateLoss, type LossTotal } from '../evaluate/loss.js'
import { type MeasuredBatch, measuredBatch } from '../evaluate/measured-batch.js'
import { sizeOf } from '../graph/graph.js'
import type { Task } from '../source/task.js'
import { type Batch, type Batches, type BatchSize, batchSize } from '../train/batch.js'
import type { ClippedSums, ClippingOptions } from '../train/clipping.js'
import { expectFitting } from '../train/fitting.js'
import type { Random } from '../train/random.js'
import {
  type LossAndGradients,
  type StepProgress,
  type TrainJob,
  type TrainResult,
  train,
} from '../train/trainer.js'
import { createDecoder } from './decoder.js'
import { batchFeeds } from './feeds.js'
import { matchTensors } from './matched-tensors.js'
import { type NextLogits, withPosition } from './next-token.js'
import { createOpenGraphs, type OpenGraph } from './open-graphs.js'
import { type ProductTimes, productRate, timeProducts } from './products.js'
import type { Runtime, RuntimeOptions, TensorData } from './runtime.js'
import type { BuildGraph, EngineSpec, GraphRequest, Purpose, TrainingGraph } from './training-graph.js'

export interface Opened {
  /** How many numbers are trained. */
  readonly parameters: number
  readonly task: Task
}

export interface Service {
  open(spec: EngineSpec): Promise<Opened>
  train(job: TrainJob, onStep: (progress: StepProgress) => void): Promise<TrainResult>
  evaluate(tensors: TensorMap, batches: Batches): Promise<LossTotal & { readonly seconds: number }>
  /** Tells what the model makes of each batch; resolves to the number of classes that it tells apart. */
  measure(
    tensors: TensorMap,
    batches: Batches,
    onBatch: (batch: MeasuredBatch) => void,
  ): Promise<{ readonly classes: number; readonly seconds: number }>
  gradients(
    tensors: TensorMap,
    batch: Batch,
  ): Promise<{ readonly loss: number; readonly gradients: TensorMap }>
  /** The sum over the rows of a batch of their gradients, each clipped to a joint norm of at most `clip`; see `ClippedSums`. */
  clippedSums(tensors: TensorMap, batch: Batch, options: ClippingOptions): Promise<ClippedSums>
  logits(tensors: TensorMap, inputIds: readonly number[]): Promise<Float32Array>
  /** Runs only the matrix products of the training graph, `times` times. */
  products(times: number): Promise<ProductTimes>
  /** Floating-point operations a second of a bare matrix product. */
  rate(): Promise<number>
  generate(
    tensors: TensorMap,
    prompt: readonly number[],
    sampling: Sampling,
    onToken: (id: number) => boolean,
  ): Promise<readonly number[]>
  /** What follows each prompt, with the time that it took. */
  answer(
    tensors: TensorMap,
    prompts: readonly (readonly number[])[],
    sampling: Sampling,
  ): Promise<readonly Answer[]>
  /** The most memory that this process has had, in bytes. */
  peakBytes(): Promise<number>
}

type Known = Pick<TrainingGraph, 'task' | 'virtualTokens' | 'classes'>

/** Answers requests about the model of the last `open`. One request at a time. */
export function createService(build: BuildGraph, runtime: Runtime, options: RuntimeOptions): Service {
  let spec: EngineSpec | undefined
  let known: Known | undefined
  let maxColumns: number | undefined
  const countedAs = (): Known => {
    if (known === undefined) throw new TypeError('no model is open; call open first')
    return known
  }
  const graphs = createOpenGraphs(runtime)
  const graphFor = (
    purpose: Purpose,
    { rows, columns, image, isPacked }: BatchSize,
    more: Pick<GraphRequest, 'cache' | 'dropout' | 'byExample'> = {},
  ): Promise<OpenGraph> => {
    if (spec === undefined) throw new TypeError('no model is open; call open first')
    const request = { ...spec, rows, columns, image, isPacked, purpose, ...more }
    return graphs.get(JSON.stringify([purpose, rows, columns, image, isPacked, more]), async () => {
      const training = await build(request)
      const built = purpose === 'logits' ? withPosition(training) : training
      return { training: built, options: sessionOptions(options, purpose) }
    })
  }
  const lossAndGradients = async (
    tensors: TensorMap,
    batch: Batch,
    { random, side }: { readonly random?: Random; readonly side?: TensorMap | undefined } = {},
  ): Promise<LossAndGradients> => {
    const dropout = random !== undefined && dropsInputs(spec) ? { dropout: true } : {}
    const { session, ...open } = await graphFor('train', batchSize(batch), dropout)
    const { graph, parameters } = open
    const feeds = batchFeeds(graph, fed(open, tensors, side), batch)
    const words = graph.inputs.find(({ name }) => name === DROPOUT_WORDS)?.shape[0]
    if (words !== undefined && random !== undefined) feeds.set(DROPOUT_WORDS, dropoutWords(random, words))
    const outputs = await session.run(feeds)
    const gradients = parameters.map(({ name }) => [name, numbersOf(outputs, `grad:${name}`)] as const)
    return { loss: numbersOf(outputs, 'loss')[0] as number, gradients: new Map(gradients) }
  }
  const clippedSums = async (
    tensors: TensorMap,
    batch: Batch,
    { clip, frozen = [], side }: ClippingOptions,
  ): Promise<ClippedSums> => {
    expectFitting(countedAs().task, batch)
    const { session, ...open } = await graphFor('train', batchSize(batch), { byExample: { frozen } })
    const feeds = batchFeeds(open.graph, fed(open, tensors, side), batch)
    const outputs = await session.run(feeds.set(CLIP, Float32Array.of(clip)))
    const sums = open.parameters
      .filter(({ name }) => !frozen.includes(name))
      .map(({ name }) => [name, numbersOf(outputs, `grad:${name}`)] as const)
    return { sums: new Map(sums), norms: numbersOf(outputs, NORMS) }
  }
  const products = async (times: number): Promise<ProductTimes> => {
    if (spec === undefined) throw new TypeError('no model is open; call open first')
    const { graph } = await graphFor('train', spec)
    return await timeProducts(runtime, graph, { ...sessionOptions(options, 'train'), times })
  }
  const decoder = (tensors: TensorMap, expectedTokens: number): NextLogits => {
    const open = async (columns: number, cache: number): Promise<OpenGraph> => {
      const opened = await graphFor('logits', { rows: 1, columns }, { cache })
      expectCausal(opened)
      matchTensors(opened.parameters, tensors)
      return opened
    }
    return createDecoder(
      { whole: (columns) => open(columns, 0), step: (capacity) => open(1, capacity) },
      { tensors, maxColumns: maxColumns ?? Number.POSITIVE_INFINITY, expectedTokens },
    )
  }

  return {
    async open(wanted) {
      if (!isDeepStrictEqual(spec, wanted)) await graphs.closeAll()
      spec = wanted
      const { purpose = 'train' } = wanted
      const dropout = purpose === 'train' && dropsInputs(wanted) ? { dropout: true } : {}
      const opened = await graphFor(purpose, wanted, purpose === 'logits' ? { cache: 0 } : dropout)
      const { parameters, task } = opened
      known = opened
      maxColumns = wanted.maxColumns ?? opened.positions
      return { parameters: parameters.reduce((total, { shape }) => total + sizeOf(shape), 0), task }
    },
    async train(job, onStep) {
      const counting = countedAs()
      const learned = (tensors: TensorMap, batch: Batch, random: Random): Promise<LossAndGradients> => {
        expectFitting(counting.task, batch)
        return lossAndGradients(tensors, batch, { random, side: job.side })
      }
      return train({ ...counting, lossAndGradients: learned }, job, onStep)
    },
    async evaluate(tensors, batches) {
      const startedMs = performance.now()
      const counting = countedAs()
      const meanLoss = async (batch: Batch): Promise<number> => {
        expectFitting(counting.task, batch)
        const { session, ...open } = await graphFor('evaluate', batchSize(batch))
        const outputs = await session.run(batchFeeds(open.graph, fed(open, tensors), batch))
        return numbersOf(outputs, 'loss')[0] as number
      }
      const total = await evaluateLoss(batches, { ...counting, meanLoss })
      return { ...total, seconds: (performance.now() - startedMs) / 1000 }
    },
    async measure(tensors, batches, onBatch) {
      const startedMs = performance.now()
      const { task, classes = 0 } = countedAs()
      for await (const batch of batches) {
        expectFitting(task, batch)
        const { session, ...open } = await graphFor('measure', batchSize(batch))
        const feeds = batchFeeds(open.graph, fed(open, tensors), batch)
        const runMs = performance.now()
        const outputs = await session.run(feeds)
        const milliseconds = performance.now() - runMs
        const loss = numbersOf(outputs, 'loss')[0] as number
        const predictions = numbersOf(outputs, 'predictions')
        onBatch(measuredBatch(batch, task, { loss, predictions, milliseconds }))
      }
      return { classes, seconds: (performance.now() - startedMs) / 1000 }
    },
    async gradients(tensors, batch) {
      const { loss, gradients } = await lossAndGradients(tensors, batch)
      const shaped = [...gradients].map(
        ([name, data]) => [name, { shape: (tensors.get(name) as Tensor).shape, data }] as const,
      )
      return { loss, gradients: new Map(shaped) }
    },
    clippedSums,
    logits: (tensors, inputIds) => decoder(tensors, inputIds.length)(inputIds),
    products,
    rate: () => productRate(runtime, { ...options, prepacking: true }),
    generate: (tensors, prompt, sampling, onToken) =>
      generate(decoder(tensors, prompt.length + sampling.maxTokens), prompt, sampling, onToken),
    answer: (tensors, prompts, sampling) =>
      answerPrompts((expectedTokens) => decoder(tensors, expectedTokens), prompts, sampling),
    peakBytes: async () => process.resourceUsage().maxRSS * 1024,
  }
}

function expectCausal({ task }: TrainingGraph): void {
  if (task === 'causal') return
  throw new RangeError(`generation expected a causal language model, got one for the task "${task}"`)
}

/**
 * Training runs often, and keeps its memory. Graphs of whole batches run as they were ordered: rewriting them could make
 * values long before they are needed, and would hold half-precision weights a second time in float32. A graph that is run
 * for every token is worth that.
 */
function sessionOptions(options: RuntimeOptions, purpose: Purpose): RuntimeOptions {
  return { ...options, arena: purpose === 'train', rewrites: purpose === 'logits' }
}

/** Whether training steps of a model drop a part of what its factors read. */
function dropsInputs(spec: EngineSpec | undefined): boolean {
  return spec?.trainable === 'adapter' && spec.config.method === 'lora' && spec.config.dropout > 0
}

/** What a graph is fed beside a batch: its parameters, and the frozen factors beside them. RangeError names what does not fit. */
function fed(
  { parameters, side = [] }: Pick<TrainingGraph, 'parameters' | 'side'>,
  tensors: TensorMap,
  beside: TensorMap = new Map(),
): TensorMap {
  matchTensors(parameters, tensors)
  if (side.length === 0 && beside.size === 0) return tensors
  const frozen = [...matchTensors(side, beside)].map(
    ([name, tensor]) => [`${SIDE_PREFIX}${name}`, tensor] as const,
  )
  return new Map([...tensors, ...frozen])
}

function numbersOf(outputs: ReadonlyMap<string, TensorData>, name: string): Float32Array {
  const output = outputs.get(name)
  if (output?.data instanceof Float32Array) return output.data
  throw new TypeError(`graph output "${name}" expected float32, got ${output?.element ?? 'none'}`)
}
