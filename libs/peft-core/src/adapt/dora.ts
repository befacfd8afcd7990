/**
 * Weight-decomposed low-rank adaptation: the direction of each row of W + s B A, times a trained magnitude m,
 *
 *   y = (m / |W + s B A|) * (W x + s B (A x)) + bias
 *
 * with the norm of each row taken as a constant by the gradient. Paper: https://arxiv.org/abs/2402.09353, section 4.3
 *
 * Sizes used below: N = tokens, I = inputs, O = outputs, R = rank.
 * @module
 */
import { factorKey, magnitudeKey } from '../adapter/factors.js'
import { type LoraConfig, rankOf, scalingOf } from '../adapter/lora-config.js'
import type { Tensor, TensorMap } from '../adapter/tensor.js'
import type { GraphBuilder } from '../graph/builder.js'
import { float, floatOf, type Graph, int, intOf, type Node, type Value } from '../graph/graph.js'
import type { LinearLayer } from '../source/modules.js'
import { baseWeight } from './base-weight.js'
import { appendFrozen, appendOutput, expectOwnMatrix, type Insertion, inputOf } from './insert.js'

/** What is inserted at the layer of a path. */
export function doraLayer(config: LoraConfig, path: string): Insertion {
  const rank = rankOf(config, path)
  const scaling = scalingOf(config, path)
  return {
    at: 'product',
    append(site) {
      const { builder, module, node } = site
      refuseBlocks(node, path)
      refuseScales(node, path)
      expectOwnMatrix(module, 'DoRA')
      const x = inputOf(site) // (N, I), or more axes
      const product = appendFrozen({ builder, node: { ...node, inputs: node.inputs.slice(0, 2) } }) // (N, O)
      const a = builder.input(factorKey(path, 'A'), 'float32', [rank, module.inFeatures])
      const b = builder.input(factorKey(path, 'B'), 'float32', [module.outFeatures, rank])
      const magnitude = builder.input(magnitudeKey(path), 'float32', [module.outFeatures])
      const norm = rowNorm(builder, { node, a, b, scaling })
      const scale = builder.op('Div', [magnitude, norm], { module: path }) // (O)
      const contrib = { domain: 'com.microsoft', module: path } as const
      const low = builder.op('FusedMatMul', [x, a], { ...contrib, attributes: { transB: int(1) } }) // (N, R)
      const attributes = { transB: int(1), alpha: float(scaling) }
      const change = builder.op('FusedMatMul', [low, b], { ...contrib, attributes })
      const direction = builder.op('Add', [product, change], { module: path })
      const bias = node.inputs[2] ?? ''
      if (bias === '') {
        appendOutput(site, { op: 'Mul', inputs: [direction.name, scale.name], attributes: {} })
        return
      }
      const scaled = builder.op('Mul', [direction, scale], { module: path })
      appendOutput(site, { op: 'Add', inputs: [scaled.name, bias], attributes: {} })
    },
  }
}

interface Rows {
  readonly node: Node
  readonly a: Value
  readonly b: Value
  readonly scaling: number
}

/**
 * |W + s B A| of each row (O), without that matrix: its square is |W|^2 + 2 s (B * (W A^T)) 1 + s^2 (B * (B A A^T)) 1,
 * where * is by element and 1 sums a row.
 */
function rowNorm(builder: GraphBuilder, { node, a, b, scaling }: Rows): Value {
  const weight = builder.value(node.inputs[1] as string)
  const isOutIn = intOf(node, 'transB', 0) === 1
  const product = (left: Value, right: Value, alpha: number, transA: boolean, transB: boolean): Value =>
    builder.op('FusedMatMul', [left, right], {
      domain: 'com.microsoft',
      attributes: { transA: int(Number(transA)), transB: int(Number(transB)), alpha: float(alpha) },
    })
  const sum = (op: string, x: Value, axis: number): Value =>
    builder.op(op, [x, builder.constant([axis], 'int64')], { attributes: { keepdims: int(0) } })
  const frozen = sum('ReduceSumSquare', weight, isOutIn ? 1 : 0) // (O)
  const crossed = product(weight, a, 2 * scaling, !isOutIn, true) // (O, R)
  const gram = product(a, a, scaling * scaling, false, true) // (R, R)
  const squared = builder.op('Add', [crossed, product(b, gram, 1, false, false)])
  const change = sum('ReduceSum', builder.op('Mul', [b, squared]), 1) // (O)
  return builder.op('Sqrt', [builder.op('Add', [frozen, change])], { detached: true })
}

/** The rows of packed blocks are not measured. */
function refuseBlocks({ op }: Node, path: string): void {
  if (op !== 'MatMulNBits') return
  throw new RangeError(
    `module ${path} is stored in blocks of integers; DoRA expected a matrix of floating-point numbers, so take LoRA or a base that is not quantised`,
  )
}

/** A factor on the product or the bias would be part of the weight, whose rows are measured without it. */
function refuseScales(node: Node, path: string): void {
  if (floatOf(node, 'alpha', 1) === 1 && floatOf(node, 'beta', 1) === 1) return
  throw new RangeError(`module ${path} scales its weight or its bias; DoRA cannot be inserted`)
}

/** Magnitudes to start training from: the length of each row of W, so that the model is the base while B is zero. */
export function initialMagnitudes(graph: Graph, modules: readonly LinearLayer[]): TensorMap {
  return new Map(modules.map((module) => [magnitudeKey(module.path), rowLengths(baseWeight(graph, module))]))
}

function rowLengths({ shape, data }: Tensor): Tensor {
  const [rows, columns] = shape as [number, number]
  const lengths = Float32Array.from({ length: rows }, (_, row) => {
    let squares = 0
    for (let at = row * columns; at < (row + 1) * columns; at++) squares += (data[at] as number) ** 2
    return Math.sqrt(squares)
  })
  return { shape: [rows], data: lengths }
}
