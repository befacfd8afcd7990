import type { ModelDescription } from '../source/describe.js'
import { type Batch, isImages } from './batch.js'
import { IGNORED } from './counted.js'

/**
 * Checks that a model has an embedding for every token of a batch, and a class for every label that counts (-100 does not).
 * A runtime would count a negative number from the end, or leave its row out. RangeError names the tensor and the value.
 */
export function expectKnownIds(
  batch: Batch,
  { vocabularySize, classes }: Pick<ModelDescription, 'vocabularySize' | 'classes'>,
): void {
  if (!isImages(batch)) expectBelow('input_ids', batch.inputIds, vocabularySize)
  expectBelow(
    'labels',
    batch.labels.filter((label) => label !== IGNORED),
    classes ?? vocabularySize,
  )
}

function expectBelow(name: string, values: Int32Array, count = Number.POSITIVE_INFINITY): void {
  const wrong = values.find((value) => value < 0 || value >= count)
  if (wrong === undefined) return
  const range = Number.isFinite(count) ? `0 to ${count - 1}` : 'of 0 or more'
  const unless = name === 'labels' ? `, or ${IGNORED} where nothing is predicted` : ''
  throw new RangeError(`${name} expected numbers ${range}${unless}, got ${wrong}`)
}
