import { availableParallelism } from 'node:os'
import { inspectModel, type ModelReport, startEngine } from '@lorica/peft-core'
import { Command } from 'commander'
import { needed, positiveInteger, threadCount } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import { bytes, count, duration, table } from '../screen/format.js'
import { withCode } from './errors.js'

interface InspectCommandOptions {
  readonly batch: number
  readonly maxTokens?: number
  readonly rank: number
  readonly threads?: number
}

/** `lorica inspect`: what a model is, which modules can be adapted, whether it can be trained, and at what cost. */
export function inspectCommand(): Command {
  const command = new Command('inspect')
    .description(
      'modules that can be adapted, operators, whether the model can be trained and what it costs, or why not',
    )
    .argument('<model>', 'a Hugging Face folder or an .onnx file')
    .option('--batch <rows>', 'rows of the batch that the estimate is for', positiveInteger, 8)
    .option('--max-tokens <n>', 'its tokens in a row (128, or what the model holds)', positiveInteger)
    .option('--rank <r>', 'rank of the adapter that the estimate is for', positiveInteger, 8)
    .option('--threads <n>', 'processor threads', threadCount)
  return runs(command, ({ batch, maxTokens, rank, threads }: InspectCommandOptions, output, [model]) =>
    withCode('LRC-7001', async () => {
      const columns = maxTokens === undefined ? {} : { columns: maxTokens }
      const report = await inspectModel(needed(model, '<model>'), { rows: batch, rank, ...columns })
      const rate = report.estimate === null ? null : await machineRate(threads)
      const secondsPerStep = report.estimate === null || rate === null ? null : report.estimate.flops / rate
      output.result({ ...report, secondsPerStep }, lines(report, secondsPerStep))
      if (!report.trainable) process.exitCode = 1
    }),
  )
}

async function machineRate(threads = availableParallelism()): Promise<number> {
  await using engine = await startEngine({ threads })
  return await engine.rate()
}

function lines(report: ModelReport, secondsPerStep: number | null): readonly string[] {
  const modules = report.modules.map(({ path, inFeatures, outFeatures, packed }) => [
    packed ? `${path} *` : path,
    count(inFeatures),
    count(outFeatures),
  ])
  const isPacked = report.modules.some(({ packed }) => packed)
  const operators = Object.entries(report.operators).map(([op, times]) => `${op} ${times}`)
  return [
    `${report.family}, ${count(report.parameters)} parameters, task ${report.task}`,
    report.trainable ? 'can be trained' : `cannot be trained: ${report.reason}`,
    ...estimateLines(report, secondsPerStep),
    '',
    ...table([['module', 'inputs', 'outputs'], ...modules]),
    ...(isPacked ? ['* several projections in one matrix: one adapter changes all of them'] : []),
    '',
    `operators: ${operators.join(', ')}`,
  ]
}

function estimateLines({ estimate }: ModelReport, secondsPerStep: number | null): readonly string[] {
  if (estimate === null || secondsPerStep === null) return []
  const { rows, columns, trainable, weightBytes, activationBytes, optimizerBytes, flops } = estimate
  const computed = activationBytes + optimizerBytes
  return [
    `a step of ${rows} x ${columns}: ${bytes(weightBytes)} of weights in place, ${bytes(computed)} of computed values at most,`,
    `  ${count(flops / 1e9)} GFLOP of matrix products, at least ${duration(secondsPerStep)} on this machine`,
    `LoRA on all of these modules trains ${count(trainable)} parameters`,
  ]
}
