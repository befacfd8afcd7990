import { type LoraConfig, rankOf, scalingOf } from '../adapter/lora-config.js'

/** The rank and the scaling that a module is released with. `key` is what PEFT looks ranks up by. */
export interface ReleasedModule {
  readonly key: string
  readonly rank: number
  readonly scaling: number
}

/**
 * The configuration of factors of these ranks and scalings: the given one where it says the same, else with the most frequent
 * rank and patterns for the modules of others, and no rsLoRA.
 */
export function releasedConfig(config: LoraConfig, modules: readonly ReleasedModule[]): LoraConfig {
  const isSame = modules.every(
    ({ key, rank, scaling }) => rankOf(config, key) === rank && scalingOf(config, key) === scaling,
  )
  if (isSame) return config
  const alphaOf = ({ rank, scaling }: ReleasedModule): number => scaling * rank
  const rank = mostFrequent(modules.map((module) => module.rank))
  const alpha = mostFrequent(modules.filter((module) => module.rank === rank).map(alphaOf))
  // PEFT takes the first pattern that matches the end of a path, so longer paths come first.
  const ordered = modules.toSorted((a, b) => b.key.length - a.key.length || (a.key < b.key ? -1 : 1))
  const others = ordered.filter((module) => module.rank !== rank || alphaOf(module) !== alpha)
  const isMatched = (path: string): boolean =>
    others.some(({ key }) => path === key || path.endsWith(`.${key}`))
  const differing = ordered.filter(({ key }) => isMatched(key))
  return {
    ...config,
    rank,
    alpha,
    rslora: false,
    rankPattern: Object.fromEntries(differing.map((module) => [module.key, module.rank])),
    alphaPattern: Object.fromEntries(differing.map((module) => [module.key, alphaOf(module)])),
  }
}

/** The largest of the values that occur most often. */
function mostFrequent(values: readonly number[]): number {
  const counts = new Map<number, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  const [first] = [...counts].sort(([a, m], [b, n]) => n - m || b - a)
  return first?.[0] ?? 1
}
