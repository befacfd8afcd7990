import type { GraphBuilder } from '../../graph/builder.js'
import { int, type Value } from '../../graph/graph.js'
import { algebra } from './algebra.js'

export interface Spread {
  readonly axis: number
  /** Where each place of the gradient came from; all different. */
  readonly from: readonly number[]
  /** The side to give the axis. */
  readonly side: number
}

/** Takes a gradient back to the places along an axis that it came from; the other places are zero. */
export function spread(builder: GraphBuilder, gradient: Value, { axis, from, side }: Spread): Value {
  const { zeros, concat, integers } = algebra(builder)
  const consecutive = from.every((place, at) => place === (from[0] as number) + at)
  if (consecutive && from.length === side) return gradient
  const blank = (length: number): readonly Value[] =>
    length === 0 ? [] : [zeros(gradient.shape.with(axis, length), gradient.element)]
  const first = from[0] ?? 0
  if (consecutive) {
    return concat([...blank(first), gradient, ...blank(side - first - from.length)], axis)
  }
  // One place of zeros is put behind the gradient, and every place that had no part in it reads that one.
  const padded = concat([gradient, ...blank(1)], axis)
  const source = Array.from({ length: side }, (_, place) => {
    const at = from.indexOf(place)
    return at === -1 ? from.length : at
  })
  return builder.op('Gather', [padded, integers(source)], { attributes: { axis: int(axis) } })
}
