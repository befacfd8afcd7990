/**
 * The vector that IA3 gives a module: (outputs, 1) where it scales the output, (1, inputs) where it scales the input.
 * @module
 */
import type { AdaptedModule } from './factors.js'
import { type Ia3Config, isFeedforward } from './ia3-config.js'
import { isSavedKey } from './saved-modules.js'
import { targetTest } from './target-modules.js'
import type { Tensor, TensorMap } from './tensor.js'

/** The key of a module's vector in adapter_model.safetensors. */
export function vectorKey(path: string): string {
  return `base_model.model.${path}.ia3_l`
}

/** The shape of a module's vector. */
export function vectorShape(config: Ia3Config, module: AdaptedModule): readonly [number, number] {
  return isFeedforward(config, module.path) ? [1, module.inFeatures] : [module.outFeatures, 1]
}

/**
 * The paths of the modules that have a vector, in the order of the tensors. RangeError names the first tensor that does not
 * belong: an unknown key, a module that the configuration does not have, or a vector that lies the other way.
 */
export function vectorPaths(config: Ia3Config, tensors: TensorMap): readonly string[] {
  const keys = [...tensors.keys()].filter((key) => !isSavedKey(config, key))
  if (keys.length === 0) throw new RangeError('the adapter expected a vector for each module, got no tensors')
  const isTarget = targetTest(config)
  return keys.map((key) => {
    const shape = tensors.get(key)?.shape ?? []
    const path = /^base_model\.model\.(.+)\.ia3_l$/s.exec(key)?.[1]
    if (path === undefined)
      throw new RangeError(`tensor "${key}" is no IA3 vector; expected base_model.model.<module>.ia3_l`)
    if (!isTarget(path))
      throw new RangeError(`the adapter has a vector for "${path}", which target_modules does not match`)
    const isRow = isFeedforward(config, path)
    const [rows = 0, columns = 0, ...more] = shape
    const fits = rows > 0 && columns > 0 && more.length === 0 && (isRow ? rows : columns) === 1
    if (fits) return path
    const wanted = isRow ? '(1, inputs), as a feed-forward module' : '(outputs, 1)'
    throw new RangeError(`tensor "${key}" expected the shape ${wanted}, got (${shape.join(', ')})`)
  })
}

/** Vectors to start training from: ones, so the model is the base at first. */
export function initialVectors(config: Ia3Config, modules: readonly AdaptedModule[]): TensorMap {
  return new Map(
    modules.map((module): [string, Tensor] => {
      const shape = vectorShape(config, module)
      return [vectorKey(module.path), { shape, data: new Float32Array(shape[0] * shape[1]).fill(1) }]
    }),
  )
}
