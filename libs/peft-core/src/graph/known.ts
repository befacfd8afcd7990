/**
 * What is known of the names of a model while a graph is made of it.
 * @module
 */
import type { Constant } from '../operators/operator.js'
import type { GraphBuilder } from './builder.js'
import { constantFromWeight, weightBytes, weightFromConstant } from './constant.js'
import { foldableConstant, isFoldable } from './fold.js'
import { type Element, type Node, sizeOf, type TensorType, type Value, type Weight } from './graph.js'
import { OnnxError } from './onnx-error.js'
import type { OnnxValue } from './onnx-model.js'

/** What is known of a name of the model: its type, its value if it does not depend on the batch, how to refer to it. */
export interface Known extends TensorType {
  readonly constant?: Constant
  /** Whether it is a weight of the model. */
  readonly weight?: true
  readonly value: () => Value
}

/** An input of the graph; one without elements is a constant. */
export function knownInput(
  builder: GraphBuilder,
  input: OnnxValue,
  shapes: ReadonlyMap<string, readonly number[]>,
): Known {
  const { name, element, sides, kind } = input
  const shape = shapes.get(name)
  if (element === undefined || sides === undefined) {
    throw new OnnxError(
      'unsupported',
      `input "${name}" is a ${kind} whose type or rank the model does not state`,
    )
  }
  const fits =
    shape?.length === sides.length &&
    sides.every((side, axis) => typeof side !== 'number' || side === shape[axis])
  if (shape === undefined || !fits) {
    const wanted = `(${sides.map((side) => side ?? '?').join(', ')})`
    const got = shape === undefined ? 'nothing to feed it with' : `(${shape.join(', ')})`
    throw new OnnxError('unsupported', `input "${name}" expects the shape ${wanted}, got ${got}`)
  }
  if (sizeOf(shape) > 0) {
    const value = builder.input(name, element, shape)
    return { ...value, value: () => value }
  }
  return knownConstant(builder, name, { element, shape, data: new Float64Array(0) })
}

/** A weight, which becomes part of the graph when something uses it. */
export function knownWeight(
  builder: GraphBuilder,
  weight: Weight,
  constant: Constant | undefined = foldableConstant(weight),
): Known {
  const { name, element, shape } = weight
  let value: Value | undefined
  const use = (): Value => {
    value ??= builder.weight({ ...weight, name: freeName(builder, name) })
    return value
  }
  return { element, shape, weight: true, value: use, ...(constant === undefined ? {} : { constant }) }
}

export function knownConstant(builder: GraphBuilder, name: string, constant: Constant): Known {
  let value: Value | undefined
  const use = (): Value => {
    value ??=
      constant.data.length <= 64
        ? builder.constant([...constant.data], constant.element, constant.shape)
        : builder.weight(weightFromConstant(freeName(builder, name), constant))
    return value
  }
  return { element: constant.element, shape: constant.shape, constant, value: use }
}

/** The name, or when it is taken one like it. */
export function freeName(builder: GraphBuilder, name: string): string {
  let free = name
  while (builder.has(free)) free = `${free}'`
  return free
}

/** The value of a Constant node, in any of the forms that it can be stated in. */
export function knownConstantNode(builder: GraphBuilder, node: Node): Known {
  const name = node.outputs[0] as string
  const [attribute] = Object.values(node.attributes)
  const stated = (element: Element, values: readonly number[], shape: readonly number[]): Known => {
    const bytes = weightBytes(values, element)
    const weight: Weight = { name, element, shape, data: { kind: 'bytes', bytes } }
    return knownWeight(builder, weight, constantFromWeight(weight))
  }
  switch (attribute?.kind) {
    case 'tensor': {
      const weight = { ...attribute.value, name }
      return knownWeight(builder, weight, isFoldable(weight) ? constantFromWeight(weight) : undefined)
    }
    case 'float':
      return stated('float32', [attribute.value], [])
    case 'floats':
      return stated('float32', attribute.value, [attribute.value.length])
    case 'int':
      return stated('int64', [attribute.value], [])
    case 'ints':
      return stated('int64', attribute.value, [attribute.value.length])
    default:
      throw new OnnxError(
        'unsupported',
        `Constant "${node.name}" holds ${attribute?.kind ?? 'nothing'}, expected numbers`,
      )
  }
}
