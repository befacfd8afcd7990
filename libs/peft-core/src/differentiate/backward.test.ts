import { describe, expect, it } from 'vitest'
import { createBuilder } from '../graph/builder.js'
import { float, type Graph, int, type Value } from '../graph/graph.js'
import { differentiate } from './backward.js'
import { evaluate, numericGradients } from './finite-difference.js'

function named(graph: (builder: ReturnType<typeof createBuilder>) => Value): Graph {
  const builder = createBuilder()
  const loss = graph(builder)
  builder.append({
    name: 'loss',
    op: 'Identity',
    domain: '',
    inputs: [loss.name],
    outputs: ['loss'],
    attributes: {},
  })
  builder.output(builder.value('loss'))
  return builder.build()
}

const scalar = { keepdims: int(0) }
const operators = ({ nodes }: Graph, from: Graph): readonly string[] =>
  nodes.slice(from.nodes.length).map(({ op }) => op)

describe('differentiate', () => {
  it('adds the gradients of a value that is read twice', async () => {
    const graph = named((builder) => {
      const x = builder.input('x', 'float64', [3])
      return builder.op('ReduceSum', [builder.op('Mul', [x, builder.op('Exp', [x])])], { attributes: scalar })
    })
    const values = await evaluate(differentiate(graph, 'loss', ['x']), new Map([['x', [0.5, -2, 1]]]))
    const expected = [0.5, -2, 1].map((x) => Math.exp(x) * (1 + x))
    for (const [at, number] of expected.entries()) expect(values.get('grad:x')?.[at]).toBeCloseTo(number, 12)
  })

  it('gives the gradients the names, order and shapes that were asked for', () => {
    const graph = named((builder) => {
      const [a, b] = [builder.input('a', 'float32', [2, 3]), builder.input('b', 'float32', [3])]
      return builder.op('ReduceSum', [builder.op('Add', [a, b])], { attributes: scalar })
    })
    const { outputs } = differentiate(graph, 'loss', ['b', 'a'])
    expect(outputs.map(({ name, shape }) => [name, shape])).toEqual([
      ['loss', []],
      ['grad:b', [3]],
      ['grad:a', [2, 3]],
    ])
  })

  it('differentiates nothing below the first trainable input', () => {
    const graph = named((builder) => {
      const frozen = builder.op('Tanh', [builder.input('x', 'float32', [2])])
      const y = builder.op('Mul', [frozen, builder.input('scale', 'float32', [2])])
      return builder.op('ReduceSum', [y], { attributes: scalar })
    })
    expect(operators(differentiate(graph, 'loss', ['scale']), graph)).toEqual(['Reshape', 'Mul'])
  })

  it('makes the sum of a product and another gradient inside the product', async () => {
    const graph = named((builder) => {
      const x = builder.input('x', 'float64', [2, 3])
      const weight = (seed: number): Value =>
        builder.constant(
          Array.from({ length: 6 }, (_, at) => Math.sin(seed + at)),
          'float64',
          [3, 2],
        )
      const low = builder.op('MatMul', [x, weight(1)])
      const sum = builder.op('Gemm', [x, weight(7), low], { attributes: { alpha: float(0.5) } })
      return builder.op('ReduceSum', [builder.op('Exp', [sum])], { attributes: scalar })
    })
    const training = differentiate(graph, 'loss', ['x'])
    expect(operators(training, graph)).not.toContain('Add')
    expect(training.nodes.at(-1)).toMatchObject({ op: 'Gemm', outputs: ['grad:x'] })
    const feeds = new Map([['x', [0.3, -1.2, 0.8, 2, -0.4, 0.6]]])
    const [measured] = await numericGradients(graph, feeds, ['x'])
    const gradient = (await evaluate(training, feeds)).get('grad:x')
    for (const [at, number] of (measured ?? []).entries()) expect(gradient?.[at]).toBeCloseTo(number, 6)
  })

  it('sums over the copies of a broadcast value whose gradient is the same everywhere', async () => {
    const graph = named((builder) => {
      const [a, b] = [builder.input('a', 'float64', [2, 3]), builder.input('b', 'float64', [3])]
      const c = builder.input('c', 'float64', [2, 1])
      const sum = builder.op('Add', [builder.op('Add', [a, b]), c])
      return builder.op('Mul', [builder.op('ReduceMean', [sum]), builder.constant(12, 'float64', [1, 1])])
    })
    const feeds = new Map([
      ['a', [1, 2, 3, 4, 5, 6]],
      ['b', [1, 2, 3]],
      ['c', [1, 2]],
    ])
    const values = await evaluate(differentiate(graph, 'loss', ['a', 'b', 'c']), feeds)
    expect(values.get('grad:a')).toEqual([2, 2, 2, 2, 2, 2])
    expect(values.get('grad:b')).toEqual([4, 4, 4])
    expect(values.get('grad:c')).toEqual([6, 6])
  })

  it('keeps a product that another gradient reads as well', async () => {
    const graph = named((builder) => {
      const [u, w] = [builder.input('u', 'float64', [2, 2]), builder.input('w', 'float64', [2, 2])]
      const mixed = builder.op('MatMul', [
        builder.op('Add', [u, builder.op('Sin', [w])]),
        builder.constant([1, -2, 3, 0.5], 'float64', [2, 2]),
      ])
      const both = builder.op('Add', [builder.op('Tanh', [mixed]), builder.op('Exp', [u])])
      return builder.op('ReduceSum', [both], { attributes: scalar })
    })
    const feeds = new Map([
      ['u', [0.1, -0.2, 0.3, 0.4]],
      ['w', [0.2, 0.1, -0.5, 0.3]],
    ])
    const values = await evaluate(differentiate(graph, 'loss', ['u', 'w']), feeds)
    const measured = await numericGradients(graph, feeds, ['u', 'w'])
    for (const [index, name] of ['grad:u', 'grad:w'].entries()) {
      for (const [at, number] of (measured[index] ?? []).entries())
        expect(values.get(name)?.[at]).toBeCloseTo(number, 6)
    }
  })

  it('needs no rule for operators that give integers or booleans, or that do not reach the loss', async () => {
    const graph = named((builder) => {
      const x = builder.input('x', 'float64', [3])
      builder.op('Neg', [builder.op('Floor', [x])])
      const positive = builder.op('Greater', [x, builder.constant(0, 'float64')])
      const folded = builder.op('Where', [
        positive,
        x,
        builder.op('Mul', [x, builder.constant(-3, 'float64')]),
      ])
      return builder.op('ReduceSum', [folded], { attributes: scalar })
    })
    const values = await evaluate(differentiate(graph, 'loss', ['x']), new Map([['x', [0.5, -2, 4]]]))
    expect(values.get('grad:x')).toEqual([1, -3, 1])
  })

  it('casts a gradient back to the element of the input', async () => {
    const graph = named((builder) => {
      const x = builder.input('x', 'float32', [2])
      const wide = builder.op('Cast', [x], { attributes: { to: int(11) } })
      return builder.op('ReduceSum', [builder.op('Mul', [wide, wide])], { attributes: scalar })
    })
    const training = differentiate(graph, 'loss', ['x'])
    expect(training.outputs.at(-1)).toMatchObject({ name: 'grad:x', element: 'float32' })
    expect((await evaluate(training, new Map([['x', [1.5, -2]]]))).get('grad:x')).toEqual([3, -4])
  })

  it('names operator, node and module when an operator has no rule', () => {
    const graph = named((builder) => {
      const x = builder.input('x', 'float32', [2])
      const y = builder.op('Floor', [x], { name: 'rounding', module: 'h.3.mlp' })
      return builder.op('ReduceSum', [y], { attributes: scalar })
    })
    expect(() => differentiate(graph, 'loss', ['x'])).toThrow(
      /operator Floor at node "rounding_\d+" of module h\.3\.mlp/,
    )
  })

  it('refuses an input that does not influence the loss', () => {
    const graph = named((builder) => {
      builder.input('idle', 'float32', [2])
      const x = builder.input('x', 'float32', [2])
      return builder.op('ReduceSum', [builder.op('Mul', [x, x])], { attributes: scalar })
    })
    expect(() => differentiate(graph, 'loss', ['x', 'idle'])).toThrow('these do not: idle')
    expect(() => differentiate(graph, 'loss', ['y'])).toThrow('expected "y" to be a floating input')
  })

  it('refuses a loss of more than one number', () => {
    const graph = named((builder) => builder.op('Tanh', [builder.input('x', 'float32', [2])]))
    expect(() => differentiate(graph, 'loss', ['x'])).toThrow('got float32(2)')
  })
})

describe('patterns', () => {
  it.each([0, 1])('differentiates x sigmoid(x) as one, whichever comes first (%i)', async (place) => {
    const graph = named((builder) => {
      const x = builder.input('x', 'float64', [2, 2])
      const s = builder.op('Sigmoid', [x])
      const y = builder.op('Mul', place === 0 ? [x, s] : [s, x])
      return builder.op('ReduceSum', [builder.op('Mul', [y, builder.constant([2, -3], 'float64')])], {
        attributes: scalar,
      })
    })
    const training = differentiate(graph, 'loss', ['x'])
    const numbers = [-4, -0.5, 0.75, 3]
    const gradient = (await evaluate(training, new Map([['x', numbers]]))).get('grad:x')
    for (const [at, x] of numbers.entries()) {
      const s = 1 / (1 + Math.exp(-x))
      expect(gradient?.[at]).toBeCloseTo((at % 2 === 0 ? 2 : -3) * s * (1 + x * (1 - s)), 12)
    }
    expect(operators(training, graph).filter((op) => op === 'Mul')).toHaveLength(3)
  })

  it('takes the statistics of a normalisation from the forward pass', () => {
    const graph = named((builder) => {
      const x = builder.input('x', 'float32', [2, 3])
      const scale = builder.constant([0.5, 2, -1], 'float32')
      const y = builder.op('LayerNormalization', [x, scale], { attributes: { epsilon: float(1e-3) } })
      return builder.op('ReduceSum', [builder.op('Exp', [y])], { attributes: scalar })
    })
    const training = differentiate(graph, 'loss', ['x'])
    expect(training.nodes.find(({ op }) => op === 'LayerNormalization')?.outputs).toHaveLength(3)
    expect(operators(training, graph)).not.toContain('Sqrt')
  })
})
