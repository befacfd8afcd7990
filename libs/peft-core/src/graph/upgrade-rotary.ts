/**
 * Rewrites rotary position embeddings, of `com.microsoft` and of the standard operators, into the one that rotates the
 * halves of x (B, H, T, W).
 * Specs: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.RotaryEmbedding,
 * https://onnx.ai/onnx/operators/onnx__RotaryEmbedding.html
 * @module
 */
import { mergeHeads, splitHeads } from './attention-steps.js'
import { floatOf, int, intOf } from './graph.js'
import type { OnnxNode } from './onnx-model.js'
import { type NewNode, type Rewrite, refuse, type Surroundings } from './rewrite.js'
import { createSteps, type Steps } from './steps.js'

export interface Rotation {
  readonly x: string
  readonly shape: readonly [number, number, number, number] // (B, H, T, W)
  readonly positions: string // (B, T), or (1): the first row's first position
  /** How much of the width turns: R <= W. */
  readonly rotated: number
  readonly cosines: string // (P, R/2)
  readonly sines: string // (P, R/2)
  /** Whether the pairs are neighbours, not halves. */
  readonly interleaved: boolean
}

/** Appends the rotation -> (B, H, T, W) */
export function rotate(steps: Steps, given: Rotation): string {
  const { x, shape, positions, cosines, sines, rotated } = given
  const [, heads, , width] = shape
  const turn = (part: string): string => {
    const attributes =
      rotated === width || given.interleaved
        ? { interleaved: int(0) }
        : { interleaved: int(0), rotary_embedding_dim: int(rotated), num_heads: int(heads) }
    return steps.contrib('RotaryEmbedding', [part, positions, cosines, sines], attributes)
  }
  if (!given.interleaved) return turn(x)
  const rest = width - rotated
  const [first, after] = rest > 0 ? steps.split(x, [rotated, rest], 3) : [x, '']
  const apart = pairsToHalves(steps, first as string, shape, rotated)
  const together = halvesToPairs(steps, turn(apart), shape, rotated)
  return rest > 0 ? steps.concat([together, after as string], 3) : together
}

type Sides = Rotation['shape']

function pairsToHalves(steps: Steps, x: string, [batch, heads, length]: Sides, width: number): string {
  const pairs = steps.reshape(x, [batch, heads, length, width / 2, 2])
  return steps.reshape(steps.transpose(pairs, [0, 1, 2, 4, 3]), [batch, heads, length, width])
}

function halvesToPairs(steps: Steps, x: string, [batch, heads, length]: Sides, width: number): string {
  const halves = steps.reshape(x, [batch, heads, length, 2, width / 2])
  return steps.reshape(steps.transpose(halves, [0, 1, 2, 4, 3]), [batch, heads, length, width])
}

type Table = Pick<Rotation, 'positions' | 'cosines' | 'sines' | 'rotated'>

/** The operator on x (B, T, H W) or (B, H, T, W). */
function rotation(node: OnnxNode, around: Surroundings, table: Table): readonly NewNode[] {
  const [x, output] = [node.inputs[0] as string, node.outputs[0] as string]
  const steps = createSteps(output, around)
  const { shape } = around.typeOf(x)
  const interleaved = intOf(node, 'interleaved', 0) === 1
  const positions = forEachRow(steps, around, table.positions, shape[0] as number)
  if (shape.length === 4) {
    const turned = rotate(steps, { x, shape: shape as unknown as Sides, interleaved, ...table, positions })
    steps.op('Identity', [turned], {}, output)
    return steps.nodes
  }
  const [batch, length, hidden] = shape as [number, number, number]
  const heads = intOf(node, 'num_heads', 0) || hidden / table.rotated
  const sides = [batch, heads, length, hidden / heads] as const
  const apart = splitHeads(steps, x, [batch, length, heads, hidden / heads])
  const turned = rotate(steps, { x: apart, shape: sides, interleaved, ...table, positions })
  mergeHeads(steps, turned, { batch, queries: length, heads, valueWidth: hidden / heads }, output)
  return steps.nodes
}

/** Positions (B, T), of one row (1, T) that all rows share. */
function forEachRow(
  steps: Steps,
  { typeOf, constant }: Surroundings,
  positions: string,
  rows: number,
): string {
  const { shape } = typeOf(positions)
  if (shape.length !== 2 || shape[0] === rows) return positions
  return steps.op('Expand', [positions, constant([rows, shape[1] as number])])
}

/** Inputs: x, positions, cosines, sines. */
export const rotaryContrib: Rewrite = (node, around) => {
  const [, positions, cosines, sines] = node.inputs as [string, string, string, string]
  if (floatOf(node, 'scale', 1) !== 1) refuse(node, 'a scale is not supported')
  if (intOf(node, 'is_packed_batching', 0) !== 0) refuse(node, 'packed batches are not supported')
  const rotated = 2 * (around.typeOf(cosines).shape[1] as number)
  return rotation(node, around, { positions, cosines, sines, rotated })
}

/** Inputs: x, cosines, sines and positions; without positions the tables (B, T, R/2) have a row for each token. */
export const rotaryStandard: Rewrite = (node, around) => {
  const [, cosines, sines, positions] = node.inputs as [string, string, string, string | undefined]
  const { shape } = around.typeOf(cosines)
  const rotated = 2 * (shape.at(-1) as number)
  if (positions) return rotation(node, around, { positions, cosines, sines, rotated })
  const [batch, length, half] = shape as [number, number, number]
  const rows = around.constant([...Array(batch * length).keys()], 'int64', [batch, length])
  const tables = createSteps(`${node.outputs[0]}:table`, around)
  const flat = (table: string): string => tables.reshape(table, [batch * length, half])
  const table = { positions: rows, cosines: flat(cosines), sines: flat(sines), rotated }
  return [...tables.nodes, ...rotation(node, around, table)]
}
