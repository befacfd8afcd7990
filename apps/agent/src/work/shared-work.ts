/**
 * One step of an assignment that protects the examples of all agents together: the sum of clipped gradients, which leaves in a secure sum
 * alone, with this agent's part of the noise.
 * @module
 */
import { rowsAtOnce, type Tensor, type TensorMap } from '@lorica/peft-core'
import { type Charge, SHARED_NOISE_APART } from '@lorica/privacy'
import { LoricaError, type TrainAssignment } from '@lorica/protocol'
import type { Given } from './private-work.js'
import type { Update, WorkParts } from './work-parts.js'

/** What the noise has to be larger by, to pay for sums that were computed and sent in 32 bits. */
const SINGLE_ERROR = 2 ** -13

/**
 * The sum, paid for before it is made. Throws LRC-6017, and spends nothing, when the noise of the secure sum is not what was promised
 * for examples, or when there is no secure sum.
 */
export async function gradientsForSum(
  { assignment, dp, spec, adapter, frozen, side, reading, deadlineAtMs }: Omit<Given, 'moments'>,
  { batches, trainer, owner, clock, spend }: WorkParts,
  signal: AbortSignal,
): Promise<Omit<Update, 'delta'> & { readonly tensors: TensorMap }> {
  const { local, data } = assignment
  const { clip, noiseMultiplier } = dp
  const samplingRate = expectShare(assignment, dp)
  const startedMs = clock.monotonicMs()
  const rows = rowsAtOnce(local.batch, data.maxTokens)
  const drawn = await batches.byExample(reading, { samplingRate, rows, steps: 1 })
  signal.throwIfAborted()
  const charge: Charge = { unit: 'example', noiseMultiplier, samplingRate, sampling: 'poisson', steps: 1 }
  await spend({ ...charge, apart: SHARED_NOISE_APART }, dp)
  const tensors = new Map<string, Tensor>()
  for await (const examples of owner.whenFree(drawn.steps, deadlineAtMs, signal)) {
    const step = {
      ...{ tensors: adapter.tensors, batches: examples, step: local.firstStep + 1, clip },
      ...(frozen.size === 0 ? {} : { frozen: [...frozen] }),
      ...(side === null ? {} : { side: side.tensors }),
    }
    const sums = await trainer.sumClipped({ ...spec, rows, purpose: 'evaluate' }, step, signal)
    for (const [name, sum] of sums) {
      const { shape = [] } = adapter.tensors.get(name) ?? {}
      tensors.set(name, { shape, data: Float32Array.from(sum) })
    }
  }
  return {
    ...{ tensors, examples: local.batch, tokens: local.batch * data.maxTokens },
    ...{ trainMs: clock.monotonicMs() - startedMs, lossFirst: null, lossLast: null, samplingRate },
  }
}

/** The chance of an example to take part. Throws LRC-6017 unless the terms of the sum have the noise that its promise needs. */
function expectShare(
  { secure, local, maxUpdateNorm }: TrainAssignment,
  { noiseMultiplier, clip, samplingRate }: Given['dp'],
): number {
  const { deviation = 0, honest = 0 } = secure?.noise ?? {}
  const most = secure?.minSurvivors ?? 0
  const wanted = noiseMultiplier * clip * (1 + SINGLE_ERROR)
  const isEnough = honest >= 1 && honest <= most && deviation * Math.sqrt(honest) >= wanted
  const isExact = maxUpdateNorm !== null && maxUpdateNorm <= MOST_CLIPS * clip
  if (isEnough && isExact && samplingRate !== undefined && local.steps === 1) return samplingRate
  throw new LoricaError('LRC-6017', 'the terms of the sum do not protect examples as the run promises', {
    expected: `one step, a samplingRate, a bound of at most ${MOST_CLIPS * clip}, and noise of ${wanted} in all from agents that must be in the sum`,
    received: `${local.steps} steps, samplingRate ${samplingRate ?? 'none'}, bound ${maxUpdateNorm ?? 'none'}, and ${deviation} from each of ${honest}, of ${most} in the sum`,
  })
}

const MOST_CLIPS = 1000
