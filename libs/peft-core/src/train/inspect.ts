import { createPeftConfig } from '../adapter/peft-config.js'
import { differentiableOperators } from '../differentiate/rules/table.js'
import { type Element, type Graph, sizeOf, type Weight } from '../graph/graph.js'
import { type Model, openModel } from '../source/model.js'
import { buildTrainingGraph } from './graph.js'

export interface ModelReport {
  readonly family: string
  readonly task: Model['task']
  readonly parameters: number
  readonly modules: readonly {
    readonly path: string
    readonly inFeatures: number
    readonly outFeatures: number
  }[]
  /** How often each operator occurs in the forward pass. */
  readonly operators: Readonly<Record<string, number>>
  /** Operators of the forward pass that have no gradient rule; only a matter where a gradient has to pass. */
  readonly withoutGradient: readonly string[]
  readonly trainable: boolean
  /** Why it cannot be trained; null when it can. */
  readonly reason: string | null
}

/** What a model is and whether an adapter on all of its linear modules can be trained. No weight is read. */
export async function inspectModel(path: string): Promise<ModelReport> {
  const model = await openModel(path)
  const { graph, modules } = model.forward({ rows: 2, columns: 3, trainable: false })
  const reason = await reasonAgainst(path)
  const operators = countedOperators(graph)
  return {
    family: model.family,
    task: model.task,
    parameters: [...graph.weights.values()]
      .filter(isParameter)
      .reduce((sum, { shape }) => sum + sizeOf(shape), 0),
    modules: modules.map(({ path, inFeatures, outFeatures }) => ({ path, inFeatures, outFeatures })),
    operators,
    withoutGradient: Object.keys(operators).filter((op) => !differentiableOperators.includes(op)),
    trainable: reason === null,
    reason,
  }
}

/** Of the values that do not change, those that were trained: small ones go by their names, as constants are small too. */
function isParameter({ data, element, name }: Weight): boolean {
  if (!FLOATS.has(element)) return false
  return data.kind === 'file' || /[._](weight|bias)$/.test(name) || data.bytes.length > 4096
}

const FLOATS: ReadonlySet<Element> = new Set(['float32', 'float16', 'bfloat16', 'float64'])

async function reasonAgainst(model: string): Promise<string | null> {
  const config = createPeftConfig({ method: 'lora', rank: 1, alpha: 1, targets: 'all-linear', rslora: false })
  try {
    await buildTrainingGraph({ model, config, rows: 2, columns: 3, trainable: 'adapter', purpose: 'train' })
    return null
  } catch (error) {
    return (error as Error).message
  }
}

function countedOperators(graph: Graph): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { op, domain } of graph.nodes) {
    const name = domain === '' ? op : `${domain}.${op}`
    counts[name] = (counts[name] ?? 0) + 1
  }
  return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => a.localeCompare(b)))
}
