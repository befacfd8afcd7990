import type { StrategySpec } from '@lorica/peft-core'

/** A strategy as a federation uses it. */
export interface UsedStrategy {
  readonly spec: StrategySpec
  /** Takes agents of several ranks; the others need one rank. */
  readonly isMixed: boolean
  /** Starts from orthonormal A. */
  readonly isOrthonormal?: boolean
  /** Agents train and send one factor at a time: with twice the rank about as much as the others. */
  readonly sendsHalf?: boolean
  /** What agents merge into their copy of the model after each round: all that is released, and start afresh, or the side adapter. */
  readonly merges?: 'all' | 'side'
}

const MAX_RANK = 1024
const turned = { strategy: 'fedrot', lambda: 0.5, turnHere: false } as const

/** The strategies of `bench learning`, by name; `svd-partition` sums each range of ranks over the agents that reach it. */
export const learningStrategies = {
  svd: { spec: { strategy: 'svd', balance: 'even', partition: false }, isMixed: true },
  'svd-partition': { spec: { strategy: 'svd', balance: 'even', partition: true }, isMixed: true },
  hetlora: { spec: { strategy: 'hetlora' }, isMixed: true },
  flora: { spec: { strategy: 'flora', maxRank: MAX_RANK }, isMixed: true, merges: 'all' },
  fedex: { spec: { strategy: 'fedex', maxRank: MAX_RANK }, isMixed: false, merges: 'side' },
  fedavg: { spec: { strategy: 'fedavg' }, isMixed: false },
  ffa: { spec: { strategy: 'ffa' }, isMixed: false, isOrthonormal: true, sendsHalf: true },
  rolora: { spec: { strategy: 'rolora' }, isMixed: false, sendsHalf: true },
  fedsvd: { spec: { strategy: 'fedsvd' }, isMixed: false, isOrthonormal: true, sendsHalf: true },
  fedrot: { spec: turned, isMixed: false },
  'lora-fair': { spec: { strategy: 'lora-fair', lambda: 0.01 }, isMixed: false },
  fedsa: { spec: { strategy: 'fedsa' }, isMixed: false },
} as const satisfies Readonly<Record<string, UsedStrategy>>

export type LearningStrategy = keyof typeof learningStrategies
export const learningStrategyNames = Object.keys(learningStrategies) as readonly LearningStrategy[]
