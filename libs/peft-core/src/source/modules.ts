/**
 * The linear layers of a graph under the names that PyTorch has for them, whichever way a model was exported.
 * @module
 */
import { type Graph, intOf, intsOf, type Node, type Weight } from '../graph/graph.js'
import { isExpertModule } from './expert-parameters.js'
import { parameterPath } from './module-names.js'

/** A layer y = x W (+ b) whose weight is a matrix of the model. */
export interface LinearLayer {
  /** The module's path, as Hugging Face PEFT names it: `model.layers.0.self_attn.q_proj`. */
  readonly path: string
  readonly inFeatures: number
  readonly outFeatures: number
  /** The name of the MatMul, Gemm or FusedMatMul. */
  readonly node: string
  /** What the layer is applied to, when that is not the node's own input: of a part of a packed projection. */
  readonly input?: string
  /** The name of the weight, and whether its rows are inputs (as of a Conv1D) or outputs (as of a Linear). */
  readonly weight: string
  readonly weightLayout: 'in-out' | 'out-in'
  /** The name of its own matrix, when that is a copy of `weight`: of a layer that is applied several times. */
  readonly copy?: string
  /** A constant that may hold the layer's product with fixed inputs, so that an adapter would not change all it should. */
  readonly folded?: string
}

/** Every linear layer of a graph, in the order of its nodes. Embeddings are tables, not layers. */
export function linearModules(graph: Graph): readonly LinearLayer[] {
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)))
  const names = namesOf(graph)
  const layers = graph.nodes.flatMap((node) => {
    if (node.op === 'MatMulNBits') return blockLayer(names, node)
    const found = products.has(node.op) ? weightBehind(graph, producers, node.inputs[1] ?? '') : undefined
    if (found === undefined) return []
    const { weight, transposed } = found
    const flips = transposed !== (intOf(node, 'transB', 0) === 1)
    const [first, second] = weight.shape as [number, number]
    const [inFeatures, outFeatures] = flips ? [second, first] : [first, second]
    const path = pathOf(names, node, weight)
    if (isExpertModule(node.module) || isRouter(path)) return []
    const weightLayout = flips ? 'out-in' : 'in-out'
    return [{ path, inFeatures, outFeatures, node: node.name, weight: weight.name, weightLayout } as const]
  })
  return withoutWrapper(layers)
}

/** A layer whose matrix is stored as packed blocks. */
function blockLayer(names: Names, node: Node): readonly LinearLayer[] {
  const weight = names.graph.weights.get(node.inputs[1] ?? '')
  if (weight === undefined) return []
  const [inFeatures, outFeatures] = [intOf(node, 'K', 0), intOf(node, 'N', 0)]
  const path = pathOf(names, node, weight)
  return [{ path, inFeatures, outFeatures, node: node.name, weight: weight.name, weightLayout: 'out-in' }]
}

/** The scores of experts: transformers keeps them in a parameter, not in a linear layer. */
const isRouter = (path: string): boolean => /(^|\.)mlp\.gate$/.test(path)

const products: ReadonlySet<string> = new Set(['MatMul', 'Gemm', 'FusedMatMul'])

interface FoundWeight {
  readonly weight: Weight
  readonly transposed: boolean
}

const PASSING: ReadonlySet<string> = new Set(['Cast', 'Identity', 'Transpose', 'DequantizeLinear'])

/** The matrix that a value is, seen through casts, transpositions and the scales of small integers. */
function weightBehind(
  graph: Graph,
  producers: ReadonlyMap<string, Node>,
  name: string,
): FoundWeight | undefined {
  const weight = graph.weights.get(name)
  if (weight !== undefined) return weight.shape.length === 2 ? { weight, transposed: false } : undefined
  const producer = producers.get(name)
  const behind = producer?.inputs[0]
  if (producer === undefined || behind === undefined) return undefined
  if (!PASSING.has(producer.op)) return undefined
  const found = weightBehind(graph, producers, behind)
  const swaps = producer.op === 'Transpose' && (intsOf(producer, 'perm') ?? [1, 0])[0] === 1
  return found && { ...found, transposed: found.transposed !== swaps }
}

/** What the names of layers are found by. */
interface Names {
  readonly graph: Graph
  readonly users: ReadonlyMap<string, Node>
  /** The weights that tokens are looked up in. */
  readonly tables: ReadonlySet<string>
}

function namesOf(graph: Graph): Names {
  const users = new Map<string, Node>()
  for (const node of graph.nodes) for (const name of node.inputs) users.set(name, node)
  const tables = graph.nodes.flatMap(({ op, inputs }) => (op === 'Gather' ? inputs.slice(0, 1) : []))
  return { graph, users, tables: new Set(tables) }
}

/**
 * The module's path: the node's module, unless the weight is of a module inside it (a projection that the attention
 * applies itself); without a module, the name of the weight or else of the bias. A weight that is an embedding's, too,
 * has the embedding's name.
 */
function pathOf({ graph, users, tables }: Names, node: Node, weight: Weight): string {
  const named = tables.has(weight.name) ? undefined : parameterPath(weight.name)
  if (node.module !== undefined) return named?.startsWith(`${node.module}.`) ? named : node.module
  if (named !== undefined) return named
  const after = users.get(node.outputs[0] ?? '')
  const beside = node.op === 'Gemm' ? node.inputs.slice(2) : after?.op === 'Add' ? after.inputs : []
  const bias = beside.find((name) => graph.weights.has(name) && parameterPath(name) !== undefined)
  const path = (bias && parameterPath(bias)) ?? node.name
  return path === 'cls.predictions' ? 'cls.predictions.decoder' : path // BERT keeps its decoder's bias one level up
}

/** What models call the layer that makes their logits. In a model that is exported by itself it has no parent. */
const HEAD =
  /^[^.]+\.(?:lm_head|classifier|score|cls|qa_outputs|pre_classifier|embed_out|logits_proj)(?:\.|$)/

/** Without the module that an export was wrapped in: `wrapper.lm_head`, `wrapper.model.layers…`. */
function withoutWrapper(layers: readonly LinearLayer[]): readonly LinearLayer[] {
  const [wrapper] = layers[0]?.path.split('.') ?? []
  const wrapped =
    layers.every(({ path }) => path.startsWith(`${wrapper}.`)) && layers.some(({ path }) => HEAD.test(path))
  if (wrapper === undefined || !wrapped) return layers
  return withoutWrapper(layers.map((layer) => ({ ...layer, path: layer.path.slice(wrapper.length + 1) })))
}
