import { LoricaError } from '@lorica/protocol'
import { Command, Option } from 'commander'
import {
  fraction,
  needed,
  positiveInteger,
  positiveNumber,
  probability,
  threadCount,
  wholeNumber,
} from '../screen/argument.js'
import { collect, runs } from '../screen/command.js'
import { table } from '../screen/format.js'
import type { Output } from '../screen/output.js'
import {
  benchExamples,
  type ExampleBench,
  type ExampleResult,
  noisyRecipes,
  plainRecipe,
} from './bench-examples.js'
import { withCode } from './errors.js'
import { epsilonsIn, expected, privateStrategyNames, strategiesIn } from './private-strategies.js'

interface ExamplesOptions extends Omit<ExampleBench, 'strategies' | 'epsilons'> {
  readonly strategies: string
  readonly epsilons: string
}

/** `lorica bench private-examples`: what a promise to each example costs, as a table of epsilon and loss for each strategy. */
export function privateExamplesCommand(): Command {
  const command = new Command('private-examples')
    .description(
      'train a federation on your data with privacy of each example, and compare what it learns at each epsilon',
    )
    .requiredOption('--model <path>', 'base model: a Hugging Face folder')
    .requiredOption('--data <file>', 'the data of one site; may be repeated', collect)
    .option('--epsilons <e,…>', 'of all rounds together, for each example', '1,2,4,8')
    .option('--delta <d>', 'the chance left out of the promise', probability, 1e-5)
    .option('--strategies <names>', 'separated by commas', privateStrategyNames.join(','))
    .addOption(
      new Option(
        '--noise <whose>',
        'shared: a part of each site, on the sum of all of them; agent: each its own',
      )
        .choices(['shared', 'agent'])
        .default('shared'),
    )
    .option('--clip <norm>', 'greatest L2 norm of the gradient of one example', positiveNumber)
    .option('--rank <r>', 'rank', positiveInteger)
    .option('--targets <modules>', 'all-linear, or module names separated by commas')
    .option('--rounds <n>', 'rounds', positiveInteger)
    .option('--steps <n>', 'optimizer steps of a site in a round; of shared noise 1', positiveInteger)
    .option('--batch <examples>', 'expected examples of a site in a step', positiveInteger)
    .addOption(new Option('--optimizer <kind>', 'what follows the gradients').choices(['adamw', 'sgd']))
    .option('--learning-rate <lr>', 'highest learning rate, falling to 0', positiveNumber)
    .option('--warmup-steps <n>', 'steps over which the learning rate rises', wholeNumber)
    .addOption(
      new Option(
        '--start <rows>',
        'of a frozen A: random ones, or the leading right singular vectors of the weights (peft.start of a run file)',
      ).choices(['principal', 'random']),
    )
    .option('--plain-rounds <n>', 'rounds of the federation with neither clip nor noise', positiveInteger, 10)
    .option('--max-tokens <n>', 'tokens of one example, at most', positiveInteger, 128)
    .option('--holdout <share>', 'share of each file to judge by', fraction, 0.1)
    .option('--seed <n>', 'of the first factors; examples and noise are drawn anew each time', wholeNumber, 1)
    .option('--threads <n>', 'processor threads', threadCount, 1)
    .addHelpText(
      'after',
      '\nExit code 1 when no strategy keeps half of the gain at epsilon 8, where that is among the epsilons.',
    )
  return runs(command, (options: ExamplesOptions, output) =>
    withCode('LRC-6003', () => show(options, output)),
  )
}

async function show(options: ExamplesOptions, output: Output): Promise<void> {
  const bench: ExampleBench = {
    ...noisyRecipes[options.noise],
    ...options,
    data: needed(options.data, '--data'),
    epsilons: epsilonsIn(options.epsilons),
    strategies: strategiesIn(options.strategies),
  }
  expectOneStep(bench)
  const result = await benchExamples(bench, (text) => output.progress(text))
  const best = bestOf(result)
  const holds = best === undefined ? null : best.kept >= expected.kept
  output.result({ ...result, holds, settings: bench }, [
    ...linesOf(result, bench),
    '',
    best === undefined
      ? `epsilon ${expected.epsilon} was not measured`
      : `at epsilon ${expected.epsilon} ${best.strategy} keeps ${percent(best.kept)} of what the federation gains with neither clip nor noise${holds === true ? '' : ': less than half'}`,
  ])
  if (holds === false) process.exitCode = 1
}

/** LRC-8001 for shared noise with anything but one plain step a round: only sums have noise, and nobody steps before them. */
function expectOneStep({ noise, steps, optimizer }: ExampleBench): void {
  if (noise === 'agent' || (steps === 1 && optimizer === 'sgd')) return
  throw new LoricaError('LRC-8001', '--noise shared expected one step of sgd a round', {
    expected: '--steps 1 --optimizer sgd, or --noise agent',
    received: `--steps ${steps} --optimizer ${optimizer}`,
  })
}

/** The best of those that promise epsilon 8 and are not made for less. */
const bestOf = ({ rows }: ExampleResult) =>
  rows.filter(({ wanted }) => wanted === expected.epsilon).sort((left, right) => right.kept - left.kept)[0]

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`

function linesOf({ examples, base, plain, rows }: ExampleResult, bench: ExampleBench): readonly string[] {
  const { noise, rounds, steps, batch, clip, rank, targets, delta, optimizer, learningRate } = bench
  return [
    `${examples.length} sites of ${examples.join(', ')} examples; noise ${noise === 'shared' ? 'on the sum of all sites' : 'of each site'}; ${rounds} rounds of ${steps} steps of ${batch} examples a site, clip ${clip}, rank ${rank} on ${targets}, ${optimizer} at ${learningRate}`,
    `epsilon of all rounds for each example at delta ${delta}; loss: nats a prediction on held-out data of all sites`,
    `base ${base.toFixed(3)}; with neither clip nor noise ${plain.toFixed(3)} (fedavg, rank ${plainRecipe.rank}, ${bench.plainRounds} rounds of ${plainRecipe.steps} steps of ${plainRecipe.batch} examples)`,
    '',
    ...table([
      ['strategy', 'epsilon', 'noise multiplier', 'loss', 'gain kept'],
      ...rows.map(({ strategy, wanted, noiseMultiplier, loss, kept }) => [
        strategy,
        String(wanted),
        noiseMultiplier.toFixed(3),
        loss.toFixed(3),
        percent(kept),
      ]),
    ]),
  ]
}
