/**
 * Memory for time: values of the forward pass that the backward pass needs much later are not held until then, but
 * computed again from fewer or smaller ones. Paper: https://arxiv.org/abs/1604.06174
 * @module
 */
import { elementBytes, type Graph, intOf, type Node, sizeOf } from '../graph/graph.js'

/**
 * What is computed again: `cheap`, what takes little time beside the matrix products; `blocks`, everything between the
 * values that alone lead from one block of the model to the next, which costs about another forward pass.
 */
export type Recompute = 'cheap' | 'blocks'

export interface RecomputeOptions {
  readonly recompute: Recompute
  /** The names of the forward pass's nodes. */
  readonly forward: ReadonlySet<string>
  /** The graph inputs that are trained. */
  readonly parameters: readonly string[]
  /** A value is held when it is read again within this many nodes; 100 unless stated. */
  readonly reach?: number
}

/** The same training graph, its nodes in their order, with values computed again where they are needed. */
export function recomputeValues(graph: Graph, options: RecomputeOptions): Graph {
  const plan = planOf(graph, options)
  const kept = plan.kept()
  const again = new Map<string, string>()
  const nodes: Node[] = []
  const repeat = (name: string): string => {
    const producer = plan.producers.get(name)
    if (producer === undefined || kept.has(name) || !plan.isRepeated(name)) return name
    const made = again.get(name)
    if (made !== undefined) return made
    const inputs = producer.inputs.map(repeat)
    const outputs = producer.outputs.map((output) => (output === '' ? '' : `${output}:again`))
    for (const [index, output] of producer.outputs.entries()) again.set(output, outputs[index] as string)
    nodes.push({ ...producer, name: `${producer.name}:again`, inputs, outputs })
    return again.get(name) as string
  }
  for (const node of graph.nodes) {
    if (plan.isForward(node)) nodes.push(node)
    else {
      const inputs = node.inputs.map((name) => (plan.isDropped(name) ? repeat(name) : name))
      nodes.push({ ...node, inputs })
    }
  }
  const types = new Map(graph.types)
  for (const [name, copy] of again) {
    const type = graph.types.get(name)
    if (type !== undefined) types.set(copy, type)
  }
  return { ...graph, nodes, types }
}

interface Plan {
  readonly producers: ReadonlyMap<string, Node>
  isForward(node: Node): boolean
  /** Whether the backward pass reads a copy of the value. */
  isDropped(name: string): boolean
  /** Whether the value is made again when a copy of another one needs it. */
  isRepeated(name: string): boolean
  /** The values that are held from the forward pass to the backward pass. */
  kept(): ReadonlySet<string>
}

function planOf(graph: Graph, { recompute, forward, parameters, reach = 100 }: RecomputeOptions): Plan {
  const producers = new Map(
    graph.nodes
      .filter(({ name }) => forward.has(name))
      .flatMap((node) => node.outputs.filter((name) => name !== '').map((name) => [name, node] as const)),
  )
  const lives = livesOf(graph, producers)
  const isLong = (name: string): boolean => {
    const { lastForward, firstBackward } = lives.get(name) as Life
    return firstBackward - lastForward > reach
  }
  const active = dependents(graph, parameters)
  const bytes = (name: string): number => {
    const type = graph.types.get(name)
    return type === undefined ? 0 : sizeOf(type.shape) * elementBytes[type.element]
  }
  const cuts = recompute === 'blocks' ? cutsOf(producers, lives, active) : new Set<string>()
  const isCheap = (name: string): boolean => {
    const producer = producers.get(name)
    if (producer === undefined || cuts.has(name)) return false
    if (producer.op === 'Cast' && graph.weights.has(producer.inputs[0] ?? '')) return true
    return active.has(name) && (recompute === 'blocks' || takesLittle(graph, producer))
  }
  const kept = new Set([...producers.keys()].filter(isLong))
  for (const cut of cuts) kept.add(cut)
  const dropped = new Set<string>()
  const cost = costs({ kept, producers, isCheap, bytes })
  for (const name of [...producers.keys()].reverse()) {
    if (!kept.has(name) || !isCheap(name)) continue
    const inputs = (producers.get(name) as Node).inputs
    const { of, keepFor } = cost()
    if (inputs.reduce((sum, input) => sum + of(input), 0) >= bytes(name)) continue
    kept.delete(name)
    dropped.add(name)
    for (const input of inputs) keepFor(input)
  }
  for (const [source, readers] of readersOf(producers)) {
    if (kept.has(source) || dropped.has(source)) continue
    const { of } = cost()
    const freed = readers.filter(
      (name) =>
        kept.has(name) &&
        isCheap(name) &&
        (producers.get(name) as Node).inputs.every((input) => input === source || of(input) === 0),
    )
    if (freed.reduce((sum, name) => sum + bytes(name), 0) <= bytes(source)) continue
    kept.add(source)
    for (const name of freed) {
      kept.delete(name)
      dropped.add(name)
    }
  }
  return {
    producers,
    isForward: ({ name }) => forward.has(name),
    isDropped: (name) => dropped.has(name),
    isRepeated: isCheap,
    kept: () => kept,
  }
}

/** What is made of each value of the forward pass: one value held can stand for several that are made of it. */
function readersOf(producers: ReadonlyMap<string, Node>): ReadonlyMap<string, readonly string[]> {
  const readers = new Map<string, string[]>()
  for (const [name, { inputs }] of producers) {
    for (const input of new Set(inputs)) {
      if (!producers.has(input)) continue
      const list = readers.get(input) ?? []
      list.push(name)
      readers.set(input, list)
    }
  }
  return readers
}

interface Costing {
  readonly kept: Set<string>
  readonly producers: ReadonlyMap<string, Node>
  readonly isCheap: (name: string) => boolean
  readonly bytes: (name: string) => number
}

/** What more has to be held so that a value is there: the value itself, or what it is made of where that is less. */
function costs({ kept, producers, isCheap, bytes }: Costing) {
  return () => {
    const known = new Map<string, number>()
    const remade = (name: string): number =>
      (producers.get(name) as Node).inputs.reduce((sum, input) => sum + of(input), 0)
    const of = (name: string): number => {
      const found = known.get(name)
      if (found !== undefined) return found
      const cost =
        !producers.has(name) || kept.has(name)
          ? 0
          : isCheap(name)
            ? Math.min(bytes(name), remade(name))
            : bytes(name)
      known.set(name, cost)
      return cost
    }
    const keepFor = (name: string): void => {
      if (!producers.has(name) || kept.has(name)) return
      if (isCheap(name) && remade(name) < bytes(name))
        for (const input of (producers.get(name) as Node).inputs) keepFor(input)
      else kept.add(name)
    }
    return { of, keepFor }
  }
}

interface Life {
  readonly lastForward: number
  readonly firstBackward: number
}

/** Where each value of the forward pass is last read by it, and first read by the backward pass. */
function livesOf({ nodes }: Graph, producers: ReadonlyMap<string, Node>): ReadonlyMap<string, Life> {
  const lives = new Map<string, Life>()
  for (const [at, node] of nodes.entries()) {
    const isForward = producers.get(node.outputs.find((name) => name !== '') ?? '') === node
    if (isForward) {
      for (const name of node.outputs) lives.set(name, { lastForward: at, firstBackward: -1 })
    }
    for (const name of node.inputs) {
      const life = lives.get(name)
      if (life === undefined) continue
      if (isForward) lives.set(name, { ...life, lastForward: at })
      else if (life.firstBackward < 0) lives.set(name, { ...life, firstBackward: at })
    }
  }
  return lives
}

function dependents({ nodes }: Graph, parameters: readonly string[]): ReadonlySet<string> {
  const found = new Set(parameters)
  for (const { inputs, outputs } of nodes) {
    if (inputs.some((name) => found.has(name))) for (const name of outputs) found.add(name)
  }
  return found
}

/** The values that are alone on the way from what is trained to the loss: the rest of the forward pass needs no other. */
function cutsOf(
  producers: ReadonlyMap<string, Node>,
  lives: ReadonlyMap<string, Life>,
  active: ReadonlySet<string>,
): ReadonlySet<string> {
  const order = [...new Set(producers.values())].filter(({ outputs }) =>
    outputs.some((name) => active.has(name)),
  )
  const readers = new Map<string, number>()
  for (const name of order.flatMap(({ inputs }) => inputs)) readers.set(name, (readers.get(name) ?? 0) + 1)
  const open = new Map<string, number>()
  const cuts = new Set<string>()
  for (const { inputs, outputs } of order) {
    for (const name of inputs) {
      const left = (open.get(name) ?? 0) - 1
      if (left > 0) open.set(name, left)
      else open.delete(name)
    }
    for (const name of outputs)
      if (active.has(name) && readers.has(name)) open.set(name, readers.get(name) as number)
    const [only] = open.keys()
    if (open.size === 1 && only !== undefined && lives.has(only)) cuts.add(only)
  }
  return cuts
}

const cheap: ReadonlySet<string> = new Set([
  ...['Add', 'Sub', 'Mul', 'Div', 'Neg', 'Pow', 'Sqrt', 'Reciprocal', 'Exp', 'Cast', 'Where', 'Clip', 'Relu'],
  ...['Sigmoid', 'Tanh', 'Erf', 'Gelu', 'QuickGelu', 'FastGelu', 'Softplus', 'Softmax', 'RotaryEmbedding'],
  ...['LayerNormalization', 'SimplifiedLayerNormalization', 'ReduceMean', 'ReduceSum', 'Identity'],
  ...['Reshape', 'Transpose', 'Split', 'Slice', 'Concat', 'Expand', 'Squeeze', 'Unsqueeze'],
])
const products: ReadonlySet<string> = new Set(['MatMul', 'Gemm', 'FusedMatMul'])

/** A product of this inner size takes about as long as its result takes to be written and read. */
const CHEAP_INNER = 128

function takesLittle({ types }: Graph, node: Node): boolean {
  if (!products.has(node.op)) return cheap.has(node.op)
  const left = types.get(node.inputs[0] ?? '')?.shape ?? []
  const inner = left.at(intOf(node, 'transA', 0) === 1 ? -2 : -1)
  return inner !== undefined && inner <= CHEAP_INNER
}
