/**
 * From a model and an adapter's configuration to the graph of a training step.
 * @module
 */

import { adapt } from '../adapt/adapt.js'
import { DROPOUT_WORDS } from '../adapt/dropout.js'
import { SIDE_PREFIX } from '../adapt/lora.js'
import { expectPromptable } from '../adapt/prompt.js'
import { hideVirtualTokens } from '../adapt/virtual-tokens.js'
import { virtualTokensOf } from '../adapter/prompt-config.js'
import { differentiate } from '../differentiate/backward.js'
import { appendLoss } from '../differentiate/loss.js'
import { recomputeValues } from '../differentiate/recompute.js'
import { expectRowsApart } from '../differentiate/rows-apart.js'
import type { Graph } from '../graph/graph.js'
import { scheduleLate } from '../graph/schedule.js'
import type { GraphRequest, TrainingGraph } from '../runtime/training-graph.js'
import { NEXT_POSITION } from '../source/cache.js'
import { withLastStates } from '../source/last-states.js'
import { type ForwardModel, type Model, openModel } from '../source/model.js'
import { expectByExample } from './by-example.js'

/** The inputs that a batch feeds; every other input of a graph is a parameter. */
const batchInputs = new Set([
  'input_ids',
  'attention_mask',
  'token_type_ids',
  'position_ids',
  'pixel_values',
  'labels',
  NEXT_POSITION,
  DROPOUT_WORDS,
])

/** Builds the graph that a request asks for. RangeError or TypeError says what does not fit, and where. */
export async function buildTrainingGraph(request: GraphRequest): Promise<TrainingGraph> {
  const model = await openModel(request.model, { head: request.head })
  const { rows, image, isPacked } = request
  if (image !== undefined && model.task !== 'image')
    throw new RangeError(`a model for the task "${model.task}" expected text, got images`)
  const trainable = request.trainable === 'all'
  const isAdapted = request.trainable === 'adapter'
  const virtualTokens = isAdapted ? virtualTokensOf(request.config) : 0
  if (virtualTokens > 0) expectPromptable(model)
  if (isPacked === true && (!model.packs || virtualTokens > 0))
    throw new RangeError('the model keeps no examples in a row apart; expected one example a row')
  expectPositions(model, request.columns, virtualTokens)
  const columns = request.columns + virtualTokens
  const cache = virtualTokens === 0 ? request.cache : undefined // the prompt is read anew with each token
  const forward = model.forward({ rows, columns, image, isPacked, trainable, cache })
  const adapted = isAdapted ? adaptedGraph(model, forward, request) : forward.graph
  const parameters = adapted.inputs
    .filter(({ name }) => !batchInputs.has(name) && !name.startsWith('past_') && !isSide(name))
    .map(({ name, shape }) => ({ name, shape }))
  if (request.byExample !== undefined) {
    expectByExample(request)
    expectRowsApart(adapted, batchInputs, rows)
  }
  const side = adapted.inputs
    .filter(({ name }) => isSide(name))
    .map(({ name, shape }) => ({ name: name.slice(SIDE_PREFIX.length), shape }))
  return {
    graph: graphFor(
      adapted,
      model,
      { ...request, virtualTokens },
      parameters.map(({ name }) => name),
    ),
    parameters,
    task: model.task,
    classes: adapted.outputs.find(({ name }) => name === 'logits')?.shape.at(-1),
    positions: model.positions === undefined ? undefined : model.positions - virtualTokens,
    virtualTokens,
    ...(side.length === 0 ? {} : { side }),
  }
}

const isSide = (name: string): boolean => name.startsWith(SIDE_PREFIX)

function expectPositions({ positions }: Model, columns: number, virtualTokens: number): void {
  if (virtualTokens === 0 || positions === undefined || columns + virtualTokens <= positions) return
  throw new RangeError(
    `the model knows ${positions} positions; ${virtualTokens} virtual tokens and a sequence of ${columns} do not fit`,
  )
}

function adaptedGraph(
  { outputLayer }: Model,
  forward: ForwardModel,
  { config, purpose, dropout = false, starts, side }: GraphRequest,
): Graph {
  return adapt({ outputLayer, dropout: purpose === 'train' && dropout, starts, side }, forward, config)
}

function graphFor(
  adapted: Graph,
  model: Model,
  {
    purpose,
    virtualTokens,
    recompute = 'cheap',
    rows,
    byExample,
  }: GraphRequest & { readonly virtualTokens: number },
  parameters: readonly string[],
): Graph {
  const hide = (graph: Graph): Graph =>
    virtualTokens === 0 ? graph : hideVirtualTokens(graph, virtualTokens)
  if (purpose === 'logits') return hide(adapted)
  if (purpose === 'states') {
    if (virtualTokens > 0) throw new RangeError('embeddings expected an adapter without virtual tokens')
    return withLastStates(adapted, model)
  }
  const options = {
    ...{ predicts: purpose === 'measure', isTrained: purpose === 'train' },
    isByRow: byExample !== undefined,
  }
  const withLoss = hide(appendLoss(adapted, model.task, options))
  if (purpose === 'evaluate' || purpose === 'measure') return scheduleLate(withLoss)
  const trained = parameters.filter((name) => byExample?.frozen.includes(name) !== true)
  const gradients =
    byExample === undefined
      ? differentiate(withLoss, 'loss', trained)
      : differentiate(withLoss, 'objective', trained, { examples: rows })
  const training = scheduleLate(gradients, ['loss', 'tokens'])
  if (recompute === 'none') return training
  const forward = new Set(withLoss.nodes.map(({ name }) => name))
  return recomputeValues(training, { recompute, forward, parameters })
}
