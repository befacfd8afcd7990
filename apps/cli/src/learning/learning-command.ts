import { availableParallelism } from 'node:os'
import { LoricaError } from '@lorica/protocol'
import { Command } from 'commander'
import { positiveInteger, positiveNumber } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import { table } from '../screen/format.js'
import type { Output } from '../screen/output.js'
import {
  benchLearning,
  type LearningBench,
  type LearningGroup,
  type LearningResult,
  meanOf,
  spreadOf,
  sumOf,
} from './bench-learning.js'
import { withCode } from './errors.js'
import { findings } from './learning-findings.js'
import { type LearningStrategy, learningStrategyNames } from './learning-strategies.js'

interface LearningOptions extends Omit<LearningBench, 'strategies' | 'ranks'> {
  readonly strategies: string
  readonly ranks: string
}

/** `lorica bench learning`: strategies held against each other, as a table. */
export function learningCommand(): Command {
  const command = new Command('learning')
    .description(
      'train small federations of agents with unlike data under each strategy, and compare what they learn and send',
    )
    .option('--agents <n>', 'agents', positiveInteger, 10)
    .option('--ranks <r,…>', 'ranks of the agents in turn, for the strategies that take several', '4,8,16')
    .option('--rank <r>', 'rank of all agents, for all strategies', positiveInteger, 8)
    .option('--strategies <names>', 'separated by commas', learningStrategyNames.join(','))
    .option(
      '--seeds <n>',
      'how often all of it is done, with other data and another start',
      positiveInteger,
      3,
    )
    .option('--rounds <n>', 'rounds', positiveInteger, 10)
    .option('--steps <n>', 'optimizer steps of an agent in a round', positiveInteger, 10)
    .option('--batch <rows>', 'rows in one batch', positiveInteger, 16)
    .option('--rows <n>', 'rows of each agent', positiveInteger, 256)
    .option('--learning-rate <number>', 'of all strategies, falling to 0', positiveNumber, 0.04)
    .option('--engines <n>', 'federations that are trained at once', positiveInteger, availableParallelism())
  return runs(command, (options: LearningOptions, output) =>
    withCode('LRC-6003', () => show(options, output)),
  )
}

async function show(options: LearningOptions, output: Output): Promise<void> {
  const bench: LearningBench = {
    ...options,
    ranks: ranksIn(options.ranks),
    strategies: strategiesIn(options.strategies),
  }
  const result = await benchLearning(bench, (text) => output.progress(text))
  output.result({ ...result, findings: findings(result), settings: bench }, linesOf(result, bench))
}

function ranksIn(given: string): readonly number[] {
  const ranks = given.split(',').map(Number)
  if (ranks.every((rank) => Number.isSafeInteger(rank) && rank >= 1)) return ranks
  throw new LoricaError('LRC-8001', '--ranks expected whole numbers of at least 1, separated by commas', {
    received: given,
  })
}

function strategiesIn(given: string): readonly LearningStrategy[] {
  return given.split(',').map((name) => {
    const found = learningStrategyNames.find((one) => one === name)
    if (found !== undefined) return found
    throw new LoricaError('LRC-8001', '--strategies has an unknown name', {
      expected: learningStrategyNames.join(', '),
      received: name,
    })
  })
}

function linesOf(result: LearningResult, bench: LearningBench): readonly string[] {
  const { agents, rounds, steps, seeds, learningRate } = bench
  return [
    `${agents} agents, ${rounds} rounds of ${steps} steps, learning rate ${learningRate}, ${seeds} seeds; loss: nats a word of held-out text of all topics, mean ± standard deviation of the seeds; own loss: of text like that of each agent`,
    'gain per MB: nats below the untrained model for each MB that the mean agent sent and got',
    ...[result.mixed, result.equal, result.doubled]
      .filter(({ rows }) => rows.length > 0)
      .flatMap((group) => ['', ...groupLines(group)]),
    '',
    ...findings(result),
  ]
}

function groupLines({ ranks, alone, aloneOwn, untrained, rows }: LearningGroup): readonly string[] {
  return [
    `ranks ${[...new Set(ranks)].join(', ')}: untrained ${lossOf(untrained)}, the average agent alone ${lossOf(alone)}, of its own text ${lossOf(aloneOwn)}`,
    ...table([
      ['strategy', 'loss', 'own loss', 'up, kB an agent', 'down, kB an agent', 'MB in all', 'gain per MB'],
      ...rows.map(({ strategy, losses, ownLosses, upBytes, downBytes, gainPerMB }) => [
        strategy,
        lossOf(losses),
        lossOf(ownLosses),
        String(Math.round(meanOf(upBytes) / 1000)),
        String(Math.round(meanOf(downBytes) / 1000)),
        ((sumOf(upBytes) + sumOf(downBytes)) / 1e6).toFixed(1),
        gainPerMB.toFixed(2),
      ]),
    ]),
  ]
}

const lossOf = (losses: readonly number[]): string =>
  `${meanOf(losses).toFixed(3)} ± ${spreadOf(losses).toFixed(3)}`
