import { type Sums, sumsOf } from '@lorica/evidence'
import type { ExampleFigures } from '@lorica/peft-core'
import type { Comparison, Probed } from '@lorica/protocol'

/**
 * How an adapter does against another one on the same examples: sums, from which no single example can be told. RangeError when they
 * are not the same examples.
 */
export function comparisonOf(adapter: ExampleFigures, against: ExampleFigures): Comparison {
  const [count, other] = [adapter.losses.length, against.losses.length]
  if (count !== other || adapter.labels !== against.labels)
    throw new RangeError(
      `a comparison expected the same examples, got ${count} with ${adapter.labels} labels and ${other} with ${against.labels}`,
    )
  return {
    adapter: predictionsOf(adapter),
    against: predictionsOf(against),
    againstLossSum: against.lossSum,
    loss: differences(adapter.losses, against.losses),
    accuracy: differences(against.accuracies, adapter.accuracies),
  }
}

/** A number of each text under both adapters, as sums. RangeError when there are not as many. */
export function pairedOf(
  adapter: readonly number[],
  against: readonly number[],
): NonNullable<Probed['reference']> {
  if (adapter.length !== against.length)
    throw new RangeError(`a comparison expected the same texts, got ${adapter.length} and ${against.length}`)
  const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0)
  return {
    ...{ adapter: sum(adapter), against: sum(against) },
    difference: sumsOf(adapter.map((value, at) => value - (against[at] as number))),
  }
}

function predictionsOf({ calibration }: ExampleFigures): Comparison['adapter'] {
  return {
    right: calibration.reduce((sum, { right }) => sum + right, 0),
    calibration: calibration.map((bin) => ({ ...bin })),
  }
}

function differences(one: Float64Array, other: Float64Array): Sums {
  return sumsOf(Array.from(one, (value, at) => value - (other[at] as number)))
}
