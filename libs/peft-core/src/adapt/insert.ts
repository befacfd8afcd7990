/**
 * Replacing linear layers of a graph by adapted ones.
 * @module
 */
import type { GraphBuilder } from '../graph/builder.js'
import { type Graph, intOf, type Node, type Value } from '../graph/graph.js'
import { restartGraph } from '../graph/restart.js'
import { expectWhole } from '../source/folded-layers.js'
import type { LinearLayer } from '../source/modules.js'
import { biasOf } from './layer-bias.js'

/** A linear layer where it stands: what an adapter has to compute in its place. */
export interface Site {
  readonly builder: GraphBuilder
  readonly node: Node
  readonly module: LinearLayer
}

export interface Insertion {
  /** The node that is replaced: the layer's matrix product, or the last node of the layer, after its bias. */
  readonly at: 'product' | 'output'
  /** Appends the adapted form; its last node gives the output of `site.node` under its name. */
  append(site: Site): void
}

/**
 * A graph with insertions at the modules of the given paths. A layer that is applied several times (in a model that
 * shares its layers, as ALBERT does) has one adapter, in all places. RangeError when the graph has no such module, or
 * several of one name.
 */
export function insertAtModules(
  graph: Graph,
  modules: readonly LinearLayer[],
  insertions: ReadonlyMap<string, Insertion>,
): Graph {
  const sites = new Map(
    [...insertions].flatMap(([path, { at, append }]) =>
      modulesOf(modules, path).map((module) => {
        const name = at === 'product' ? module.node : (biasOf(graph, module) ?? module.node)
        return [name, { module, append }] as const
      }),
    ),
  )
  return insertAtNodes(
    graph,
    new Map(
      [...sites].map(([name, { module, append }]) => [
        name,
        (builder, node) => append({ builder, node, module }),
      ]),
    ),
  )
}

/** Appends what stands in the place of a node, under the names of its outputs. */
export type AppendNode = (builder: GraphBuilder, node: Node) => void

/** A graph in which the nodes of the given names are appended by their functions. */
export function insertAtNodes(graph: Graph, appended: ReadonlyMap<string, AppendNode>): Graph {
  const restarted = restartGraph(graph)
  const builder: GraphBuilder = {
    ...restarted,
    input: (name, element, shape) =>
      restarted.has(name) ? restarted.value(name) : restarted.input(name, element, shape),
  }
  for (const node of graph.nodes) {
    const append = appended.get(node.name)
    if (append === undefined) builder.append(node)
    else append(builder, node)
  }
  return builder.build()
}

/** What a layer is applied to: (N, I), or more axes. `site` is where its matrix product stands. */
export function inputOf({ builder, node, module }: Site): Value {
  if (intOf(node, 'transA', 0) === 1)
    throw new RangeError(`module ${module.path} transposes its input; an adapter cannot be inserted`)
  return builder.value(module.input ?? (node.inputs[0] as string))
}

/** RangeError when a layer is a part of a packed projection: its change has to be added, since its matrix stands with others. */
export function expectOwnMatrix(module: Pick<LinearLayer, 'path' | 'input'>, method: string): void {
  if (module.input === undefined) return
  throw new RangeError(
    `module ${module.path} is a part of a packed projection, which ${method} cannot change; use LoRA, or export it unpacked`,
  )
}

/** Appends a layer as it was, its output renamed so that the adapted output can have the name. */
export function appendFrozen({ builder, node }: Pick<Site, 'builder' | 'node'>): Value {
  const [output, ...more] = node.outputs
  const [frozen] = builder.append({ ...node, outputs: [`${output}:frozen`, ...more] })
  return frozen as Value
}

/** Appends the last node of an adapted layer, which gives the layer's output. */
export function appendOutput(
  { builder, node, module }: Pick<Site, 'builder' | 'node'> & { readonly module: { readonly path: string } },
  last: Pick<Node, 'op' | 'inputs' | 'attributes'>,
): void {
  const [output] = node.outputs as [string]
  builder.append({ ...last, domain: '', name: `${output}:adapted`, outputs: [output], module: module.path })
}

function modulesOf(modules: readonly LinearLayer[], path: string): readonly LinearLayer[] {
  const found = modules.filter((module) => module.path === path)
  const [module] = found
  if (module === undefined) {
    const names = modules.slice(0, 4).map((candidate) => candidate.path)
    throw new RangeError(
      `the adapter changes "${path}"; the model has no linear layer of that name (it has ${names.join(', ')}, …)`,
    )
  }
  if (found.some(({ weight }) => weight !== module.weight)) {
    throw new RangeError(
      `the model applies ${found.length} matrices as linear layer "${path}"; an adapter changes one`,
    )
  }
  expectWhole(module)
  return found
}
