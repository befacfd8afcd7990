import { expect, test } from 'vitest'
import { createBuilder } from '../graph/builder.js'
import { float, type Graph, int, type Value } from '../graph/graph.js'
import { createRandom, fillNormal } from '../train/random.js'
import { differentiate } from './backward.js'
import { evaluate } from './finite-difference.js'
import { CLIP, NORMS } from './per-example.js'

const [N, T, I, R, O] = [4, 5, 6, 2, 3] as const // examples, tokens, inputs, rank, outputs
const SCALING = 1.7

function named(builder: ReturnType<typeof createBuilder>, loss: Value): Graph {
  const [inputs, outputs] = [[loss.name], ['loss']]
  builder.append({ name: 'loss', op: 'Identity', domain: '', inputs, outputs, attributes: {} })
  builder.output(builder.value('loss'))
  return builder.build()
}

const whole = { keepdims: int(0) }
const byRight = (alpha: number) =>
  ({ domain: 'com.microsoft', attributes: { transB: int(1), alpha: float(alpha) } }) as const

/** loss = sum of g y for y = s B (A x), of two layers that share their factors; rows of all examples in one matrix. */
const loraGraph = (): Graph => {
  const builder = createBuilder()
  const [a, b] = [builder.input('a', 'float64', [R, I]), builder.input('b', 'float64', [O, R])]
  const sums = [1, 2].map((layer) => {
    const x = builder.input(`x${layer}`, 'float64', [N * T, I])
    const low = builder.op('FusedMatMul', [x, a], byRight(1))
    const y = builder.op('FusedMatMul', [low, b], byRight(SCALING))
    const g = builder.input(`g${layer}`, 'float64', [N * T, O])
    return builder.op('ReduceSum', [builder.op('Mul', [y, g])], { attributes: whole })
  })
  return named(builder, builder.op('Add', sums))
}

function numbers(name: string, count: number): number[] {
  const values = new Float64Array(count)
  fillNormal(values, createRandom(11, name))
  return [...values]
}

const dot = (left: readonly number[], right: readonly number[]): number =>
  left.reduce((sum, value, at) => sum + value * (right[at] as number), 0)
const rowsOf = (values: readonly number[], width: number): readonly (readonly number[])[] =>
  Array.from({ length: values.length / width }, (_, row) => values.slice(row * width, (row + 1) * width))
/** X W' */
const times = (rows: readonly (readonly number[])[], weight: readonly (readonly number[])[]) =>
  rows.map((row) => weight.map((other) => dot(row, other)))
const transposed = (rows: readonly (readonly number[])[]) =>
  (rows[0] ?? []).map((_, at) => rows.map((row) => row[at] as number))

test('the norms are those of inner products of tokens, from which no gradient is made', async () => {
  const feeds = new Map<string, readonly number[]>([
    ...[1, 2].flatMap((layer) => [
      [`x${layer}`, numbers(`x${layer}`, N * T * I)] as const,
      [`g${layer}`, numbers(`g${layer}`, N * T * O)] as const,
    ]),
    ['a', numbers('a', R * I)] as const,
    ['b', numbers('b', O * R)] as const,
    [CLIP, [3]] as const,
  ])
  const values = await evaluate(differentiate(loraGraph(), 'loss', ['a', 'b'], { examples: N }), feeds)
  const rows = (name: string, width: number) => rowsOf(feeds.get(name) ?? [], width)
  const [a, b] = [rows('a', I), rows('b', R)]
  // ||sum_t h_t l_t'||^2 = sum_tu <h_t, h_u> <l_t, l_u>, over the tokens of both layers: for B of G and A x, for A of B'G and x.
  const ghost = (example: number): number => {
    const tokens = [1, 2].flatMap((layer) => {
      const own = (name: string, width: number) =>
        rows(`${name}${layer}`, width).slice(example * T, (example + 1) * T)
      const [x, g] = [own('x', I), own('g', O).map((row) => row.map((value) => value * SCALING))]
      const [low, back] = [times(x, a), times(g, transposed(b))]
      return x.map(
        (_, at): Readonly<Record<string, readonly number[] | undefined>> => ({
          ...{ x: x[at], g: g[at], low: low[at], back: back[at] },
        }),
      )
    })
    const gram = (left: string, right: string): number =>
      tokens
        .flatMap((t) =>
          tokens.map((u) => dot(t[left] ?? [], u[left] ?? []) * dot(t[right] ?? [], u[right] ?? [])),
        )
        .reduce((sum, value) => sum + value)
    return Math.sqrt(gram('g', 'low') + gram('back', 'x'))
  }
  const norms = values.get(NORMS) ?? []
  expect(norms).toHaveLength(N)
  for (const [example, norm] of [...norms].entries())
    expect(Math.abs(norm / ghost(example) - 1)).toBeLessThan(1e-6)
})

test('an example within the bound counts whole, one beyond it as much as the bound', async () => {
  const builder = createBuilder()
  const x = builder.input('x', 'float64', [3, 2]) // one token an example
  const y = builder.op('MatMul', [x, builder.input('w', 'float64', [2, 1])])
  const graph = named(builder, builder.op('ReduceSum', [y], { attributes: whole }))
  const values = await evaluate(
    differentiate(graph, 'loss', ['w'], { examples: 3 }),
    new Map([
      ['x', [3, 4, 0.3, -0.4, 0, 0]], // gradients of norm 5, 0.5 and 0
      ['w', [1, 1]],
      [CLIP, [2]],
    ]),
  )
  const sum = values.get('grad:w') ?? []
  expect([...(values.get(NORMS) ?? [])]).toEqual([5, 0.5, 0])
  expect(sum[0]).toBeCloseTo((3 * 2) / 5 + 0.3, 12)
  expect(sum[1]).toBeCloseTo((4 * 2) / 5 - 0.4, 12)
})

test('a parameter that no single product reads is refused', () => {
  const builder = createBuilder()
  const x = builder.input('x', 'float64', [3, 2])
  const scaled = builder.op('Mul', [x, builder.input('w', 'float64', [2])])
  const graph = named(builder, builder.op('ReduceSum', [scaled], { attributes: whole }))
  expect(() => differentiate(graph, 'loss', ['w'], { examples: 3 })).toThrow(
    /Mul .* reads a parameter in a way/,
  )
})
