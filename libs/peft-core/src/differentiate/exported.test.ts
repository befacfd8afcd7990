import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createBuilder } from '../graph/builder.js'
import { constantFromWeight, weightFromConstant } from '../graph/constant.js'
import { type Attribute, type Graph, int, sizeOf, type Value, type Weight } from '../graph/graph.js'
import type { OnnxModel, OnnxValue } from '../graph/onnx-model.js'
import { renameValue } from '../graph/rename-value.js'
import { specialise } from '../graph/specialise.js'
import { elementNumbers } from '../operators/elementwise.js'
import { ort } from '../runtime/ort.js'
import type { Feed } from '../runtime/runtime.js'
import { readOnnxFile } from '../source/onnx-file.js'
import { differentiate, gradientName } from './backward.js'
import { appendLoss } from './loss.js'
import { readNpz } from './npz.js'

const fixtures = process.env.LORICA_FIXTURES
const folder = join(fixtures ?? '', 'fixtures/onnx_train')

/** The part of a model that gives an output, with some of its weights as inputs. */
function forwardPart(model: OnnxModel, output: string, trained: readonly string[]): Graph {
  const initializers = new Map(model.initializers)
  const inputs = model.inputs.filter(({ name }) => name !== 'labels')
  for (const name of trained) {
    const weight = initializers.get(name)
    if (weight === undefined) throw new Error(`no weight "${name}"`)
    initializers.delete(name)
    inputs.push({ name, kind: 'tensor', element: weight.element, sides: weight.shape })
  }
  const shapes = new Map(inputs.map(({ name, sides }) => [name, sides as readonly number[]]))
  return specialise({ ...model, initializers, inputs }, { shapes, outputs: [output] })
}

const LEARNING_RATE = 0.01

// Made by onnxruntime's training: one step of gradient descent from the weights of the inference graph.
describe.skipIf(fixtures === undefined).each([
  ['CCT2_LP', 'network_infer.onnx'],
  ['CCT2_FT1', 'network_infer.onnx'],
  ['transformer_train_linear_probe', 'network.onnx'],
])('the step of gradient descent in %s (needs LORICA_FIXTURES)', (name, file) => {
  test('is the one that onnxruntime trained', async () => {
    const [given, updated] = ['inputs.npz', 'outputs.npz'].map((npz) => readNpz(join(folder, name, npz)))
    if (given === undefined || updated === undefined) throw new Error('unreadable')
    const model = readOnnxFile(join(folder, name, file))
    const trained = [...updated.keys()].map((key) => key.replace(/_updated$/, ''))
    const forward = renameValue(forwardPart(model, 'output', trained), 'output', 'logits')
    const graph = differentiate(appendLoss(forward, 'sequence'), 'loss', trained)
    const weights = new Map(
      trained.map((key) => {
        const weight = model.initializers.get(key)
        return [key, weight === undefined ? [] : constantFromWeight(weight).data] as const
      }),
    )
    const inputs = new Map([...given].map(([key, { data }]) => [key, data as Feed]))
    const feeds = new Map(
      graph.inputs.map(({ name: key }) => [
        key,
        inputs.get(key) ?? Float32Array.from(weights.get(key) ?? []),
      ]),
    )
    const session = await ort.open(graph)
    const values = await session.run(feeds)
    await session.close()
    for (const key of trained) {
      const gradient = values.get(gradientName(key))?.data as Float32Array
      const before = weights.get(key) as ArrayLike<number>
      const after = updated.get(`${key}_updated`)?.data as Float32Array
      const change = Array.from(after, (x, at) => (before[at] as number) - x)
      const rest = change.map((x, at) => x - LEARNING_RATE * (gradient[at] as number))
      // the updated weights are rounded to float32, which limits how well the change is known
      const rounding = Math.hypot(...after) * 2 ** -24
      expect(Math.hypot(...rest), key).toBeLessThan(1e-5 * Math.hypot(...change) + 2 * rounding)
      expect(Math.hypot(...change) === 0 || Math.hypot(...gradient) > 0, key).toBe(true)
    }
  })
})

const AOT = join(folder, 'aot_noopt_llama')

/** Numbers between -1 and 1 that look random and are the same in every run. */
function noise(count: number, seed: number): Float32Array {
  return Float32Array.from({ length: count }, (_, at) => {
    const wave = Math.sin((at + 1) * 12.9898 + seed * 78.233) * 43758.5453
    return 2 * (wave - Math.floor(wave)) - 1
  })
}

/** A graph with the sum of its first output times the input `tangent` as `loss`. */
function withTangent(graph: Graph): Graph {
  const builder = createBuilder(graph)
  const [output] = graph.outputs as [Value]
  const tangent = builder.input('tangent', output.element, output.shape)
  const product = builder.op('Mul', [output, tangent])
  const { name } = builder.op('ReduceSum', [product], { attributes: { keepdims: int(0) } })
  builder.append({
    name: 'loss',
    op: 'Identity',
    domain: '',
    inputs: [name],
    outputs: ['loss'],
    attributes: {},
  })
  builder.output(builder.value('loss'))
  return builder.build()
}

/** A model that computes in float32 where it would in float16: faster on a processor, and told apart more finely. */
function inFloat32(model: OnnxModel): OnnxModel {
  const wide = (value: OnnxValue): OnnxValue =>
    value.element === 'float16' ? { ...value, element: 'float32' } : value
  return {
    ...model,
    inputs: model.inputs.map(wide),
    outputs: model.outputs.map(wide),
    initializers: new Map([...model.initializers].map(([name, weight]) => [name, wideWeight(weight)])),
    nodes: model.nodes.map((node) => {
      const attributes = Object.entries(node.attributes).map(([name, attribute]): [string, Attribute] => {
        if (attribute.kind === 'tensor') return [name, { kind: 'tensor', value: wideWeight(attribute.value) }]
        const isCast =
          node.op === 'Cast' && attribute.kind === 'int' && attribute.value === elementNumbers.float16
        return [name, isCast ? int(elementNumbers.float32) : attribute]
      })
      return { ...node, attributes: Object.fromEntries(attributes) }
    }),
  }
}

const wideWeight = (weight: Weight): Weight =>
  weight.element === 'float16'
    ? weightFromConstant(weight.name, { ...constantFromWeight(weight), element: 'float32' })
    : weight

async function run(graph: Graph, feeds: ReadonlyMap<string, Feed>): Promise<ReadonlyMap<string, Feed>> {
  const session = await ort.open(graph)
  const results = await session.run(feeds)
  await session.close()
  return new Map([...results].map(([name, { data }]) => [name, data]))
}

const shapesOf = ({ inputs }: OnnxModel) =>
  new Map(inputs.map(({ name, sides }) => [name, sides as readonly number[]]))

// Made by PyTorch (AOTAutograd): a block of Llama, and its backward pass as a graph of its own.
test.skipIf(fixtures === undefined)(
  'the backward pass of a Llama block is the one that PyTorch made (needs LORICA_FIXTURES)',
  async () => {
    const [model, backward] = ['forward.onnx', 'backward.onnx'].map((file) =>
      inFloat32(readOnnxFile(join(AOT, file))),
    ) as [OnnxModel, OnnxModel]
    const outputs = model.outputs.map(({ name }) => name)
    const forward = withTangent(specialise(model, { shapes: shapesOf(model), outputs }))
    // the tables of angles and the mask do not learn
    const trained = model.inputs.filter(({ element }, at) => element === 'float32' && at < 11)
    const names = trained.map(({ name }) => name)
    const feeds = new Map(
      forward.inputs.map(({ name, shape, element }, at): [string, Feed] => {
        const count = sizeOf(shape)
        if (element === 'int64') return [name, Int32Array.from({ length: count }, (_, k) => (k * 7) % 1024)]
        return [name, noise(count, at).map((x) => (shape.length === 1 ? x : 0.05 * x))]
      }),
    )
    const found = await run(differentiate(forward, 'loss', names), feeds) // and the forward pass's outputs
    const tangents = outputs.slice(0, 3).map((name, at): Feed => {
      const own = feeds.get('tangent') as Feed
      return at === 0 ? own : new Float32Array((found.get(name) as Feed).length)
    })
    const handed = [...outputs.slice(3).map((name) => found.get(name) as Feed), ...tangents]
    const given = new Map(backward.inputs.map(({ name }, at) => [name, handed[at] as Feed]))
    const gradients = backward.outputs.map(({ name }) => name)
    const wanted = await run(specialise(backward, { shapes: shapesOf(backward), outputs: gradients }), given)
    for (const [at, { name }] of model.inputs.entries()) {
      if (!names.includes(name)) continue
      const [ours, theirs] = [found.get(gradientName(name)), wanted.get(gradients[at] as string)] as [
        Feed,
        Feed,
      ]
      const rest = Float64Array.from(theirs, (x, k) => x - (ours[k] as number))
      expect(norm(theirs), name).toBeGreaterThan(0)
      expect(norm(rest) / norm(theirs), name).toBeLessThan(1e-5)
    }
  },
)

const norm = (numbers: Feed): number =>
  Math.sqrt(Float64Array.from(numbers).reduce((sum, x) => sum + x * x, 0))
