/**
 * Prompt tuning: P trained embeddings stand before those of the tokens in every row.
 * Paper: https://arxiv.org/abs/2104.08691
 *
 * Sizes used below: B = rows, P = virtual tokens, T = columns of a batch, D = width of an embedding.
 * @module
 */
import type { PromptConfig } from '../adapter/prompt-config.js'
import { PROMPT_KEY } from '../adapter/prompt-embeddings.js'
import { type Graph, int } from '../graph/graph.js'
import { restartGraph } from '../graph/restart.js'
import type { Model } from '../source/model.js'
import { SCORE } from '../source/row-classes.js'
import { appendFrozen } from './insert.js'
import { tokenEmbedding } from './token-embedding.js'

/**
 * RangeError for a classifier that reads a row's last token: PEFT gives it embeddings without ids, and transformers then
 * takes the last column, which is padding in shorter rows.
 */
export function expectPromptable({ task, outputLayer }: Pick<Model, 'task' | 'outputLayer'>): void {
  if (task !== 'sequence' || outputLayer !== SCORE) return
  throw new RangeError(
    'a soft prompt is not supported for a decoder that classifies rows; expected the method lora, dora or ia3',
  )
}

/**
 * A graph for P + T columns whose first P embeddings in each row are the input of the prompt, (P, D), whatever ids they
 * have. RangeError when the model has no embedding of tokens, or one of another width.
 */
export function insertPrompt(graph: Graph, config: PromptConfig): Graph {
  const { virtualTokens, tokenDim } = config
  const { node: embedded, table } = tokenEmbedding(graph)
  if (table.shape[1] !== tokenDim)
    throw new RangeError(`the prompt has embeddings of ${tokenDim} numbers, the model of ${table.shape[1]}`)
  const builder = restartGraph(graph)
  const [rows, columns] = builder.value('input_ids').shape as [number, number]
  for (const node of graph.nodes) {
    if (node !== embedded) {
      builder.append(node)
      continue
    }
    const integers = (values: readonly number[]) => builder.constant(values, 'int64')
    const found = appendFrozen({ builder, node }) // (B, P + T, D), or its rows (B (P + T), D)
    if (found.element !== 'float32')
      throw new RangeError(`the model embeds its tokens as ${found.element}; a prompt expects float32`)
    const all = builder.op('Reshape', [found, integers([rows, columns, tokenDim])])
    const bounds = [virtualTokens, columns, 1].map((at) => integers([at]))
    const tokens = builder.op('Slice', [all, ...bounds]) // (B, T, D)
    const prompt = builder.input(PROMPT_KEY, 'float32', [virtualTokens, tokenDim])
    const copies = builder.op('Expand', [prompt, integers([rows, virtualTokens, tokenDim])]) // (B, P, D)
    const joined = builder.op('Concat', [copies, tokens], { attributes: { axis: int(1) } })
    const inputs = [joined.name, integers(found.shape).name]
    const outputs = [node.outputs[0] as string]
    builder.append({
      name: `${outputs[0]}:adapted`,
      op: 'Reshape',
      domain: '',
      inputs,
      outputs,
      attributes: {},
    })
  }
  return builder.build()
}
