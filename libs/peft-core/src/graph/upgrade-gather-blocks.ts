/**
 * Rewrites `com.microsoft.GatherBlockQuantized`: rows of a table whose numbers are blocks of 4-bit or 8-bit integers,
 *
 *   y[n, k] = (q[ids[n], k] - z[ids[n], b]) s[ids[n], b],   b = k / block
 *
 * Only the rows that are looked up are taken apart: the bytes of a row are gathered, and their halves computed from them.
 * Spec: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.GatherBlockQuantized
 *
 * Sizes used below: N = the shape of the ids, K = width of a row, B = blocks of a row.
 * @module
 */
import { axisOf, int, intOf } from './graph.js'
import type { OnnxNode } from './onnx-model.js'
import { type Rewrite, refuse, type Surroundings } from './rewrite.js'
import { createSteps, type Steps } from './steps.js'

export const gatherBlockQuantized: Rewrite = (node, around) => {
  const [table, ids, scales, zeros] = node.inputs as readonly [string, string, string, string?]
  const { element, shape } = around.typeOf(table)
  const [bits, block] = [intOf(node, 'bits', 4), intOf(node, 'block_size', 128)]
  const isLast = axisOf(intOf(node, 'quantize_axis', 1), shape.length) === 1
  if (shape.length !== 2 || intOf(node, 'gather_axis', 0) !== 0 || !isLast)
    refuse(node, 'only rows of a matrix whose blocks lie along its rows are supported')
  if (element === 'int4' || element === 'uint4') return wholeTable(node, around)
  if (element !== 'uint8' || (bits !== 4 && bits !== 8))
    refuse(node, `${bits} bits in ${element} are not supported`)
  const rows = around.typeOf(ids).shape
  const blocks = around.typeOf(scales).shape[1] as number
  const steps = createSteps(node.outputs[0] as string, around)
  const gathered = (name: string): string => steps.op('Gather', [name, ids], { axis: int(0) })
  const numbers = (name: string): string => unpacked(steps, around, { bytes: gathered(name), rows, bits })
  const width = ((shape[1] as number) * 8) / bits
  if (width !== blocks * block) refuse(node, `rows of ${width} numbers are not ${blocks} blocks of ${block}`)
  const grouped = steps.reshape(numbers(table), [...rows, blocks, block]) // (N, B, block)
  const middle = around.constant(2 ** (bits - 1), 'float32')
  const zero = zeros
    ? steps.reshape(firstOf(steps, around, numbers(zeros), blocks), [...rows, blocks, 1])
    : middle
  const scale = steps.reshape(gathered(scales), [...rows, blocks, 1])
  const scaled = steps.op('Mul', [steps.op('Sub', [grouped, zero]), scale])
  steps.reshape(scaled, [...rows, width], node.outputs[0])
  return steps.nodes
}

interface Packed {
  readonly bytes: string // (N, bytes of a row), uint8
  readonly rows: readonly number[]
  readonly bits: number
}

/** The numbers that bytes stand for, as float32 (N, numbers of a row): of two in a byte the low half is the first. */
function unpacked(steps: Steps, { constant }: Surroundings, { bytes, rows, bits }: Packed): string {
  const whole = steps.op('Cast', [bytes], { to: int(FLOAT32) })
  if (bits === 8) return whole
  const high = steps.op('Floor', [steps.op('Mul', [whole, constant(1 / 16, 'float32')])])
  const low = steps.op('Sub', [whole, steps.op('Mul', [high, constant(16, 'float32')])])
  const pair = [low, high].map((half) => steps.op('Unsqueeze', [half, constant([-1])]))
  return steps.reshape(steps.concat(pair, -1), [...rows, -1])
}

const FLOAT32 = 1

/** The first numbers of each row: of an odd number, the last half byte means nothing. */
function firstOf(steps: Steps, { constant }: Surroundings, numbers: string, count: number): string {
  return steps.op('Slice', [numbers, constant([0]), constant([count]), constant([-1])])
}

/** A table of 4-bit integers, which cannot be gathered, is made whole. */
function wholeTable(node: OnnxNode, around: Surroundings): ReturnType<Rewrite> {
  const [table, ids, ...scales] = node.inputs as readonly [string, string, ...string[]]
  const steps = createSteps(node.outputs[0] as string, around)
  const attributes = { axis: int(1), block_size: int(intOf(node, 'block_size', 128)) }
  const whole = steps.op('DequantizeLinear', [table, ...scales], attributes)
  steps.op('Gather', [whole, ids], { axis: int(0) }, node.outputs[0])
  return steps.nodes
}
