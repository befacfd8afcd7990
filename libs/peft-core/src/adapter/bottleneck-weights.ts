/**
 * The matrices and biases of the small network that follows a module.
 *
 * Sizes used below: O = outputs of the module, R = size of the bottleneck.
 * @module
 */
import { createRandom } from '../train/random.js'
import type { BottleneckConfig } from './bottleneck-config.js'
import type { AdaptedModule } from './factors.js'
import { targetTest } from './target-modules.js'
import type { Tensor, TensorMap } from './tensor.js'

/** The keys of a module's network in adapter_model.safetensors. */
export interface BottleneckKeys {
  readonly down: string // (R, O)
  readonly downBias: string // (R)
  readonly up: string // (O, R)
  readonly upBias: string // (O)
}

export function bottleneckKeys(path: string): BottleneckKeys {
  const key = `base_model.model.${path}.bottleneck`
  return {
    down: `${key}_down.weight`,
    downBias: `${key}_down.bias`,
    up: `${key}_up.weight`,
    upBias: `${key}_up.bias`,
  }
}

/** RangeError names the first tensor that is unknown or missing, that has another size, or whose module is no target. */
export function expectBottlenecks(config: BottleneckConfig, tensors: TensorMap): void {
  const paths = new Set([...tensors.keys()].map(pathOf))
  if (paths.size === 0) throw new RangeError('the adapter expected four tensors for each module, got none')
  const isTarget = targetTest(config)
  for (const path of paths) {
    if (!isTarget(path))
      throw new RangeError(
        `the adapter has a bottleneck after "${path}", which target_modules does not match`,
      )
    const keys = bottleneckKeys(path)
    const outputs = tensors.get(keys.upBias)?.shape[0] ?? 0
    expectShape(tensors, keys.upBias, [outputs])
    expectShape(tensors, keys.down, [config.size, outputs])
    expectShape(tensors, keys.downBias, [config.size])
    expectShape(tensors, keys.up, [outputs, config.size])
  }
}

/**
 * Networks to start training from: W_down uniform in +-1/sqrt(O) as torch.nn.Linear begins, the rest zero, so the model is
 * the base at first. The same seed gives the same bytes on every machine, whatever the order of the modules.
 */
export function initialBottlenecks(
  { size }: Pick<BottleneckConfig, 'size'>,
  modules: readonly AdaptedModule[],
  seed: number,
): TensorMap {
  const zeros = (...shape: readonly number[]): Tensor => ({
    shape,
    data: new Float32Array(shape.reduce((product, side) => product * side, 1)),
  })
  return new Map(
    modules.flatMap(({ path, outFeatures }): readonly [string, Tensor][] => {
      const keys = bottleneckKeys(path)
      const random = createRandom(seed, keys.down)
      const bound = 1 / Math.sqrt(outFeatures)
      const data = Float32Array.from({ length: size * outFeatures }, () => (2 * random.uniform() - 1) * bound)
      return [
        [keys.down, { shape: [size, outFeatures], data }],
        [keys.downBias, zeros(size)],
        [keys.up, zeros(outFeatures, size)],
        [keys.upBias, zeros(outFeatures)],
      ]
    }),
  )
}

function pathOf(key: string): string {
  const path = /^base_model\.model\.(.+)\.bottleneck_(?:down|up)\.(?:weight|bias)$/s.exec(key)?.[1]
  if (path !== undefined) return path
  throw new RangeError(
    `tensor "${key}" is no part of a bottleneck; expected base_model.model.<module>.bottleneck_down.weight or the like`,
  )
}

function expectShape(tensors: TensorMap, key: string, expected: readonly number[]): void {
  const shape = tensors.get(key)?.shape
  if (shape?.length === expected.length && shape.every((side, axis) => side === expected[axis] && side > 0))
    return
  const got = shape === undefined ? 'none' : `(${shape.join(', ')})`
  throw new RangeError(`expected a tensor "${key}" (${expected.join(', ')}), got ${got}`)
}
