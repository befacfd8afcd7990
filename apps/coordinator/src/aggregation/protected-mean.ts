import {
  type Adapter,
  type Contribution,
  rateSumOf,
  type Tensor,
  type TensorMap,
  tensorSource,
} from '@lorica/peft-core'
import { jointNorm, nextClip, noisyShare, openNoisySum, unflattened, withNoise } from '@lorica/privacy'
import type { RoundPrivacy } from '../journal/privacy-event.js'
import { rateScheduleOf } from '../runs/rate-schedule.js'
import { siteDpIn } from '../runs/site-privacy.js'
import { tensorsOf } from '../runs/strategy.js'
import type { ClosedRound } from './closed-round.js'
import type { OpenedSum } from './summed-update.js'

/** All that a round that protects its sites gives of their updates. */
export interface ProtectedMean {
  /** (sum of the updates + noise) / cohort, as one update from the start of the round. */
  readonly contribution: Contribution
  readonly nextClip?: number
}

const SUM = 'sum' // the id of the one update that strategies see

/** An update whose norm is this near to the clip was scaled down to it. */
const CLIPPED = 1 - 1e-6

/**
 * Adds the updates up with noise, before anything else sees them. Throws RangeError for an update that is not finite or whose norm is
 * above the clip of the round.
 */
export async function protectedMean(
  updates: AsyncIterable<Contribution>,
  closed: ClosedRound & { readonly privacy: RoundPrivacy },
): Promise<ProtectedMean> {
  const { spec, round, start, privacy, isReplay } = closed
  const { shared: shapes } = tensorsOf(spec, start, round.round)
  const { clip, bitNoise, cohort } = privacy
  const isNoisy = privacy.noise === 'server' && isReplay !== true
  const noiseMultiplier = privacy.valueNoise
  const sum = isNoisy ? openNoisySum({ shapes, clip, noiseMultiplier }) : openPlainSum(shapes)
  const unclipped: boolean[] = []
  for await (const update of updates) {
    const tensors = await tensorsIn(update, shapes)
    unclipped.push(jointNorm(tensors) < clip * CLIPPED)
    sum.add(tensors)
  }
  const mean = new Map(
    [...sum.close()].map(([name, values]) => [name, meanOf(values, cohort, shapes.get(name))]),
  )
  const contribution = contributionOf(mean, start)
  const adaptive = siteDpIn(spec)?.adaptiveClip
  if (adaptive === undefined || bitNoise === null || isReplay === true) return { contribution }
  const share = noisyShare(unclipped, { bitNoise, cohort })
  return { contribution, nextClip: nextClip(clip, share, { ...adaptive, bitNoise }) }
}

/**
 * The same of updates of which only the sum is known. Nobody could check their norms: that each was clipped is up to the agents.
 * Rounding to the ring of the sum may lengthen an update by a step in each value, which the noise covers. Of gradients of examples it is
 * the step along them.
 */
export function protectedSum(
  { sum, step, shared }: OpenedSum,
  {
    spec,
    round,
    start,
    privacy,
    isReplay,
  }: Pick<ClosedRound, 'spec' | 'start' | 'isReplay'> & {
    readonly round: Pick<ClosedRound['round'], 'round'>
    readonly privacy: RoundPrivacy
  },
): ProtectedMean {
  const { unit, clip, cohort, noise, valueNoise: noiseMultiplier } = privacy
  const along = unit === 'example' ? -rateOf(spec, round.round) / spec.local.batch : 1 // of the mean
  const sensitivity = clip + step * Math.sqrt(sum.length)
  const isWhole = isReplay === true || noise === 'shared' // then the noise of the agents is in the sum already
  const noisy = isWhole ? sum : withNoise(sum, { sensitivity, noiseMultiplier })
  return { contribution: contributionOf(unflattened(noisy, shared, along / cohort), start) }
}

/** The learning rate of the one step of a round. */
const rateOf = (spec: ClosedRound['spec'], round: number): number =>
  rateSumOf(spec.local.learningRate, rateScheduleOf(spec, round), 1)

function contributionOf(mean: TensorMap, start: Adapter): Contribution {
  return { id: SUM, weight: 1, config: start.config, start: start.tensors, tensors: tensorSource(mean) }
}

async function tensorsIn(
  { tensors }: Contribution,
  shapes: ReadonlyMap<string, readonly number[]>,
): Promise<ReadonlyMap<string, Tensor>> {
  const read = new Map<string, Tensor>()
  for (const [name, shape] of shapes) {
    const data = new Float32Array(sizeOf(shape))
    await tensors.read(name, 0, data)
    read.set(name, { shape, data })
  }
  return read
}

function meanOf(sum: Float64Array, cohort: number, shape: readonly number[] = []): Tensor {
  return { shape, data: Float32Array.from(sum, (value) => value / cohort) }
}

/** A sum without noise, to compare with. */
function openPlainSum(shapes: ReadonlyMap<string, readonly number[]>): ReturnType<typeof openNoisySum> {
  const sums = new Map([...shapes].map(([name, shape]) => [name, new Float64Array(sizeOf(shape))]))
  return {
    add(update) {
      for (const [name, { data }] of update) {
        const sum = sums.get(name) as Float64Array
        for (let at = 0; at < data.length; at++) sum[at] = (sum[at] as number) + (data[at] as number)
      }
    },
    close: () => sums,
  }
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, side) => product * side, 1)
