import { Command } from 'commander'
import { positiveInteger, positiveNumber, probability } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import { table } from '../screen/format.js'
import type { Output } from '../screen/output.js'
import { meanOf, spreadOf } from './bench-learning.js'
import { benchPrivate, type PrivateBench, type PrivateResult } from './bench-private.js'
import { withCode } from './errors.js'
import { epsilonsIn, expected, privateStrategyNames, strategiesIn } from './private-strategies.js'

interface PrivateOptions extends Omit<PrivateBench, 'strategies' | 'epsilons'> {
  readonly strategies: string
  readonly epsilons: string
}

/** `lorica bench private-learning`: what a promise to each site costs, as a table of epsilon and loss for each strategy. */
export function privateLearningCommand(): Command {
  const command = new Command('private-learning')
    .description(
      'train federations of many sites with noise on their sums, and compare what they learn at each epsilon',
    )
    .option(
      '--agents <n>',
      'sites, each of one agent; the noise of a mean falls with their number',
      positiveInteger,
      100,
    )
    .option('--epsilons <e,…>', 'of all rounds together, for each site', '1,2,4,8')
    .option('--delta <d>', 'the chance left out of the promise', probability, 1e-5)
    .option('--clip <norm>', 'bound on the L2 norm of an update', positiveNumber, 3)
    .option('--rank <r>', 'rank of all agents', positiveInteger, 2)
    .option('--strategies <names>', 'separated by commas', privateStrategyNames.join(','))
    .option(
      '--seeds <n>',
      'how often all of it is done, with other data and another start',
      positiveInteger,
      1,
    )
    .option('--rounds <n>', 'rounds', positiveInteger, 4)
    .option('--steps <n>', 'optimizer steps of an agent in a round', positiveInteger, 5)
    .option('--batch <rows>', 'rows in one batch', positiveInteger, 16)
    .option('--rows <n>', 'rows of each agent', positiveInteger, 64)
    .option('--learning-rate <number>', 'of all strategies, falling to 0', positiveNumber, 0.04)
    .addHelpText(
      'after',
      '\nExit code 1 when no strategy keeps half of its gain at epsilon 8, where that is among the epsilons.',
    )
  return runs(command, (options: PrivateOptions, output) => withCode('LRC-6003', () => show(options, output)))
}

async function show(options: PrivateOptions, output: Output): Promise<void> {
  const bench: PrivateBench = {
    ...options,
    epsilons: epsilonsIn(options.epsilons),
    strategies: strategiesIn(options.strategies),
  }
  const result = await benchPrivate(bench, (text) => output.progress(text))
  const holds = keepsEnough(result)
  output.result({ ...result, holds, settings: bench }, [
    ...linesOf(result, bench),
    '',
    finding(result, holds),
  ])
  if (holds === false) process.exitCode = 1
}

const bestOf = ({ rows }: PrivateResult) =>
  rows.filter(({ epsilon }) => epsilon === expected.epsilon).sort((a, b) => b.kept - a.kept)[0]

/** Whether the best strategy keeps half of its gain at epsilon 8; null where that was not measured. */
function keepsEnough(result: PrivateResult): boolean | null {
  const best = bestOf(result)
  return best === undefined ? null : best.kept >= expected.kept
}

function finding(result: PrivateResult, holds: boolean | null): string {
  const best = bestOf(result)
  if (best === undefined) return `epsilon ${expected.epsilon} was not measured`
  return `at epsilon ${expected.epsilon} ${best.strategy} keeps ${(100 * best.kept).toFixed(0)} % of what it gains with neither clip nor noise${holds === true ? '' : ': less than half'}`
}

function linesOf({ untrained, rows }: PrivateResult, bench: PrivateBench): readonly string[] {
  const { agents, rounds, steps, seeds, delta, clip } = bench
  return [
    `${agents} sites, ${rounds} rounds of ${steps} steps, clip ${clip}, ${seeds} seeds; epsilon of all rounds for each site at delta ${delta}`,
    `loss: nats a word of held-out text of all topics, mean ± standard deviation of the seeds; untrained ${lossOf(untrained)}`,
    '',
    ...table([
      ['strategy', 'epsilon', 'noise multiplier', 'loss', 'gain kept'],
      ...rows.map(({ strategy, clip: bound, epsilon, noiseMultiplier, losses, kept }) => [
        strategy,
        epsilon === null ? (bound === null ? 'neither clip nor noise' : 'clip alone') : String(epsilon),
        noiseMultiplier?.toFixed(3) ?? '-',
        lossOf(losses),
        `${(100 * kept).toFixed(0)} %`,
      ]),
    ]),
  ]
}

const lossOf = (losses: readonly number[]): string =>
  `${meanOf(losses).toFixed(3)} ± ${spreadOf(losses).toFixed(3)}`
