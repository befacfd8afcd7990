import type { Adapter, TensorMap } from '@lorica/peft-core'
import { noiseDeviation } from '@lorica/privacy'
import type { ReplayNoise, RunSpec } from '@lorica/protocol'
import type { RoundPrivacy } from '../journal/privacy-event.js'

const DEVIATIONS = 6 // beyond which a norm is not that of the noise; a billionth of all draws
const ROUNDING = 2 ** -22 // of the values of a candidate, to 32 bits

/** Throws RangeError for a run whose candidates are no sums of an exact mean and of noise, so that there is nothing to compare. */
export function expectSeparable({ aggregate }: Pick<RunSpec, 'aggregate'>): void {
  const through =
    aggregate.optimizer === undefined ? aggregate.strategy : `optimizer ${aggregate.optimizer.kind}`
  if (through !== 'fedsvd' && aggregate.optimizer === undefined) return
  throw new RangeError(
    `its noise went through ${through}, and nobody can draw it again: nothing tells it from the updates`,
  )
}

/** What is between a recorded candidate and the same without noise, and whether it is noise of the size that was drawn. */
export function noiseBetween(
  recorded: Adapter,
  noiseless: Adapter,
  { names, privacy }: { readonly names: Iterable<string>; readonly privacy: RoundPrivacy },
): ReplayNoise & { readonly isNoise: boolean } {
  let [square, size, count] = [0, 0, 0]
  for (const name of names) {
    const [one, other] = [dataOf(recorded.tensors, name), dataOf(noiseless.tensors, name)]
    if (one.length !== other.length)
      throw new RangeError(`tensor "${name}" expected ${other.length} values, got ${one.length}`)
    for (let at = 0; at < one.length; at++) {
      square += ((one[at] as number) - (other[at] as number)) ** 2
      size += (one[at] as number) ** 2
    }
    count += one.length
  }
  const norm = Math.sqrt(square)
  const { clip, valueNoise, cohort } = privacy
  const expectedNorm = (noiseDeviation({ clip, noiseMultiplier: valueNoise }) * Math.sqrt(count)) / cohort
  const slack = (DEVIATIONS / Math.sqrt(2 * count)) * expectedNorm + ROUNDING * Math.sqrt(size)
  return { norm, expectedNorm, isNoise: Math.abs(norm - expectedNorm) <= slack }
}

const dataOf = (tensors: TensorMap, name: string): Float32Array =>
  tensors.get(name)?.data ?? new Float32Array(0)
