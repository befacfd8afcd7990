/**
 * Which modules of a model an adapter changes, matched as Hugging Face PEFT matches them.
 * Reference: `check_target_module_exists` in
 * https://github.com/huggingface/peft/blob/main/src/peft/tuners/tuners_utils.py
 * @module
 */
import { startPattern, wholePattern } from './pattern.js'

/** Which modules an adapter changes; the same for each method that changes modules. */
export interface ModuleTargets {
  /** A list of names or ends of module paths, 'all-linear', or a regular expression of whole paths. */
  readonly targetModules: string | readonly string[]
  readonly excludeModules: string | readonly string[] | null
  readonly layersToTransform: number | readonly number[] | null
  readonly layersPattern: string | readonly string[] | null
}

/**
 * The linear modules that a configuration targets, in the given order. `outputLayer` is the path that 'all-linear' leaves
 * out. RangeError when none matches, with the names that the model has.
 */
export function targetModules(
  config: ModuleTargets,
  linears: readonly string[],
  outputLayer?: string,
): readonly string[] {
  const isTarget = targetTest(config)
  const targets = linears.filter((path) => isTarget(path) && !(isAllLinear(config) && path === outputLayer))
  if (targets.length === 0) {
    const endings = [...new Set(linears.map((path) => path.split('.').at(-1)))]
    throw new RangeError(
      `target_modules ${described(config.targetModules)}${narrowing(config)} match no module; the model has ${endings.join(', ')}`,
    )
  }
  return targets
}

/** What leaves modules out that the names alone would match. */
function narrowing({ layersToTransform: layers, excludeModules: excluded }: ModuleTargets): string {
  const of = layers === null ? '' : ` in layers_to_transform ${[layers].flat().join(', ')}`
  return isUnset(excluded) ? of : `${of} without exclude_modules ${described(excluded)}`
}

/** The names of a list of targets that none of the paths ends with. */
export function unmatchedNames(
  { targetModules: names }: Pick<ModuleTargets, 'targetModules'>,
  paths: readonly string[],
): readonly string[] {
  if (typeof names === 'string') return []
  return names.filter((name) => !paths.some((path) => path === name || path.endsWith(`.${name}`)))
}

/** The layers of a configuration in which it targets none of the paths. */
export function unmatchedLayers(config: ModuleTargets, paths: readonly string[]): readonly number[] {
  return [config.layersToTransform ?? []].flat().filter((layer) => {
    const isTarget = targetTest({ ...config, layersToTransform: layer })
    return !paths.some(isTarget)
  })
}

/** A test of whether a configuration targets a module path, given that the path is a linear module. */
export function targetTest(config: ModuleTargets): (path: string) => boolean {
  const isExcluded = isUnset(config.excludeModules) ? () => false : nameTest(config.excludeModules)
  if (isAllLinear(config)) return (path) => !isExcluded(path)
  const matches = nameTest(config.targetModules)
  const inLayers = typeof config.targetModules === 'string' ? () => true : layerTest(config)
  const exact = new Set(config.targetModules)
  return (path) => !isExcluded(path) && (exact.has(path) || (matches(path) && inLayers(path)))
}

/** Whether a configuration targets every linear module except the output layer. */
export function isAllLinear(config: Pick<ModuleTargets, 'targetModules'>): boolean {
  return typeof config.targetModules === 'string' && config.targetModules.toLowerCase() === 'all-linear'
}

function nameTest(names: string | readonly string[]): (path: string) => boolean {
  if (typeof names === 'string') {
    const pattern = wholePattern(names)
    return (path) => pattern.test(path)
  }
  return (path) => names.some((name) => path === name || path.endsWith(`.${name}`))
}

function layerTest({ layersToTransform, layersPattern }: ModuleTargets): (path: string) => boolean {
  if (layersToTransform === null || isUnset(layersToTransform)) return () => true
  const layers = new Set(typeof layersToTransform === 'number' ? [layersToTransform] : layersToTransform)
  const names = isUnset(layersPattern) ? ['[^.]*'] : [layersPattern].flat()
  const prefix = isUnset(layersPattern) ? '.*?\\.' : '(?:^|.*?\\.)'
  const patterns = names.map((name) => startPattern(`${prefix}${name}\\.(?P<idx>\\d+)\\.`))
  return (path) => {
    const index = patterns
      .map((pattern) => pattern.exec(path)?.groups?.idx)
      .find((found) => found !== undefined)
    return index !== undefined && layers.has(Number(index))
  }
}

function isUnset<T>(value: T | null): value is null {
  return value === null || value === '' || (Array.isArray(value) && value.length === 0)
}

function described(names: string | readonly string[]): string {
  return typeof names === 'string' ? `"${names}"` : names.join(', ')
}
