import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Adapter, floatTensor, readSafetensors, type Tensor } from '@lorica/peft-core'

/** The name of a factor of the module that makes values. */
export const valueFactor = (layer: number, factor: 'A' | 'B'): string =>
  `base_model.model.model.layers.${layer}.self_attn.v_proj.lora_${factor}.weight`

/**
 * What the first layer's factor A makes of each token: A x with x = rmsnorm(embedding), which does not depend on the place of
 * the token or on those around it. RangeError when the folder is no model of the Llama family in one file.
 */
export async function firstLayerStates(
  model: string,
  { tensors }: Adapter,
): Promise<ReadonlyMap<number, Float64Array>> {
  const config = JSON.parse(await readFile(join(model, 'config.json'), 'utf8')) as { rms_norm_eps?: number }
  const file = await readSafetensors(join(model, 'model.safetensors'))
  const numbers = (name: string): Tensor => {
    const raw = file.get(name)
    if (raw === undefined)
      throw new RangeError(`${model}: expected a model of the Llama family, got no ${name}`)
    return floatTensor(raw)
  }
  const embedding = numbers('model.embed_tokens.weight') // (V, D)
  const scale = numbers('model.layers.0.input_layernorm.weight').data // (D)
  const a = tensors.get(valueFactor(0, 'A')) as Tensor // (R, D)
  const [tokens, width] = embedding.shape as [number, number]
  const state = (token: number): Float64Array => {
    const row = embedding.data.subarray(token * width, (token + 1) * width)
    const square = row.reduce((sum, value) => sum + value * value, 0) / width
    const norm = 1 / Math.sqrt(square + (config.rms_norm_eps ?? 1e-6))
    return Float64Array.from({ length: a.shape[0] as number }, (_, direction) => {
      let sum = 0
      for (let at = 0; at < width; at++)
        sum += (a.data[direction * width + at] as number) * (row[at] as number) * norm * (scale[at] as number)
      return sum
    })
  }
  return new Map(Array.from({ length: tokens }, (_, token) => [token, state(token)]))
}
