/**
 * The stacked weights of sparse experts, as Hugging Face PEFT targets them (`target_parameters`).
 * @module
 */
import type { Graph, Node } from '../graph/graph.js'

/**
 * The matrices of one name in all experts of a layer, each (outFeatures, inFeatures): y = x W^T. The router is one as well,
 * with a single matrix: to PyTorch it is a parameter, no linear layer.
 */
export interface ExpertParameter {
  /** The parameter's path, as PEFT names it: `model.layers.0.mlp.experts.gate_up_proj`. */
  readonly path: string
  readonly experts: number
  readonly inFeatures: number
  readonly outFeatures: number
  /** How PyTorch stores it: (experts, outFeatures, inFeatures), the router without the first axis. */
  readonly weightLayout: 'out-in'
  /** Where each expert's matrix is applied, in the order of the experts. */
  readonly applications: readonly ExpertApplication[]
}

export interface ExpertApplication {
  readonly expert: number
  /** The value that the matrix is applied to, (tokens, inFeatures). */
  readonly input: string
  /** The node whose first output is the product, (tokens, outFeatures). */
  readonly node: string
  /** The names of the weights that, one below the other, are the expert's matrix. */
  readonly weights: readonly string[]
}

/** What the nodes that apply one expert's matrix have as their module. */
export const expertModule = (path: string, expert: number): string => `${path}[${expert}]`

const MODULE = /^(?<path>.+)\[(?<expert>\d+)\]$/

/** Whether a module is one expert's part of a stacked parameter. */
export const isExpertModule = (module: string | undefined): boolean =>
  module !== undefined && MODULE.test(module)

/** Every stacked parameter of a graph, in the order of its nodes. */
export function expertParameters(graph: Graph): readonly ExpertParameter[] {
  const found = new Map<string, Map<number, readonly Node[]>>()
  for (const node of graph.nodes) {
    const { path, expert } = MODULE.exec(node.module ?? '')?.groups ?? {}
    if (path === undefined || expert === undefined) continue
    const experts = found.get(path) ?? new Map<number, readonly Node[]>()
    experts.set(Number(expert), [...(experts.get(Number(expert)) ?? []), node])
    found.set(path, experts)
  }
  const casts = new Map(graph.nodes.filter(({ op }) => op === 'Cast').map((cast) => [cast.outputs[0], cast]))
  const weightOf = (name: string): string => casts.get(name)?.inputs[0] ?? name
  return [...found].map(([path, experts]) => {
    const applications = [...experts].map(([expert, nodes]) => applicationOf(expert, nodes, weightOf))
    const widthOf = (value: string): number => graph.types.get(value)?.shape[1] ?? 0
    const [first, last] = [experts.get(0)?.[0], experts.get(0)?.at(-1)]
    return {
      path,
      experts: experts.size,
      inFeatures: widthOf(first?.inputs[0] ?? ''),
      outFeatures: widthOf(last?.outputs[0] ?? ''),
      weightLayout: 'out-in',
      applications: applications.toSorted((a, b) => a.expert - b.expert),
    }
  })
}

/** The first node reads what the matrix is applied to, the last gives the product. */
function applicationOf(
  expert: number,
  nodes: readonly Node[],
  weightOf: (name: string) => string,
): ExpertApplication {
  const weights = nodes.filter(({ op }) => op === 'Gemm').map(({ inputs }) => weightOf(inputs[1] ?? ''))
  return { expert, input: nodes[0]?.inputs[0] ?? '', node: nodes.at(-1)?.name ?? '', weights }
}
