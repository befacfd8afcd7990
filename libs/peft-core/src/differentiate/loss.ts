import { createBuilder, type GraphBuilder } from '../graph/builder.js'
import { prune } from '../graph/fold.js'
import { elementBytes, type Graph, int, sizeOf, type Value } from '../graph/graph.js'
import { labelsRows, type Task } from '../source/task.js'
import { type ClassParts, crossEntropyInParts, findFrozenHead } from './class-parts.js'
import { crossEntropy } from './cross-entropy.js'
import { boundsOf, gatherInParts } from './frozen-rows.js'
import { appendHead, findHead } from './head.js'
import { appendPrediction, PREDICTION_COLUMNS } from './prediction.js'
import { algebra } from './rules/algebra.js'

/** A label that is not counted; so is every negative one. */
export const IGNORED_LABEL = -100

const FLOAT32 = 1

/** Logits that take more are made in parts of at most this size: large enough for products at full speed. */
const PART_BYTES = 2 ** 26

export interface LossOptions {
  /** Logits of more than this are made for some classes or rows at a time. */
  readonly partBytes?: number
  /**
   * Whether the graph also has the output `predictions` (N, 6) of float32, for every position of the logits: see
   * `appendPrediction`.
   */
  readonly predicts?: boolean
  /** Whether the loss is to be differentiated; it is unless stated. */
  readonly isTrained?: boolean
  /**
   * Whether the graph also has the output `objective`: the sum over the rows of the mean loss of each over its own labels, so that
   * what a row adds does not depend on the others.
   */
  readonly isByRow?: boolean
}

/**
 * A forward graph with the mean cross-entropy of its output `logits` as output `loss`, a single number, and the number
 * of labels counted as output `tokens`; its other outputs are dropped. Labels come as the input `labels` (int64):
 * (rows, columns) for logits (rows, columns, classes), where `causal` compares position t with label t + 1, and (rows)
 * for the logits (rows, classes) of `sequence` and `image`. Negative labels are not counted; when none is left, the loss
 * is 0. RangeError when the graph has no such logits.
 */
export function appendLoss(
  given: Graph,
  task: Task,
  { partBytes = PART_BYTES, predicts = false, isTrained = true, isByRow = false }: LossOptions = {},
): Graph {
  const logits = given.outputs.find(({ name }) => name === 'logits')
  const rank = labelsRows(task) ? 2 : 3
  if (logits === undefined || logits.shape.length !== rank) {
    const got = logits === undefined ? 'no such output' : `(${logits.shape.join(', ')})`
    throw new RangeError(`expected an output "logits" of ${rank} axes for a ${task} loss, got ${got}`)
  }
  const large = predicts ? undefined : largeHead(given, logits, partBytes)
  const graph = large === undefined ? given : gatherInParts(given, large.head.weight, large.bounds)
  const builder = createBuilder(graph, { keepOutputs: false })
  const { mul, where, sum, scalar, integers } = algebra(builder)
  const stated = builder.input('labels', 'int64', logits.shape.slice(0, -1))
  const labels = asColumn(builder, task === 'causal' ? nextLabels(builder, stated) : stated)
  const ignored = builder.op('Less', [labels, builder.constant(0, 'int64')])
  const counted = where(ignored, scalar(0, 'float32'), 1) // (N, 1)
  const known = builder.op('Where', [ignored, builder.constant(0, 'int64'), labels])
  const rows = // (N, 1), or (N, 7)
    large === undefined
      ? describeRows({ graph, builder, logits, labels: known, partBytes, predicts })
      : crossEntropyInParts(builder, { ...large, labels: known, isTrained })
  const [each, predictions] = predicts
    ? (builder.ops('Split', [rows, integers([1, PREDICTION_COLUMNS])], {
        outputs: 2,
        attributes: { axis: int(1) },
      }) as [Value, Value])
    : [rows]
  const tokens = sum(counted, [0, 1], false)
  const divisor = builder.op('Max', [tokens, scalar(1, 'float32')])
  const weights = builder.op('Div', [counted, divisor])
  const losses = where(ignored, 0, each)
  const loss = sum(mul(losses, weights), [0, 1], false)
  const objective = (): Value =>
    sum(mul(losses, rowWeights(builder, counted, logits.shape[0] as number)), [0, 1], false)
  for (const [name, value] of [
    ['loss', loss],
    ...(isByRow ? [['objective', objective()] as const] : []),
    ['tokens', tokens],
    ...(predictions === undefined ? [] : [['predictions', predictions] as const]),
  ] as const) {
    builder.append({
      name,
      op: 'Identity',
      domain: '',
      inputs: [value.name],
      outputs: [name],
      attributes: {},
    })
    builder.output(builder.value(name))
  }
  return prune(builder.build())
}

/** What each label counts (N, 1) in the mean over the labels of its own row. */
function rowWeights(builder: GraphBuilder, counted: Value, rows: number): Value {
  const { div, expand, reshape, scalar, sum } = algebra(builder)
  const byRow = reshape(counted, [rows, sizeOf(counted.shape) / rows])
  const tokens = builder.op('Max', [sum(byRow, [1]), scalar(1, 'float32')])
  return reshape(div(byRow, expand(tokens, byRow.shape)), counted.shape)
}

/** A frozen head whose logits take more than `partBytes`, and parts of its classes whose logits take half of that. */
function largeHead(
  graph: Graph,
  logits: Value,
  partBytes: number,
): Pick<ClassParts, 'head' | 'bounds'> | undefined {
  const bytes = sizeOf(logits.shape) * elementBytes.float32
  const head = bytes > partBytes ? findFrozenHead(graph, logits) : undefined
  const classes = logits.shape.at(-1) as number
  return head && { head, bounds: boundsOf(classes, Math.min(classes, Math.ceil((2 * bytes) / partBytes))) }
}

interface Rows {
  readonly graph: Graph
  readonly builder: GraphBuilder
  readonly logits: Value // (..., V)
  readonly labels: Value // (N, 1)
  readonly partBytes: number
  readonly predicts: boolean
}

/** The loss of each row (N, 1), and what it predicts beside it, in parts where the logits are large. */
function describeRows({ graph, builder, logits, labels, partBytes, predicts }: Rows): Value {
  const { concat, integers } = algebra(builder)
  const rows = sizeOf(labels.shape)
  const parts = Math.min(rows, Math.ceil((sizeOf(logits.shape) * elementBytes.float32) / partBytes))
  const head = parts > 1 ? findHead(graph, logits) : undefined
  // One value for each part, so that its logits can be forgotten before the next part is made.
  const describe = (part: Value, wanted: Value): Value => {
    const row = crossEntropy(builder, part, wanted)
    return predicts ? concat([row.loss, appendPrediction(builder, part, row)], 1) : row.loss
  }
  if (head === undefined) return describe(flatten(graph, builder, logits, rows), labels)
  const counts = Array.from(
    { length: parts },
    (_, part) => Math.floor(((part + 1) * rows) / parts) - Math.floor((part * rows) / parts),
  )
  const labelParts = builder.ops('Split', [labels, integers(counts)], { outputs: parts })
  const logitParts = appendHead(builder, head, counts)
  return concat(
    logitParts.map((part, index) => describe(asFloat32(builder, part), labelParts[index] as Value)),
    0,
  )
}

/** Moves every label one position forward, and ignores the last position: the logits stay where they are. */
function nextLabels(builder: GraphBuilder, labels: Value): Value {
  const { integers, concat } = algebra(builder)
  const [rows, columns] = labels.shape as [number, number]
  const later = builder.op('Slice', [labels, integers([1]), integers([columns]), integers([1])])
  return concat([later, integers(Array<number>(rows).fill(IGNORED_LABEL), [rows, 1])], 1)
}

const asColumn = (builder: GraphBuilder, labels: Value): Value =>
  algebra(builder).reshape(labels, [sizeOf(labels.shape), 1])

/** The logits as float32 (N, V); the matrix they were reshaped from is taken as it is. */
function flatten(graph: Graph, builder: GraphBuilder, logits: Value, rows: number): Value {
  const { reshape } = algebra(builder)
  const classes = logits.shape.at(-1) as number
  const producer = graph.nodes.find(({ outputs }) => outputs.includes(logits.name))
  const before = producer?.op === 'Reshape' ? builder.value(producer.inputs[0] as string) : logits
  const isMatrix = before.shape.length === 2 && before.shape[0] === rows
  const matrix = isMatrix ? before : reshape(logits, [rows, classes])
  return asFloat32(builder, matrix)
}

const asFloat32 = (builder: GraphBuilder, x: Value): Value =>
  x.element === 'float32' ? x : algebra(builder).apply('Cast', x, { to: int(FLOAT32) })
