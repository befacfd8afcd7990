/**
 * Gradients of reading and writing at indices: what was read at an index is added back there, and what was written is
 * read back.
 * @module
 */
import type { GraphBuilder } from '../../graph/builder.js'
import { axisOf, int, intOf, sizeOf, text, textOf, type Value } from '../../graph/graph.js'
import { algebra } from './algebra.js'
import { gradientOf, inputOf, type Rule, type RuleCall, type Rules } from './rule.js'
import { spread } from './spread.js'

const ADD = { reduction: text('add') }

/** Known indices that are all different, counted from the front; undefined when they are not. */
function distinct(call: RuleCall, side: number): readonly number[] | undefined {
  const known = call.builder.constantOf(inputOf(call, 1))
  if (known === undefined) return undefined
  const places = Array.from(known.data, (index) => (index < 0 ? index + side : index))
  return new Set(places).size === places.length ? places : undefined
}

// Sizes: P = sides before the axis, S = side of the axis, Q = sides after it, K = how many indices.
const gather: Rule = (call) => {
  const { builder, node } = call
  const { reshape, transpose } = algebra(builder)
  const [x, indices] = [inputOf(call, 0), inputOf(call, 1)]
  const axis = axisOf(intOf(node, 'axis', 0), x.shape.length)
  const [p, s, q] = [sizeOf(x.shape.slice(0, axis)), x.shape[axis] as number, sizeOf(x.shape.slice(axis + 1))]
  const k = sizeOf(indices.shape)
  const gradient = reshape(gradientOf(call), [p, k, q])
  const places = distinct(call, s)
  if (places !== undefined) {
    return [reshape(spread(builder, gradient, { axis: 1, from: places, side: s }), x.shape)]
  }
  const rows = reshape(transpose(gradient, p === 1 ? [0, 1, 2] : [1, 0, 2]), [k, p * q])
  const added = reshape(addRows(builder, rows, reshape(indices, [k]), s), [s, p, q])
  return [reshape(p === 1 ? added : transpose(added, [1, 0, 2]), x.shape)]
}

/**
 * Sums rows (K, Q) by their indices (K) -> (side, Q). ScatterElements adds one after the other; onnxruntime's ScatterND
 * adds in parallel, and loses some where an index comes more than once.
 */
function addRows(builder: GraphBuilder, rows: Value, indices: Value, side: number): Value {
  const { expand, reshape, zeros } = algebra(builder)
  const [count, width] = rows.shape as [number, number]
  const places = expand(reshape(indices, [count, 1]), [count, width])
  const attributes = { axis: int(0), ...ADD }
  return builder.op('ScatterElements', [zeros([side, width], rows.element), places, rows], { attributes })
}

const gatherElements: Rule = (call) => {
  const { builder, node } = call
  const x = inputOf(call, 0)
  const attributes = { axis: int(intOf(node, 'axis', 0)), ...ADD }
  const blank = algebra(builder).zeros(x.shape, x.element)
  return [builder.op('ScatterElements', [blank, inputOf(call, 1), gradientOf(call)], { attributes })]
}

/** Only what was picked has a gradient: it goes back to where it was. Which places are picked does not change. */
const topK: Rule = (call) => {
  const { builder, node, outputs } = call
  const [x, indices] = [inputOf(call, 0), outputs[1]]
  if (indices === undefined)
    throw new TypeError(`TopK "${node.name}" expects a second output, the indices; it has none`)
  const attributes = { axis: int(intOf(node, 'axis', -1)) }
  const blank = algebra(builder).zeros(x.shape, x.element)
  return [builder.op('ScatterElements', [blank, indices, gradientOf(call)], { attributes }), undefined]
}

/** The indices with the position in each batch axis put before them, so that they name places in the whole tensor. */
function wholeIndices(call: RuleCall): Value {
  const { concat, integers } = algebra(call.builder)
  const indices = inputOf(call, 1)
  const skip = intOf(call.node, 'batch_dims', 0)
  if (skip === 0) return indices
  const shape = indices.shape.slice(0, -1)
  const positions = Array.from({ length: sizeOf(shape) }, (_, flat) =>
    shape.slice(0, skip).map((side, axis) => Math.floor(flat / sizeOf(shape.slice(axis + 1))) % side),
  )
  return concat([integers(positions.flat(), [...shape, skip]), indices], shape.length)
}

// The places are counted through the axes that they name, so that rows are added as for Gather.
const gatherNd: Rule = (call) => {
  const { builder } = call
  const { add, mul, where, compare, integers, sum, reshape } = algebra(builder)
  const x = inputOf(call, 0)
  const indices = wholeIndices(call)
  const depth = indices.shape.at(-1) as number
  const sides = x.shape.slice(0, depth)
  const [side, width, count] = [sizeOf(sides), sizeOf(x.shape.slice(depth)), sizeOf(indices.shape) / depth]
  const positive = where(compare('Less', indices, integers([0])), add(indices, integers(sides)), indices)
  const steps = integers(sides.map((_, axis) => sizeOf(sides.slice(axis + 1))))
  const places = reshape(sum(mul(positive, steps), [indices.shape.length - 1]), [count])
  const rows = reshape(gradientOf(call), [count, width])
  return [reshape(addRows(builder, rows, places, side), x.shape)]
}

/** A scatter by replacement or by addition; `read` is the operator that reads at the same indices. */
function scatter(read: 'GatherND' | 'GatherElements'): Rule {
  return (call) => {
    const { builder, node, needed } = call
    const [indices, updates, gradient] = [inputOf(call, 1), inputOf(call, 2), gradientOf(call)]
    const reduction = textOf(node, 'reduction', 'none')
    if (reduction !== 'none' && reduction !== 'add') {
      throw new TypeError(
        `${node.op} "${node.name}" with reduction "${reduction}" cannot be differentiated; expected none or add`,
      )
    }
    const axis = read === 'GatherND' ? {} : { axis: int(intOf(node, 'axis', 0)) }
    const erased = (): Value => {
      const blank = algebra(builder).zeros(updates.shape, updates.element)
      return builder.op(node.op, [gradient, indices, blank], { attributes: axis })
    }
    return [
      needed[0] ? (reduction === 'add' ? gradient : erased()) : undefined,
      undefined,
      needed[2] ? builder.op(read, [gradient, indices], { attributes: axis }) : undefined,
    ]
  }
}

export const gatherRules: Rules = {
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherNd,
  TopK: topK,
  ScatterND: scatter('GatherND'),
  ScatterElements: scatter('GatherElements'),
}
