/**
 * Rewrites fused operators of `com.microsoft` into ones that can be differentiated.
 * Spec: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
 * @module
 */
import { type Attributes, float, floatOf, int, intOf, text, textOf } from './graph.js'
import type { OnnxNode } from './onnx-model.js'
import { asIs, type NewNode, type Rewrite, refuse, standard } from './rewrite.js'
import { attention, multiHeadAttention } from './upgrade-attention.js'
import { embedLayerNormalization } from './upgrade-embedding.js'
import { gatherBlockQuantized } from './upgrade-gather-blocks.js'
import { groupQueryAttention } from './upgrade-grouped-attention.js'
import { rotaryContrib } from './upgrade-rotary.js'

const gelu = (approximate: 'none' | 'tanh'): Rewrite => {
  return (node) => {
    const output = node.outputs[0] as string
    const attributes = { approximate: text(approximate) }
    if (!node.inputs[1]) return [standard('Gelu', node.inputs.slice(0, 1), [output], attributes)]
    return [
      standard('Add', node.inputs.slice(0, 2), [`${output}:biased`]),
      standard('Gelu', [`${output}:biased`], [output], attributes),
    ]
  }
}

/** LayerNorm(x + skip + bias); the fourth output is the sum. Inputs: x, skip, scale, then `beta` and `bias` where they are. */
function skipNormalization(op: string, epsilon: number, beta: number | undefined, bias: number): Rewrite {
  return (node) => {
    const [x, skip, scale] = node.inputs as [string, string, string]
    const output = node.outputs[0] as string
    const sum = node.outputs[3] || `${output}:sum`
    const added = node.inputs[bias]
    const attributes: Attributes = { axis: int(-1), epsilon: float(floatOf(node, 'epsilon', epsilon)) }
    const shift = beta === undefined ? '' : node.inputs[beta]
    const adds: readonly NewNode[] = added
      ? [
          standard('Add', [x, added], [`${output}:biased`]),
          standard('Add', [`${output}:biased`, skip], [sum]),
        ]
      : [standard('Add', [x, skip], [sum])]
    return [...adds, standard(op, shift ? [sum, scale, shift] : [sum, scale], [output], attributes)]
  }
}

const asStandard = (node: OnnxNode): readonly NewNode[] => [asIs(node, { domain: '' })]

const fusedMatMul: Rewrite = (node) => {
  for (const flag of ['transBatchA', 'transBatchB']) {
    if (intOf(node, flag, 0) !== 0) refuse(node, `the attribute ${flag} is not supported`)
  }
  return [asIs(node, { op: 'FusedMatMul' })]
}

const ACTIVATIONS: ReadonlySet<string> = new Set(['Relu', 'Sigmoid', 'Tanh'])

/** activation(alpha A B + beta C), as onnxruntime saves a Gemm and the activation after it. */
const fusedGemm: Rewrite = (node) => {
  const op = textOf(node, 'activation', '')
  if (!ACTIVATIONS.has(op)) refuse(node, `the activation "${op}" is not supported`)
  const output = node.outputs[0] as string
  const kept = Object.entries(node.attributes).filter(([name]) => !name.startsWith('activation'))
  return [
    standard('Gemm', node.inputs, [`${output}:gemm`], Object.fromEntries(kept)),
    standard(op, [`${output}:gemm`], [output]),
  ]
}

export const upgradesContrib: Readonly<Record<string, Rewrite>> = {
  Gelu: gelu('none'),
  BiasGelu: gelu('none'),
  FastGelu: gelu('tanh'),
  FusedMatMul: fusedMatMul,
  FusedGemm: fusedGemm,
  TransposeMatMul: fusedMatMul,
  Attention: attention,
  MultiHeadAttention: multiHeadAttention,
  GroupQueryAttention: groupQueryAttention,
  RotaryEmbedding: rotaryContrib,
  GatherBlockQuantized: gatherBlockQuantized,
  EmbedLayerNormalization: embedLayerNormalization,
  Trilu: asStandard,
  LayerNormalization: asStandard,
  SimplifiedLayerNormalization: asStandard,
  SkipLayerNormalization: skipNormalization('LayerNormalization', 1e-12, 3, 4),
  SkipSimplifiedLayerNormalization: skipNormalization('SimplifiedLayerNormalization', 1e-12, undefined, 3),
}
