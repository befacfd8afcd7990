import { fedavg } from './averaging.js'
import { type FloraOptions, flora } from './flora.js'
import type { Strategy } from './strategy.js'
import { type SvdOptions, svd } from './svd.js'

/** A strategy by its name, with the settings that it takes. */
export type StrategySpec =
  | { readonly strategy: 'fedavg' }
  | ({ readonly strategy: 'flora' } & FloraOptions)
  | ({ readonly strategy: 'svd' } & SvdOptions)

/** All strategies. */
export const strategyNames = ['fedavg', 'flora', 'svd'] as const
export type StrategyName = (typeof strategyNames)[number]

/** The strategy that a run or a command line names. */
export function strategyOf(spec: StrategySpec): Strategy {
  switch (spec.strategy) {
    case 'fedavg':
      return fedavg
    case 'flora':
      return flora(spec)
    case 'svd':
      return svd(spec)
  }
}
