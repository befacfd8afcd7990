/**
 * A model on this machine, opened for a command: its engine and the adapter to start from.
 * @module
 */
import {
  type Adapter,
  type BatchSize,
  createAdapter,
  type Engine,
  type EngineSpec,
  factorsByModule,
  type NewHead,
  type PeftSpec,
  readAdapterFor,
  type Starts,
  weightStarts,
} from '@lorica/peft-core'
import { type EngineChoice, openEngine } from './engine-choice.js'
import { withCode } from './errors.js'

export interface SessionSpec {
  readonly model: string
  /** A PEFT folder to start from, what a fresh adapter looks like, or an adapter. */
  readonly adapter: string | PeftSpec | Adapter
  readonly rows: number
  readonly columns: number
  /** The size of the images, of a model that takes images; then `columns` is 0. */
  readonly image?: BatchSize['image']
  readonly seed: number
  /** A classifier in place of the model's head, which the adapter brings along. */
  readonly head?: NewHead | undefined
  /** What computes. */
  readonly engine: EngineChoice
  /** What the backward pass computes again instead of holding it in memory. */
  readonly recompute?: EngineSpec['recompute']
  /** What the session is opened for; training unless stated. */
  readonly purpose?: EngineSpec['purpose']
}

export interface LearningSession extends AsyncDisposable {
  readonly adapter: Adapter
  /** What its factors started from, when they started from the weights. */
  readonly starts: Starts | undefined
  readonly engine: Engine
  /** How many numbers the adapter trains. */
  readonly parameters: number
}

/** Reads everything and opens the model in a process of its own, which ends with the session. */
export async function openSession(spec: SessionSpec): Promise<LearningSession> {
  const { model, rows, columns, image, head, adapter: given, purpose = 'train', recompute = 'cheap' } = spec
  const adapter =
    typeof given === 'string'
      ? await withCode('LRC-7003', () => readAdapterFor(model, given))
      : 'tensors' in given
        ? given
        : await withCode('LRC-7001', () => createAdapter(model, given, spec.seed, { head }))
  const isFresh = typeof given !== 'string' && !('tensors' in given)
  const starts = await withCode('LRC-7001', () =>
    isFresh ? factorsByModule(adapter) : weightStarts(model, adapter.config),
  )
  const engine = await openEngine(spec.engine)
  try {
    const { parameters } = await withCode('LRC-7002', () =>
      engine.open({
        model,
        config: adapter.config,
        ...(head === undefined ? {} : { head }),
        starts,
        rows,
        columns,
        image,
        trainable: 'adapter',
        purpose,
        recompute,
      }),
    )
    return { adapter, starts, engine, parameters, [Symbol.asyncDispose]: () => engine.close() }
  } catch (error) {
    await engine.close()
    throw error
  }
}
