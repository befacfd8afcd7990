/**
 * The names that exporters give to nodes and weights, as the names that PyTorch has for modules.
 * @module
 */
import type { OnnxNode } from '../graph/onnx-model.js'

/**
 * The module that an exported node belongs to: from the exporter's notes (torch.export), or else from the node's name
 * (TorchScript and Optimum: `/model/layers.0/mlp/up_proj/MatMul`; onnxruntime-genai: `/model/layers.0/attn/q_proj/MatMul`;
 * TensorFlow: `tf_model/bert/encoder/layer_._0/output/dense/MatMul`). Undefined when neither says it.
 */
export function moduleOfNode(node: OnnxNode): string | undefined {
  const scopes = stringList(node.metadata.get('pkg.torch.onnx.name_scopes') ?? '')
  const scope = scopes.length > 1 ? scopes.at(-2) : undefined
  if (scope !== undefined) return scope === '' ? undefined : scope
  const parts = node.name.split('/')
  const rooted = parts[0] === ''
  if (!rooted && !parts.some((part) => TENSORFLOW_LIST.test(part))) return undefined
  const path = parts.slice(rooted ? 1 : 0, -1).filter((part) => !TENSORFLOW_STEPS.has(part))
  return path.length === 0 ? undefined : pytorchPath(path.join('.'))
}

/** A member of a list of layers, as TensorFlow's models in transformers name it: `layer_._0`. */
const TENSORFLOW_LIST = /_\._(?=\d+$)/

/** What Keras puts below the name of a dense layer. */
const TENSORFLOW_STEPS: ReadonlySet<string> = new Set(['Tensordot'])

/** The module that a parameter of this name belongs to; undefined when it is no parameter's name. */
export function parameterPath(name: string): string | undefined {
  const path =
    /^(?<path>[A-Za-z_].*?)(?:\.(?:MatMul|MatMulNBits|Gemm|Add))?[._](?:weight|bias|qweight)(?:_transposed|(?:_DQ)?_Q\d+\w*)?$/.exec(
      name,
    )?.groups?.path
  return path === undefined ? undefined : pytorchPath(path)
}

/**
 * Whether a layer of this name holds several projections in one matrix (queries, keys and values, or a gate and what it
 * lets through), so that one adapter changes all of them: GPT-2's c_attn, GPT-NeoX's query_key_value, Phi-3's qkv_proj.
 */
export const isPackedProjection = (path: string): boolean =>
  /(^|\.)(c_attn|query_key_value|qkv_proj|qkv|Wqkv|in_proj|gate_up_proj)$/.test(path)

function pytorchPath(path: string): string {
  return path
    .replace(/_\._(\d+)(?=\.|$)/g, '.$1')
    .replace(/^(model\.layers\.\d+)\.attn\.(?=(?:[qkvo]|qkv)_proj(?:\.|$))/, '$1.self_attn.')
}

/** Python's way to write a list of strings. */
function stringList(text: string): readonly string[] {
  return [...text.matchAll(/'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"/g)].map(
    (match) => match[1] ?? match[2] ?? '',
  )
}
