/**
 * The Gaussian mechanism on a sum of clipped updates, without the leaks of floating-point noise (https://www.microsoft.com/en-us/research/publication/on-significance-of-the-least-significant-bits-for-differential-privacy/):
 *
 *   step     = noiseMultiplier clip (1 + 2^-20) / 2^30
 *   released = step (sum over updates of trunc(update / step) + gaussianSteps)
 *
 * Every update lies on a grid, rounded towards zero, so that its norm does not grow. The sum is exact. Since it is a whole number of
 * steps, adding a rounded normal number is the same as rounding after a normal number of infinite precision was added: the released sum is a function of that
 * of the Gaussian mechanism, and the exact accounting of the one holds for the other. The 2^-20 pays for norms that are computed in 64 bits.
 *
 * @module
 */
import { jointNorm, type Tensor } from '../clip.js'
import { gaussianSteps, STEPS } from './gaussian-steps.js'
import type { RandomWords } from './random-words.js'

export interface NoisySumPlan {
  readonly shapes: ReadonlyMap<string, readonly number[]>
  readonly clip: number // bound on the L2 norm of an update over all tensors
  readonly noiseMultiplier: number // standard deviation of the noise over the clip
  readonly words?: RandomWords // fresh ones unless a test gives its own
}

/** A sum in the making, whose terms nobody sees. */
export interface NoisySum {
  /** Adds an update. RangeError when it has other tensors, a value that is not finite, or a norm above the clip. */
  add(update: ReadonlyMap<string, Tensor>): void
  /** The sum with its noise, which is drawn once: a second call is refused. */
  close(): ReadonlyMap<string, Float64Array>
}

const NORM_ERROR = 2 ** -20

/** The standard deviation of what is released around the sum of the updates. */
export function noiseDeviation({
  clip,
  noiseMultiplier,
}: Pick<NoisySumPlan, 'clip' | 'noiseMultiplier'>): number {
  return noiseMultiplier * clip * (1 + NORM_ERROR)
}

/** Begins a sum. RangeError when there would be no noise, or more of it than 64 bits hold. */
export function openNoisySum({ shapes, words, ...plan }: NoisySumPlan): NoisySum {
  const { clip } = plan
  const step = stepOf(plan)
  const sums = new Map([...shapes].map(([name, shape]) => [name, new Float64Array(sizeOf(shape))]))
  let isClosed = false
  const expectOpen = () => {
    if (isClosed) throw new RangeError('the sum expected to be closed once, and its noise drawn once')
  }
  return {
    add(update) {
      expectOpen()
      expectTensors(update, shapes)
      const norm = jointNorm(update)
      if (norm > clip) throw new RangeError(`update expected a norm of at most ${clip}, got ${norm}`)
      for (const [name, { data }] of update) addSteps(sums.get(name) as Float64Array, data, step)
    },
    close() {
      expectOpen()
      isClosed = true
      return new Map([...sums].map(([name, sum]) => [name, released(sum, step, words)]))
    },
  }
}

function stepOf(plan: Pick<NoisySumPlan, 'clip' | 'noiseMultiplier'>): number {
  const { clip, noiseMultiplier } = plan
  if (!(clip > 0 && clip <= 1e30))
    throw new RangeError(`clip expected a number above 0, at most 1e30, got ${clip}`)
  if (!(noiseMultiplier >= 1e-3 && noiseMultiplier <= 1e6))
    throw new RangeError(`noiseMultiplier expected a number from 0.001 to 1e6, got ${noiseMultiplier}`)
  const step = noiseDeviation(plan) / STEPS
  if (!(step > 1e-300)) throw new RangeError(`clip expected room for a grid below it, got ${clip}`)
  return step
}

/** Adds values to sums, in whole steps: rounded towards zero. */
export function addSteps(sum: Float64Array, data: Float32Array | Float64Array, step: number): void {
  for (let at = 0; at < data.length; at++) {
    const next = (sum[at] as number) + Math.trunc((data[at] as number) / step)
    if (!(Math.abs(next) <= Number.MAX_SAFE_INTEGER))
      throw new RangeError(`value ${at} expected a sum of at most 2^53 steps, got ${next}`)
    sum[at] = next
  }
}

function released(sum: Float64Array, step: number, words: RandomWords | undefined): Float64Array {
  const noise = gaussianSteps(sum.length, words)
  return sum.map((steps, at) => step * (steps + (noise[at] as number)))
}

/**
 * A sum that was made elsewhere with noise: of a secure sum, whose terms nobody saw. `sensitivity` is the most that one site can have
 * changed it by (L2), rounding to its ring included; what rounding to the grid of the noise may add is paid for here. RangeError for a
 * value that is not finite, and when there would be no noise.
 */
export function withNoise(
  sum: Float64Array,
  {
    sensitivity,
    noiseMultiplier,
    words,
  }: Pick<NoisySumPlan, 'noiseMultiplier' | 'words'> & { readonly sensitivity: number },
): Float64Array {
  const clip = sensitivity * (1 + 2 * noiseMultiplier * (Math.sqrt(sum.length) / STEPS))
  const step = stepOf({ clip, noiseMultiplier })
  const steps = new Float64Array(sum.length)
  addSteps(steps, sum, step)
  return released(steps, step, words)
}

function expectTensors(
  update: ReadonlyMap<string, Tensor>,
  shapes: ReadonlyMap<string, readonly number[]>,
): void {
  const names = [...update.keys()]
  if (names.length !== shapes.size || names.some((name) => !shapes.has(name)))
    throw new RangeError(
      `update expected the tensors ${[...shapes.keys()].join(', ')}, got ${names.join(', ')}`,
    )
  for (const [name, { data }] of update) {
    const count = sizeOf(shapes.get(name) as readonly number[])
    if (data.length !== count)
      throw new RangeError(`tensor "${name}" expected ${count} values, got ${data.length}`)
  }
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, side) => product * side, 1)
