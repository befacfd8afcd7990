import { describe, expect, test } from 'vitest'
import { differentiate, gradientName } from '../differentiate/backward.js'
import { numericGradients } from '../differentiate/finite-difference.js'
import { createBuilder } from '../graph/builder.js'
import { weightBytes } from '../graph/constant.js'
import { type Graph, int, type Weight } from '../graph/graph.js'
import { ort } from '../runtime/ort.js'
import { reference } from '../runtime/reference.js'
import { expertParameters } from './expert-parameters.js'
import { type ExpertsConfig, sparseExperts } from './experts.js'
import { linearModules } from './modules.js'
import { weightSource } from './weights.js'

const wave = (count: number, step: number): readonly number[] =>
  Array.from({ length: count }, (_, at) => Math.sin(step * (at + 1)))

function tensor(
  name: string,
  shape: readonly number[],
  values: readonly number[],
): readonly [string, Weight] {
  const data = { kind: 'bytes', bytes: weightBytes(values, 'float32') } as const
  return [name, { name, element: 'float32', shape, data }]
}

// 3 experts, 2 of them for each token; width 2, width of an expert 2
const gateUp = wave(3 * 4 * 2, 0.7)
const down = wave(3 * 2 * 2, 1.3)
const gate = tensor('mlp.gate.weight', [3, 2], wave(6, 2.1))
const stacked = new Map([
  gate,
  tensor('mlp.experts.gate_up_proj', [3, 4, 2], gateUp),
  tensor('mlp.experts.down_proj', [3, 2, 2], down),
])
const single = new Map([
  gate,
  ...[0, 1, 2].flatMap((expert) => {
    const [first, path] = [8 * expert, `mlp.experts.${expert}`]
    return [
      tensor(`${path}.gate_proj.weight`, [2, 2], gateUp.slice(first, first + 4)),
      tensor(`${path}.up_proj.weight`, [2, 2], gateUp.slice(first + 4, first + 8)),
      tensor(`${path}.down_proj.weight`, [2, 2], down.slice(4 * expert, 4 * expert + 4)),
    ]
  }),
])
const config: ExpertsConfig = { experts: 3, expertsPerToken: 2, normalises: true, activation: 'silu' }
const tokens = [0.3, -0.8, 1.1, 0.4, -0.6, -0.9]

function graphOf(tensors: ReadonlyMap<string, Weight>, used = config, trainable = false) {
  const builder = createBuilder()
  const weights = weightSource(builder, tensors, trainable)
  const layers = { builder, weights, batch: { rows: 1, columns: 3 } }
  const y = sparseExperts(layers, used, { path: 'mlp', x: builder.input('x', 'float32', [3, 2]) })
  builder.output(y)
  return builder.build()
}

/** The sum of the outputs, each times a number of its own. */
function lossOf(graph: Graph): Graph {
  const builder = createBuilder(graph, { keepOutputs: false })
  const y = builder.value(graph.outputs[0]?.name ?? '')
  const weighted = builder.op('Mul', [y, builder.constant([1, -2, 0.5, 3, -1, 0.7], 'float32', [3, 2])])
  const loss = {
    name: 'loss',
    op: 'ReduceSum',
    domain: '',
    inputs: [weighted.name],
    outputs: ['loss'],
  } as const
  builder.append({ ...loss, attributes: { keepdims: int(0) } })
  builder.output(builder.value('loss'))
  return builder.build()
}

const numbersOf = ({ data }: Weight): readonly number[] =>
  data.kind === 'bytes' ? Array.from(new Float32Array(Uint8Array.from(data.bytes).buffer)) : []

async function outputOf(...options: Parameters<typeof graphOf>): Promise<readonly number[]> {
  const graph = graphOf(...options)
  const feeds = new Map([['x', Float64Array.from(tokens)]])
  const weights = [...options[0]].map(
    ([name, weight]) => [name, Float64Array.from(numbersOf(weight))] as const,
  )
  const session = await reference.open(graph)
  const values = await session.run(new Map([...feeds, ...(options[2] === true ? weights : [])]))
  return Array.from(values.get(graph.outputs[0]?.name ?? '')?.data ?? [])
}

/** The definition, token by token. */
function expected(normalises: boolean): readonly number[] {
  const times = (matrix: readonly number[], x: readonly number[]): number[] =>
    Array.from({ length: matrix.length / x.length }, (_, row) =>
      x.reduce((sum, value, at) => sum + value * (matrix[row * x.length + at] as number), 0),
    )
  return [0, 2, 4].flatMap((at) => {
    const x = tokens.slice(at, at + 2)
    const scores = times(wave(6, 2.1), x).map(Math.exp)
    const whole = scores.reduce((a, b) => a + b)
    const picked = [0, 1, 2].sort((a, b) => (scores[b] as number) - (scores[a] as number)).slice(0, 2)
    const kept = picked.reduce((sum, expert) => sum + (scores[expert] as number), 0)
    return picked
      .map((expert) => {
        const both = times(gateUp.slice(8 * expert, 8 * expert + 8), x)
        const gated = [0, 1].map((k) => {
          const g = both[k] as number
          return (g / (1 + Math.exp(-g))) * (both[k + 2] as number)
        })
        const weight = (scores[expert] as number) / (normalises ? kept : whole)
        return times(down.slice(4 * expert, 4 * expert + 4), gated).map((value) => weight * value)
      })
      .reduce((a, b) => a.map((value, k) => value + (b[k] as number)))
  })
}

describe('sparse experts', () => {
  test.each([true, false])(
    'are the weighted sum of those that are picked (normalised: %s)',
    async (normalises) => {
      const wanted = expected(normalises)
      for (const tensors of [stacked, single]) {
        const found = await outputOf(tensors, { ...config, normalises })
        expect(found).toHaveLength(6)
        for (const [at, value] of found.entries()) expect(value).toBeCloseTo(wanted[at] as number, 6)
      }
    },
  )

  test('can be trained whole', async () => {
    const [frozen, trained] = [await outputOf(stacked), await outputOf(stacked, config, true)]
    for (const [at, value] of trained.entries()) expect(value).toBeCloseTo(frozen[at] as number, 6)
  })

  test.each([reference, ort])(
    'have the gradients that differences measure, also where none is picked',
    async (runtime) => {
      const names = ['x', 'mlp.gate.weight', 'mlp.experts.gate_up_proj', 'mlp.experts.down_proj']
      const graph = lossOf(graphOf(stacked, config, true))
      const feeds = new Map([
        ['x', [0.3, -0.8, 0.5, -1.2, 0.2, -0.4]], // all three tokens pick the same two
        ...[...stacked].map(([name, weight]) => [name, numbersOf(weight)] as const),
      ])
      const measured = await numericGradients(graph, feeds, names)
      const session = await runtime.open(differentiate(graph, 'loss', names))
      const values = await session.run(
        new Map([...feeds].map(([name, data]) => [name, Float64Array.from(data)])),
      )
      for (const [at, name] of names.entries()) {
        const gradient = values.get(gradientName(name))?.data ?? []
        expect(gradient).toHaveLength(measured[at]?.length ?? 0)
        for (const [place, number] of (measured[at] ?? []).entries())
          expect(gradient[place], `${name} ${place}`).toBeCloseTo(number, 5)
      }
      const unused = [0, 1, 2].filter((expert) =>
        measured[3]?.slice(4 * expert, 4 * expert + 4).every((g) => g === 0),
      )
      expect(unused).toHaveLength(1)
      await session.close()
    },
  )

  test.each([
    ['a stack', stacked, ['mlp.experts.gate_up_proj[2]']],
    ['each by itself', single, ['mlp.experts.2.gate_proj.weight', 'mlp.experts.2.up_proj.weight']],
  ])('kept as %s are listed as parameters, not as linear layers', (_, tensors, weights) => {
    const graph = graphOf(tensors)
    expect(linearModules(graph)).toEqual([])
    const [router, both, out] = expertParameters(graph)
    expect(router).toMatchObject({ path: 'mlp.gate.weight', experts: 1, inFeatures: 2, outFeatures: 3 })
    expect(both).toMatchObject({
      path: 'mlp.experts.gate_up_proj',
      experts: 3,
      inFeatures: 2,
      outFeatures: 4,
    })
    expect(out).toMatchObject({ path: 'mlp.experts.down_proj', experts: 3, inFeatures: 2, outFeatures: 2 })
    expect(both?.applications.map(({ expert }) => expert)).toEqual([0, 1, 2])
    expect(both?.applications[2]?.weights).toEqual(weights)
    const last = graph.nodes.find(({ name }) => name === both?.applications[2]?.node)
    expect(graph.types.get(last?.outputs[0] ?? '')?.shape[1]).toBe(4)
    expect(graph.types.get(both?.applications[2]?.input ?? '')?.shape[1]).toBe(2)
  })
})
