/**
 * The host of engine.test.ts: an engine's process with graphs that are small enough to check by hand.
 * @module
 */
import { createBuilder } from '../../dist/graph/builder.js'
import { float, int } from '../../dist/graph/graph.js'
import { serve } from '../../dist/runtime/serve.js'

const toFloat = { attributes: { to: int(1) } }

function output(builder, name, op, inputs, attributes = {}) {
  const names = inputs.map((input) => input.name)
  const [value] = builder.append({ name, op, domain: '', inputs: names, outputs: [name], attributes })
  builder.output(value)
}

/** y = 0.1 ids w^T + b against 0.1 labels: the mean square, and its gradient 2 (y - t) / rows. */
function regression({ rows, columns }) {
  const builder = createBuilder()
  const w = builder.input('w', 'float32', [1, columns])
  const b = builder.input('b', 'float32', [1])
  const tenths = (value) => builder.op('Mul', [builder.op('Cast', [value], toFloat), builder.constant(0.1)])
  const x = tenths(builder.input('input_ids', 'int64', [rows, columns]))
  const labels = tenths(builder.input('labels', 'int64', [rows]))
  const target = builder.op('Reshape', [labels, builder.constant([rows, 1], 'int64')])
  const y = builder.op('Gemm', [x, w, b], { attributes: { transB: int(1) } })
  const difference = builder.op('Sub', [y, target])
  const all = builder.constant([0, 1], 'int64')
  const flat = { keepdims: int(0) }
  output(builder, 'loss', 'ReduceMean', [builder.op('Mul', [difference, difference]), all], flat)
  const dy = builder.op('Mul', [difference, builder.constant(2 / rows)])
  output(builder, 'grad:w', 'Gemm', [dy, x], { transA: int(1), alpha: float(1) })
  output(builder, 'grad:b', 'ReduceSum', [dy, builder.constant([0], 'int64')], flat)
  const parameters = [
    { name: 'w', shape: [1, columns] },
    { name: 'b', shape: [1] },
  ]
  return { graph: builder.build(), parameters, task: 'sequence' }
}

/** The logits of the next token are a row of a table: rows of 4 tokens. */
function bigram({ rows, columns }) {
  const builder = createBuilder()
  const table = builder.input('table', 'float32', [4, 4])
  output(builder, 'logits', 'Gather', [table, builder.input('input_ids', 'int64', [rows, columns])])
  const parameters = [{ name: 'table', shape: [4, 4] }]
  return { graph: builder.build(), parameters, task: 'causal', positions: 40 }
}

/** About a fifth of a second of matrix products, then the loss p^2. */
function slow() {
  const builder = createBuilder()
  const p = builder.input('p', 'float32', [1])
  const flat = builder.constant([1024, 1024], 'int64')
  let square = builder.op('Expand', [builder.op('Mul', [p, builder.constant(1e-4)]), flat])
  for (let index = 0; index < 16; index++) square = builder.op('MatMul', [square, square])
  const axes = builder.constant([0, 1], 'int64')
  const nothing = builder.op('Mul', [
    builder.op('ReduceMean', [square, axes], { attributes: { keepdims: int(0) } }),
    builder.constant(0),
  ])
  output(builder, 'grad:p', 'Mul', [p, builder.constant(2)])
  const squared = builder.op('ReduceSum', [builder.op('Mul', [p, p]), builder.constant([0], 'int64')], {
    attributes: { keepdims: int(0) },
  })
  output(builder, 'loss', 'Add', [squared, nothing])
  return { graph: builder.build(), parameters: [{ name: 'p', shape: [1] }], task: 'sequence' }
}

const models = {
  regression,
  bigram,
  filler: (request) => ({ ...bigram(request), task: 'masked' }),
  slow,
  abort: () => process.abort(),
  unknown: () => {
    throw new RangeError('operator Quux is not supported')
  },
}

serve((request) => models[request.model](request))
