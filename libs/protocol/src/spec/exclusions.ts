import { LoricaError } from '../errors/lorica-error.js'
import type { RunStrategy } from './aggregate-spec.js'

/** The settings of a run that may exclude each other. */
interface Settings {
  readonly aggregate: { readonly strategy: RunStrategy }
  readonly local: { readonly optimizerState: 'reset' | 'keep' }
  readonly update: { readonly encoding: string }
}

/** Two settings of a run that do not go together, why, and what to choose instead. */
interface Exclusion {
  applies(spec: Settings): boolean
  first(spec: Settings): string
  second(spec: Settings): string
  readonly because: string
  readonly instead: string
}

const isRefactored = ({ aggregate }: Settings): boolean => ['svd', 'fedsvd'].includes(aggregate.strategy)
const strategyOf = ({ aggregate }: Settings): string => `aggregate.strategy ${aggregate.strategy}`

const exclusions: readonly Exclusion[] = [
  {
    applies: (spec) => isRefactored(spec) && spec.local.optimizerState === 'keep',
    first: strategyOf,
    second: () => 'local.optimizerState keep',
    because: 'each round gives the factors another basis, which the moments of the last one do not fit',
    instead: 'Set local.optimizerState to reset, or aggregate.strategy to fedavg, ffa, rolora or lora-fair.',
  },
  {
    applies: (spec) => isRefactored(spec) && spec.update.encoding !== 'f32',
    first: strategyOf,
    second: ({ update }) => `update.encoding ${update.encoding}`,
    because: 'what rounding keeps back of a round belongs to its factors, and the next round has others',
    instead: 'Set update.encoding to f32, or aggregate.strategy to fedavg, ffa, rolora or lora-fair.',
  },
]

/** Refuses settings that exclude each other. Throws LoricaError LRC-3014 naming both, and what to choose instead. */
export function expectCompatible(spec: Settings): void {
  const found = exclusions.find(({ applies }) => applies(spec))
  if (found === undefined) return
  const [first, second] = [found.first(spec), found.second(spec)]
  throw new LoricaError('LRC-3014', `run: ${first} and ${second} exclude each other: ${found.because}`, {
    expected: `one of ${first} and ${second}`,
    received: 'both',
    action: found.instead,
  })
}
