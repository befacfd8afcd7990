import { expect, test } from 'vitest'
import { adapt } from '../adapt/adapt.js'
import { createModuleConfig } from '../adapter/peft-config.js'
import { differentiate, gradientName } from '../differentiate/backward.js'
import { evaluate } from '../differentiate/finite-difference.js'
import { createBuilder, type GraphBuilder } from '../graph/builder.js'
import { weightBytes } from '../graph/constant.js'
import { type Graph, int, sizeOf, type Value } from '../graph/graph.js'
import { renameValue } from '../graph/rename-value.js'
import { createRandom } from '../train/random.js'
import { linearModules } from './modules.js'
import { separateProjections } from './packed-projections.js'

const [N, I, SIZES] = [3, 4, [4, 2, 2]] as const
const NAMES = ['q_proj', 'k_proj', 'v_proj'] as const
const at = (name: string): string => `model.layers.0.self_attn.${name}`

function numbers(count: number, stream: string): number[] {
  const random = createRandom(7, stream)
  return Array.from({ length: count }, () => Math.fround(2 * random.uniform() - 1))
}

/** The columns of each part of a matrix (I, 8), and of a bias (8). */
function weight(builder: GraphBuilder, name: string, part?: number): Value {
  const [matrix, bias] = [numbers(I * 8, 'matrix'), numbers(8, 'bias')]
  const first = part === undefined ? 0 : SIZES.slice(0, part).reduce((sum, size) => sum + size, 0)
  const width = part === undefined ? 8 : (SIZES[part] as number)
  const isBias = name.endsWith('bias')
  const rows = isBias ? [bias] : Array.from({ length: I }, (_, row) => matrix.slice(row * 8, row * 8 + 8))
  const values = rows.flatMap((row) => row.slice(first, first + width))
  const shape = isBias ? [width] : [I, width]
  return builder.weight({
    name,
    element: 'float32',
    shape,
    data: { kind: 'bytes', bytes: weightBytes(values, 'float32') },
  })
}

/** The loss tanh(q) u + tanh(k) w + tanh(v) z of projections that are three layers, or one. */
function model(isPacked: boolean, attention = 'attn'): Graph {
  const builder = createBuilder()
  const x = builder.constant(numbers(N * I, 'x'), 'float32', [1, N, I])
  const layer = (name: string, part?: number): Value => {
    const path = at(name)
    const product = builder.op('MatMul', [x, weight(builder, `${path}.weight`, part)], {
      module: path,
      name: `/model/layers.0/${attention}/${name}/MatMul`,
    })
    return builder.op('Add', [product, weight(builder, `${path}.bias`, part)], { module: path })
  }
  const parts = isPacked
    ? builder.ops('Split', [layer('qkv_proj'), builder.constant(SIZES, 'int64')], {
        attributes: { axis: int(2) },
        outputs: 3,
      })
    : NAMES.map((name, part) => layer(name, part))
  const terms = parts.map((part, index) => {
    const upstream = builder.constant(numbers(sizeOf(part.shape), `upstream ${index}`), 'float32', part.shape)
    const weighted = builder.op('Mul', [builder.op('Tanh', [part]), upstream])
    return builder.op('ReduceSum', [weighted], { attributes: { keepdims: int(0) } })
  })
  const loss = terms.reduce((so, term) => builder.op('Add', [so, term]))
  builder.output(loss)
  return renameValue(builder.build(), loss.name, 'loss')
}

function separated() {
  const graph = model(true)
  return separateProjections(graph, linearModules(graph))
}

const config = (method: 'lora' | 'dora', targets: readonly string[]) =>
  createModuleConfig({ method, rank: 2, alpha: 3, rslora: false, targets }, {})

async function gradients(
  forward: { graph: Graph; modules: ReturnType<typeof linearModules> },
  targets: readonly string[],
) {
  const adapted = adapt({ outputLayer: undefined }, forward, config('lora', targets))
  const names = adapted.inputs.map(({ name }) => name).sort()
  const feeds = new Map(adapted.inputs.map(({ name, shape }) => [name, numbers(sizeOf(shape), name)]))
  const values = await evaluate(differentiate(adapted, 'loss', names), feeds)
  return {
    names,
    values: ['loss', ...names.map(gradientName)].flatMap((name) => [...(values.get(name) ?? [])]),
  }
}

test('a packed projection has the layers that PyTorch has', () => {
  expect(separated().modules).toMatchObject(
    NAMES.map((name, part) => ({ path: at(name), inFeatures: I, outFeatures: SIZES[part] })),
  )
})

test('a packed projection of the model itself stays one layer', () => {
  const graph = model(true, 'self_attn')
  const modules = linearModules(graph)
  expect(separateProjections(graph, modules).modules).toMatchObject([
    { path: at('qkv_proj'), outFeatures: 8 },
  ])
})

test.each([[['q_proj', 'v_proj']], [['k_proj']], [[...NAMES]]])(
  'adapters of %s in a packed projection have the loss and gradients of those in three layers',
  async (targets) => {
    const graph = model(false)
    const wanted = await gradients({ graph, modules: linearModules(graph) }, targets)
    const found = await gradients(separated(), targets)
    expect(found.names).toEqual(wanted.names)
    expect(found.values.length).toBeGreaterThan(10)
    for (const [index, value] of found.values.entries())
      expect(value).toBeCloseTo(wanted.values[index] as number, 12)
  },
)

test('what needs the matrix of a part is refused', () => {
  expect(() => adapt({ outputLayer: undefined }, separated(), config('dora', ['q_proj']))).toThrow(
    'module model.layers.0.self_attn.q_proj is a part of a packed projection, which DoRA cannot change',
  )
})
