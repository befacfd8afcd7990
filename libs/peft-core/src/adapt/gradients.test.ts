import { expect, test } from 'vitest'
import type { BottleneckSpec } from '../adapter/bottleneck-config.js'
import { nonLinearities } from '../adapter/bottleneck-config.js'
import { createModuleConfig, type PeftSpec } from '../adapter/peft-config.js'
import type { SideRanks } from '../adapter/side.js'
import { differentiate, gradientName } from '../differentiate/backward.js'
import { evaluate, numericGradients } from '../differentiate/finite-difference.js'
import { createBuilder } from '../graph/builder.js'
import { weightBytes } from '../graph/constant.js'
import { type Graph, int, sizeOf } from '../graph/graph.js'
import { renameValue } from '../graph/rename-value.js'
import { linearModules } from '../source/modules.js'
import { createRandom } from '../train/random.js'
import { adapt } from './adapt.js'
import { SIDE_PREFIX } from './lora.js'

/** tanh(x P^T + b) Q + c, as a folder's model has P and a TorchScript file Q, and a loss of it. */
function model(): Graph {
  const builder = createBuilder()
  const weight = (name: string, shape: readonly number[]) => {
    const bytes = weightBytes(numbers(sizeOf(shape), name), 'float32')
    return builder.weight({ name, element: 'float32', shape, data: { kind: 'bytes', bytes } })
  }
  const x = builder.constant(numbers(6, 'x'), 'float32', [2, 3])
  const inputs = [x, weight('p.weight', [4, 3]), weight('p.bias', [4])]
  const hidden = builder.op('Gemm', inputs, { attributes: { transB: int(1) }, module: 'p' })
  const product = builder.op('MatMul', [builder.op('Tanh', [hidden]), weight('q.weight', [4, 2])], {
    module: 'q',
  })
  const y = builder.op('Add', [product, weight('q.bias', [2])])
  const upstream = builder.constant(numbers(4, 'upstream'), 'float32', [2, 2])
  const loss = builder.op('ReduceSum', [builder.op('Mul', [builder.op('Mul', [y, y]), upstream])], {
    attributes: { keepdims: int(0) },
  })
  builder.output(loss)
  return renameValue(builder.build(), loss.name, 'loss')
}

function numbers(count: number, stream: string): number[] {
  const random = createRandom(5, stream)
  return Array.from({ length: count }, () => Math.fround(2 * random.uniform() - 1))
}

/** The graph with what is detached as inputs, so that a difference leaves it as it is. */
function fixed({ inputs, nodes, ...rest }: Graph, detached: ReadonlyMap<string, unknown>): Graph {
  const added = [...detached.keys()].map((name) => ({
    name,
    element: 'float32' as const,
    shape: rest.types.get(name)?.shape ?? [],
  }))
  return { ...rest, inputs: [...inputs, ...added], nodes: nodes.filter((node) => node.detached !== true) }
}

const targets = ['p', 'q']
const low = { rank: 2, alpha: 3, rslora: true, targets }
const bottleneck = (nonLinearity: BottleneckSpec['nonLinearity']) =>
  ({ method: 'bottleneck', size: 3, nonLinearity, targets }) as const
const specs: readonly (readonly [
  name: string,
  spec: Exclude<PeftSpec, { method: 'prompt' }>,
  side: SideRanks | undefined,
])[] = [
  ['lora', { method: 'lora', ...low }, undefined],
  ['lora beside frozen factors', { method: 'lora', ...low }, { p: 3, q: 1 }],
  ['dora', { method: 'dora', ...low }, undefined],
  ['ia3', { method: 'ia3', targets, feedforward: ['q'] }, undefined],
  ['ia3 of outputs', { method: 'ia3', targets, feedforward: [] }, undefined],
  ...nonLinearities.map((name) => [`bottleneck with ${name}`, bottleneck(name), undefined] as const),
]

test.each(specs)('the gradients of %s are those of finite differences', async (_, spec, side) => {
  const graph = model()
  const forward = { graph, modules: linearModules(graph) }
  const adapted = adapt({ outputLayer: undefined, side }, forward, createModuleConfig(spec, {}))
  const names = adapted.inputs.map(({ name }) => name).filter((name) => !name.startsWith(SIDE_PREFIX))
  expect(adapted.inputs.length - names.length).toBe(side === undefined ? 0 : 4)
  const feeds = new Map(adapted.inputs.map(({ name, shape }) => [name, numbers(sizeOf(shape), name)]))
  const stopped = adapted.nodes.filter(({ detached }) => detached).flatMap(({ outputs }) => outputs)
  const outputs = stopped.map(
    (name) => ({ name, element: 'float32', shape: adapted.types.get(name)?.shape ?? [] }) as const,
  )
  const detached = await evaluate({ ...adapted, outputs }, feeds)
  const numeric = await numericGradients(fixed(adapted, detached), new Map([...feeds, ...detached]), names)
  const values = await evaluate(differentiate(adapted, 'loss', names), feeds)
  for (const [index, name] of names.entries()) {
    for (const [at, expected] of (numeric[index] ?? []).entries())
      expect(values.get(gradientName(name))?.[at], `${name} ${at}`).toBeCloseTo(expected, 6)
  }
})
