import { fedavg } from './averaging.js'
import { type FedexOptions, fedex } from './fedex.js'
import { type FedrotOptions, fedrot } from './fedrot.js'
import { fedsa } from './fedsa.js'
import { fedsvd } from './fedsvd.js'
import { ffa } from './ffa.js'
import { type FloraOptions, flora } from './flora.js'
import { hetlora } from './hetlora.js'
import { type LoraFairOptions, loraFair } from './lora-fair.js'
import { rolora } from './rolora.js'
import type { Strategy } from './strategy.js'
import { type SvdOptions, svd } from './svd.js'

const plain = { fedavg, ffa, rolora, fedsa, fedsvd, hetlora } as const

/** A strategy by its name, with the settings that it takes. */
export type StrategySpec =
  | { readonly strategy: keyof typeof plain }
  | ({ readonly strategy: 'flora' } & FloraOptions)
  | ({ readonly strategy: 'svd' } & SvdOptions)
  | ({ readonly strategy: 'fedex' } & FedexOptions)
  | ({ readonly strategy: 'fedrot' } & FedrotOptions)
  | ({ readonly strategy: 'lora-fair' } & LoraFairOptions)

/** All strategies. */
export const strategyNames = [
  'fedavg',
  'ffa',
  'rolora',
  'flora',
  'svd',
  'fedex',
  'fedsa',
  'fedrot',
  'fedsvd',
  'lora-fair',
  'hetlora',
] as const satisfies readonly StrategySpec['strategy'][]
export type StrategyName = StrategySpec['strategy']

/** The strategy that a run or a command line names. RangeError for a setting that it cannot have. */
export function strategyOf(spec: StrategySpec): Strategy {
  switch (spec.strategy) {
    case 'flora':
      return flora(spec)
    case 'svd':
      return svd(spec)
    case 'fedex':
      return fedex(spec)
    case 'fedrot':
      return fedrot(spec)
    case 'lora-fair':
      return loraFair(spec)
    default:
      return plain[spec.strategy]
  }
}
