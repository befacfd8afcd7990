import type { GraphRequest } from '../runtime/training-graph.js'

/** RangeError, naming it, when a request trains something whose gradients are not told apart by example. */
export function expectByExample({ config, trainable, isPacked }: GraphRequest): void {
  const got = trainable === 'all' ? 'all weights' : isPacked === true ? 'packed rows' : methodOf(config)
  if (got === undefined) return
  throw new RangeError(
    `gradients by example expected plain LoRA on linear layers and one example a row, got ${got}`,
  )
}

function methodOf(config: GraphRequest['config']): string | undefined {
  if (config.method !== 'lora') return config.method
  const { dora, loraBias, dropout, modulesToSave, targetParameters } = config
  if (dora) return 'use_dora'
  if (loraBias) return 'lora_bias'
  if (dropout > 0) return `lora_dropout ${dropout}`
  if (modulesToSave !== null && modulesToSave.length > 0) return `modules_to_save ${modulesToSave.join(', ')}`
  if (targetParameters !== null && targetParameters.length > 0) return 'target_parameters'
  return undefined
}
