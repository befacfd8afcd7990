import { createAdapter } from '../adapt/start.js'
import type { Adapter } from '../adapter/adapter.js'
import type { PeftSpec } from '../adapter/peft-config.js'
import { orthonormalStart } from './orthonormal-start.js'

/**
 * A fresh adapter whose A has the leading right singular vectors of the weight of each module as its rows, (R, I), and whose B is zero:
 * what the weight amplifies most is where a frozen A is worth most. It depends on the base alone, so it tells nothing of any data.
 * The weight itself is left as it is, unlike with PiSSA, whose vectors these are. RangeError for another method than plain LoRA.
 * Paper: https://arxiv.org/abs/2404.02948
 */
export async function principalStart(model: string, spec: PeftSpec, seed: number): Promise<Adapter> {
  if (spec.method !== 'lora') throw new RangeError(`a principal start expected lora, got ${spec.method}`)
  const [fresh, leading] = await Promise.all([
    createAdapter(model, spec, seed),
    createAdapter(model, { ...spec, start: 'pissa' }, seed),
  ])
  const tensors = new Map(fresh.tensors)
  for (const [name, tensor] of leading.tensors) if (name.includes('.lora_A.')) tensors.set(name, tensor)
  return await orthonormalStart({ config: fresh.config, tensors })
}
