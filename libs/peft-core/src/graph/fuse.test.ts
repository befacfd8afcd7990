import { describe, expect, test } from 'vitest'
import { differentiate, gradientName } from '../differentiate/backward.js'
import { evaluate } from '../differentiate/finite-difference.js'
import { createBuilder, type GraphBuilder } from './builder.js'
import { fused } from './fuse.js'
import { feedsOf, numbers } from './fused-case.js'
import { type Graph, int, sizeOf, type Value } from './graph.js'

type Operand = Value | number

/** Arithmetic as exporters write it, one node an operation. */
function notation(builder: GraphBuilder) {
  const value = (operand: Operand): Value =>
    typeof operand === 'number' ? builder.constant(operand) : operand
  const two = (op: string) => (a: Operand, b: Operand) => builder.op(op, [value(a), value(b)])
  const one = (op: string) => (a: Operand) => builder.op(op, [value(a)])
  const last = builder.constant([-1], 'int64')
  return {
    builder,
    ...{ add: two('Add'), sub: two('Sub'), mul: two('Mul'), div: two('Div'), pow: two('Pow') },
    ...{ erf: one('Erf'), tanh: one('Tanh'), sigmoid: one('Sigmoid'), sqrt: one('Sqrt') },
    ...{ neg: one('Neg'), reciprocal: one('Reciprocal') },
    mean: (x: Value) => builder.op('ReduceMean', [x, last]),
    weight: (seed: number) => builder.constant(numbers(WIDTH, seed), 'float32', [WIDTH]),
  }
}
type Notation = ReturnType<typeof notation>
type Spelling = readonly [title: string, write: (x: Value, by: Notation) => Value]

const WIDTH = 6
const A = Math.sqrt(2 / Math.PI)
const C = 0.044715

const gelu: readonly Spelling[] = [
  ['erf: x 0.5 (1 + erf)', (x, { mul, add, div, erf }) => mul(mul(x, 0.5), add(erf(div(x, Math.SQRT2)), 1))],
  [
    'erf: (x (1 + erf)) 0.5',
    (x, { mul, add, div, erf }) => mul(mul(x, add(1, erf(div(x, Math.SQRT2)))), 0.5),
  ],
  ['erf: x ((erf + 1) 0.5)', (x, { mul, add, erf }) => mul(mul(add(erf(mul(Math.SQRT1_2, x)), 1), 0.5), x)],
  ['erf: x (0.5 erf + 0.5)', (x, { mul, add, erf }) => mul(x, add(0.5, mul(erf(mul(x, Math.SQRT1_2)), 0.5)))],
  ['erf: x (1 + erf) / 2', (x, { mul, add, div, erf }) => div(mul(add(erf(div(x, Math.SQRT2)), 1), x), 2)],
  [
    'erf: x / 2 + x / 2 erf',
    (x, { mul, add, div, erf }) => add(mul(x, 0.5), mul(mul(x, 0.5), erf(div(x, Math.SQRT2)))),
  ],
]

const tanhGelu: readonly Spelling[] = [
  [
    'tanh: GPT-2',
    (x, { mul, add, pow, tanh }) => mul(mul(x, 0.5), add(tanh(mul(add(x, mul(pow(x, 3), C)), A)), 1)),
  ],
  [
    'tanh: x (1 + C x x)',
    (x, { mul, add, tanh }) => mul(mul(0.5, x), add(1, tanh(mul(mul(A, x), add(1, mul(mul(C, x), x)))))),
  ],
  [
    'tanh: A x + A C x x x',
    (x, { mul, add, tanh }) => mul(x, mul(0.5, add(tanh(add(mul(x, A), mul(mul(mul(x, x), x), A * C))), 1))),
  ],
  [
    'tanh: x sigmoid(2 A (x + C x^3))',
    (x, { mul, add, pow, sigmoid }) => mul(x, sigmoid(mul(add(x, mul(pow(x, 3), C)), 2 * A))),
  ],
]

const linear: readonly Spelling[] = [
  ['SiLU', (x, { mul, sigmoid }) => mul(x, sigmoid(x))],
  ['SiLU: sigmoid first', (x, { mul, sigmoid }) => mul(sigmoid(x), x)],
  ['quick GELU', (x, { mul, sigmoid }) => mul(x, sigmoid(mul(1.702, x)))],
]

const E = 1e-5
const layerNorm: readonly Spelling[] = [
  [
    'PyTorch',
    (x, by) => {
      const centred = by.sub(x, by.mean(x))
      const deviation = by.sqrt(by.add(by.mean(by.pow(centred, 2)), E))
      return by.add(by.mul(by.div(centred, deviation), by.weight(5)), by.weight(6))
    },
  ],
  [
    'with the difference made twice, products, and the scale first',
    (x, by) => {
      const mean = by.mean(x)
      const centred = by.sub(x, mean)
      const deviation = by.sqrt(by.add(E, by.mean(by.mul(centred, centred))))
      return by.add(by.weight(6), by.mul(by.weight(5), by.mul(by.sub(x, mean), by.reciprocal(deviation))))
    },
  ],
  [
    'TensorFlow: x (r w) + (b - mean (r w))',
    (x, by) => {
      const mean = by.mean(x)
      const centred = by.sub(x, mean)
      const inverse = by.reciprocal(by.sqrt(by.add(by.mean(by.mul(centred, centred)), E)))
      const scale = by.mul(inverse, by.weight(5))
      return by.add(by.mul(x, scale), by.sub(by.weight(6), by.mul(mean, scale)))
    },
  ],
  [
    'without a scale',
    (x, by) => {
      const centred = by.sub(x, by.mean(x))
      return by.div(centred, by.pow(by.add(by.mean(by.pow(centred, 2)), E), 0.5))
    },
  ],
]

const rmsNorm: readonly Spelling[] = [
  [
    'w (x (1 / sqrt))',
    (x, by) => by.mul(by.weight(5), by.mul(x, by.div(1, by.sqrt(by.add(by.mean(by.pow(x, 2)), E))))),
  ],
  [
    'x reciprocal(sqrt) w',
    (x, by) => by.mul(by.mul(x, by.reciprocal(by.sqrt(by.add(by.mean(by.mul(x, x)), E)))), by.weight(5)),
  ],
  ['x / sqrt w', (x, by) => by.mul(by.div(x, by.sqrt(by.add(by.mean(by.pow(x, 2)), E))), by.weight(5))],
  ['x pow(-0.5), no scale', (x, by) => by.mul(x, by.pow(by.add(by.mean(by.pow(x, 2)), E), -0.5))],
]

const TABLE = [3, 4] as const
const tableOf = (builder: GraphBuilder, seed: number): Value => {
  const half = numbers(6, seed)
  const rows = [0, 1, 2].flatMap((row) => [
    ...half.slice(2 * row, 2 * row + 2),
    ...half.slice(2 * row, 2 * row + 2),
  ])
  return builder.constant(rows, 'float32', [1, 1, ...TABLE])
}
const slice = (builder: GraphBuilder, x: Value, start: number, end: number): Value =>
  builder.op('Slice', [x, ...[start, end, -1, 1].map((at) => builder.constant([at], 'int64'))])
const rotary: readonly Spelling[] = [
  [
    'x cos + concat(-x2, x1) sin',
    (x, { builder, add, mul, neg }) => {
      const [first, second] = [slice(builder, x, 0, 2), slice(builder, x, 2, 2 ** 31)]
      const turned = builder.op('Concat', [neg(second), first], { attributes: { axis: int(-1) } })
      return add(mul(x, tableOf(builder, 7)), mul(turned, tableOf(builder, 8)))
    },
  ],
  [
    'with a split, and the tables first',
    (x, { builder, add, mul, neg }) => {
      const attributes = { axis: int(-1) }
      const halves = builder.ops('Split', [x, builder.constant([2, 2], 'int64')], { attributes, outputs: 2 })
      const turned = builder.op('Concat', [neg(halves[1] as Value), halves[0]], {
        attributes: { axis: int(3) },
      })
      return add(mul(tableOf(builder, 8), turned), mul(tableOf(builder, 7), x))
    },
  ],
]

/** A graph of a spelling whose loss is the sum of its result times numbers. */
function graphOf(write: Spelling[1], shape: readonly number[], alsoRead?: string): Graph {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', shape)
  const y = write(x, notation(builder))
  const weighted = builder.op('Mul', [y, builder.constant(numbers(sizeOf(shape), 3), 'float32', shape)])
  const attributes = { keepdims: int(0) }
  const inner = alsoRead === undefined ? undefined : builder.build().nodes.find(({ op }) => op === alsoRead)
  const sums = [weighted.name, ...(inner?.outputs ?? [])].map((name) =>
    builder.op('ReduceSum', [builder.value(name)], { attributes }),
  )
  const total = sums.reduce((so, sum) => builder.op('Add', [so, sum]))
  const node = { name: 'loss', op: 'Identity', domain: '', outputs: ['loss'], attributes: {} } as const
  builder.append({ ...node, inputs: [total.name] })
  builder.output(builder.value('loss'))
  return builder.build()
}

const WRAPPED = ['Mul', 'ReduceSum', 'Identity']
const opsOf = ({ nodes }: Graph): readonly string[] => nodes.map(({ op }) => op)

const families = [
  ['Gelu', gelu, [2, 3, WIDTH]],
  ['Gelu', tanhGelu, [2, 3, WIDTH]],
  ['QuickGelu', linear, [2, 3, WIDTH]],
  ['LayerNormalization', layerNorm, [2, 3, WIDTH]],
  ['SimplifiedLayerNormalization', rmsNorm, [2, 3, WIDTH]],
  ['RotaryEmbedding', rotary, [2, 3, ...TABLE]],
] as const
const spellings = families.flatMap(([op, written, shape]) =>
  written.map(([title, write]) => ({ op, title, write, shape })),
)

describe.each(spellings)('$title', ({ op, write, shape }) => {
  test(`becomes one ${op} of the same value and gradient`, async () => {
    const graph = graphOf(write, shape)
    const one = fused(graph)
    expect(opsOf(one)).toEqual([op, ...WRAPPED])
    const [pieces, whole] = await Promise.all(
      [graph, one].map((given) => evaluate(differentiate(given, 'loss', ['x']), feedsOf(graph))),
    )
    for (const name of ['loss', gradientName('x')]) {
      const wanted = pieces?.get(name) ?? []
      expect(wanted.length).toBeGreaterThan(0)
      for (const [at, value] of wanted.entries()) expect(whole?.get(name)?.[at]).toBeCloseTo(value, 6)
    }
  })
})

test.each([
  ['Erf', gelu, [2, 3, WIDTH]],
  ['Pow', tanhGelu, [2, 3, WIDTH]],
  ['Sigmoid', linear, [2, 3, WIDTH]],
  ['Sqrt', layerNorm, [2, 3, WIDTH]],
  ['Sqrt', rmsNorm, [2, 3, WIDTH]],
  ['Neg', rotary, [2, 3, ...TABLE]],
] as const)('pieces stay when something else reads what %s gives', (op, [[, write]], shape) => {
  const graph = graphOf(write, shape, op)
  expect(opsOf(fused(graph))).toEqual(opsOf(graph))
})

const others: readonly Spelling[] = [
  [
    'another cube',
    (x, by) => by.mul(by.mul(x, 0.5), by.add(by.tanh(by.mul(by.add(x, by.mul(by.pow(x, 3), 0.0447)), A)), 1)),
  ],
  ['another divisor', (x, by) => by.mul(by.mul(x, 0.5), by.add(by.erf(by.div(x, 1.4)), 1))],
  ['the gate of another value', (x, by) => by.mul(by.add(x, x), by.sigmoid(x))],
  ['no half', (x, by) => by.mul(x, by.add(by.erf(by.div(x, Math.SQRT2)), 1))],
  [
    'a mean over another axis',
    (x, { builder, ...by }) => {
      const mean = builder.op('ReduceMean', [by.pow(x, 2), builder.constant([1], 'int64')])
      return by.div(x, by.sqrt(by.add(mean, E)))
    },
  ],
  [
    'a deviation about another mean',
    (x, { builder, ...by }) => {
      const mean = builder.op('ReduceMean', [x, builder.constant([1], 'int64')])
      const centred = by.sub(x, mean)
      return by.div(x, by.sqrt(by.add(by.mean(by.pow(centred, 2)), E)))
    },
  ],
]
test.each(others)('what only looks alike stays: %s', (_, write) => {
  const graph = graphOf(write, [2, 3, WIDTH])
  expect(opsOf(fused(graph))).toEqual(opsOf(graph))
})
