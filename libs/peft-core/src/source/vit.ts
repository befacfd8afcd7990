/**
 * Vision transformer: patches of an image as tokens behind a class token, layer normalisation before each part.
 * Paper: https://arxiv.org/abs/2010.11929; reference:
 * https://github.com/huggingface/transformers/blob/main/src/transformers/models/vit/modeling_vit.py
 *
 * Sizes used below: B = batch, C = channels, P = patches, T = P + 1, N = B T, D = width.
 * @module
 */
import { int, ints, type Value } from '../graph/graph.js'
import type { ImageSize } from '../train/batch.js'
import type { Family, ImageArchitecture } from './architecture.js'
import { type EncoderConfig, encoderAttention, firstTokens, layersAndHeads, taskOfHead } from './encoder.js'
import { countOf, type Fields, numberOf, textOf } from './fields.js'
import { activation, type Layers, layerNorm, linear } from './layers.js'
import { headLayers } from './new-head.js'

export interface VitConfig extends EncoderConfig {
  readonly image: ImageSize
  readonly patch: { readonly height: number; readonly width: number }
}

export const vitFamily: Family<ImageArchitecture> = (fields) => {
  const config = vitConfig(fields)
  return {
    prefix: 'vit.',
    task: taskOfHead(fields, ['image']),
    outputLayer: 'classifier',
    image: config.image,
    positions: () => patchesOf(config) + 1,
    headLayers: headLayers([], 'classifier'),
    forward: (layers, pixels) => vit(layers, config, pixels),
  }
}

export function vitConfig(fields: Fields): VitConfig {
  return {
    ...layersAndHeads(fields),
    layerNormEpsilon: numberOf(fields, 'layer_norm_eps', 1e-12),
    activation: textOf(fields, 'hidden_act', 'gelu'),
    image: { channels: countOf(fields, 'num_channels', 3), ...sidesOf(fields, 'image_size', 224) },
    patch: sidesOf(fields, 'patch_size', 16),
  }
}

/** One number for both sides, or height and width. */
function sidesOf(fields: Fields, name: string, otherwise: number): VitConfig['patch'] {
  const given = fields[name] ?? otherwise
  const [height, width, ...more] = Array.isArray(given) ? (given as readonly unknown[]) : [given, given]
  if (more.length > 0) throw new RangeError(`${name} expected height and width, got ${JSON.stringify(given)}`)
  return { height: countOf({ [name]: height }, name), width: countOf({ [name]: width }, name) }
}

const patchesOf = ({ image, patch }: VitConfig): number =>
  Math.floor(image.height / patch.height) * Math.floor(image.width / patch.width)

/** Appends the model for pixels (B, C, H, W) -> logits (B, classes). */
export function vit(given: Layers, config: VitConfig, pixels: Value): Value {
  const layers: Layers = { ...given, batch: { rows: given.batch.rows, columns: patchesOf(config) + 1 } }
  const last = Array.from({ length: config.layers }, (_, index) => `vit.layers.${index}`).reduce(
    (hidden, path) => block(layers, config, path, hidden),
    embeddings(layers, config, pixels),
  )
  const normed = layerNorm(layers, 'vit.layernorm', firstTokens(layers, last), config.layerNormEpsilon)
  return linear(layers, 'classifier', normed)
}

/** The class token and the patches, each with its position -> (N, D) */
function embeddings({ builder, weights, batch }: Layers, { patch }: VitConfig, pixels: Value): Value {
  const path = 'vit.embeddings.patch_embeddings.projection'
  const attributes = {
    kernel_shape: ints([patch.height, patch.width]),
    strides: ints([patch.height, patch.width]),
  }
  const inputs = [pixels, weights.get(`${path}.weight`), weights.get(`${path}.bias`)]
  const grid = builder.op('Conv', inputs, { attributes, name: path }) // (B, D, H', W')
  const [rows, width] = [batch.rows, grid.shape[1] as number]
  const flat = builder.op('Reshape', [grid, builder.constant([rows, width, batch.columns - 1], 'int64')])
  const patches = builder.op('Transpose', [flat], { attributes: { perm: ints([0, 2, 1]) } }) // (B, P, D)
  const first = builder.op('Expand', [
    weights.get('vit.embeddings.cls_token'),
    builder.constant([rows, 1, width], 'int64'),
  ])
  const tokens = builder.op('Concat', [first, patches], { attributes: { axis: int(1) } }) // (B, T, D)
  const placed = builder.op('Add', [tokens, weights.get('vit.embeddings.position_embeddings')])
  return builder.op('Reshape', [placed, builder.constant([rows * batch.columns, width], 'int64')])
}

const names = { query: 'q_proj', key: 'k_proj', value: 'v_proj', output: 'o_proj' } as const

function block(layers: Layers, config: VitConfig, path: string, hidden: Value): Value {
  const { builder } = layers
  const norm = (name: string, x: Value): Value =>
    layerNorm(layers, `${path}.${name}`, x, config.layerNormEpsilon)
  const attended = encoderAttention(layers, config, {
    path: `${path}.attention`,
    names,
    hidden: norm('layernorm_before', hidden),
    mask: undefined,
  })
  const middle = builder.op('Add', [attended, hidden])
  const normed = norm('layernorm_after', middle)
  const wide = activation(layers, config.activation, linear(layers, `${path}.mlp.fc1`, normed))
  return builder.op('Add', [linear(layers, `${path}.mlp.fc2`, wide), middle])
}
