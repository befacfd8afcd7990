/**
 * What dishonest agents send, to try rules against. All are updates as they travel: differences of the trained tensors. None is an
 * honest agent's, and a rule that holds against these has not been shown to hold against others.
 *
 * Two attacks begin with data and are ordinary training on it: flipped labels (class y becomes classes - 1 - y), and a backdoor
 * (rows that carry a trigger are given the label that the liar wants; the update is then scaled by agents / liars, so that the
 * mean is the liar's model: https://arxiv.org/abs/1807.00459).
 * @module
 */
import type { Tensor, TensorMap } from '../adapter/tensor.js'
import { fillNormal, type Random } from '../train/random.js'

/** factor * u: a long update with a factor above 1, one in the other direction with a negative factor. */
export function scaledUpdate(update: TensorMap, factor: number): TensorMap {
  return mapped(update, ({ data }) => data.map((value) => factor * value))
}

/** Normal noise in place of the update, `times` as long as it. */
export function noiseUpdate(
  update: TensorMap,
  { times, random }: { readonly times: number; readonly random: Random },
): TensorMap {
  const noise = mapped(update, ({ data }) => {
    const values = new Float32Array(data.length)
    fillNormal(values, random)
    return values
  })
  return scaledUpdate(noise, (times * lengthOf(update)) / lengthOf(noise))
}

/**
 * The mean of the honest updates, moved by z standard deviations in each value: mean - z std. Small enough to be taken for one of them.
 * Paper: https://arxiv.org/abs/1902.06156 (A little is enough). RangeError when there are fewer than two.
 */
export function littleIsEnough(honest: readonly TensorMap[], z: number): TensorMap {
  const count = honest.length
  if (count < 2) throw new RangeError(`little-is-enough expected two honest updates or more, got ${count}`)
  return mapped(honest[0] as TensorMap, ({ data }, name) => {
    const all = honest.map((update) => (update.get(name) as Tensor).data)
    return data.map((_, at) => {
      const mean = all.reduce((sum, values) => sum + (values[at] as number), 0) / count
      const squares = all.reduce((sum, values) => sum + ((values[at] as number) - mean) ** 2, 0)
      return mean - z * Math.sqrt(squares / count)
    })
  })
}

/**
 * How far that may go, so that with s = floor(n / 2 + 1) - f honest updates beyond it the liars are a majority of n:
 * z = quantile((n - f - s) / (n - f)) of the normal distribution. 0 of few liars, who then have to hope for less.
 */
export function hiddenShift(agents: number, liars: number): number {
  const honest = agents - liars
  const won = Math.floor(agents / 2 + 1) - liars
  const share = (honest - won) / honest
  if (!(share > 0 && share < 1))
    throw new RangeError(`expected fewer liars than half of the agents, got ${liars} of ${agents}`)
  let [low, high] = [-8, 8]
  for (let middle = 0; middle !== low && middle !== high; middle = (low + high) / 2) {
    if (normalShare(middle) < share) low = middle
    else high = middle
  }
  return Math.max(0, high)
}

/** The share of a standard normal distribution below z: 1/2 + density (z + z^3 / 3 + z^5 / (3 5) + …). */
function normalShare(z: number): number {
  let [sum, term] = [z, z]
  for (let odd = 3; Math.abs(term) > 1e-17; odd += 2) {
    term *= (z * z) / odd
    sum += term
  }
  return 0.5 + (Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI)) * sum
}

/**
 * The mean of the honest updates in the other direction, `strength` as long: small, so that it is near the honest ones, and still
 * against them. Paper: https://arxiv.org/abs/1903.03936 (inner-product manipulation)
 */
export function againstMean(honest: readonly TensorMap[], strength: number): TensorMap {
  if (honest.length === 0) throw new RangeError('an attack on the mean expected honest updates, got none')
  return mapped(honest[0] as TensorMap, ({ data }, name) =>
    data.map(
      (_, at) =>
        (-strength *
          honest.reduce((sum, update) => sum + ((update.get(name) as Tensor).data[at] as number), 0)) /
        honest.length,
    ),
  )
}

/** Nothing learned, as if it were an update: an agent that wants the model and gives no work. */
export function freeRide(update: TensorMap): TensorMap {
  return mapped(update, ({ data }) => new Float32Array(data.length))
}

function mapped(update: TensorMap, values: (tensor: Tensor, name: string) => Float32Array): TensorMap {
  return new Map(
    [...update].map(([name, tensor]) => [name, { shape: tensor.shape, data: values(tensor, name) }]),
  )
}

function lengthOf(update: TensorMap): number {
  let sum = 0
  for (const { data } of update.values()) for (const value of data) sum += value * value
  return Math.sqrt(sum)
}
