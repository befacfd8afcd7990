import {
  type Answer,
  type Batches,
  type ClippedStep,
  type ClippingModel,
  createExampleTally,
  type Engine,
  type EngineSpec,
  type ExampleFigures,
  type MeasuredBatch,
  type PrivateStep,
  type PrivateTrainJob,
  type PrivateTrainResult,
  type Sampling,
  type StepProgress,
  type startEngine,
  sumClipped,
  type TensorMap,
  type TrainJob,
  type TrainResult,
  trainPrivately,
} from '@lorica/peft-core'
import { CALIBRATION_BINS, LoricaError } from '@lorica/protocol'
import type { Clock } from '../clock.js'
import { halvedJob, halvedSpec, inHalves, sumOfHalves } from '../work/halves.js'
import { engineFault, hasFallen } from './engine-fault.js'

export type OnStep = (progress: StepProgress) => void
export type Evaluated = Awaited<ReturnType<Engine['evaluate']>>

/** Trains and measures in a process of its own, which stays up between rounds and is started again after it fell. */
export interface Trainer {
  /** Starts the process, so that it is ready when the first request comes. */
  warm(): void
  /** `seconds` of the result count from the request: opening the model and handing it the numbers are part of training. */
  train(spec: EngineSpec, job: TrainJob, onStep: OnStep, signal: AbortSignal): Promise<TrainResult>
  /** As `train`, on the noisy sums of clipped gradients: only the sums are made in the process. LRC-6011: training diverged. */
  trainPrivately(
    spec: EngineSpec,
    job: PrivateTrainJob,
    onStep: (step: PrivateStep) => void,
    signal: AbortSignal,
  ): Promise<PrivateTrainResult>
  /** The exact sum of the clipped gradients of one step, which nothing may see without noise. LRC-6011: it is not finite. */
  sumClipped(
    spec: EngineSpec,
    step: ClippedStep,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, Float64Array>>
  evaluate(spec: EngineSpec, tensors: TensorMap, batches: Batches, signal: AbortSignal): Promise<Evaluated>
  /** What the model makes of the batches, example by example. */
  examine(
    spec: EngineSpec,
    tensors: TensorMap,
    batches: Batches,
    signal: AbortSignal,
  ): Promise<ExampleFigures & { readonly seconds: number; readonly milliseconds: number }> // of the model alone: milliseconds
  /** What the model writes after each prompt. */
  answer(
    spec: EngineSpec,
    tensors: TensorMap,
    request: { readonly prompts: readonly (readonly number[])[]; readonly sampling: Sampling },
    signal: AbortSignal,
  ): Promise<readonly Answer[]>
  /** The most memory that the process has had, in bytes; undefined where there is none. */
  peakBytes(): Promise<number | undefined>
  /** The bytes that it has of the memory of GPUs, which its runtime keeps between requests; null: not known; undefined: it runs on none. */
  gpuBytes(): Promise<number | null | undefined>
  /** Ends the process. A later request starts another one. */
  close(): Promise<void>
}

export interface TrainerOptions {
  readonly clock: Clock
  readonly start: () => ReturnType<typeof startEngine>
  /** What a process has of the memory of GPUs; null, as where it is left out: not known. */
  readonly gpuBytes?: (pid: number) => Promise<number | null>
  /** Hears that the process fell, and why. */
  readonly onFallen: (error: LoricaError) => void
}

interface Running {
  readonly engine: Promise<Engine>
  readonly model?: string // the spec that is open, as JSON
}

/**
 * One request at a time. A request during which the process falls, hangs or runs out of memory is tried once more in a new
 * process, with half the rows at a time, and so are later ones for the same model; after that it throws LRC-6003. An aborted request ends the process and throws the signal's reason. LRC-6011: training diverged.
 */
export function createTrainer({
  start,
  onFallen,
  clock,
  gpuBytes = async () => null,
}: TrainerOptions): Trainer {
  let running: Running | undefined
  let closing: Promise<unknown> = Promise.resolve()
  const tooLarge = new Set<string>() // models that only half the rows at a time passed for

  const engineOf = (): Promise<Engine> => {
    running ??= { engine: start() }
    return running.engine
  }
  const close = async (): Promise<void> => {
    const engine = running?.engine
    running = undefined
    if (engine !== undefined) closing = Promise.all([closing, end(engine)])
    await closing
  }
  const attempt = async <T>(
    spec: EngineSpec,
    use: (engine: Engine) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> => {
    signal.throwIfAborted()
    const stop = (): void => void close()
    signal.addEventListener('abort', stop, { once: true })
    try {
      const engine = await engineOf()
      const model = JSON.stringify(spec)
      if (running?.model !== model) {
        await engine.open(spec)
        running = { engine: Promise.resolve(engine), model }
      }
      return await use(engine)
    } catch (error) {
      signal.throwIfAborted()
      throw error
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }
  const serve = async <T>(request: Request<T>, signal: AbortSignal): Promise<T> => {
    const { spec, use } = request
    const key = JSON.stringify(spec)
    const { rows } = spec
    if (tooLarge.has(key)) return await finish(halved(request), signal)
    try {
      return await attempt(spec, (engine) => use(engine, false), signal)
    } catch (error) {
      signal.throwIfAborted()
      if (!hasFallen(error)) throw engineFault(error)
      const fault = engineFault(error)
      onFallen(new LoricaError(fault.code, `${fault.message}; it is tried once more${withRows(rows)}`, fault))
      await close()
      const result = await finish(rows === 1 ? request : halved(request), signal)
      if (rows > 1) tooLarge.add(key)
      return result
    }
  }
  const finish = async <T>(request: Attempted<T>, signal: AbortSignal): Promise<T> => {
    try {
      return await attempt(request.spec, (engine) => request.use(engine, request.isHalved === true), signal)
    } catch (error) {
      if (hasFallen(error)) await close()
      signal.throwIfAborted()
      throw engineFault(error)
    }
  }
  const clipping = <T>(
    spec: EngineSpec,
    signal: AbortSignal,
    work: (model: ClippingModel) => Promise<T>,
  ): Promise<T> => {
    const clippedSums: ClippingModel['clippedSums'] = (tensors, batch, options) => {
      const use = (engine: Engine, isHalved: boolean) =>
        isHalved && batch.rows > 1
          ? sumOfHalves(engine, { tensors, batch, options })
          : engine.clippedSums(tensors, batch, options)
      return serve({ spec, use }, signal)
    }
    return work({ clippedSums }).catch((error: unknown) => {
      signal.throwIfAborted()
      throw engineFault(error)
    })
  }
  return {
    warm: () => {
      engineOf().catch(() => {}) // the request that follows reports it
    },
    async train(spec, job, onStep, signal) {
      const startedMs = clock.monotonicMs()
      const use = (engine: Engine, isHalved: boolean) => engine.train(isHalved ? halvedJob(job) : job, onStep)
      const result = await serve({ spec, use }, signal)
      return { ...result, seconds: (clock.monotonicMs() - startedMs) / 1000 }
    },
    async trainPrivately(spec, job, onStep, signal) {
      const startedMs = clock.monotonicMs()
      const result = await clipping(spec, signal, (model) => trainPrivately(model, job, onStep))
      return { ...result, seconds: (clock.monotonicMs() - startedMs) / 1000 }
    },
    sumClipped: (spec, step, signal) => clipping(spec, signal, (model) => sumClipped(model, step)),
    evaluate(spec, tensors, batches, signal) {
      const use = (engine: Engine, isHalved: boolean) =>
        engine.evaluate(tensors, isHalved ? inHalves(batches) : batches)
      return serve({ spec, use }, signal)
    },
    examine(spec, tensors, batches, signal) {
      const use = async (engine: Engine, isHalved: boolean) => {
        const tally = createExampleTally(CALIBRATION_BINS)
        let milliseconds = 0
        const add = (batch: MeasuredBatch): void => {
          milliseconds += batch.milliseconds
          tally.add(batch)
        }
        const { seconds } = await engine.measure(tensors, isHalved ? inHalves(batches) : batches, add)
        return { ...tally.figures(), seconds, milliseconds }
      }
      return serve({ spec, use }, signal)
    },
    answer(spec, tensors, { prompts, sampling }, signal) {
      return serve({ spec, use: (engine) => engine.answer(tensors, prompts, sampling) }, signal)
    },
    peakBytes: async () => await (await running?.engine)?.peakBytes(),
    async gpuBytes() {
      const engine = await running?.engine
      return engine === undefined || engine.facts.device === 'cpu' ? undefined : gpuBytes(engine.pid)
    },
    close,
  }
}

/** Something to ask of an engine that has the model of `spec` open. */
interface Request<T> {
  readonly spec: EngineSpec
  readonly use: (engine: Engine, isHalved: boolean) => Promise<T>
}

interface Attempted<T> extends Request<T> {
  readonly isHalved?: boolean
}

const halved = <T>(request: Request<T>): Attempted<T> => ({
  ...request,
  spec: halvedSpec(request.spec),
  isHalved: true,
})

const withRows = (rows: number): string =>
  rows === 1 ? '' : ` with ${Math.ceil(rows / 2)} of ${rows} rows at a time`

async function end(engine: Promise<Engine>): Promise<void> {
  await engine.then(
    (started) => started.close(),
    () => {},
  )
}
