/**
 * The modules of a model that a LoRA configuration gives factors.
 * @module
 */
import type { AdaptedModule } from './factors.js'
import type { LoraConfig } from './lora-config.js'
import { isInSaved } from './saved-modules.js'
import { isAllLinear, targetModules } from './target-modules.js'

export interface ModelModules {
  readonly linears: readonly AdaptedModule[]
  readonly embeddings: readonly AdaptedModule[]
  /** The path that 'all-linear' leaves out. */
  readonly outputLayer: string | undefined
}

/**
 * Linear layers and, when they are named, embeddings; without the modules that are kept whole. RangeError when nothing is
 * left, with the names that the model has.
 */
export function loraTargets(config: LoraConfig, model: ModelModules): readonly AdaptedModule[] {
  const { linears, embeddings, outputLayer } = model
  const modules = [...linears, ...(isAllLinear(config) ? [] : embeddings)].filter(
    ({ path }) => !isInSaved(config.modulesToSave, path),
  )
  if (config.targetModules.length === 0) return []
  const paths = modules.map(({ path }) => path)
  const targets = new Set(targetModules(config, paths, outputLayer))
  return modules.filter(({ path }) => targets.has(path))
}
