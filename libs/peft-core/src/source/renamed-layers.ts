/**
 * Layers that exporters name otherwise than PyTorch does.
 * @module
 */
import type { LinearLayer } from './modules.js'

/**
 * The layers under PyTorch's names: TorchScript leaves out the `model` that OPT keeps its decoder in, and
 * onnxruntime-genai calls the `dense` of Phi's attention `o_proj`. Of the families it writes only Phi's `mlp` has an `fc1`.
 */
export function withPyTorchNames(layers: readonly LinearLayer[]): readonly LinearLayer[] {
  const isPhi = layers.some(({ path }) => /^model\.layers\.\d+\.mlp\.fc1$/.test(path))
  return layers.map((layer) => {
    const { path } = layer
    const rooted = path.replace(/^decoder\.layers\./, 'model.decoder.layers.')
    const named = isPhi ? rooted.replace(/\.self_attn\.o_proj$/, '.self_attn.dense') : rooted
    return named === path ? layer : { ...layer, path: named }
  })
}
