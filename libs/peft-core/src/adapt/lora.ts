/**
 * Low-rank adaptation of linear layers and embeddings: y = W x + scaling * B (A x), with W frozen and A, B as graph inputs; and
 * where there is a side, + scaling * B' (A' x), whose factors are graph inputs that are not trained.
 * Paper: https://arxiv.org/abs/2106.09685
 *
 * Sizes used below: N = tokens, I = inputs, O = outputs, R = rank, V = rows of a table, D = its width.
 * @module
 */
import { biasKey, factorKey } from '../adapter/factors.js'
import { type LoraConfig, rankOf, scalingOf } from '../adapter/lora-config.js'
import type { StartFactors } from '../adapter/start-factors.js'
import type { Tensor } from '../adapter/tensor.js'
import { rawTensor } from '../adapter/tensor.js'
import type { GraphBuilder } from '../graph/builder.js'
import { float, int, type Value } from '../graph/graph.js'
import type { EmbeddingLayer } from '../source/embeddings.js'
import type { LinearLayer } from '../source/modules.js'
import { appendDropout, DROPOUT_WORDS, keptScale } from './dropout.js'
import { type AppendNode, appendFrozen, appendOutput, type Insertion, inputOf } from './insert.js'

/** What a layer needs beside its configuration. */
export interface LoraExtras {
  /** Words for the dropout of the graph's widest layer; absent, nothing is dropped. */
  readonly dropoutWords?: number | undefined
  /** The factors that the frozen weight is without. */
  readonly start?: StartFactors | undefined
  /** The rank of frozen factors beside the trained ones, of the same scaling; absent, there are none. */
  readonly sideRank?: number | undefined
}

/** The graph input of a frozen factor, by the key of the trained one. */
export const SIDE_PREFIX = 'side:'

/** What is inserted at the layer of a path. */
export function loraLayer(config: LoraConfig, path: string, extras: LoraExtras = {}): Insertion {
  const rank = rankOf(config, path)
  const scaling = scalingOf(config, path)
  return {
    at: 'product',
    append(site) {
      const { builder, module } = site
      const input = inputOf(site) // (N, I), or more axes
      const { inFeatures, outFeatures } = module
      const a = builder.input(factorKey(path, 'A'), 'float32', [rank, inFeatures])
      const b = builder.input(factorKey(path, 'B'), 'float32', [outFeatures, rank])
      const bias = config.loraBias ? builder.input(biasKey(path), 'float32', [outFeatures]) : undefined
      const started = { input, path, scaling, start: extras.start }
      const beside = { input, module, scaling, rank: extras.sideRank }
      const base = withSide(builder, withoutStart(builder, appendFrozen(site), started), beside)
      const words = extras.dropoutWords
      const drops = words !== undefined && config.dropout > 0
      const dropout = { rate: config.dropout, module: path }
      const kept = drops
        ? appendDropout(builder, input, { ...dropout, words: wordsInput(builder, words) })
        : input
      const alpha = drops ? scaling * keptScale(config.dropout) : scaling
      const low = product(builder, { left: kept, right: a, path }) // (N, R)
      const shifted = bias === undefined ? base : plusBias(builder, base, { bias, scaling, path })
      if (shifted.shape.length === 2) {
        const attributes = { transB: int(1), alpha: float(alpha) }
        appendOutput(site, { op: 'Gemm', inputs: [low.name, b.name, shifted.name], attributes })
        return
      }
      const change = product(builder, { left: low, right: b, path, alpha })
      appendOutput(site, { op: 'Add', inputs: [shifted.name, change.name], attributes: {} })
    },
  }
}

/**
 * The adapted form of a lookup: E[id] + scaling * B A[:, id], with A (R, V) and B (D, R). It stands for the Gather, or for
 * the cast of what was found in a table of half precision: the sum is in float32.
 */
export function loraEmbedding(
  config: LoraConfig,
  layer: EmbeddingLayer,
  { ids: idsName, sideRank }: { readonly ids: string; readonly sideRank?: number | undefined },
): AppendNode {
  const { path, rows, width } = layer
  return (builder, node) => {
    const frozen = appendFrozen({ builder, node }) // (..., D)
    const shape = (sides: readonly number[]): Value => builder.constant(sides, 'int64')
    const ids = builder.op('Reshape', [builder.value(idsName), shape([-1])], {
      module: path,
    })
    const changeBy = (prefix: string, rank: number): Value => {
      const [keyA, keyB] = [factorKey(path, 'A', 'embedding'), factorKey(path, 'B', 'embedding')]
      const a = builder.input(`${prefix}${keyA}`, 'float32', [rank, rows])
      const b = builder.input(`${prefix}${keyB}`, 'float32', [width, rank])
      const columns = builder.op('Gather', [a, ids], { attributes: { axis: int(1) }, module: path }) // (R, N)
      const flat = builder.op('FusedMatMul', [columns, b], {
        domain: 'com.microsoft',
        module: path,
        attributes: { transA: int(1), transB: int(1), alpha: float(scalingOf(config, path)) },
      }) // (N, D)
      return builder.op('Reshape', [flat, shape(frozen.shape)], { module: path })
    }
    const base =
      sideRank === undefined
        ? frozen
        : builder.op('Add', [frozen, changeBy(SIDE_PREFIX, sideRank)], { module: path })
    const change = changeBy('', rankOf(config, path))
    const site = { builder, node, module: layer }
    appendOutput(site, { op: 'Add', inputs: [base.name, change.name], attributes: {} })
  }
}

interface Product {
  readonly left: Value
  readonly right: Value
  readonly path: string
  readonly alpha?: number
}

/** alpha left right', over the last axis of both. */
function product(builder: GraphBuilder, { left, right, path, alpha = 1 }: Product): Value {
  const attributes = { transB: int(1), alpha: float(alpha) }
  return builder.op('FusedMatMul', [left, right], { domain: 'com.microsoft', module: path, attributes })
}

interface Started {
  readonly input: Value
  readonly path: string
  readonly scaling: number
  readonly start: StartFactors | undefined
}

/** What the frozen weight gives without the factors that it started from. */
function withoutStart(builder: GraphBuilder, frozen: Value, { input, path, scaling, start }: Started): Value {
  if (start === undefined) return frozen
  const a = frozenTensor(builder, `${factorKey(path, 'A')}:start`, start.a)
  const b = frozenTensor(builder, `${factorKey(path, 'B')}:start`, start.b)
  const low = product(builder, { left: input, right: a, path })
  return builder.op('Sub', [frozen, product(builder, { left: low, right: b, path, alpha: scaling })], {
    module: path,
  })
}

interface Beside {
  readonly input: Value
  readonly module: Pick<LinearLayer, 'path' | 'inFeatures' | 'outFeatures'>
  readonly scaling: number
  readonly rank: number | undefined
}

/** With what the frozen factors beside the trained ones add. */
function withSide(builder: GraphBuilder, base: Value, { input, module, scaling, rank }: Beside): Value {
  if (rank === undefined) return base
  const { path, inFeatures, outFeatures } = module
  const a = builder.input(`${SIDE_PREFIX}${factorKey(path, 'A')}`, 'float32', [rank, inFeatures])
  const b = builder.input(`${SIDE_PREFIX}${factorKey(path, 'B')}`, 'float32', [outFeatures, rank])
  const low = product(builder, { left: input, right: a, path }) // (N, R)
  if (base.shape.length === 2) {
    const attributes = { transB: int(1), alpha: float(scaling) }
    return builder.op('Gemm', [low, b, base], { attributes, module: path })
  }
  return builder.op('Add', [base, product(builder, { left: low, right: b, path, alpha: scaling })], {
    module: path,
  })
}

function frozenTensor(builder: GraphBuilder, name: string, tensor: Tensor): Value {
  const { element, shape, bytes } = rawTensor(tensor)
  return builder.weight({ name, element, shape, data: { kind: 'bytes', bytes } })
}

function plusBias(
  builder: GraphBuilder,
  base: Value,
  { bias, scaling, path }: { readonly bias: Value; readonly scaling: number; readonly path: string },
): Value {
  const scaled = builder.op('Mul', [bias, builder.constant(scaling)], { module: path })
  return builder.op('Add', [base, scaled], { module: path })
}

function wordsInput(builder: GraphBuilder, words: number): Value {
  return builder.has(DROPOUT_WORDS)
    ? builder.value(DROPOUT_WORDS)
    : builder.input(DROPOUT_WORDS, 'int32', [words])
}
