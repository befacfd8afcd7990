/**
 * Arithmetic on graph values, for writing a backward pass as a formula.
 * @module
 */
import type { GraphBuilder } from '../../graph/builder.js'
import {
  type Attributes,
  type Element,
  float,
  int,
  ints,
  sameShape,
  sizeOf,
  type Value,
} from '../../graph/graph.js'
import { elementNumbers } from '../../operators/elementwise.js'

export type Operand = Value | number

export interface ProductFlags {
  readonly transA?: boolean
  readonly transB?: boolean
  readonly alpha?: number
}

export interface Algebra {
  add(left: Operand, right: Operand): Value
  sub(left: Operand, right: Operand): Value
  mul(left: Operand, right: Operand): Value
  div(left: Operand, right: Operand): Value
  /** An operator of one input. */
  apply(op: string, x: Value, attributes?: Attributes): Value
  /** `yes` where the condition holds, else `no`. */
  where(condition: Value, yes: Operand, no: Operand): Value
  compare(
    op: 'Equal' | 'Greater' | 'Less' | 'GreaterOrEqual' | 'LessOrEqual',
    left: Value,
    right: Operand,
  ): Value
  /** Sums over axes, which stay with side 1 unless `keep` is false. */
  sum(x: Value, axes: readonly number[], keep?: boolean): Value
  mean(x: Value, axes: readonly number[]): Value
  reshape(x: Value, shape: readonly number[]): Value
  transpose(x: Value, order: readonly number[]): Value
  expand(x: Value, shape: readonly number[]): Value
  concat(parts: readonly Value[], axis: number): Value
  /** alpha op(left) op(right), over the last two axes. */
  product(left: Value, right: Value, flags?: ProductFlags): Value
  zeros(shape: readonly number[], element: Element): Value
  integers(values: readonly number[], shape?: readonly number[]): Value
  scalar(value: number, element: Element): Value
}

/** Arithmetic that appends to a builder. A number becomes a scalar of the other operand's element. */
export function algebra(builder: GraphBuilder): Algebra {
  const scalar = (value: number, element: Element): Value => {
    if (element === 'float32' || element === 'float64') return builder.constant(value, element)
    return builder.op('Cast', [builder.constant(value)], { attributes: { to: int(elementNumbers[element]) } })
  }
  const pair = (left: Operand, right: Operand): readonly [Value, Value] => {
    if (typeof left !== 'number')
      return [left, typeof right === 'number' ? scalar(right, left.element) : right]
    if (typeof right === 'number') throw new TypeError('expected at least one graph value, got two numbers')
    return [scalar(left, right.element), right]
  }
  const binary = (op: string) => (left: Operand, right: Operand) => builder.op(op, pair(left, right))
  const integers = (values: readonly number[], shape?: readonly number[]): Value =>
    builder.constant(values, 'int64', shape ?? [values.length])
  const mul = binary('Mul')
  const reduce = (op: string, x: Value, axes: readonly number[], keep: boolean): Value =>
    builder.op(op, [x, integers(axes)], { attributes: { keepdims: int(keep ? 1 : 0) } })
  return {
    add: binary('Add'),
    sub: binary('Sub'),
    mul: (left, right) => {
      if (left === 1 && typeof right !== 'number') return right
      return right === 1 && typeof left !== 'number' ? left : mul(left, right)
    },
    div: binary('Div'),
    apply: (op, x, attributes = {}) => builder.op(op, [x], { attributes }),
    where: (condition, yes, no) => builder.op('Where', [condition, ...pair(yes, no)]),
    compare: (op, left, right) => builder.op(op, pair(left, right)),
    sum: (x, axes, keep = true) => (axes.length === 0 ? x : reduce('ReduceSum', x, axes, keep)),
    mean: (x, axes) => reduce('ReduceMean', x, axes, true),
    reshape: (x, shape) => (sameShape(x.shape, shape) ? x : builder.op('Reshape', [x, integers(shape)])),
    transpose: (x, order) =>
      order.every((axis, at) => axis === at)
        ? x
        : builder.op('Transpose', [x], { attributes: { perm: ints(order) } }),
    expand: (x, shape) => (sameShape(x.shape, shape) ? x : builder.op('Expand', [x, integers(shape)])),
    concat: (parts, axis) => {
      const [only] = parts
      if (parts.length === 1 && only !== undefined) return only
      return builder.op('Concat', parts, { attributes: { axis: int(axis) } })
    },
    product: (left, right, { transA = false, transB = false, alpha = 1 } = {}) => {
      if (!transA && !transB && alpha === 1) return builder.op('MatMul', [left, right])
      const attributes = { transA: int(transA ? 1 : 0), transB: int(transB ? 1 : 0), alpha: float(alpha) }
      return builder.op('FusedMatMul', [left, right], { domain: 'com.microsoft', attributes })
    },
    zeros: (shape, element) => builder.op('Expand', [scalar(0, element), integers(shape)]),
    integers,
    scalar,
  }
}

/**
 * The gradient of a value of `shape` that was broadcast to `full`: the sum over the copies. The gradient may itself
 * still be waiting to be broadcast: a side of 1 where `full` has more stands for equal copies.
 */
export function sumTo(
  builder: GraphBuilder,
  gradient: Value,
  shape: readonly number[],
  full: readonly number[],
): Value {
  const { mul, sum, reshape } = algebra(builder)
  const rank = full.length
  const from = [...Array<number>(rank - gradient.shape.length).fill(1), ...gradient.shape]
  const to = [...Array<number>(rank - shape.length).fill(1), ...shape]
  const gone = full.map((side, axis) => to[axis] === 1 && side !== 1)
  const copies = sizeOf(full.filter((_, axis) => gone[axis] && from[axis] === 1))
  const axes = from.flatMap((side, axis) => (gone[axis] && side !== 1 ? [axis] : []))
  const kept = from.map((side, axis) => (gone[axis] ? 1 : side)).slice(rank - shape.length)
  if (axes.length === 0) {
    const fits = gradient.shape.length <= shape.length
    return mul(fits ? gradient : reshape(gradient, kept), copies)
  }
  const offset = rank - gradient.shape.length
  const summed = sum(
    gradient,
    axes.map((axis) => axis - offset),
    false,
  )
  return mul(reshape(summed, kept), copies)
}
