import { availableParallelism } from 'node:os'
import { LoricaError } from '@lorica/protocol'
import { Command } from 'commander'
import { positiveInteger, wholeNumber } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import { table } from '../screen/format.js'
import type { Output } from '../screen/output.js'
import { benchRobust, type RobustBench } from './bench-robust.js'
import { withCode } from './errors.js'
import { attackNames, ruleNames } from './robust-federation.js'
import type { RobustResult, RobustRun } from './robust-trials.js'

interface RobustOptions extends Omit<RobustBench, 'attacks' | 'rules' | 'liars'> {
  readonly attacks: string
  readonly rules: string
  readonly liars: string
}

/** `lorica bench robust`: attacks against rules, as a table. */
export function robustCommand(): Command {
  const command = new Command('robust')
    .description(
      'train small federations some of whose agents lie, under each attack and each robust rule, and compare with honest agents alone',
    )
    .option('--agents <n>', 'agents', positiveInteger, 10)
    .option('--liars <n,…>', 'how many of them lie, one table for each', '2')
    .option('--attacks <names>', 'separated by commas', attackNames.join(','))
    .option('--rules <names>', 'separated by commas; mean is plain averaging', ruleNames.join(','))
    .option('--rounds <n>', 'rounds', positiveInteger, 40)
    .option('--steps <n>', 'optimizer steps of an agent in a round', positiveInteger, 12)
    .option('--batch <rows>', 'rows in one batch', positiveInteger, 16)
    .option('--rows <n>', 'rows of each agent', positiveInteger, 2048)
    .option('--held-out <rows>', 'rows that the result is measured on', positiveInteger, 4096)
    .option('--trials <n>', 'each with data of its own; the tables have their means', positiveInteger, 5)
    .option('--seed <n>', 'the same seed gives the same numbers', wholeNumber, 1)
    .option('--engines <n>', 'federations that are trained at once', positiveInteger, availableParallelism())
  return runs(command, (options: RobustOptions, output) => withCode('LRC-6003', () => show(options, output)))
}

async function show(options: RobustOptions, output: Output): Promise<void> {
  const { agents } = options
  const liars = options.liars.split(',').map(Number)
  const wrong = liars.find((count) => !Number.isSafeInteger(count) || count < 1 || count >= agents)
  if (wrong !== undefined)
    throw new LoricaError('LRC-8001', `--liars expected numbers from 1 to ${agents - 1}`, {
      received: options.liars,
    })
  const bench: RobustBench = {
    ...options,
    liars,
    attacks: listed('--attacks', options.attacks, attackNames),
    rules: listed('--rules', options.rules, ruleNames),
  }
  const result = await benchRobust(bench, (text) => output.progress(text))
  output.result({ ...result, settings: bench }, linesOf(result, bench))
}

function listed<Name extends string>(flag: string, given: string, known: readonly Name[]): readonly Name[] {
  return given.split(',').map((name) => {
    const found = known.find((one) => one === name)
    if (found !== undefined) return found
    throw new LoricaError('LRC-8001', `${flag} has an unknown name`, {
      expected: known.join(', '),
      received: name,
    })
  })
}

function linesOf(
  { clean, again, untrained, runs: all }: RobustResult,
  bench: RobustBench,
): readonly string[] {
  const { agents, attacks, rules, liars } = bench
  return [
    `held-out loss of the mean of ${agents} honest agents: ${clean.loss?.toFixed(4)} (untrained ${untrained.loss?.toFixed(4)}), accuracy ${percent(clean.accuracy)}`,
    `the same agents on the same rows in another order: ${changeOf(again.mean, again.error)}`,
    ...liars.flatMap((count) => [
      '',
      `${count} of ${agents} lie: held-out loss beside that; of a backdoor also the share of triggered rows that obey it (${percent(clean.backdoor)} without)`,
      ...table([
        ['', ...attacks],
        ...rules.map((rule) => [
          rule,
          ...attacks.map((attack) =>
            cellOf(all.find((run) => run.rule === rule && run.attack === attack && run.liars === count)),
          ),
        ]),
      ]),
    ]),
  ]
}

function cellOf(run: RobustRun | undefined): string {
  if (run === undefined) return ''
  if (run.refused !== undefined) return 'refused'
  if (run.worseBy === null) return 'lost'
  const change = changeOf(run.worseBy, run.worseByError)
  return run.attack === 'backdoor' ? `${change}, ${percent(run.backdoor)}` : change
}

/** A change and its standard error. */
function changeOf(change: number | null, error: number | null): string {
  if (change === null) return 'lost'
  const text = `${change < 0 ? '' : '+'}${(100 * change).toFixed(1)}`
  return error === null ? `${text} %` : `${text} ± ${(100 * error).toFixed(1)} %`
}

function percent(share: number | null): string {
  return share === null ? 'none' : `${Math.round(100 * share)} %`
}
