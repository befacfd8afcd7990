/**
 * The training of an assignment that protects the examples of this agent: DP-SGD, paid for before it begins.
 * @module
 */
import type { Adapter, EngineSpec, OptimizerState, SplitAdapter, TensorMap } from '@lorica/peft-core'
import { rowsAtOnce } from '@lorica/peft-core'
import { addNoise, type Charge } from '@lorica/privacy'
import type { TrainAssignment } from '@lorica/protocol'
import type { Reading } from '../private/batches.js'
import type { ExampleDp } from '../site/spend.js'
import { optimizerOf, scheduleOf } from './optimizer.js'
import type { Update, WorkParts } from './work-parts.js'

/** What a training with noise is made of. */
export interface Given {
  readonly assignment: TrainAssignment
  readonly dp: ExampleDp
  readonly spec: EngineSpec
  readonly adapter: Adapter
  readonly frozen: ReadonlySet<string>
  readonly side: SplitAdapter['side']
  readonly reading: Reading
  readonly moments: OptimizerState | undefined
  readonly deadlineAtMs: number
}

/**
 * Trains with noise. Nothing that is exact about the data is told: no losses, and of examples and tokens what is expected rather
 * than what was drawn. Neither examples nor noise follow from the seed of the run.
 */
export async function trainWithNoise(
  { assignment, dp, spec, adapter, frozen, side, reading, moments, deadlineAtMs }: Given,
  { batches, clock: _, ...parts }: WorkParts,
  signal: AbortSignal,
): Promise<Omit<Update, 'delta'> & { readonly tensors: TensorMap }> {
  const { local, data } = assignment
  const { steps, batch: expectedExamples } = local
  const rows = rowsAtOnce(expectedExamples, data.maxTokens)
  const drawn = await batches.byExample(reading, { expectedExamples, rows, steps })
  signal.throwIfAborted()
  const { samplingRate } = drawn
  const { noiseMultiplier, clip } = dp
  const charge: Charge = { unit: 'example', noiseMultiplier, samplingRate, sampling: 'poisson', steps }
  await parts.spend(charge, dp)
  const keepState = local.optimizerState === 'keep'
  const job = {
    tensors: adapter.tensors,
    steps: parts.owner.whenFree(drawn.steps, deadlineAtMs, signal),
    ...{ expectedExamples, noiseMultiplier, clip, addNoise },
    optimizer: optimizerOf(local),
    schedule: scheduleOf(local),
    ...(frozen.size === 0 ? {} : { frozen: [...frozen] }),
    ...(side === null ? {} : { side: side.tensors }),
    ...(keepState && moments !== undefined ? { state: moments } : {}),
  }
  const onStep = ({ step }: { readonly step: number }): void =>
    parts.onStep({ step, loss: null, tokensPerSecond: null }, steps)
  const result = await parts.trainer.trainPrivately(
    { ...spec, rows, purpose: 'evaluate' },
    job,
    onStep,
    signal,
  )
  const examples = steps * expectedExamples
  return {
    tensors: result.tensors,
    ...{ examples, tokens: examples * data.maxTokens, trainMs: result.seconds * 1000 },
    ...{ lossFirst: null, lossLast: null, samplingRate },
    ...(keepState ? { moments: result.optimizer } : {}),
  }
}
