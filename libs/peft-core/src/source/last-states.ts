/**
 * What a language model makes of a text before it turns it into logits.
 *
 * Sizes used below: B = rows, T = columns, N = B T, D = width.
 * @module
 */
import { createBuilder } from '../graph/builder.js'
import type { Graph } from '../graph/graph.js'
import type { Model } from './model.js'

/** The output with the states of all tokens, (N, D) or (B, T, D). */
export const STATES = 'states'

/** The graph whose only output is what its output layer reads. RangeError when it has none that is known. */
export function withLastStates(
  graph: Graph,
  { outputLayer, task }: Pick<Model, 'outputLayer' | 'task'>,
): Graph {
  const head = graph.nodes.find(({ module }) => module !== undefined && module === outputLayer)
  const [states] = head?.inputs ?? []
  if (task !== 'causal' || states === undefined)
    throw new RangeError(
      `embeddings expected a causal language model with an output layer, got one for the task "${task}"`,
    )
  const builder = createBuilder(graph, { keepOutputs: false })
  const named = {
    name: STATES,
    op: 'Identity',
    domain: '',
    inputs: [states],
    outputs: [STATES],
    attributes: {},
  } as const
  for (const output of builder.append(named)) builder.output(output)
  return builder.build()
}
