import { Command, Option } from 'commander'
import { positiveInteger } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import { count, duration } from '../screen/format.js'
import type { Output } from '../screen/output.js'
import { type BenchShape, benchTrain } from './bench-train.js'
import { withEngineOptions } from './engine-choice.js'
import { withCode } from './errors.js'
import { privateExamplesCommand } from './examples-command.js'
import { learningCommand } from './learning-command.js'
import { privateLearningCommand } from './private-command.js'
import { recomputeOption } from './recompute.js'
import { robustCommand } from './robust-command.js'

const engine = { runtime: 'ort', device: 'cpu', threads: 2 } as const
const common = { ...engine, recompute: 'cheap', rank: 8, steps: 12, element: 'float32' } as const

/** What is measured unless options say otherwise. */
const shapes = {
  'gpt2-small': {
    ...common,
    ...{ family: 'gpt2', layers: 12, width: 768, heads: 12, keyValueHeads: 12, feedForward: 3072 },
    ...{ vocabulary: 8192, targets: 'c_attn', batch: 4, sequence: 128 },
  },
  'gpt2-124m': {
    ...common,
    ...{ family: 'gpt2', layers: 12, width: 768, heads: 12, keyValueHeads: 12, feedForward: 3072 },
    ...{ vocabulary: 50_257, targets: 'c_attn', batch: 4, sequence: 128 },
  },
  'qwen2-0.5b': {
    ...common,
    ...{ family: 'qwen2', layers: 24, width: 896, heads: 14, keyValueHeads: 2, feedForward: 4864 },
    ...{ vocabulary: 151_936, targets: 'all-linear', batch: 1, sequence: 512 },
  },
  'bert-base': {
    ...common,
    ...{ family: 'bert', layers: 12, width: 768, heads: 12, keyValueHeads: 12, feedForward: 3072 },
    ...{ vocabulary: 30_522, targets: 'query,value', batch: 8, sequence: 128 },
  },
} as const satisfies Readonly<Record<string, BenchShape>>

interface BenchOptions extends Partial<Omit<BenchShape, 'family'>> {
  readonly shape: keyof typeof shapes
}

/** `lorica bench`: how fast this machine trains, held against what its arithmetic allows. */
export function benchCommand(): Command {
  const bench = new Command('bench').description('measure this machine')
  const train = bench
    .command('train')
    .description('train a transformer of random weights and compare with the bare matrix products')
    .addOption(
      new Option('--shape <name>', 'what to train; the options below change it')
        .choices(Object.keys(shapes))
        .default('gpt2-small'),
    )
    .option('--layers <n>', 'layers', positiveInteger)
    .option('--width <n>', 'width of the hidden state', positiveInteger)
    .option('--feed-forward <n>', 'width of the feed-forward layer', positiveInteger)
    .option('--heads <n>', 'attention heads', positiveInteger)
    .option('--key-value-heads <n>', 'heads of keys and values (qwen2)', positiveInteger)
    .option('--vocabulary <n>', 'tokens in the vocabulary', positiveInteger)
    .addOption(new Option('--element <type>', 'of the weights').choices(['float32', 'bfloat16']))
    .option('--rank <r>', 'rank of LoRA', positiveInteger)
    .option('--targets <modules>', 'all-linear, or module names separated by commas')
    .option('--batch <rows>', 'windows in one step', positiveInteger)
    .option('--sequence <n>', 'tokens in one window', positiveInteger)
    .addOption(recomputeOption())
    .option('--steps <n>', 'measured steps', positiveInteger)
    .option('--private', 'clip the gradient of each row, and add noise: what privacy by example costs')
  runs(withEngineOptions(train), (options: BenchOptions, output) =>
    withCode('LRC-6003', () => show(options, output)),
  )
  for (const command of [
    learningCommand(),
    robustCommand(),
    privateLearningCommand(),
    privateExamplesCommand(),
  ])
    bench.addCommand(command)
  return bench
}

async function show({ shape: name, ...given }: BenchOptions, output: Output): Promise<void> {
  const shape: BenchShape = { ...shapes[name], ...given }
  const result = await benchTrain(shape, (text) => output.progress(text))
  output.result({ shape: name, ...result, settings: shape }, [
    `${shape.family} ${shape.layers} x ${shape.width}, ${shape.element} weights, LoRA r=${shape.rank} on ${shape.targets}, ${shape.batch} x ${shape.sequence} tokens${shape.private === true ? ', private by row' : ''}`,
    `on ${result.engine.library}, ${result.engine.device}, ${shape.threads} threads`,
    `${count(result.tokensPerSecond)} tokens/s, ${count(result.stepMs)} ms a step (median of ${shape.steps})`,
    `${count(result.gflops)} GFLOP/s in training, ${count(result.gemmGflops)} GFLOP/s in the bare matrix products: ratio ${result.ratio.toFixed(3)}`,
    `peak memory of the engine ${count(result.peakRssMB)} MB, opened in ${duration(result.openSeconds)}`,
  ])
}
