/**
 * Operators that read or write elements at indices, and that fill.
 * @module
 */

import { constantFromWeight } from '../graph/constant.js'
import { axisOf, intOf, type Node, sizeOf, textOf } from '../graph/graph.js'
import { type Constant, constantInts, type Operator, type Operators, required } from './operator.js'

const wrap = (index: number, side: number): number => {
  const at = index < 0 ? index + side : index
  if (at < 0 || at >= side) throw new RangeError(`index ${index} is outside 0..${side - 1}`)
  return at
}

const gather: Operator = {
  infer: ({ node, inputs }) => {
    const { element, shape } = required(inputs, 0, node.op)
    const axis = axisOf(intOf(node, 'axis', 0), shape.length)
    return [
      {
        element,
        shape: [...shape.slice(0, axis), ...required(inputs, 1, node.op).shape, ...shape.slice(axis + 1)],
      },
    ]
  },
  evaluate: (node, inputs) => {
    const input = required(inputs, 0, node.op)
    const indices = required(inputs, 1, node.op)
    const axis = axisOf(intOf(node, 'axis', 0), input.shape.length)
    const outer = sizeOf(input.shape.slice(0, axis))
    const inner = sizeOf(input.shape.slice(axis + 1))
    const side = input.shape[axis] as number
    const data = new Float64Array(outer * indices.data.length * inner)
    let flat = 0
    for (let block = 0; block < outer; block++) {
      for (const index of indices.data) {
        const from = (block * side + wrap(index, side)) * inner
        for (let at = 0; at < inner; at++) data[flat++] = input.data[from + at] as number
      }
    }
    const shape = [...input.shape.slice(0, axis), ...indices.shape, ...input.shape.slice(axis + 1)]
    return [{ element: input.element, shape, data }]
  },
}

/** For each element of `indices`, the flat index in a tensor of `shape` that it names along `axis`. */
function elementIndices(indices: Constant, shape: readonly number[], axis: number): Int32Array {
  return Int32Array.from(indices.data, (index, flat) => {
    let rest = flat
    let at = 0
    for (let dim = shape.length - 1; dim >= 0; dim--) {
      const side = indices.shape[dim] as number
      const position = dim === axis ? wrap(index, shape[dim] as number) : rest % side
      rest = Math.floor(rest / side)
      at += position * sizeOf(shape.slice(dim + 1))
    }
    return at
  })
}

const gatherElements: Operator = {
  infer: ({ node, inputs }) => [
    { element: required(inputs, 0, node.op).element, shape: required(inputs, 1, node.op).shape },
  ],
  evaluate: (node, inputs) => {
    const input = required(inputs, 0, node.op)
    const indices = required(inputs, 1, node.op)
    const at = elementIndices(indices, input.shape, axisOf(intOf(node, 'axis', 0), input.shape.length))
    return [
      {
        element: input.element,
        shape: indices.shape,
        data: Float64Array.from(at, (index) => input.data[index] as number),
      },
    ]
  },
}

function combine(node: Pick<Node, 'attributes'>, so: number, x: number): number {
  switch (textOf(node, 'reduction', 'none')) {
    case 'add':
      return so + x
    case 'mul':
      return so * x
    case 'max':
      return Math.max(so, x)
    case 'min':
      return Math.min(so, x)
    default:
      return x
  }
}

const scatterElements: Operator = {
  infer: ({ node, inputs }) =>
    [required(inputs, 0, node.op)].map(({ element, shape }) => ({ element, shape })),
  evaluate: (node, inputs) => {
    const input = required(inputs, 0, node.op)
    const updates = required(inputs, 2, node.op)
    const data = Float64Array.from(input.data)
    const indices = elementIndices(
      required(inputs, 1, node.op),
      input.shape,
      axisOf(intOf(node, 'axis', 0), input.shape.length),
    )
    indices.forEach((at, flat) => {
      data[at] = combine(node, data[at] as number, updates.data[flat] as number)
    })
    return [{ ...input, data }]
  },
}

/** Flat starts and the length of the blocks that the last axis of `indices` names. */
function blocks(
  indices: Constant,
  shape: readonly number[],
  skip: number,
): { readonly starts: readonly number[]; readonly length: number } {
  const depth = indices.shape.at(-1) as number
  const batch = sizeOf(indices.shape.slice(0, skip))
  const perBatch = indices.data.length / depth / batch
  const length = sizeOf(shape.slice(skip + depth))
  const starts = Array.from({ length: indices.data.length / depth }, (_, row) => {
    let at = Math.floor(row / perBatch) * sizeOf(shape.slice(skip))
    for (let axis = 0; axis < depth; axis++) {
      const side = shape[skip + axis] as number
      at += wrap(indices.data[row * depth + axis] as number, side) * sizeOf(shape.slice(skip + axis + 1))
    }
    return at
  })
  return { starts, length }
}

const gatherNd: Operator = {
  infer: ({ node, inputs }) => {
    const { element, shape } = required(inputs, 0, node.op)
    const indices = required(inputs, 1, node.op).shape
    const skip = intOf(node, 'batch_dims', 0)
    return [{ element, shape: [...indices.slice(0, -1), ...shape.slice(skip + (indices.at(-1) as number))] }]
  },
  evaluate: (node, inputs) => {
    const input = required(inputs, 0, node.op)
    const indices = required(inputs, 1, node.op)
    const skip = intOf(node, 'batch_dims', 0)
    const { starts, length } = blocks(indices, input.shape, skip)
    const data = Float64Array.from({ length: starts.length * length }, (_, flat) => {
      return input.data[(starts[Math.floor(flat / length)] as number) + (flat % length)] as number
    })
    const shape = [
      ...indices.shape.slice(0, -1),
      ...input.shape.slice(skip + (indices.shape.at(-1) as number)),
    ]
    return [{ element: input.element, shape, data }]
  },
}

const scatterNd: Operator = {
  infer: ({ node, inputs }) =>
    [required(inputs, 0, node.op)].map(({ element, shape }) => ({ element, shape })),
  evaluate: (node, inputs) => {
    const input = required(inputs, 0, node.op)
    const updates = required(inputs, 2, node.op)
    const { starts, length } = blocks(required(inputs, 1, node.op), input.shape, 0)
    const data = Float64Array.from(input.data)
    updates.data.forEach((x, flat) => {
      const at = (starts[Math.floor(flat / length)] as number) + (flat % length)
      data[at] = combine(node, data[at] as number, x)
    })
    return [{ ...input, data }]
  },
}

const constantOfShape: Operator = {
  infer: ({ node, inputs }) => {
    const { value } = node.attributes
    const element = value?.kind === 'tensor' ? value.value.element : 'float32'
    return [{ element, shape: constantInts(inputs[0], 'the shape') }]
  },
  evaluate: (node, inputs) => {
    const { value } = node.attributes
    const shape = Array.from(required(inputs, 0, node.op).data)
    const fill = value?.kind === 'tensor' ? constantFromWeight(value.value) : undefined
    const data = new Float64Array(sizeOf(shape)).fill(fill?.data[0] ?? 0)
    return [{ element: fill?.element ?? 'float32', shape, data }]
  },
}

const oneHot: Operator = {
  infer: ({ node, inputs }) => {
    const { shape } = required(inputs, 0, node.op)
    const [depth] = constantInts(inputs[1], 'the depth')
    const axis = axisOf(intOf(node, 'axis', -1), shape.length + 1)
    return [
      { element: required(inputs, 2, node.op).element, shape: shape.toSpliced(axis, 0, depth as number) },
    ]
  },
  evaluate: (node, inputs) => {
    const indices = required(inputs, 0, node.op)
    const depth = required(inputs, 1, node.op).data[0] as number
    const values = required(inputs, 2, node.op)
    const axis = axisOf(intOf(node, 'axis', -1), indices.shape.length + 1)
    const inner = sizeOf(indices.shape.slice(axis))
    const data = new Float64Array(indices.data.length * depth).fill(values.data[0] as number)
    indices.data.forEach((index, flat) => {
      const at = index < 0 ? index + depth : index
      const block = Math.floor(flat / inner)
      if (at >= 0 && at < depth)
        data[(block * depth + at) * inner + (flat % inner)] = values.data[1] as number
    })
    return [{ element: values.element, shape: indices.shape.toSpliced(axis, 0, depth), data }]
  },
}

const trilu: Operator = {
  infer: ({ node, inputs }) =>
    [required(inputs, 0, node.op)].map(({ element, shape }) => ({ element, shape })),
  evaluate: (node, inputs) => {
    const input = required(inputs, 0, node.op)
    const [rows, columns] = input.shape.slice(-2) as [number, number]
    const shift = inputs[1]?.data[0] ?? 0
    const upper = intOf(node, 'upper', 1) === 1
    const data = input.data.map((x, flat) => {
      const row = Math.floor(flat / columns) % rows
      const distance = (flat % columns) - row
      return (upper ? distance >= shift : distance <= shift) ? x : 0
    })
    return [{ ...input, data }]
  },
}

const tile: Operator = {
  infer: ({ node, inputs }) => {
    const { element, shape } = required(inputs, 0, node.op)
    const repeats = constantInts(inputs[1], 'the repeats')
    return [{ element, shape: shape.map((side, axis) => side * (repeats[axis] as number)) }]
  },
  evaluate: (node, inputs) => {
    const input = required(inputs, 0, node.op)
    const repeats = required(inputs, 1, node.op).data
    const shape = input.shape.map((side, axis) => side * (repeats[axis] as number))
    const data = Float64Array.from({ length: sizeOf(shape) }, (_, flat) => {
      let rest = flat
      let at = 0
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        const position = rest % (shape[axis] as number)
        rest = Math.floor(rest / (shape[axis] as number))
        at += (position % (input.shape[axis] as number)) * sizeOf(input.shape.slice(axis + 1))
      }
      return input.data[at] as number
    })
    return [{ element: input.element, shape, data }]
  },
}

/** The places of the numbers that are not zero, one in each column. How many there are must be known. */
const nonZero: Operator = {
  infer: ({ inputs }) => {
    const input = required(inputs, 0, 'NonZero')
    if (input.constant === undefined) throw new TypeError('the number of places depends on the data')
    return [
      { element: 'int64', shape: [input.shape.length, input.constant.data.filter((x) => x !== 0).length] },
    ]
  },
  evaluate: (node, inputs) => {
    const { shape, data } = required(inputs, 0, node.op)
    const found = Array.from(data.keys()).filter((at) => data[at] !== 0)
    const places = shape.flatMap((side, axis) => {
      const stride = sizeOf(shape.slice(axis + 1))
      return found.map((at) => Math.floor(at / stride) % side)
    })
    return [{ element: 'int64', shape: [shape.length, found.length], data: Float64Array.from(places) }]
  },
}

export const gathers: Operators = {
  NonZero: nonZero,
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherNd,
  ScatterElements: scatterElements,
  ScatterND: scatterNd,
  ConstantOfShape: constantOfShape,
  OneHot: oneHot,
  Tile: tile,
  Trilu: trilu,
}
