import {
  type Batches,
  type Engine,
  EngineError,
  type EngineSpec,
  type StepProgress,
  type startEngine,
  type TensorMap,
  type TrainJob,
  type TrainResult,
} from '@lorica/peft-core'
import { LoricaError } from '@lorica/protocol'
import type { Clock } from './clock.js'

export type OnStep = (progress: StepProgress) => void
export type Evaluated = Awaited<ReturnType<Engine['evaluate']>>

/** Trains and measures in a process of its own, which stays up between rounds and is started again after it fell. */
export interface Trainer {
  /** Starts the process, so that it is ready when the first request comes. */
  warm(): void
  /** `seconds` of the result count from the request: opening the model and handing it the numbers are part of training. */
  train(spec: EngineSpec, job: TrainJob, onStep: OnStep, signal: AbortSignal): Promise<TrainResult>
  evaluate(spec: EngineSpec, tensors: TensorMap, batches: Batches, signal: AbortSignal): Promise<Evaluated>
  /** Ends the process. A later request starts another one. */
  close(): Promise<void>
}

export interface TrainerOptions {
  readonly clock: Clock
  readonly start: () => ReturnType<typeof startEngine>
  /** Hears that the process fell, and why. */
  readonly onFallen: (error: LoricaError) => void
}

interface Running {
  readonly engine: Promise<Engine>
  readonly model?: string // the spec that is open, as JSON
}

/**
 * One request at a time. A request during which the process falls is tried once more in a new process; after that it
 * throws LRC-6003. An aborted request ends the process and throws the signal's reason. LRC-6011: training diverged.
 */
export function createTrainer({ start, onFallen, clock }: TrainerOptions): Trainer {
  let running: Running | undefined
  let closing: Promise<unknown> = Promise.resolve()

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
  const serve = async <T>(
    spec: EngineSpec,
    use: (engine: Engine) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> => {
    try {
      return await attempt(spec, use, signal)
    } catch (error) {
      if (signal.aborted || !hasFallen(error)) throw engineFault(error, signal)
      onFallen(engineFault(error, signal))
      await close()
      return await attempt(spec, use, signal).catch(async (again) => {
        if (hasFallen(again)) await close()
        throw engineFault(again, signal)
      })
    }
  }
  return {
    warm: () => {
      engineOf().catch(() => {}) // the request that follows reports it
    },
    async train(spec, job, onStep, signal) {
      const startedMs = clock.monotonicMs()
      const result = await serve(spec, (engine) => engine.train(job, onStep), signal)
      return { ...result, seconds: (clock.monotonicMs() - startedMs) / 1000 }
    },
    evaluate: (spec, tensors, batches, signal) =>
      serve(spec, (engine) => engine.evaluate(tensors, batches), signal),
    close,
  }
}

async function end(engine: Promise<Engine>): Promise<void> {
  await engine.then(
    (started) => started.close(),
    () => {},
  )
}

function hasFallen(error: unknown): boolean {
  return !(error instanceof EngineError) || error.reason !== 'refused'
}

function engineFault(error: unknown, signal: AbortSignal): LoricaError {
  if (signal.aborted) throw signal.reason
  const message = error instanceof Error ? error.message : String(error)
  if (/^training diverged/.test(message)) return new LoricaError('LRC-6011', message, { cause: error })
  if (error instanceof EngineError && error.reason === 'refused') {
    return new LoricaError('LRC-7002', message, { cause: error })
  }
  return new LoricaError('LRC-6003', message, { cause: error })
}
