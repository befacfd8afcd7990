import { Command } from 'commander'
import { positiveInteger } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import { count, duration } from '../screen/format.js'
import type { Output } from '../screen/output.js'
import { type BenchResult, type BenchShape, benchTrain } from './bench-train.js'
import { withCode } from './errors.js'

/** `lorica bench`: how fast this machine trains, held against what its arithmetic allows. */
export function benchCommand(): Command {
  const bench = new Command('bench').description('measure this machine')
  const train = bench
    .command('train')
    .description('train a randomly initialised GPT-2 shape and compare with the bare matrix products')
    .option('--layers <n>', 'layers', positiveInteger, 12)
    .option('--width <n>', 'width of the hidden state', positiveInteger, 768)
    .option('--heads <n>', 'attention heads', positiveInteger, 12)
    .option('--vocabulary <n>', 'tokens in the vocabulary', positiveInteger, 8192)
    .option('--rank <r>', 'rank of LoRA on the fused query, key and value projection', positiveInteger, 8)
    .option('--batch <rows>', 'windows in one step', positiveInteger, 4)
    .option('--sequence <n>', 'tokens in one window', positiveInteger, 128)
    .option('--steps <n>', 'measured steps', positiveInteger, 12)
    .option('--threads <n>', 'processor threads', positiveInteger, 2)
  runs(train, (shape: BenchShape, output) => withCode('LRC-6003', () => show(shape, output)))
  return bench
}

async function show(shape: BenchShape, output: Output): Promise<void> {
  const result: BenchResult = await benchTrain(shape, (text) => output.progress(text))
  output.result(result, [
    `GPT-2 shape ${shape.layers} x ${shape.width}, LoRA r=${shape.rank} on c_attn, ${shape.batch} x ${shape.sequence} tokens, ${shape.threads} threads`,
    `${count(result.tokensPerSecond)} tokens/s, ${count(result.stepMs)} ms a step (median of ${shape.steps})`,
    `${count(result.gflops)} GFLOP/s in training, ${count(result.gemmGflops)} GFLOP/s in the bare matrix products: ratio ${result.ratio.toFixed(3)}`,
    `peak memory of the engine ${count(result.peakRssMB)} MB, opened in ${duration(result.openSeconds)}`,
  ])
}
