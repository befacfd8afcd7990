/**
 * The options of `lorica aggregate` as the settings of a strategy.
 * @module
 */
import type { StrategyName, StrategySpec } from '@lorica/peft-core'
import { LoricaError } from '@lorica/protocol'

export interface StrategyOptions {
  readonly strategy: StrategyName
  readonly rank?: number
  readonly energy?: number
  readonly balance?: 'b' | 'even'
  readonly partition?: boolean
  readonly maxRank?: number
}

const MAX_RANK = 1024

/** The options that each strategy takes. */
const taken: Readonly<Record<StrategyName, readonly (keyof StrategyOptions)[]>> = {
  fedavg: [],
  flora: ['maxRank'],
  svd: ['rank', 'energy', 'balance', 'partition'],
}

const flags: Readonly<Record<Exclude<keyof StrategyOptions, 'strategy'>, string>> = {
  rank: '--rank',
  energy: '--energy',
  balance: '--balance',
  partition: '--partition',
  maxRank: '--max-rank',
}

/** LRC-8001 for an option that the strategy does not take. */
export function specOf(options: StrategyOptions): StrategySpec {
  const { strategy, rank, energy, balance = 'b', partition = false, maxRank = MAX_RANK } = options
  for (const [name, flag] of Object.entries(flags)) {
    const key = name as keyof typeof flags
    if (options[key] === undefined || taken[strategy].includes(key)) continue
    const takers = Object.entries(taken).filter(([, keys]) => keys.includes(key))
    throw new LoricaError('LRC-8001', `${strategy} takes no ${flag}`, {
      expected: `${flag} with ${takers.map(([taker]) => taker).join(' or ')}`,
      received: `--strategy ${strategy}`,
    })
  }
  switch (strategy) {
    case 'fedavg':
      return { strategy }
    case 'flora':
      return { strategy, maxRank }
    case 'svd': {
      const target = { ...(rank === undefined ? {} : { rank }), ...(energy === undefined ? {} : { energy }) }
      const chosen = Object.keys(target).length === 0 ? {} : { target }
      return { strategy, balance, partition, ...chosen }
    }
  }
}
