/**
 * Columns for virtual tokens before those of a batch.
 *
 * Sizes used below: B = rows, P = virtual tokens, T = columns of a batch, V = vocabulary.
 * @module
 */
import type { GraphBuilder } from '../graph/builder.js'
import { weightBytes } from '../graph/constant.js'
import { type Graph, int, type Value } from '../graph/graph.js'
import { renameValue } from '../graph/rename-value.js'
import { restartGraph } from '../graph/restart.js'

/** What an input over columns says of virtual tokens: any token, one to attend to, of the first segment, no label. */
const virtualValues: Readonly<Record<string, number>> = {
  input_ids: 0,
  attention_mask: 1,
  token_type_ids: 0,
  labels: -100,
}

const POSITIONS = 'position_ids'
const LOGITS = 'logits'
const whole = (name: string): string => `${name}:whole`

/**
 * A graph for P + T columns as one for T: its inputs over columns are completed inside it, and its logits (B, P + T, V) are
 * cut. Positions are no input any more; they count from the first virtual token.
 */
export function hideVirtualTokens(graph: Graph, virtualTokens: number): Graph {
  const inputs = graph.inputs.filter(({ name, shape }) => shape.length === 2 && isOverColumns(name))
  const logits = graph.outputs.find(({ name, shape }) => name === LOGITS && shape.length === 3)
  const values = logits === undefined ? inputs : [...inputs, logits]
  const renamed = values.reduce((so, { name }) => renameValue(so, name, whole(name)), graph)
  const hidden = new Set(values.map(({ name }) => whole(name)))
  const isKept = ({ name }: Value): boolean => !hidden.has(name)
  const builder = restartGraph({
    ...renamed,
    inputs: renamed.inputs.filter(isKept),
    outputs: renamed.outputs.filter(isKept),
  })
  for (const input of inputs) {
    if (input.name === POSITIONS) addPositions(builder, input)
    else completeInput(builder, input, virtualTokens)
  }
  for (const node of renamed.nodes) builder.append(node)
  if (logits !== undefined) cutLogits(builder, virtualTokens)
  return builder.build()
}

const isOverColumns = (name: string): boolean => name === POSITIONS || Object.hasOwn(virtualValues, name)

function addPositions(builder: GraphBuilder, { name, element, shape }: Value): void {
  const [rows, columns] = shape as [number, number]
  const positions = Array.from({ length: rows * columns }, (_, at) => at % columns)
  const data = { kind: 'bytes', bytes: weightBytes(positions, element) } as const
  builder.weight({ name: whole(name), element, shape, data })
}

function completeInput(builder: GraphBuilder, { name, element, shape }: Value, virtualTokens: number): void {
  const [rows, columns] = shape as [number, number]
  const numbers = new Array<number>(rows * virtualTokens).fill(virtualValues[name] as number)
  const virtual = builder.constant(numbers, element, [rows, virtualTokens])
  const given = builder.input(name, element, [rows, columns - virtualTokens])
  builder.append({
    name: whole(name),
    op: 'Concat',
    domain: '',
    inputs: [virtual.name, given.name],
    outputs: [whole(name)],
    attributes: { axis: int(1) },
  })
}

function cutLogits(builder: GraphBuilder, virtualTokens: number): void {
  const all = builder.value(whole(LOGITS))
  const bounds = [virtualTokens, all.shape[1] as number, 1].map((at) => builder.constant([at], 'int64').name)
  const [logits] = builder.append({
    name: LOGITS,
    op: 'Slice',
    domain: '',
    inputs: [all.name, ...bounds],
    outputs: [LOGITS],
    attributes: {},
  })
  builder.output(logits as Value)
}
