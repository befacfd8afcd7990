import { createPeftConfig } from '../adapter/peft-config.js'
import { differentiableOperators } from '../differentiate/rules/table.js'
import { type Element, type Graph, sizeOf, type Weight } from '../graph/graph.js'
import type { GraphRequest } from '../runtime/training-graph.js'
import { type Model, openModel } from '../source/model.js'
import { isPackedProjection } from '../source/module-names.js'
import { estimateOf, type TrainingEstimate } from './estimate.js'
import { buildTrainingGraph } from './graph.js'

export interface ModelReport {
  readonly family: string
  readonly task: Model['task']
  readonly parameters: number
  readonly modules: readonly {
    readonly path: string
    readonly inFeatures: number
    readonly outFeatures: number
    /** Whether the layer holds several projections in one matrix, which one adapter changes together. */
    readonly packed: boolean
  }[]
  /** How often each operator occurs in the forward pass. */
  readonly operators: Readonly<Record<string, number>>
  /** Operators of the forward pass that have no gradient rule; only a matter where a gradient has to pass. */
  readonly withoutGradient: readonly string[]
  readonly trainable: boolean
  /** Why it cannot be trained; null when it can. */
  readonly reason: string | null
  /** What a step on the batch asked about needs; null when the model cannot be trained on it. */
  readonly estimate: TrainingEstimate | null
}

export interface InspectOptions {
  /** The batch that the estimate is for: 8 rows of 128 tokens unless stated, or as many as the model has positions for. */
  readonly rows?: number
  readonly columns?: number
  readonly rank?: number
  /** Modules that are trained whole beside the factors; none unless stated. */
  readonly modulesToSave?: readonly string[]
}

/** What a model is and whether an adapter on all of its linear modules can be trained. No weight is read. */
export async function inspectModel(path: string, options: InspectOptions = {}): Promise<ModelReport> {
  const model = await openModel(path)
  const { graph, modules } = model.forward({ ...SMALL, ...model.fixedSize, trainable: false })
  const reason = await reasonAgainst(path, model)
  const estimate = reason === null ? await estimateFor(model, path, options) : null
  const operators = countedOperators(graph)
  return {
    family: model.family,
    task: model.task,
    parameters: [...graph.weights.values()]
      .filter(isParameter)
      .reduce((sum, { shape }) => sum + sizeOf(shape), 0),
    modules: modules.map(({ path, inFeatures, outFeatures }) => {
      return { path, inFeatures, outFeatures, packed: isPackedProjection(path) }
    }),
    operators,
    withoutGradient: Object.keys(operators).filter((op) => !differentiableOperators.includes(op)),
    trainable: reason === null,
    reason,
    estimate,
  }
}

/** The estimate for the batch asked about; without a stated length, for the longest up to 128 tokens that the model takes. */
async function estimateFor(
  { positions = 128, fixedSize }: Model,
  path: string,
  { rows = 8, rank = 8, columns, modulesToSave }: InspectOptions,
): Promise<TrainingEstimate | null> {
  for (let length = columns ?? Math.min(128, positions); length > 0; length = Math.floor(length / 2)) {
    const request = { ...requestFor(path, rank, modulesToSave), rows, columns: length, ...fixedSize }
    const training = await buildTrainingGraph(request).catch((error: Error) => {
      if (columns !== undefined) throw error
      return undefined // an ONNX file does not say how many positions it has
    })
    if (training !== undefined) return estimateOf(training, request)
  }
  return null
}

/** A batch as small as can be. */
const SMALL = { rows: 2, columns: 3 } as const

function requestFor(
  model: string,
  rank: number,
  modulesToSave?: InspectOptions['modulesToSave'],
): GraphRequest {
  const saved = modulesToSave === undefined ? {} : { modulesToSave }
  const spec = { rank, alpha: rank, targets: 'all-linear', rslora: false, ...saved } as const
  const config = createPeftConfig({ method: 'lora', ...spec })
  return { model, config, ...SMALL, trainable: 'adapter', purpose: 'train' }
}

/** Of the values that do not change, those that were trained: small ones go by their names, as constants are small too. */
function isParameter({ data, element, name }: Weight): boolean {
  if (!FLOATS.has(element)) return false
  return data.kind === 'file' || /[._](weight|bias)$/.test(name) || data.bytes.length > 4096
}

const FLOATS: ReadonlySet<Element> = new Set(['float32', 'float16', 'bfloat16', 'float64'])

async function reasonAgainst(path: string, { fixedSize }: Model): Promise<string | null> {
  try {
    await buildTrainingGraph({ ...requestFor(path, 1), ...fixedSize })
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
