/**
 * Rewrites `com.microsoft.GroupQueryAttention`, which the onnxruntime-genai model builder writes for decoders.
 * Spec: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.GroupQueryAttention
 *
 * The operator reads a batch whose padding is on the right: a token sees those before it, so that padding is never
 * seen, and the lengths of the rows (`seqlens_k`) only say where a cache that is already filled ends.
 * @module
 */
import {
  type AttentionSizes,
  attend,
  causalMask,
  mergeHeads,
  normaliseHeads,
  splitHeads,
} from './attention-steps.js'
import { floatOf, intOf, sizeOf } from './graph.js'
import type { OnnxNode } from './onnx-model.js'
import { type Rewrite, refuse, type Surroundings } from './rewrite.js'
import { createSteps, type Steps } from './steps.js'
import { rotate } from './upgrade-rotary.js'

export const groupQueryAttention: Rewrite = (node, around) => {
  checkSupported(node, around)
  const steps = createSteps(node.outputs[0] as string, around)
  const sizes = sizesOf(node, around)
  const { heads, groups, queries, batch, width } = sizes
  const [query, key, value] = projected(steps, node, sizes)
  const split = (x: string, count: number): string => splitHeads(steps, x, [batch, queries, count, width])
  const prepared = (x: string, count: number, scale: string | undefined): string =>
    turned(steps, node, around, { x: normed(steps, node, split(x, count), scale), sizes, heads: count })
  const keys = prepared(key, groups, node.inputs[15])
  const values = split(value, groups)
  if (node.outputs[1]) steps.op('Identity', [keys], {}, node.outputs[1])
  if (node.outputs[2]) steps.op('Identity', [values], {}, node.outputs[2])
  const window = intOf(node, 'local_window_size', -1)
  const bias = node.inputs[10]
  const result = attend(steps, around, {
    query: prepared(query, heads, node.inputs[14]),
    key: keys,
    value: values,
    sizes,
    scale: floatOf(node, 'scale', 0) || 1 / Math.sqrt(width),
    softcap: floatOf(node, 'softcap', 0),
    addends: bias ? [bias] : [],
    allowed:
      intOf(node, 'causal', 1) === 1
        ? causalMask(steps, around, { ...sizes, window: window > 0 ? window : undefined })
        : undefined,
  })
  mergeHeads(steps, result, sizes, node.outputs[0] as string)
  return steps.nodes
}

function checkSupported(node: OnnxNode, { typeOf }: Surroundings): void {
  const [, , , pastKey] = node.inputs
  if (pastKey && sizeOf(typeOf(pastKey).shape) > 0) {
    refuse(node, 'a cache of keys and values that is not empty is not supported')
  }
  if (intOf(node, 'smooth_softmax', 0) === 1 || node.inputs[11]) {
    refuse(
      node,
      'a softmax with an extra term in its denominator (smooth_softmax, head_sink) is not supported',
    )
  }
  if (node.inputs[12] || node.inputs[13]) refuse(node, 'a quantised cache is not supported')
  if (node.outputs[3]) refuse(node, 'scores as an output are not supported')
}

function sizesOf(node: OnnxNode, { typeOf }: Surroundings): AttentionSizes {
  const [batch, queries, hidden] = typeOf(node.inputs[0] as string).shape as [number, number, number]
  const [heads, groups] = [intOf(node, 'num_heads', 1), intOf(node, 'kv_num_heads', 1)]
  const width = hidden / (node.inputs[1] ? heads : heads + 2 * groups)
  return { batch, queries, keys: queries, heads, groups, width, valueWidth: width }
}

/** Query (B, S, H W), key and value (B, S, K W), which may come as one. */
function projected(
  steps: Steps,
  { inputs: [query, key, value] }: OnnxNode,
  { heads, groups, width }: AttentionSizes,
): readonly [string, string, string] {
  if (key && value) return [query as string, key, value]
  const parts = steps.split(query as string, [heads * width, groups * width, groups * width], 2)
  return parts as readonly string[] as readonly [string, string, string]
}

function normed(steps: Steps, node: OnnxNode, x: string, scale: string | undefined): string {
  return scale ? normaliseHeads(steps, x, scale, floatOf(node, 'qk_norm_epsilon', 1e-6)) : x
}

/** With rotary positions when the operator applies them: those of a prompt count up from the first one. */
function turned(
  steps: Steps,
  node: OnnxNode,
  around: Surroundings,
  { x, sizes, heads }: { readonly x: string; readonly sizes: AttentionSizes; readonly heads: number },
): string {
  if (intOf(node, 'do_rotary', 0) === 0) return x
  const [cosines, sines] = [node.inputs[7] as string, node.inputs[8] as string]
  return rotate(steps, {
    x,
    shape: [sizes.batch, heads, sizes.queries, sizes.width],
    positions: around.constant([0]),
    rotated: 2 * (around.typeOf(cosines).shape[1] as number),
    cosines,
    sines,
    interleaved: intOf(node, 'rotary_interleaved', 0) === 1,
  })
}
