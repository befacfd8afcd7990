/**
 * Gradient of a product with a matrix of packed blocks: dX = dY W, with W (N, K) made from its blocks for this one product
 * and let go after it. The blocks themselves are frozen.
 * Paper: https://arxiv.org/abs/2305.14314
 * @module
 */
import { readWeight } from '../../graph/constant.js'
import { type Element, int, type Value, type Weight } from '../../graph/graph.js'
import { type BlockLayout, blockLayout } from '../../operators/quantised.js'
import { algebra, sumTo } from './algebra.js'
import { gradientOf, inputOf, type Rule, type RuleCall, type Rules } from './rule.js'

const matmulNBits: Rule = (call) => {
  const { builder, node, inputs, needed } = call
  if (needed[1] || needed[2] || needed[3])
    throw new TypeError(`MatMulNBits "${node.name}": a matrix of packed blocks cannot be trained`)
  const gradient = gradientOf(call)
  const bias = inputs[5]
  return [
    needed[0] ? algebra(builder).product(gradient, matrixOf(call)) : undefined,
    ...[undefined, undefined, undefined, undefined],
    needed[5] && bias !== undefined ? sumTo(builder, gradient, bias.shape, gradient.shape) : undefined,
  ]
}

/** The matrix (N, K) that the blocks stand for: the same bytes, read as small integers. */
function matrixOf(call: RuleCall): Value {
  const { builder, node } = call
  const [packed, scales] = [inputOf(call, 1), inputOf(call, 2)]
  const layout = blockLayout(node, packed, scales)
  const { outputs, inputs, block, blocks } = layout
  const { reshape, integers } = algebra(builder)
  const width = blocks * block
  const stored = reread(call, packed, [outputs, width], elementOf(layout))
  const attributes = { axis: int(1), block_size: int(block) }
  const args = [stored, reshape(scales, [outputs, blocks]), zeroPoints(call, layout)]
  const matrix = builder.op('DequantizeLinear', args, { attributes })
  if (width === inputs) return matrix
  return builder.op('Slice', [matrix, integers([0]), integers([inputs]), integers([1])])
}

const elementOf = ({ bits }: BlockLayout): Element => (bits === 4 ? 'uint4' : 'uint8')

/** The bytes of a weight under another element and shape, in place. */
function reread(
  { builder, node }: RuleCall,
  value: Value,
  shape: readonly number[],
  element: Element,
): Value {
  const weight = frozen(builder.weightOf(value.name), node.name)
  return addOnce(builder, { name: `${value.name}:${element}`, element, shape, data: weight.data })
}

/** Zero points (N, blocks): those of the node, or the middle of the range. */
function zeroPoints(call: RuleCall, layout: BlockLayout): Value {
  const { builder, inputs, node } = call
  const { outputs, blocks, bits } = layout
  const [shape, element] = [[outputs, blocks], elementOf(layout)]
  const given = inputs[3]
  if (given === undefined) {
    const bytes = new Uint8Array(Math.ceil((outputs * blocks * bits) / 8)).fill(bits === 4 ? 0x88 : 0x80)
    return addOnce(builder, {
      name: `middle:${element}:${outputs}x${blocks}`,
      element,
      shape,
      data: { kind: 'bytes', bytes },
    })
  }
  if (given.element !== 'uint8') {
    throw new TypeError(
      `MatMulNBits "${node.name}": expected zero points of uint8, got ${given.element}; its gradient is not supported`,
    )
  }
  if (bits === 8 || blocks % 2 === 0) return reread(call, given, shape, element)
  const bytes = readWeight(frozen(builder.weightOf(given.name), node.name).data)
  const data = { kind: 'bytes', bytes: withoutGaps(bytes, outputs, blocks) } as const
  return addOnce(builder, { name: `${given.name}:${element}`, element, shape, data })
}

/** Rows of half bytes that each begin at a byte, as one row after the other. */
function withoutGaps(bytes: Uint8Array, rows: number, columns: number): Uint8Array {
  const rowBytes = Math.ceil(columns / 2)
  const packed = new Uint8Array(Math.ceil((rows * columns) / 2))
  for (let flat = 0; flat < rows * columns; flat++) {
    const [row, column] = [Math.floor(flat / columns), flat % columns]
    const half = ((bytes[row * rowBytes + (column >> 1)] as number) >> (column % 2 === 0 ? 0 : 4)) & 15
    packed[flat >> 1] = (packed[flat >> 1] as number) | (half << (flat % 2 === 0 ? 0 : 4))
  }
  return packed
}

function frozen(weight: Weight | undefined, node: string): Weight {
  if (weight !== undefined) return weight
  throw new TypeError(`MatMulNBits "${node}": expected its packed blocks as a weight, got a computed value`)
}

const addOnce = (builder: RuleCall['builder'], weight: Weight): Value =>
  builder.has(weight.name) ? builder.value(weight.name) : builder.weight(weight)

export const quantisedContribRules: Rules = { MatMulNBits: matmulNBits }
