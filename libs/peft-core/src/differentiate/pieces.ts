/**
 * The gradient of a Concat that brings together what was made of the pieces of a Split, when the sizes of the pieces are
 * known only as the graph runs (the tokens of each expert): it is split by the same sizes. No size is written down.
 * @module
 */
import { intOf, type Node, type Value } from '../graph/graph.js'
import { UNEVEN } from '../operators/parts.js'
import type { PatternCall } from './pattern.js'

/** The gradients of what the Concat reads, by name; undefined when it is no such Concat. */
export function piecesRule(call: PatternCall): readonly (readonly [string, Value])[] | undefined {
  const { builder, node, producers, active, gradient } = call
  if (node.op !== 'Concat' || gradient === undefined) return undefined
  const sources = node.inputs.map((name) => pieceOf(producers, name))
  const split = sources[0]?.split
  const isWhole = sources.every((source, at) => source?.split === split && source?.index === at)
  if (split === undefined || !isWhole || split.outputs.length !== sources.length) return undefined
  const pieces = builder.ops('Split', [gradient, builder.value(split.inputs[1] ?? '')], {
    attributes: split.attributes,
    outputs: sources.length,
  })
  return node.inputs.flatMap((name, at) => (active.has(name) ? [[name, pieces[at] as Value] as const] : []))
}

interface Piece {
  readonly split: Node
  readonly index: number
}

/** The piece of a Split of unknown sizes that a value comes from, back through what each node reads first. */
function pieceOf(producers: PatternCall['producers'], name: string): Piece | undefined {
  const producer = producers.get(name)
  if (producer === undefined) return undefined
  if (producer.op === 'Split' && intOf(producer, UNEVEN, 0) === 1)
    return { split: producer, index: producer.outputs.indexOf(name) }
  const [first] = producer.inputs
  return first === undefined ? undefined : pieceOf(producers, first)
}
