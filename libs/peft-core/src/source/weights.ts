/**
 * Weights of a Hugging Face folder as graph values, used in place in the safetensors file.
 * @module
 */
import type { GraphBuilder } from '../graph/builder.js'
import { elementBytes, int, sizeOf, type Value, type Weight, type WeightData } from '../graph/graph.js'
import { elementNumbers } from '../operators/elementwise.js'
import { blockNames } from './block-weights.js'

/** The tensors of a model by name, each with its byte range. */
export type ModelTensors = ReadonlyMap<string, Weight>

export interface WeightSource {
  /** The weight as float32; half-precision weights are cast in the graph, so the file stays as it is. */
  get(name: string): Value
  /** As `get`, or undefined when the model has no such tensor. */
  find(name: string): Value | undefined
  /** Rows of a matrix as float32, (V, D) for ids (N) -> (N, D): only they are cast. The node that gathers them has the name `node`. */
  rows(name: string, ids: Value, node: string): Value
  /** A matrix that is stored as blocks of small integers, by the name that it has otherwise; undefined when it is not. */
  blocks(name: string): BlockWeight | undefined
  /** One matrix of a stack of them, (S, O, I) -> (O, I), in place; undefined when the model has no such tensor. */
  slice(name: string, index: number): Value | undefined
}

/** A matrix (O, I) as `MatMulNBits` takes it. */
export interface BlockWeight {
  readonly bits: 4 | 8
  readonly packed: Value // (O, K, bytes of a block)
  readonly scales: Value // (O, K)
  readonly zeroPoints: Value | undefined // (O, bytes of a row)
}

/**
 * Gives a builder the weights of a model. A missing tensor or a wrong shape is an error that names both.
 * With `trainable`, weights become float32 graph inputs instead of frozen values.
 */
export function weightSource(builder: GraphBuilder, tensors: ModelTensors, trainable: boolean): WeightSource {
  const added = new Map<string, Value>()
  const inFile = new Map<string, Value>()
  const stored = (weight: Weight): Value => {
    const value = inFile.get(weight.name) ?? builder.weight(weight)
    inFile.set(weight.name, value)
    return value
  }
  const asFloat32 = (weight: Weight): Value => {
    expectFloat(weight)
    return toFloat32(builder, stored(weight), weight.name)
  }
  const find = (name: string): Value | undefined => {
    const known = added.get(name)
    const weight = tensors.get(name)
    if (known !== undefined || weight === undefined) return known
    const value = trainable ? builder.input(name, 'float32', weight.shape) : asFloat32(weight)
    added.set(name, value)
    return value
  }
  const slice = (name: string, index: number): Value | undefined => {
    const part = `${name}[${index}]`
    const known = added.get(part)
    const stack = tensors.get(name)
    if (known !== undefined || stack === undefined) return known
    const value = trainable
      ? builder.op('Gather', [find(name), builder.constant(index, 'int64')], { attributes: { axis: int(0) } })
      : asFloat32(sliceOf(stack, part, index))
    added.set(part, value)
    return value
  }
  const get = (name: string): Value => {
    const value = find(name)
    if (value === undefined)
      throw new RangeError(`the model has no tensor "${name}"; its config.json says it should`)
    return value
  }
  const blocks = (name: string): BlockWeight | undefined => {
    for (const bits of [4, 8] as const) {
      const names = blockNames(name, bits)
      const [packed, scales, zeroPoints] = [names.packed, names.scales, names.zeroPoints].map((part) =>
        tensors.get(part),
      )
      if (packed === undefined || scales === undefined) continue
      if (trainable)
        throw new RangeError(
          `"${name}" is stored as ${bits}-bit blocks; only an adapter over it can be trained`,
        )
      const zeros = zeroPoints && stored(zeroPoints)
      return { bits, packed: stored(packed), scales: stored(scales), zeroPoints: zeros }
    }
    return undefined
  }
  return {
    find,
    slice,
    get,
    blocks,
    rows(name, ids, node) {
      const weight = tensors.get(name)
      const isHalf = !trainable && weight !== undefined && weight.element !== 'float32'
      if (isHalf) expectFloat(weight)
      const table = isHalf ? stored(weight) : get(name)
      const attributes = { axis: int(0) }
      const gathered = builder.op('Gather', [table, ids], { attributes, name: node, module: node })
      return toFloat32(builder, gathered, node)
    },
  }
}

/** The matrix at an index of a stack, as bytes of the same file. */
function sliceOf({ element, shape, data }: Weight, name: string, index: number): Weight {
  const matrix = shape.slice(1)
  const length = sizeOf(matrix) * elementBytes[element]
  const first = index * length
  if (index >= (shape[0] ?? 0)) throw new RangeError(`tensor "${name}": expected one of ${shape[0]} matrices`)
  const part: WeightData =
    data.kind === 'file'
      ? { ...data, offset: data.offset + first, length }
      : { kind: 'bytes', bytes: data.bytes.subarray(first, first + length) }
  return { name, element, shape: matrix, data: part }
}

function expectFloat({ name, element }: Weight): void {
  if (element === 'float32' || element === 'float16' || element === 'bfloat16') return
  throw new TypeError(`tensor "${name}" expected float32, float16 or bfloat16, got ${element}`)
}

function toFloat32(builder: GraphBuilder, value: Value, name: string): Value {
  if (value.element === 'float32') return value
  return builder.op('Cast', [value], {
    attributes: { to: int(elementNumbers.float32) },
    name: `${name}:float32`,
  })
}
