/**
 * The options of `lorica aggregate` as the settings of a strategy.
 * @module
 */
import { type StrategyName, type StrategySpec, strategyNames } from '@lorica/peft-core'
import { LoricaError } from '@lorica/protocol'
import { type Command, Option } from 'commander'
import { nonNegativeNumber, positiveInteger, positiveShare } from '../screen/argument.js'

export interface StrategyOptions {
  readonly strategy: StrategyName
  readonly rank?: number
  readonly energy?: number
  readonly balance?: 'b' | 'even'
  readonly partition?: boolean
  readonly maxRank?: number
  readonly lambda?: number
  readonly turned?: boolean
}

type Setting = Exclude<keyof StrategyOptions, 'strategy'>

const MAX_RANK = 1024
const FAIR_LAMBDA = 0.01
const TURN_LAMBDA = 0.5

/** Each option of the command line, and the strategies that take it. */
const settings: Readonly<
  Record<Setting, { readonly flag: string; readonly takers: readonly StrategyName[] }>
> = {
  rank: { flag: '--rank', takers: ['svd', 'fedex'] },
  energy: { flag: '--energy', takers: ['svd', 'fedex'] },
  balance: { flag: '--balance', takers: ['svd'] },
  partition: { flag: '--partition', takers: ['svd'] },
  maxRank: { flag: '--max-rank', takers: ['flora', 'fedex'] },
  lambda: { flag: '--lambda', takers: ['lora-fair', 'fedrot'] },
  turned: { flag: '--turned', takers: ['fedrot'] },
}

/** Adds `--strategy` and what strategies take. */
export function withStrategyOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--strategy <name>', 'how they are aggregated').choices(strategyNames).makeOptionMandatory(),
    )
    .option(
      '--rank <r>',
      'svd: the rank to compress to (default: the largest of the adapters); fedex: of the side adapter (default: all)',
      positiveInteger,
    )
    .option(
      '--energy <share>',
      'svd, fedex: keep so much of the sum of squared singular values, such as 0.99 or 99%',
      positiveShare,
    )
    .addOption(
      new Option(
        '--balance <where>',
        'svd: singular values go to B (b), or their roots to A and B (even)',
      ).choices(['b', 'even']),
    )
    .option('--partition', 'svd: sum each range of ranks over the adapters that reach it')
    .option(
      '--max-rank <r>',
      `flora, fedex: the largest rank that may come of stacking (default: ${MAX_RANK})`,
      positiveInteger,
    )
    .option(
      '--lambda <number>',
      `lora-fair: what a correction of B costs (default: ${FAIR_LAMBDA}); fedrot: how far to turn, 0 to 1 (default: ${TURN_LAMBDA})`,
      nonNegativeNumber,
    )
    .option('--turned', 'fedrot: the adapters have been turned already')
}

/** LRC-8001 for an option that the strategy does not take. */
export function specOf(options: StrategyOptions): StrategySpec {
  const { strategy, rank, energy, balance = 'b', partition = false, maxRank = MAX_RANK, lambda } = options
  expectTaken(options)
  const target = { ...(rank === undefined ? {} : { rank }), ...(energy === undefined ? {} : { energy }) }
  const chosen = Object.keys(target).length === 0 ? {} : { target }
  switch (strategy) {
    case 'flora':
      return { strategy, maxRank }
    case 'svd':
      return { strategy, balance, partition, ...chosen }
    case 'fedex':
      return { strategy, maxRank, ...chosen }
    case 'lora-fair':
      return { strategy, lambda: lambda ?? FAIR_LAMBDA }
    case 'fedrot':
      return { strategy, lambda: lambda ?? TURN_LAMBDA, turnHere: options.turned !== true }
    default:
      return { strategy }
  }
}

function expectTaken(options: StrategyOptions): void {
  for (const [name, { flag, takers }] of Object.entries(settings)) {
    if (options[name as Setting] === undefined || takers.includes(options.strategy)) continue
    throw new LoricaError('LRC-8001', `${options.strategy} takes no ${flag}`, {
      expected: `${flag} with ${takers.join(' or ')}`,
      received: `--strategy ${options.strategy}`,
    })
  }
}
